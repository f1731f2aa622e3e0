"""The picture at the head of lesson 01: the only server dies, and no sale is answered. From the recorded run."""

from __future__ import annotations

import json
from dataclasses import replace

from course_lib.lessons.topologies.experiment_bench import RECORDED
from course_lib.views import axes
from course_lib.views.axes import LEFT, Kind, dots, framed, legend, linear, panel, right, time_axis
from course_lib.views.palette import BLUE
from course_lib.views.picture import Picture

KINDS = {
    "acknowledged": Kind("answered with OK: “sold”", BLUE, "v9", 2.2),
    "no reply": replace(axes.KINDS["error"], name="no answer"),
}
FROM, TOP, FOOT = -0.5, 56.0, 116.0  # seconds from the crash on; top and bottom of the panel, in pixels


def head() -> Picture:
    """Each sale of the last half second before the crash, and until the server is started again."""
    run = json.loads(RECORDED.read_text(encoding="utf-8"))["runs"]["crash {}"]
    writes = [(t, fate) for t, fate in run["writers"]["writer"]["writes"] if t >= FROM]
    failed = [t for t, fate in writes if fate == "no reply"]
    shown = [(t, "no reply" if fate == "no reply" else "acknowledged") for t, fate in writes if t <= failed[-1]]
    sold = len(shown) - len(failed)
    x = linear(0.0, failed[-1] - FROM + 0.02, LEFT, right())
    title = f"The server dies, and {len(failed)} sales in a row get no answer"
    alt = (
        f"{title}. In the {-FROM:g} seconds before the crash, {sold} sales were answered with OK. In the "
        f"{failed[-1]:.2f} seconds after it, none is answered."
    )
    parts = [
        panel((TOP, FOOT), "each sale", []),
        f'<path class="limit" d="M{x(-FROM):.0f} {TOP}V{FOOT}"/>',
        f'<text class="s note" x="{x(-FROM) + 4:.0f}" y="{TOP - 8}">Friday, shortly after eight: SIGKILL</text>',
        *dots(((x(t - FROM), 74.0 if fate == "acknowledged" else 98.0, fate) for t, fate in shown), KINDS),
        time_axis(x, failed[-1] - FROM, FOOT, "seconds (real time, recorded)"),
        legend(KINDS, FOOT + 62, KINDS),
    ]
    return framed(title, parts, height=FOOT + 74, alt=alt, uid="head-01")
