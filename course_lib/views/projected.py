"""A picture's colors as a projector needs them, in a room that is not dark: a contrast of at least 7 to the paper."""

from __future__ import annotations

import re

from course_lib.views.palette import BLUE, GRAY, GREEN, INK, PURPLE, VERMILLION

SHARES = {BLUE: 65, GREEN: 58, VERMILLION: 62, PURPLE: 58, GRAY: 62, "#E69F00": 50, "#56B4E9": 50}
"""Percent of each color that is left; the rest is ink. Yellow always stands within an outline of ink."""
_COLORS = re.compile(f"({'|'.join(SHARES)})( \\d+%)?", re.IGNORECASE)
_SHARES = {color.lower(): share for color, share in SHARES.items()}


def projected(svg: str) -> str:
    """The same picture or style in these colors. Colors that are already mixed with ink get more of it."""
    return _COLORS.sub(_mixed, svg)


def _mixed(found: re.Match[str]) -> str:
    color = f"{found[1]} {_SHARES[found[1].lower()]}%"
    return color if found[2] else f"color-mix(in srgb,{color},{INK})"
