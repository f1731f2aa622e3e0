"""A crowd: commands of each group of clients in each slice of time, what the nodes ran, how many loads ran at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil, log

from course_lib.trace import Note, most_at_once, under_way
from course_lib.views.palette import BLUE, FAULT, INK, NOTES
from course_lib.views.picture import escape, px
from course_lib.views.spacetime.messages import cross_path
from course_lib.views.spacetime.plan import Plan
from course_lib.views.spacetime.text import finding, lost
from course_lib.words import counted, shorten

ROWS, SLICES, SHADES = 40, 160, 5
CROWD_HEIGHT, STRIP_HEIGHT, STRIP_GAP = 240.0, 46.0, 26.0


def density(plan: Plan) -> tuple[str, float]:
    """Clients in rows of equal groups, then one strip a node, then the loads that run at once, if there are any.

    Returns the SVG, without its frame, and how far down it reaches, in pixels.
    """
    rows = max(1, min(ROWS, len(plan.clients)))
    row_of = {name: i * rows // len(plan.clients) for i, name in enumerate(plan.clients)}
    parts = [_cells(plan, row_of, rows), _faults(plan, row_of, rows), _frame(plan)]
    y = plan.top + CROWD_HEIGHT + STRIP_GAP
    for node in plan.nodes:
        parts.append(_node(plan, node, y))
        y += STRIP_HEIGHT + STRIP_GAP
    loads = [n for n in plan.trace.notes if n.kind == "load"]
    if loads:
        parts.append(_loads(plan, loads, y))
        y += STRIP_HEIGHT + STRIP_GAP
    parts.append(_violations(plan, row_of, rows))
    return "".join(parts), y - STRIP_GAP


def _slice(plan: Plan, t: float) -> int:
    share = (plan.scale(t) - plan.left) / (plan.right - plan.left)
    return max(0, min(SLICES - 1, int(share * SLICES)))


def _cells(plan: Plan, row_of: dict[str, int], rows: int) -> str:
    """Cells of one shade share one path, so there are five paths, however many commands."""
    cells = Counter((row_of[e.client], _slice(plan, e.t_start)) for e in plan.trace if e.client in row_of)
    most = max(cells.values(), default=1)
    shaded: dict[int, list[str]] = {}
    width, height = (plan.right - plan.left) / SLICES, CROWD_HEIGHT / rows
    for (row, column), number in cells.items():
        shade = min(SHADES, 1 + int(SHADES * log(number) / log(most + 1))) if most > 1 else SHADES
        corner = f"M{px(plan.left + column * width)} {px(plan.top + row * height)}"
        shaded.setdefault(shade, []).append(f"{corner}h{px(width)}v{px(height - 0.5)}h{px(-width)}Z")
    told = f"fullest cell: {counted(most, 'command')}" if cells else ""
    paths = "".join(
        f'<path fill="{BLUE}" opacity="{0.3 + 0.7 * shade / SHADES:.2g}" d="{"".join(squares)}"/>'
        for shade, squares in sorted(shaded.items())
    )
    return paths + f'<text class="s end" x="{px(plan.right)}" y="{px(plan.top - 8)}">{told}</text>'


def _faults(plan: Plan, row_of: dict[str, int], rows: int) -> str:
    hit = {(row_of[e.client], _slice(plan, e.t_start)) for e in plan.trace if e.client in row_of and lost(e)}
    hit |= {(row_of[n.who], _slice(plan, n.t_start)) for n in plan.trace.notes if n.kind == "crash" and n.who in row_of}
    if not hit:
        return ""
    d = cross_path((_center(plan, row, column, rows) for row, column in sorted(hit)), 3)
    return f'<path class="x" stroke="{FAULT.color}" d="{d}"/>'


def _center(plan: Plan, row: int, column: int, rows: int) -> tuple[float, float]:
    width = (plan.right - plan.left) / SLICES
    return plan.left + (column + 0.5) * width, plan.top + (row + 0.5) * CROWD_HEIGHT / rows


def _frame(plan: Plan) -> str:
    size = f'width="{px(plan.right - plan.left)}" height="{px(CROWD_HEIGHT)}"'
    label = counted(len(plan.clients), "client")
    return (
        f'<rect class="frame" x="{px(plan.left)}" y="{px(plan.top)}" {size}/>'
        f'<text class="end" x="{px(plan.left - 8)}" y="{px(plan.top + CROWD_HEIGHT / 2 + 4)}">{label}</text>'
    )


def _node(plan: Plan, node: str, y: float) -> str:
    served = Counter(_slice(plan, e.t_server) for e in plan.trace if e.node == node and e.t_server is not None)
    most = max(served.values(), default=0)
    width = (plan.right - plan.left) / SLICES
    base = y + STRIP_HEIGHT
    columns = "".join(
        f"M{px(plan.left + i * width)} {px(base)}v{px(-STRIP_HEIGHT * n / most)}h{px(width)}V{px(base)}Z"
        for i, n in sorted(served.items())
    )
    per = (plan.scale.times[-1] - plan.scale.times[0]) * 1000 / SLICES
    told = f"most: {counted(most, 'command')} in {per:.3g} ms"
    return f'<path fill="{INK}" opacity=".65" d="{columns}"/>' + _strip(plan, y, shorten(node, 18), told)


def _loads(plan: Plan, loads: Sequence[Note], y: float) -> str:
    """How many loads run at each moment, as steps."""
    end = plan.scale.times[-1]
    spans = [(n.t_start, n.t_end if n.t_end is not None else end) for n in loads]
    most = most_at_once(spans)
    d, base = f"M{px(plan.left)} {px(y + STRIP_HEIGHT)}", y + STRIP_HEIGHT
    for x, level in _thinned(plan, under_way(spans)):
        d += f"H{px(x)}V{px(base - STRIP_HEIGHT * level / max(most, 1))}"
    told = f"{counted(len(loads), 'load')}, at most {most:,} at once"
    steps_drawn = f'<path fill="{NOTES["load"].color}" d="{d}H{px(plan.right)}V{px(base)}Z"/>'
    return steps_drawn + _strip(plan, y, "loads running", told)


def _thinned(plan: Plan, steps: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """The level after all the steps at each half pixel, so that a thousand loads stay a short path; peaks are kept."""
    peaks, lasts = dict[int, int](), dict[int, int]()
    for t, level in steps:
        at = ceil(plan.scale(t) * 2)
        peaks[at], lasts[at] = max(peaks.get(at, 0), level), level
    return [(at / 2, value) for at in peaks for value in dict.fromkeys((peaks[at], lasts[at]))]


def _strip(plan: Plan, y: float, name: str, told: str) -> str:
    base = y + STRIP_HEIGHT
    return (
        f'<path class="lane" d="M{px(plan.left)} {px(base)}H{px(plan.right)}"/>'
        f'<text class="end" x="{px(plan.left - 8)}" y="{px(base - STRIP_HEIGHT / 2 + 4)}">{escape(name)}</text>'
        f'<text class="s end" x="{px(plan.right)}" y="{px(y - 6)}">{told}</text>'
    )


def _violations(plan: Plan, row_of: dict[str, int], rows: int) -> str:
    """A ring round each broken promise, at most twenty, and the words of the first."""
    broken = [n for n in plan.trace.notes if n.kind == "violation"]
    parts = []
    for note in broken[:20]:
        x, y = _center(plan, row_of.get(note.who, 0), _slice(plan, note.t_start), rows)
        parts.append(f'<circle class="ring" cx="{px(x)}" cy="{px(y)}" r="10" stroke="{FAULT.color}"/>')
    if broken:
        told = shorten(finding(plan.trace), 60)
        parts.append(f'<text class="t v" x="{px(plan.left + 4)}" y="{px(plan.top + 16)}">{escape(told)}</text>')
    return "".join(parts)
