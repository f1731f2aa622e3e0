"""The picture at the head of lesson 08: the naive service on the day on which everything happens."""

from __future__ import annotations

from course_lib.lessons.capstone.experiment_storm import Storm
from course_lib.lessons.capstone.experiment_storm_run import play
from course_lib.lessons.capstone.picture_storm import storm_picture
from course_lib.views.picture import Picture

NOON = Storm(level=3, seed=1)


def head() -> Picture:
    """Every page: when it was shown, how long it took, and what was wrong with it."""
    seen = play(NOON)
    title = f"All at once: of {len(seen.pages)} pages, {seen.wrong} are error pages; {seen.lost} baskets are lost"
    return storm_picture(seen, uid="head-08", title=title)
