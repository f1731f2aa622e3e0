"""A crowd at one key: loads under way, every request's latency, and the age of its answer, over one axis of time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from course_lib.lessons.stampedes.experiment_crowd import CrowdResult, Request
from course_lib.lessons.stampedes.experiment_remedies import STRATEGIES
from course_lib.views.axes import KINDS, LEFT, Scale, dots, framed, legend, linear, panel, right, ticks, time_axis
from course_lib.views.palette import ORANGE
from course_lib.views.picture import Picture
from course_lib.views.room import fluid
from course_lib.words import capital

LOADS, LATENCY, AGE = (58.0, 124.0), (160.0, 296.0), (332.0, 408.0)  # top and bottom of each panel, in pixels
SHORTEST, LONGEST = 0.0005, 30.0  # ends of the latency axis, in seconds, the same for every strategy


@fluid
def crowd_picture(result: CrowdResult, *, title: str | None = None) -> Picture:
    """Draw a run on axes that depend on the crowd and not on its strategy; what is larger stretches its own axis.

    The title says what happened: loads, the longest wait, what was stale and what failed.
    """
    title = _finding(result) if title is None else title
    given, under_way, asked = result.crowd, result.loads_under_way(), result.requests
    kinds = [_kind(request, result) for request in asked]
    herd = given.clients * given.rate * given.load_time
    most = math.ceil(min(1 + herd + 2 * math.sqrt(herd), given.clients))
    most = max([most, 4, *(count for _, count in under_way)])
    oldest = given.ttl + max(given.stale, 0.2 * given.ttl)
    oldest = max([oldest, *(request.age for request in asked if request.age is not None)])
    last = max([given.end, *(t for t, _ in under_way), *(request.t_end for request in asked)])
    x, ttl = linear(0.0, last, LEFT, right()), given.ttl
    y_loads = linear(0.0, most, LOADS[1], LOADS[0])
    y_age = linear(0.0, oldest, AGE[1], AGE[0])
    parts = [
        panel(LOADS, "loads under way", [(n, y_loads(n)) for n in ticks(most, whole=True)]),
        _area(under_way, x, y_loads),
        panel(LATENCY, "latency", [(_seconds(s), _log(s)) for s in (0.001, 0.01, 0.1, 1.0, 10.0)]),
        panel(AGE, "age of the answer (s)", [(f"{s:g}", y_age(s)) for s in ticks(oldest)]),
        f'<path class="limit" d="M{LEFT} {y_age(ttl):.0f}H{right():g}M{x(ttl):.0f} {LOADS[0]}V{AGE[1]}"/>',
        f'<text class="s note end" x="{right() - 4}" y="{y_age(ttl) - 4:.0f}">TTL {ttl:g} s</text>',
        f'<text class="s note" x="{x(ttl) + 4:.0f}" y="{LOADS[0] + 10}">expires</text>',
        *dots((x(r.t_end), _log(r.latency), kind) for r, kind in zip(asked, kinds, strict=True)),
        *dots((x(r.t_end), y_age(r.age), kind) for r, kind in zip(asked, kinds, strict=True) if r.age is not None),
        time_axis(x, last, AGE[1], "seconds since the key was written (virtual time)"),
        legend(kinds, 470),
    ]
    return framed(title, parts, height=482, alt=f"{title}. {_described(result, kinds)}")


def _kind(request: Request, result: CrowdResult) -> str:
    """One of KINDS; a hit whose answer was stale is drawn as stale."""
    return "stale" if request.kind == "hit" and result.is_stale(request) else request.kind


def _log(seconds: float) -> float:
    """Latency in seconds → y; what is off the axis is drawn at its edge."""
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


def _finding(result: CrowdResult) -> str:
    loads = len(result.loads)
    stale = f", {result.stale_share:.1%} stale" if result.stale_share else ""
    failed = f", {result.errors} errors" if result.errors else ""
    return (
        f"{capital(STRATEGIES[result.crowd.strategy].label)}: {loads} {'load' if loads == 1 else 'loads'}, "
        f"longest wait {result.worst * 1000:.0f} ms{stale}{failed}"
    )


def _described(result: CrowdResult, kinds: Sequence[str]) -> str:
    said = ", ".join(f"{count} {KINDS[name].name}" for name in KINDS if (count := kinds.count(name)))
    return (
        f"{len(kinds)} requests: {said or 'none'}. At most {result.most_at_once} loads ran at once; "
        f"the longest request took {result.worst * 1000:.0f} ms; the key's TTL is {result.crowd.ttl:g} s."
    )
