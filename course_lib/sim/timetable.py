"""When something happens by itself: a timer that code has set runs out, or a key expires."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.sim.fake_server import EPOCH
from course_lib.sim.ground import Ground

_JUST_AFTER = 1e-9
"""Seconds after which a timer has run out, however times are rounded; those whom it woke have sent nothing yet."""

_AFTER = 2e-6
"""Seconds after which a key has expired for certain: a time of day is kept to a quarter of a microsecond."""


def timetable(world: Ground, alike: float) -> list[float]:
    """The times to come, in order. Of those that are less than `alike` apart only the last is there.

    Units: seconds since the run began. Does not: know of fields that expire.
    """
    found: list[float] = []
    for when in sorted(_times(world)):
        if when > world.now():
            found[-1:] = [when] if found and when - found[-1] < alike else [*found[-1:], when]
    return found


def _times(world: Ground) -> Iterator[float]:
    for when in world.loop.timers():
        yield when + _JUST_AFTER
    for node in world.nodes:
        for database in node.dbs.values():
            for ends in database.ends.values():
                if ends is not None:
                    yield ends - EPOCH - node.skew + _AFTER
