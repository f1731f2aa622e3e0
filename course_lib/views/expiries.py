"""When keys expire that were written together, as a chart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from course_lib.views.figures import as_picture, chart
from course_lib.views.palette import BLUE, VERMILLION
from course_lib.views.picture import Picture


def expiries(together: Sequence[float], spread: Sequence[float], *, names: tuple[str, str]) -> Picture:
    """When keys expire that were written together: without jitter and with it. Units: seconds after the write."""
    with chart(7.2, 3.2) as figure:
        panels = figure.subplots(2, 1, sharex=True, sharey=True)
        low, high = math.floor(min(spread)) - 1, math.ceil(max(together)) + 1
        tallest = []
        for panel, moments, name, color in zip(panels, (together, spread), names, (VERMILLION, BLUE), strict=True):
            counts, *_ = panel.hist(moments, bins=range(low, high + 1), color=color)
            tallest.append(int(max(counts)))
            panel.set_title(f"{name}: at most {tallest[-1]} in one second")
            panel.set_ylabel("keys")
        panels[1].set_xlabel("seconds after they were written together")
        most = ", ".join(f"{count} {name}" for count, name in zip(tallest, names, strict=True))
        return as_picture(figure, f"Of {len(together):,} keys, the most that expire in one second: {most}.")
