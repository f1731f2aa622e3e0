"""Who holds a lock: on the nodes' side whose key each has, on the workers' side who is entitled to believe it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from course_lib.lessons.locks.picture_holder_signs import TROUBLES, WRITES, Believed, Held, Trouble, legend, shape
from course_lib.views.axes import LEFT, RIGHT, Scale, framed, linear, time_axis
from course_lib.views.palette import ALARM, FAINT, GREY, INK, PAPER, VERMILLION, process_colour
from course_lib.views.picture import Picture, escape

__all__ = ["TROUBLES", "WRITES", "Believed", "Held", "Trouble", "holders"]

ROW, GAP = 24.0, 44.0
TOP = 66.0  # of the first lane
LETTER = 16.0  # pixels that a bar must be wide to bear a letter


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where the lanes lie."""

    workers: tuple[str, ...]
    nodes: int

    def node(self, number: int) -> float:
        return TOP + ROW * (number + 0.5)

    def worker(self, name: str) -> float:
        return TOP + ROW * self.nodes + GAP + ROW * (self.workers.index(name) + 0.5)

    def of(self, who: str | int) -> float:
        return self.node(who) if isinstance(who, int) else self.worker(who)

    @property
    def bottom(self) -> float:
        return TOP + ROW * (self.nodes + len(self.workers)) + GAP


def holders(
    held: Sequence[Held], believed: Sequence[Believed], troubles: Sequence[Trouble],
    together: Sequence[tuple[str, str, float, float]], *, title: str, workers: Sequence[str], nodes: int, end: float,
) -> Picture:  # fmt: skip
    """Draw both sides over one axis of time. `together` lists who held at once, from when to when. Units: seconds."""
    rows, x = _Rows(tuple(workers), nodes), linear(0.0, end, LEFT, RIGHT)
    colours = {who: process_colour(index) for index, who in enumerate(workers)}
    parts = [
        _hatching(),
        f'<text class="b" x="12" y="{TOP - 12}">whose key each node holds</text>',
        f'<text class="b" x="12" y="{TOP + ROW * nodes + GAP - 12}">who has a valid lease</text>',
        *_lanes(rows),
        *(_bar(h.who, h.start, h.end, rows.node(h.node), x, colours, end, named=True) for h in held),
        *_leases(believed, rows, x, colours, end),
        *(_trouble(t, rows, x, end) for t in troubles),
        *_writes(believed, rows, x),
        *_rings(together, rows, x),
        time_axis(x, end, rows.bottom + 6, "seconds (virtual time)"),
        *legend(believed, troubles, rows.bottom + 62),
    ]
    return framed(title, parts, height=rows.bottom + 92, alt=_alt(title, held, believed, troubles, together, nodes))


def _hatching() -> str:
    """Lines for what is down or paused."""
    return (
        '<defs><pattern id="hatch-holders" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><path d="M0 0V6" stroke="{FAINT}" stroke-width="2.4"/></pattern></defs>'
    )


def _lanes(rows: _Rows) -> Iterator[str]:
    for number in range(rows.nodes):
        y = rows.node(number)
        yield f'<path class="grid" d="M{LEFT} {y}H{RIGHT}"/>'
        yield f'<text class="s end" x="{LEFT - 8}" y="{y + 4}">node {number + 1}</text>'
    for name in rows.workers:
        y = rows.worker(name)
        yield f'<path class="grid" d="M{LEFT} {y}H{RIGHT}"/>'
        yield f'<text class="s end b" x="{LEFT - 8}" y="{y + 4}">{escape(name)}</text>'


def _bar(
    who: str, start: float, stop: float, y: float, x: Scale, colours: dict[str, str], end: float, *, named: bool
) -> str:
    left, right = x(max(start, 0.0)), x(min(stop, end))
    width = max(right - left, 1.2)
    colour = colours.get(who, GREY)
    letter = (
        f'<text class="s mid b" style="fill:{INK}" x="{left + width / 2:.1f}" y="{y + 4.5}">{escape(who)}</text>'
        if named and width >= LETTER
        else ""
    )
    box = f'<rect x="{left:.1f}" y="{y - 8}" width="{width:.1f}" height="16" rx="2"'
    return (
        f'{box} style="fill:{PAPER}"/>'  # else the lane would show through
        f'{box} fill="{colour}" fill-opacity=".38" stroke="{colour}" stroke-width="1.2"/>{letter}'
    )


def _leases(believed: Iterable[Believed], rows: _Rows, x: Scale, colours: dict[str, str], end: float) -> Iterator[str]:
    """A lease as a bar; whoever works on after its end, by a dashed line."""
    for one in believed:
        y = rows.worker(one.who)
        if one.done > one.end + 0.005:
            yield (
                f'<path d="M{x(max(one.start, one.end)):.1f} {y}H{x(min(one.done, end)):.1f}" fill="none" '
                f'stroke="{colours[one.who]}" stroke-width="3" stroke-dasharray="3 3"/>'
            )
        yield _bar(one.who, one.start, max(one.end, one.start), y, x, colours, end, named=False)


def _trouble(trouble: Trouble, rows: _Rows, x: Scale, end: float) -> str:
    y, left = rows.of(trouble.who), x(trouble.start)
    if trouble.end is not None:
        width = max(x(min(trouble.end, end)) - left, 2.0)
        return (
            f'<rect x="{left:.1f}" y="{y - 10}" width="{width:.1f}" height="20" fill="url(#hatch-holders)" '
            f'fill-opacity=".75" stroke="{FAINT}" stroke-width="1"/>'
        )
    return shape(trouble.kind, left, y)


def _writes(believed: Iterable[Believed], rows: _Rows, x: Scale) -> Iterator[str]:
    for one in believed:
        if one.written in WRITES and one.wrote is not None:
            mark, colour, _ = WRITES[one.written]
            y = rows.worker(one.who) + 5
            yield (
                f'<text class="note mid b" style="fill:{colour};font-size:14px" x="{min(x(one.wrote), RIGHT):.1f}" '
                f'y="{y}">{mark}</text>'
            )


def _rings(together: Sequence[tuple[str, str, float, float]], rows: _Rows, x: Scale) -> Iterator[str]:
    """Around each time that two held; the first is named."""
    for place, (first, second, start, stop) in enumerate(together[:12]):
        top, bottom = sorted((rows.worker(first), rows.worker(second)))
        left, width = x(start) - 3, max(x(stop) - x(start), 3.0) + 6
        yield (
            f'<rect x="{left:.1f}" y="{top - 14}" width="{width:.1f}" height="{bottom - top + 28}" rx="7" fill="none" '
            f'stroke="{VERMILLION}" stroke-width="{1.2 if place else 2.8}"/>'
        )
        if place == 0:
            anchor = "end" if left > (LEFT + RIGHT) / 2 else "start"
            at = left + width if anchor == "end" else left
            yield (
                f'<text class="note b" style="fill:{ALARM};text-anchor:{anchor}" x="{at:.1f}" '
                f'y="{rows.worker(rows.workers[0]) - 18}">{escape(first)} and {escape(second)} hold</text>'
            )


def _alt(
    title: str, held: Sequence[Held], believed: Sequence[Believed], troubles: Sequence[Trouble],
    together: Sequence[tuple[str, str, float, float]], nodes: int,
) -> str:  # fmt: skip
    who = {w: sum(one.who == w for one in believed) for w in sorted({one.who for one in believed})}
    leases = ", ".join(f"{name} {count}" for name, count in who.items()) or "nobody any"
    ends = "; ".join(
        f"{count} × {words}" for name, (_, _, words) in WRITES.items() if (count := _count(believed, name))
    )
    struck = ", ".join(
        f"{f'node {t.who + 1}' if isinstance(t.who, int) else t.who} {TROUBLES[t.kind]} at {t.start:.2f} s"
        for t in troubles
    )
    both = "; ".join(f"{a} and {b} from {start:.2f} to {stop:.2f} s" for a, b, start, stop in together[:12])
    return (
        f"{title}. {len(held)} keys on {nodes} {'node' if nodes == 1 else 'nodes'}. Leases: {leases}. "
        f"Writes: {ends or 'none'}. Trouble: {struck or 'none'}. Valid at once: {both or 'never two'}."
    )


def _count(believed: Iterable[Believed], written: str) -> int:
    return sum(one.written == written for one in believed)
