"""The picture of the whole course, at the head of README.md: the crowd of lesson 05, without a remedy and with one."""

from __future__ import annotations

from dataclasses import replace

from course_lib.lessons.stampedes.experiment_crowd_run import play
from course_lib.lessons.stampedes.picture_head import FOOT, KINDS, NOON, SLOW, TICKS, TOP, log
from course_lib.views.axes import LEFT, dots, framed, legend, linear, panel, right, time_axis
from course_lib.views.picture import Picture

TALL = 106.0
"""Of each panel, in pixels: the first screen of README.md has room for the two commands as well."""


def before_after() -> Picture:
    """The same crowd twice, on the same axes: without a remedy, and with one reader who loads for all."""
    runs = {name: play(replace(NOON, strategy=name, duration=2.0)) for name in ("naive", "lock")}
    last = max(request.t_end for run in runs.values() for request in run.requests)
    x, parts = linear(0.0, last, LEFT, right()), []
    heads = {
        "naive": "Before: every reader who finds nothing asks the database",
        "lock": "After: one asks, the others wait",
    }
    said = []
    for at, (name, run) in enumerate(runs.items()):
        loads, drop = len(run.loads), at * (TALL + 40)
        finding = f"{loads} queries" if loads != 1 else "1 query"
        points = ((x(r.t_end), _down(r.latency) + drop, "slow" if r.latency > SLOW else "quick") for r in run.requests)
        words = f"{heads[name]}: {finding}, waits of up to {run.worst * 1000:,.0f} ms"
        parts += [
            panel((TOP + drop, TOP + TALL + drop), words, [(label, _down(seconds) + drop) for label, seconds in TICKS]),
            f'<path class="limit" d="M{x(NOON.ttl):.0f} {TOP + drop}V{TOP + TALL + drop}"/>',
            *dots(points, KINDS),
        ]
        said.append(words)
    foot = TOP + 2 * TALL + 40
    parts += [time_axis(x, last, foot, "seconds (virtual time)"), legend(KINDS, foot + 62, KINDS)]
    title = "A cached page expires under a thousand readers"
    return framed(title, parts, height=foot + 74, alt=f"{title}. {'. '.join(said)}.", uid="before-after")


def _down(seconds: float) -> float:
    """A latency's place in the first panel, in pixels."""
    return TOP + (log(seconds) - TOP) * TALL / (FOOT - TOP)
