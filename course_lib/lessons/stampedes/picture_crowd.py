"""A crowd at one key: loads under way, every request's latency, and the age of its answer, over one axis of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.views.axes import KINDS, LEFT, RIGHT, Scale, dots, framed, legend, linear, panel, ticks, time_axis
from course_lib.views.palette import ORANGE
from course_lib.views.picture import Picture

LOADS, LATENCY, AGE = (58.0, 124.0), (160.0, 296.0), (332.0, 408.0)  # top and bottom of each panel, in pixels
SHORTEST, LONGEST = 0.0005, 30.0  # ends of the latency axis, in seconds, the same for every strategy


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it is drawn. Units: seconds; `age` is None where the answer has none."""

    t: float
    latency: float
    kind: str
    age: float | None


def crowd(
    asked: Sequence[Asked],
    under_way: Sequence[tuple[float, int]],
    *,
    title: str,
    ttl: float,
    end: float,
    most_loads: int,
    oldest: float,
) -> Picture:
    """Draw a run. `under_way` says from when on how many loads ran.

    Units: seconds. `most_loads` and `oldest` (seconds) are the tops of two axes, so that rivals share them; what is
    larger stretches its own axis.
    """
    most = max([most_loads, *(count for _, count in under_way)])
    top_age = max([oldest, *(a.age for a in asked if a.age is not None)])
    last = max([end, *(t for t, _ in under_way), *(a.t for a in asked)])
    x = linear(0.0, last, LEFT, RIGHT)
    y_loads = linear(0.0, most, LOADS[1], LOADS[0])
    y_age = linear(0.0, top_age, AGE[1], AGE[0])
    parts = [
        panel(LOADS, "loads under way", [(n, y_loads(n)) for n in ticks(most, whole=True)]),
        _area(under_way, x, y_loads),
        panel(LATENCY, "latency", [(_seconds(s), _log(s)) for s in (0.001, 0.01, 0.1, 1.0, 10.0)]),
        panel(AGE, "age of the answer (s)", [(f"{s:g}", y_age(s)) for s in ticks(top_age)]),
        f'<path class="limit" d="M{LEFT} {y_age(ttl):.0f}H{RIGHT}M{x(ttl):.0f} {LOADS[0]}V{AGE[1]}"/>',
        f'<text class="s note end" x="{RIGHT - 4}" y="{y_age(ttl) - 4:.0f}">TTL {ttl:g} s</text>',
        f'<text class="s note" x="{x(ttl) + 4:.0f}" y="{LOADS[0] + 10}">expires</text>',
        *dots((x(a.t), _log(a.latency), a.kind) for a in asked),
        *dots((x(a.t), y_age(a.age), a.kind) for a in asked if a.age is not None),
        time_axis(x, last, AGE[1], "seconds since the key was written (virtual time)"),
        legend({a.kind for a in asked}, 470),
    ]
    return framed(title, parts, height=482, alt=_alt(title, asked, under_way, ttl))


def _log(seconds: float) -> float:
    """Latency in seconds → y; what is off the axis lies on its edge."""
    share = math.log(min(max(seconds, SHORTEST), LONGEST) / SHORTEST) / math.log(LONGEST / SHORTEST)
    return LATENCY[1] - share * (LATENCY[1] - LATENCY[0])


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def _area(under_way: Sequence[tuple[float, int]], x: Scale, y: Scale) -> str:
    if not under_way:
        return ""
    steps = "".join(f"H{x(t):.1f}V{y(count):.1f}" for t, count in under_way)
    path = f"M{x(under_way[0][0]):.1f} {y(0):.1f}{steps}"
    return f'<path d="{path}" fill="{ORANGE}" fill-opacity=".35" stroke="{ORANGE}" stroke-width="1.6"/>'


def _alt(title: str, asked: Sequence[Asked], under_way: Sequence[tuple[float, int]], ttl: float) -> str:
    counts = {kind.name: sum(a.kind == name for a in asked) for name, kind in KINDS.items()}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    most = max((count for _, count in under_way), default=0)
    worst = max((a.latency for a in asked), default=0.0)
    return (
        f"{title}. {len(asked)} requests: {said or 'none'}. At most {most} loads ran at once; "
        f"the longest request took {worst * 1000:.0f} ms; the key's TTL is {ttl:g} s."
    )
