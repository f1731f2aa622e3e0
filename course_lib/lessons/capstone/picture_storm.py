"""A service at noon: loads against what the database can do, every page that was shown, and what went wrong when."""

from __future__ import annotations

import math
from collections import Counter

from course_lib.lessons.capstone.experiment_score import Limit, limits
from course_lib.lessons.capstone.experiment_storm import StormSeen
from course_lib.trace import most_at_once, under_way
from course_lib.views.axes import LEFT, Kind, Scale, area, dots, framed, legend, linear, panel, right, ticks, time_axis
from course_lib.views.palette import BLUE, GRAY, ORANGE, PURPLE, VERMILLION
from course_lib.views.picture import Picture, escape
from course_lib.words import counted, listed

Edges = tuple[float, float]
"""Top and bottom of a panel, in pixels."""
HIGH: tuple[Edges, Edges] = (108.0, 208.0), (250.0, 410.0)
LOW: tuple[Edges, Edges] = (108.0, 168.0), (204.0, 310.0)
"""The panels of loads and of latencies, as they stand in a lesson and, with larger letters, on a slide."""
NAMES = 48  # pixels between the title and the panels, for what went wrong
SHORTEST, LONGEST = 0.0005, 5.0  # seconds, the ends of the axis of latencies
KINDS = {
    "page": Kind("right", BLUE, "h.01", 3.4),
    "none": Kind("no such product", GRAY, "h.01", 3.4),
    "stale": Kind("an old price", PURPLE, "m-3 0l3-3 3 3-3 3z"),
    "broken": Kind("an error page", VERMILLION, "m-3-3l6 6m-6 0l6-6", 2.0),
}


def storm_picture(seen: StormSeen, *, uid: str | None = None, title: str | None = None, slide: bool = False) -> Picture:
    """Draw a run, on axes that depend on the scene and not on the service; what is larger stretches its own axis.

    With a title of its own it is not judged: its text alternative tells numbers, and no thresholds. On a `slide` it is
    lower, so that all of it is larger.
    """
    loads, latency = LOW if slide else HIGH
    judged = title is None
    storm = seen.storm
    title = finding(seen) if title is None else title
    start, end = storm.warm, storm.warm + storm.duration
    most = max(2 * storm.policy.slots, most_at_once(seen.loads))
    x = linear(start, end, LEFT, right())
    y = linear(0.0, most, loads[1], loads[0])
    slots = y(storm.policy.slots)
    words = "seconds" if seen.trace.world == "real" else "seconds (virtual time)"
    points = ((x(min(v.t_end, end)), _log(v.t_end - v.t_start, latency), v.kind) for v in seen.pages)
    steps = [(t, n) for t, n in under_way(seen.loads) if t <= end]
    path = f"M{x(start):.1f} {y(0):.1f}" + "".join(f"H{x(t):.1f}V{y(n):.1f}" for t, n in steps)
    parts = [
        _strikes(seen, x, loads[0], latency[1]),
        panel(loads, "loads under way or waiting", [(n, y(n)) for n in ticks(most, whole=True)]),
        area(path, y(0), ORANGE) if steps else "",
        f'<path class="limit" d="M{LEFT} {slots:.0f}H{right():g}"/>',
        f'<text class="s note end" x="{right() - 4}" y="{slots - 4:.0f}">{storm.policy.slots} connections</text>',
        panel(latency, "a dot for each page: how long it took",
              [(f"{1000 * s:g} ms" if s < 1 else f"{s:g} s", _log(s, latency)) for s in (0.001, 0.01, 0.1, 1.0)]),
        *dots(points, KINDS),
        time_axis(lambda t: x(t + start), storm.duration, latency[1], words),
        legend(KINDS, latency[1] + 58, KINDS),
    ]  # fmt: skip
    if not seen.strikes:  # nothing to name above the panels
        parts = [f'<g transform="translate(0 -{NAMES})">', *parts, "</g>"]
    height = latency[1] + 70 - (0 if seen.strikes else NAMES)
    return framed(title, parts, height=height, alt=f"{title}. {described(seen, judged=judged)}", uid=uid)


def _strikes(seen: StormSeen, x: Scale, top: float, bottom: float) -> str:
    """A gray band for each thing that went wrong, named above; names in three rows, so that none overlaps."""
    parts = []
    for row, strike in enumerate(sorted(seen.strikes, key=lambda strike: strike.start)):
        left, width = x(strike.start), max(2.0, x(strike.end) - x(strike.start))
        band, name = f"M{left:.0f} {top}h{width:.0f}V{bottom}h-{width:.0f}z", top - 64 + 15 * (row % 3)
        parts.append(f'<path d="{band}" fill="{GRAY}" fill-opacity=".16"/>')
        parts.append(f'<text class="s note" x="{left:.0f}" y="{name:.0f}">{escape(strike.what)}</text>')
    return "".join(parts)


def _log(seconds: float, latency: Edges) -> float:
    share = math.log(min(max(seconds, SHORTEST), LONGEST) / SHORTEST) / math.log(LONGEST / SHORTEST)
    return latency[1] - share * (latency[1] - latency[0])


def finding(seen: StormSeen) -> str:
    """The title: is the level kept, and what is broken?"""
    broken = [limit.name for limit in limits(seen.storm.level) if limit.broken(seen)]
    level = f"Level {seen.storm.level}, seed {seen.storm.seed}"
    return f"{level}: fails on {listed(broken)}" if broken else f"{level}: passes"


def described(seen: StormSeen, *, judged: bool = True) -> str:
    """The numbers behind the picture."""
    kinds = Counter(visit.kind for visit in seen.pages)
    said = listed([f"{kinds[kind]:,} {KINDS[kind].name}" for kind in KINDS if kinds[kind]])
    what = listed([strike.what for strike in sorted(seen.strikes, key=lambda strike: strike.start)])
    weather = f"What went wrong: {what}. " if seen.strikes else ""
    text = f"{weather}{counted(len(seen.pages), 'page')}: {said}. {counted(len(seen.loads), 'load')}."
    return f"{text} {'; '.join(_said(limit, seen) for limit in limits(seen.storm.level))}." if judged else text


def _said(limit: Limit, seen: StormSeen) -> str:
    than = "at least" if limit.at_least else "at most"
    return f"{limit.name} {limit.measure(seen):.4g} {limit.unit} ({than} {limit.bound(seen):.4g})".replace("  ", " ")
