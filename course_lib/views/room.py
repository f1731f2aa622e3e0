"""How wide a picture is drawn: as wide as the place that it will have, so that nothing is blown up or shrunk.

with within(1100):
    picture = crowd_picture(result)       # a widget that knows its place

@fluid
def crowd_picture(result): ...            # elsewhere it is drawn at several widths, and the page shows one of them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec

from course_lib.views.picture import Picture

USUAL, WIDER, MOST = 760.0, (1040.0, 1400.0), 1500.0
"""Pixels: the width if nothing is known of the page; the wider versions among which a page can choose; and the width
beyond which no picture gains."""
LEAST = 640.0
"""Pixels. In a narrower picture the smallest text would be less than 10 px high: with less room it scrolls."""
STEP = 20
_room: ContextVar[float | None] = ContextVar("room", default=None)
P = ParamSpec("P")


def width() -> float:
    """How wide the picture is that is being drawn, in pixels."""
    return _room.get() or USUAL


@contextmanager
def within(wide: float) -> Iterator[None]:
    """Pictures drawn in the block get this width, from USUAL to MOST. With 0, for a width that is not known yet, they
    get USUAL."""
    before = _room.set(max(USUAL, min(MOST, wide // STEP * STEP)))
    try:
        yield
    finally:
        _room.reset(before)


def fluid(draw: Callable[P, Picture]) -> Callable[P, Picture]:
    """Draw in the usual width and in wider ones, unless the width is known."""

    @wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> Picture:
        picture = draw(*args, **options)
        if _room.get() is not None:
            return picture
        wider, last = [], picture.svg
        for wide in WIDER:
            with within(wide):
                again = draw(*args, **options).svg
            if again != last:  # otherwise it has no use for more room
                wider.append((wide, again))
            last = again
        return Picture(picture.svg, picture.alt, tuple(wider))

    return drawn
