"""The charts of the course without matplotlib, of which a Python in a browser has no copy here: as SVG, by itself.

It has what `course_lib/views/figures.py` and the lessons' charts ask of matplotlib, drawn the same way: points, lines,
bars, a grid, a legend. Whatever else is asked of it is an AttributeError or a TypeError, and no wrong picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

settings: dict[str, Any] = {}


@contextmanager
def rc_context(style: Mapping[str, Any]) -> Iterator[None]:
    """Draw in this style inside the block."""
    before = dict(settings)
    settings.update(style)
    try:
        yield
    finally:
        settings.clear()
        settings.update(before)
