"""The picture at the head of lesson 07: each parcel is sent once, and what the workers of this morning made of it."""

from __future__ import annotations

from course_lib.lessons.beyond_caching.experiment_parcels import Parcels
from course_lib.lessons.beyond_caching.experiment_parcels_run import pack_all
from course_lib.lessons.beyond_caching.picture_parcels import parcels_picture
from course_lib.views.picture import Picture

MORNING = Parcels(
    "claim", workers=3, rate=2.5, handle=0.6, claim_after=2.0, dies=3.0, pauses=4.0, seed=3, duration=16.0
)


def head() -> Picture:
    """Who held which entry, and how often each parcel was packed."""
    return parcels_picture(pack_all(MORNING), uid="head-07")
