"""A fault over time: what became of each write, what the sentinels said, and the steps of the failover, numbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.views.axes import LEFT, Kind, Scale, dots, framed, legend, linear, right, time_axis
from course_lib.views.labels import Box, Places
from course_lib.views.palette import BLUE, GRAY, GREEN, INK, ORANGE, PAPER, PURPLE, SKY, VERMILLION
from course_lib.views.picture import Picture, escape
from course_lib.views.room import fluid

FATES: dict[str, Kind] = {
    "acknowledged": Kind("acknowledged, and still there", BLUE, "h.01", 4.0),
    "refused": Kind("refused", ORANGE, "m-3.4 3h6.8l-3.4-6.4z"),
    "no reply": Kind("no reply", GRAY, "m-3.5-3.5l7 7m-7 0l7-7", 2.0),
    "lost": Kind("acknowledged, and gone", VERMILLION, "m-4.2 0l4.2-4.2 4.2 4.2-4.2 4.2z"),
}
"""What becomes of a write. Each has a height of its own in its lane, so that color is never all that tells."""
HEIGHTS = {"acknowledged": -9.0, "lost": 0.0, "refused": 9.0, "no reply": 9.0}
PHASES = {"notice": SKY, "vote": PURPLE, "promote": GREEN, "find it": ORANGE}
"""The parts of a failover, and how they are filled."""
LANE, START = 40.0, 132.0  # pixels: left edge of the lanes
NEAR = 19.0  # pixels between two numbered heads that need not stand on one another

Writes = Sequence[Sequence[object]]
"""A writer's writes: [seconds from the fault on, one of FATES] each."""


@fluid
def timeline(outcome: Mapping[str, Any]) -> Picture:
    """A failover: a writer's lane, a lane for each sentinel, and the steps numbered and listed with their times.

    Of the outcome it draws `writers`, of which there is one; `events`, [seconds, sentinel, channel, words] each;
    `steps`, what happened when; and `phases`, from when to when. Units: seconds from the fault on.
    """
    (writer,) = outcome["writers"].values()
    writes, events, spans = writer["writes"], outcome["events"], [(n, *span) for n, span in outcome["phases"].items()]
    ordered = sorted(outcome["steps"].items(), key=lambda step: step[1])
    first, last = ordered[0][1], ordered[-1][1]
    room = (last - first) * 0.08 + 0.01
    x = linear(first - room, last + room, START, right())
    rows = _stacked([x(t) for _, t in ordered])
    top = 50.0 + 21 * max(rows)
    names = sorted({str(one[1]) for one in events})
    bottom = top + 28 + LANE * (1 + len(names))
    length = last - first
    title = f"{length:.2f} s without an acknowledged write"
    parts = [
        *(
            _head(n, x(t), 44.0 + 21 * row, bottom)
            for n, ((_, t), row) in enumerate(zip(ordered, rows, strict=True), 1)
        ),
        _lane("the writer", top + 36),
        *_writes(writes, x, top + 36, first - room, last + room),
        *(_lane(name, top + 36 + LANE * (n + 1)) for n, name in enumerate(names)),
        *(_heard(events, name, x, top + 36 + LANE * n, first - room, last + room) for n, name in enumerate(names, 1)),
        _axis(x, first - room, last + room, bottom),
        *_phases(spans, x, bottom + 46),
        legend({str(one[1]) for one in writes}, bottom + 92, FATES),
        *_listed(ordered, bottom + 122),
    ]
    said = "; ".join(f"{n + 1}, {words}, {_ms(t)}" for n, (words, t) in enumerate(ordered))
    parted = ", ".join(f"{name} {end - start:.2f} s" for name, start, end in spans)
    alt = f"{title}: {parted}. Steps, in time from the kill on: {said}. {counted(writes)}."
    return framed(title, parts, height=bottom + 132 + 20 * ((len(ordered) + 1) // 2), alt=alt)


@fluid
def fates(outcome: Mapping[str, Any]) -> Picture:
    """What became of every write: a lane for each of the outcome's `writers`, and a line at each of its `marks`.

    The title counts what was acknowledged and is gone. Units: seconds from the fault on.
    """
    writers: dict[str, Writes] = {name: told["writes"] for name, told in outcome["writers"].items()}
    moments: dict[str, float] = outcome["marks"]
    everything = [str(one[1]) for writes in writers.values() for one in writes]
    gone, promised = everything.count("lost"), everything.count("lost") + everything.count("acknowledged")
    title = f"{gone:,} of {promised:,} acknowledged writes are gone"
    times = [float(str(one[0])) for writes in writers.values() for one in writes] + list(moments.values())
    low, high = min(times, default=0.0), max(times, default=1.0)
    x, ordered = linear(low, high, START, right()), sorted(moments.items(), key=lambda one: one[1])
    labels, rows = _labels(ordered, x)
    top = 44.0 + 18 * rows
    bottom = top + LANE * len(writers)
    parts = [*labels, f'<path class="limit" d="{"".join(f"M{x(t):.1f} 40V{bottom:.0f}" for t in moments.values())}"/>']
    for n, (name, writes) in enumerate(writers.items()):
        y = top + LANE * (n + 0.5)
        parts += [_lane(name, y), *_writes(writes, x, y, low, high)]
    present = {str(one[1]) for writes in writers.values() for one in writes}
    parts += [_axis(x, low, high, bottom), legend(present, bottom + 56, FATES)]
    said = ". ".join(f"{name}: {counted(writes)}" for name, writes in writers.items())
    marked = ", ".join(f"{words} at {t:.2f} s" for words, t in ordered)
    return framed(title, parts, height=bottom + 70, alt=f"{title}. {said}. {marked}.")


def counted(writes: Writes) -> str:
    """How many writes met which fate, in words."""
    found = {name: sum(one[1] == name for one in writes) for name in FATES}
    return f"{len(writes)} writes: " + ", ".join(f"{n} {FATES[name].name}" for name, n in found.items() if n)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:+.0f} ms".replace("-", "−") if seconds else "0 ms"


def _stacked(places: Sequence[float]) -> list[int]:
    """A row for each place from left to right, so that what is too near stands in another row."""
    ends: list[float] = []
    rows = []
    for place in places:
        row = next((n for n, end in enumerate(ends) if place - end >= NEAR), len(ends))
        ends[row : row + 1] = [place]
        rows.append(row)
    return rows


def _labels(ordered: Sequence[tuple[str, float]], x: Scale) -> tuple[list[str], int]:
    """The names of moments, each to the right or left of its line in the first row that is free; and how many rows."""
    places, parts, rows = Places(Box(START - 60, 30, right() - START + 68, 18.0 * (len(ordered) + 1))), [], 0
    for words, t in ordered:
        text = f"{words}, {t:.2f} s"
        width = len(text) * 7.2
        sides = [(at, 34 + 18.0 * row) for row in range(len(ordered)) for at in (x(t) + 4, x(t) - 4 - width)]
        box = places.put(width, 14, sides, most_crossed=len(ordered))
        if box is not None:
            side = f'x="{x(t) + 4:.1f}"' if box.x > x(t) else f'x="{x(t) - 4:.1f}"'
            style = "s note" if box.x > x(t) else "s note end"
            parts.append(f'<text class="{style}" {side} y="{box.y + 12:.0f}">{escape(text)}</text>')
            rows = max(rows, round((box.y - 34) / 18) + 1)
    return parts, rows


def _head(number: int, x: float, y: float, bottom: float) -> str:
    return (
        f'<path class="limit" d="M{x:.1f} {y + 9:.0f}V{bottom:.0f}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.0f}" r="9" fill="{PAPER}" stroke="{INK}"/>'
        f'<text class="s mid b" x="{x:.1f}" y="{y + 4:.0f}">{number}</text>'
    )


def _lane(name: str, y: float) -> str:
    return (
        f'<path class="grid" d="M{START} {y:.0f}H{right():g}"/><text class="end" x="{START - 10}" y="{y + 4:.0f}">'
        f"{escape(name)}</text>"
    )


def _writes(writes: Writes, x: Scale, y: float, low: float, high: float) -> list[str]:
    told = [(float(str(moment)), str(fate)) for moment, fate in writes]
    return dots(((x(t), y + HEIGHTS[fate], fate) for t, fate in told if low <= t <= high), FATES)


def _heard(events: Sequence[Sequence[object]], name: str, x: Scale, y: float, low: float, high: float) -> str:
    """A tick for each thing that a sentinel said about the failover."""
    said = [float(str(one[0])) for one in events if one[1] == name and low <= float(str(one[0])) <= high]
    ticks = "".join(f"M{x(t):.1f} {y - 8:.0f}v16" for t in said)
    return f'<path d="{ticks}" stroke="{PURPLE}" stroke-width="2" fill="none"/>'


def _axis(x: Scale, low: float, high: float, bottom: float) -> str:
    """The axis of time, which begins before the fault."""
    drawn = time_axis(x, high, bottom, "seconds from the fault on")
    return drawn.replace(f"M{LEFT} {bottom:g}", f"M{START} {bottom:g}")


def _phases(spans: Sequence[tuple[str, float, float]], x: Scale, y: float) -> list[str]:
    parts = [f'<text class="end" x="{START - 10}" y="{y + 15:.0f}">it took</text>']
    for name, start, end in spans:
        width = max(x(end) - x(start), 1.0)
        parts.append(
            f'<rect x="{x(start):.1f}" y="{y:.0f}" width="{width:.1f}" height="22" fill="{PHASES[name]}" '
            f'fill-opacity=".45" stroke="{PHASES[name]}"/>'
        )
        if width > 26 + 7 * len(name):
            parts.append(f'<text class="s mid b" x="{x((start + end) / 2):.1f}" y="{y + 15:.0f}">{name}</text>')
    return parts


def _listed(ordered: Sequence[tuple[str, float]], y: float) -> list[str]:
    """The steps with their numbers and times, in two columns."""
    half, parts = (len(ordered) + 1) // 2, []
    for n, (words, t) in enumerate(ordered):
        left, row = 16 + 372 * (n // half), y + 20 * (n % half)
        parts.append(f'<text class="s end b" x="{left + 12}" y="{row:.0f}">{n + 1}</text>')
        parts.append(f'<text class="s" x="{left + 22}" y="{row:.0f}">{escape(words)}: {_ms(t)}</text>')
    return parts
