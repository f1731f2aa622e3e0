"""The picture at the head of lesson 00: how long Paper Moon's readers wait for a page, and for what."""

from __future__ import annotations

from course_lib.lessons.cache_aside.experiment_shop import Shop
from course_lib.lessons.cache_aside.experiment_shop_run import play
from course_lib.lessons.cache_aside.picture_shop import shop_picture
from course_lib.views.picture import Picture


def head() -> Picture:
    """The shop before it has a cache: the run of section 1."""
    return shop_picture(play(Shop(source="database")), by_popularity=False, uid="head-00")
