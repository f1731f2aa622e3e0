"""The picture at the head of lesson 06: the page is deleted at every change, and the old price comes back."""

from __future__ import annotations

from course_lib.lessons.invalidation.experiment_prices import Prices
from course_lib.lessons.invalidation.experiment_prices_run import play
from course_lib.lessons.invalidation.picture_prices import AGES, KINDS, described, over_time
from course_lib.views.axes import framed, legend
from course_lib.views.picture import Picture

MONDAY = Prices("after", readers=40, rate=2.0, changes=0.5, load_time=0.1, ttl=5.0, duration=40.0, seed=1)


def head() -> Picture:
    """Every answer: when it was given, and for how long its price had been wrong."""
    seen = play(MONDAY)
    title = f"Deleted at every change, and yet old prices come back, for up to {seen.oldest:.1f} s"
    parts = [*over_time(seen, AGES, 1.2 * MONDAY.ttl), legend(KINDS, AGES[1] + 58, KINDS)]
    return framed(title, parts, height=AGES[1] + 70, alt=f"{title}. {described(seen)}", uid="head-06")
