"""A topology as boxes and arrows: who is primary, who follows whom and how far behind, what is down or cut off."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.views import palette
from course_lib.views.labels import Box
from course_lib.views.palette import ALARM, BLUE, FAINT, GRAY, GREEN, INK, PAPER, VERMILLION
from course_lib.views.picture import UID, Picture, escape, named, scoped
from course_lib.views.room import LEAST
from course_lib.views.topology_words import (
    NodeLike,
    alternative,
    claimed_twice,
    leading,
    linked,
    ranges,
    role,
    trouble,
)
from course_lib.words import counted, shorten

WIDTH, EDGE = 760.0, 14.0
ROW, LOW = 112.0, 94.0
"""Heights of a box, for a data node and for a sentinel."""
APART = 58.0
"""The gap between two rows, with room for an arrow."""
TOP, OVER = 64.0, 28.0
"""Top of the first row, below the title; and what an arrow that passes over a box needs above it."""
LETTER = 6.9
"""Width of one character at 12 px."""

ROLES = {"primary": BLUE, "replica": GREEN, "sentinel": palette.PURPLE, "unknown": GRAY}
STATES = {
    "up": (GREEN, '<circle r="5" fill="currentColor"/>'),
    "down": (VERMILLION, '<path d="M-5 -5L5 5M-5 5L5 -5" stroke="currentColor" stroke-width="3"/>'),
    "paused": (palette.ORANGE, '<path d="M-3 -5V5M3 -5V5" stroke="currentColor" stroke-width="3.4"/>'),
    "cut off": (VERMILLION, '<path d="M-7 0H-2M2 0H7M-1 -6V6M1 -6V6" stroke="currentColor" stroke-width="1.8"/>'),
}
"""Color and sign of a state, drawn round the origin; its word always stands beside it."""

_RULES = f"""
text{{font:12px {palette.WORDS};fill:{INK}}} .title{{font-size:16px;font-weight:600}} .wrong{{fill:{ALARM}}}
.name{{font:600 14px {palette.CODE}}} .key{{font-weight:600;text-anchor:middle}}
.s{{fill:{FAINT}}} .b{{font-weight:600}}
.box{{fill:{PAPER};stroke:{FAINT};stroke-width:1.6}} .primary{{stroke:{BLUE};stroke-width:4}}
.down{{stroke-dasharray:7 5}} .cap{{fill:none;stroke:{FAINT}}}
.wall{{fill:none;stroke:{VERMILLION};stroke-width:2;stroke-dasharray:12 6}}
.picked{{fill:none;stroke:{INK};stroke-width:2}} .chosen .cap{{fill:{INK}}} .chosen .key{{fill:{PAPER}}}
.arrow{{fill:none;stroke:{FAINT};stroke-width:2.2}} .broken{{stroke:{VERMILLION};stroke-dasharray:5 4}}
.head{{fill:{FAINT}}} .head.broken{{fill:{VERMILLION}}} .cross{{stroke:{VERMILLION};stroke-width:3;fill:none}}
.n{{cursor:pointer}}"""


def topology(
    nodes: Sequence[NodeLike], *, picked: str = "", title: str | None = None, uid: str | None = None
) -> Picture:
    """Draw the nodes of a topology. Each keeps its place whatever its role becomes.

    `picked` names the node that is chosen. `title` says the one finding; by default it is counted from the nodes.
    `uid` scopes the styles. Each box carries its node's name in `data-pick`, for a listener to clicks.
    """
    places, height = arranged(nodes)
    told, wrong = title if title is not None else leading(nodes), trouble(nodes)
    alt = alternative(nodes) if title is None else f"{title}. {alternative(nodes)}"
    split = bool(claimed_twice(nodes)) or "nodes say that they are the primary" in leading(nodes)
    arrows = "".join(_arrow(node, places, nodes) for node in nodes)
    boxes = "".join(_node(node, places[node.name], at + 1, node.name == picked) for at, node in enumerate(nodes))
    svg = (
        f'<svg class="{UID} topology" viewBox="0 0 {WIDTH:.0f} {height:.0f}" '
        f'style="max-width:{WIDTH:.0f}px;min-width:{LEAST:.0f}px;width:100%" role="img" aria-label="{escape(alt)}" '
        'xmlns="http://www.w3.org/2000/svg">'
        f"<style>{scoped(_RULES)}</style>"
        f'<text class="title{" wrong" if split else ""}" x="{EDGE}" y="24">{escape(shorten(told, 84))}</text>'
        f'<text class="wrong b" x="{EDGE}" y="43">{escape(shorten(wrong, 108))}</text>'
        f"{arrows}{boxes}</svg>"
    )
    return named(svg, alt, kind="tp", uid=uid)


def arranged(nodes: Sequence[NodeLike]) -> tuple[dict[str, Box], float]:
    """The box of each node by name, and the height of the picture.

    Data nodes stand in one row, six or more in two: the first three above the next three, and then by columns, so that
    a node that joins moves none to another row. Sentinels stand below.
    """
    data = [node for node in nodes if node.kind == "data"]
    watching = [node for node in nodes if node.kind != "data"]
    cells = [(at // 3, at % 3) if at < 6 else (at % 2, at // 2) for at in range(len(data))]
    if len(data) < 6:
        cells = [(0, at) for at in range(len(data))]
    rows = 1 + max((row for row, _ in cells), default=0)
    top = TOP + OVER if rows == 1 and (watching or any(node.role == "replica" for node in data)) else TOP
    places = dict(zip([node.name for node in data], _grid(cells, top, ROW), strict=True))
    below = top + rows * (ROW + APART) - (APART - 24 if not watching else 14)
    places |= zip(
        [node.name for node in watching], _grid([(0, i) for i in range(len(watching))], below, LOW), strict=True
    )
    return places, below + (LOW + 12 if watching else 0)


def _grid(cells: Sequence[tuple[int, int]], top: float, height: float) -> list[Box]:
    columns = max(1 + max((column for _, column in cells), default=0), 3)
    gap = 64.0 if columns == 3 else 34.0 if columns == 4 else 16.0
    wide = (WIDTH - 2 * EDGE - gap * (columns - 1)) / columns
    return [Box(EDGE + column * (wide + gap), top + row * (ROW + APART), wide, height) for row, column in cells]


# -- a node -----------------------------------------------------------------------------------------------------------


def _node(node: NodeLike, box: Box, number: int, picked: bool) -> str:
    x, y = box.x, box.y
    key = f'<rect class="cap" x="{x + 10:.1f}" y="{y + 9:.1f}" width="18" height="18" rx="3"/>'
    key += f'<text class="key" x="{x + 19:.1f}" y="{y + 22.5:.1f}">{number}</text>' if number < 10 else ""
    color, sign = STATES.get(node.state, STATES["down"])
    lines = [
        f'<text class="name" x="{x + 36:.1f}" y="{y + 23:.1f}">{escape(shorten(node.name, 14))}</text>',
        f'<g transform="translate({x + 19:.1f} {y + 41:.1f})" style="color:{color}">{sign}</g>',
        f'<text class="b" x="{x + 36:.1f}" y="{y + 45:.1f}">{escape(node.state)}</text>',
    ]
    most = int((box.width - 20) / LETTER)
    for at, said in enumerate(_details(node)):
        styled = "b" if at == 0 else "s"
        lines.append(
            f'<text class="{styled}" x="{x + 12:.1f}" y="{y + 65 + 18 * at:.1f}">{escape(shorten(said, most))}</text>'
        )
    chosen = " chosen" if picked else ""
    return f'<g class="n{chosen}" data-pick="{escape(node.name)}">{_frame(node, box, picked)}{key}{"".join(lines)}</g>'


def _details(node: NodeLike) -> list[str]:
    """What stands in a box below its name and state: at most three lines."""
    if node.kind == "sentinel":
        return [role(node), *filter(None, [linked(node)])]
    held = [counted(node.keys, "key")] if node.keys is not None else []
    if node.role == "replica":
        behind = f", {node.lag:,} B behind" if node.lag is not None else ""
        return [role(node), f"{linked(node) or 'link unknown'}{behind}", *held]
    slots = [f"slots {ranges(node.slots)}"] if node.slots else []
    return [role(node), *slots, *held]


def _frame(node: NodeLike, box: Box, picked: bool) -> str:
    """The outline: thick and square for a primary, round for a replica, octagonal for a sentinel; signs of trouble."""
    x, y, wide, high = box.x, box.y, box.width, box.height
    down = " down" if node.state == "down" else ""
    if node.kind == "sentinel":
        d = f"M{x + 12:.1f} {y}h{wide - 24:.1f}l12 12v{high - 24}l-12 12h-{wide - 24:.1f}l-12-12v-{high - 24}z"
        outline = f'<path class="box{down}" d="{d}" style="stroke:{ROLES["sentinel"]}"/>'
    else:
        corner = 2 if node.role == "primary" else 16
        styled = "box primary" if node.role == "primary" else "box"
        outline = _rect(f"{styled}{down}", box, 0, corner, "" if node.role == "primary" else ROLES.get(node.role, GRAY))
    wall = _rect("wall", box, 6, 8) if node.state == "cut off" else ""
    return outline + wall + (_rect("picked", box, 10, 12) if picked else "")


def _rect(styled: str, box: Box, out: float, corner: float, stroke: str = "") -> str:
    color = f' style="stroke:{stroke}"' if stroke else ""
    return (
        f'<rect class="{styled}" x="{box.x - out:.1f}" y="{box.y - out:.1f}" width="{box.width + 2 * out:.1f}" '
        f'height="{box.height + 2 * out:.1f}" rx="{corner:g}"{color}/>'
    )


# -- replication ------------------------------------------------------------------------------------------------------


def _arrow(node: NodeLike, places: dict[str, Box], nodes: Sequence[NodeLike]) -> str:
    """From the primary to a replica that follows it; broken, with a cross, where the link is down."""
    if node.role != "replica" or node.primary not in places:
        return ""
    start, end = places[node.primary], places[node.name]
    (x0, y0), bend, (x1, y1) = _route(start, end)
    broken = "" if node.link == "up" else " broken"
    path = f"M{x0:.1f} {y0:.1f}" + (
        f"Q{bend[0]:.1f} {bend[1]:.1f} {x1:.1f} {y1:.1f}" if bend else f"L{x1:.1f} {y1:.1f}"
    )
    fx, fy = bend or (x0, y0)
    far = max(((x1 - fx) ** 2 + (y1 - fy) ** 2) ** 0.5, 1.0)
    ux, uy = (x1 - fx) / far, (y1 - fy) / far
    tip = f"M{x1:.1f} {y1:.1f}L{x1 - 11 * ux - 6 * uy:.1f} {y1 - 11 * uy + 6 * ux:.1f}"
    tip += f"L{x1 - 11 * ux + 6 * uy:.1f} {y1 - 11 * uy - 6 * ux:.1f}z"
    drawn = f'<path class="arrow{broken}" d="{path}"/><path class="head{broken}" d="{tip}"/>'
    if not broken:
        return drawn
    share = 0.25 if bend else 0.0  # a curve's middle lies half way to its bend
    mx = (x0 + x1) / 2 * (1 - 2 * share) + (bend[0] if bend else 0) * 2 * share
    my = (y0 + y1) / 2 * (1 - 2 * share) + (bend[1] if bend else 0) * 2 * share
    cross = f"M{mx - 6:.1f} {my - 6:.1f}l12 12m0 -12l-12 12"
    return f'{drawn}<path class="cross" d="{cross}"/>'


Point = tuple[float, float]


def _route(start: Box, end: Box) -> tuple[Point, Point | None, Point]:
    """The path of an arrow: straight between neighbors and between rows, and over the boxes between two nodes of one
    row."""
    middle, other = start.x + start.width / 2, end.x + end.width / 2
    if start.y != end.y:
        down = end.y > start.y
        return (middle, start.y + start.height * down), None, (other, end.y + end.height * (not down))
    right = end.x > start.x
    if abs(end.x - start.x) < 2 * start.width:
        y = start.y + start.height / 2
        return (start.x + start.width * right, y), None, (end.x + end.width * (not right), y)
    above = start.y <= TOP + OVER
    edge, bend = (start.y, -64.0) if above else (start.y + start.height, 64.0)
    return (middle, edge), ((middle + other) / 2, edge + bend), (other, edge)
