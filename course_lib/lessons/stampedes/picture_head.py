"""The picture at the head of lesson 05: how long Paper Moon's readers wait when the home page expires."""

from __future__ import annotations

import math

from course_lib.lessons.stampedes.experiment_crowd import Crowd
from course_lib.lessons.stampedes.experiment_crowd_run import play
from course_lib.views.axes import LEFT, Kind, dots, framed, legend, linear, panel, right, time_axis
from course_lib.views.palette import BLUE, ORANGE
from course_lib.views.picture import Picture

NOON = Crowd("naive", clients=1000, rate=1.0, load_time=0.1, ttl=1.0, slots=10, duration=3.0, seed=1)
SLOW = 0.05
"""Seconds from which on a reader has waited too long."""

FOOT, TOP, LOW, HIGH = 248.0, 56.0, 0.0005, 3.0  # of the panel in pixels, of its axis in seconds
TICKS = [("1 ms", 0.001), ("10 ms", 0.01), ("100 ms", 0.1), ("1 s", 1.0)]
KINDS = {
    "quick": Kind("served at once", BLUE, "h.01", 3.4),
    "slow": Kind(f"waited more than {SLOW * 1000:.0f} ms", ORANGE, "m-3.2-3.2h6.4v6.4h-6.4z"),
}


def head() -> Picture:
    """Every request of the crowd: when it was answered, and how long that took."""
    run = play(NOON)
    slow = [request for request in run.requests if request.latency > SLOW]
    last = max(request.t_end for request in run.requests)
    x, expires = linear(0.0, last, LEFT, right()), linear(0.0, last, LEFT, right())(NOON.ttl)
    points = ((x(r.t_end), log(r.latency), "slow" if r.latency > SLOW else "quick") for r in run.requests)
    before = max(request.latency for request in run.requests if request.t_end < NOON.ttl)
    title = f"One page expires: {len(slow)} readers wait, for up to {run.worst:.1f} s"
    alt = (
        f"{title}. {len(run.requests):,} requests in {last:.1f} seconds. Until the page expires, the slowest takes "
        f"{before * 1000:.0f} ms. After that {len(slow)} take more than {SLOW * 1000:.0f} ms."
    )
    parts = [
        panel((TOP, FOOT), "how long each request took", [(name, log(seconds)) for name, seconds in TICKS]),
        f'<path class="limit" d="M{expires:.0f} {TOP}V{FOOT}"/>',
        f'<text class="s note" x="{expires + 4:.0f}" y="{TOP + 10}">noon: the cached page expires</text>',
        *dots(points, KINDS),
        time_axis(x, last, FOOT, "seconds (virtual time)"),
        legend(KINDS, FOOT + 62, KINDS),
    ]
    return framed(title, parts, height=FOOT + 74, alt=alt, uid="head-05")


def log(seconds: float) -> float:
    """A latency's place on the axis, in pixels."""
    share = math.log(min(max(seconds, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return FOOT - share * (FOOT - TOP)
