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
    """Every request that was answered at once: when, and how long it took; and when some were not. How many is what the
    first question of the lesson asks."""
    run = play(NOON)
    last = max(request.t_end for request in run.requests)
    over = max(request.t_end for request in run.requests if request.latency > SLOW)
    x = linear(0.0, last, LEFT, right())
    points = ((x(r.t_end), log(r.latency), "quick") for r in run.requests if r.latency <= SLOW)
    before = max(request.latency for request in run.requests if request.t_end < NOON.ttl)
    title = f"One page expires, and readers wait for up to {run.worst:.1f} s"
    alt = (
        f"{title}. {len(run.requests):,} requests in {last:.1f} seconds. Until the page expires, the slowest takes "
        f"{before * 1000:.0f} ms. From then on some take longer than {SLOW * 1000:.0f} ms, until {over:.1f} s."
    )
    told = f"some readers wait for up to {run.worst:.1f} s"
    hangs = f'x="{x(NOON.ttl):.0f}" y="{TOP}" width="{x(over) - x(NOON.ttl):.0f}" height="{log(SLOW) - TOP:.0f}"'
    parts = [
        panel((TOP, FOOT), "how long each request took", [(name, log(seconds)) for name, seconds in TICKS]),
        f'<rect {hangs} fill="{ORANGE}" fill-opacity=".28"/>',
        f'<path class="limit" d="M{x(NOON.ttl):.0f} {TOP}V{FOOT}"/>',
        f'<text class="s note end" x="{x(NOON.ttl) - 6:.0f}" y="{TOP + 10}">noon: the page expires</text>',
        f'<text class="note" x="{x(NOON.ttl) + 12:.0f}" y="{TOP + 40}">{told}</text>',
        *dots(points, KINDS),
        time_axis(x, last, FOOT, "seconds (virtual time)"),
        legend(["quick"], FOOT + 62, KINDS),
    ]
    return framed(title, parts, height=FOOT + 74, alt=alt, uid="head-05")


def log(seconds: float) -> float:
    """A latency's place on the axis, in pixels."""
    share = math.log(min(max(seconds, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return FOOT - share * (FOOT - TOP)
