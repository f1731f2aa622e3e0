"""The picture at the head of lesson 02: error pages, from the moment at which a new version goes out."""

from __future__ import annotations

from dataclasses import replace

from course_lib.lessons.keys.experiment_rollout import Rollout
from course_lib.lessons.keys.experiment_rollout_run import play
from course_lib.views import axes
from course_lib.views.axes import LEFT, Kind, dots, framed, legend, linear, panel, right, time_axis
from course_lib.views.palette import BLUE
from course_lib.views.picture import Picture

NIGHT = Rollout(strategy="shared", share=0.5, prices=0, profiles=30, read_rate=60.0, seed=1)
TOP, FOOT = 56.0, 236.0  # of the panel, in pixels
KINDS = {
    "page": Kind("the page", BLUE, "h.01", 3.4),
    "error": replace(axes.KINDS["error"], name="an error page"),
}


def head() -> Picture:
    """Every read of a profile, in the row of its customer: the page, or an error page."""
    run = play(NIGHT)
    wrong = [read for read in run.reads if read.kind == "error"]
    x, y = linear(0.0, NIGHT.duration, LEFT, right()), linear(-0.5, NIGHT.profiles - 0.5, TOP + 2, FOOT - 2)
    points = ((x(read.t), y(read.thing), "error" if read.kind == "error" else "page") for read in run.reads)
    title = f"A new version goes out: {len(wrong)} of {len(run.deployed)} answers are error pages"
    alt = (
        f"{title}. {NIGHT.profiles} customers, one row each, in {NIGHT.duration:g} seconds. Until the deploy begins, "
        f"at {NIGHT.begins:g} s, there is no error page; the first comes at {min(read.t for read in wrong):.1f} s."
    )
    parts = [
        panel((TOP, FOOT), "what customers see", []),
        f'<path class="limit" d="M{x(NIGHT.begins):.0f} {TOP}V{FOOT}"/>',
        f'<text class="s note" x="{x(NIGHT.begins) + 4:.0f}" y="{TOP - 8}">the deploy begins</text>',
        *dots(points, KINDS),
        time_axis(x, NIGHT.duration, FOOT, "seconds (virtual time)"),
        legend(KINDS, FOOT + 62, KINDS),
    ]
    return framed(title, parts, height=FOOT + 74, alt=alt, uid="head-02")
