"""A projector's colors: each has a contrast of at least 7 to the paper, in both themes."""

from __future__ import annotations

import re

import pytest

from course_lib.views.palette import ALARM, BLUE, ORANGE, SKY, WELL, YELLOW
from course_lib.views.projected import SHARES, projected
from course_lib.views.spacetime import spacetime

from .samples import five_clients

PAPER = {"light": 1.0, "dark": 0.0}
MIXED = re.compile(r"color-mix\(in srgb,#(\w{6}) (\d+)%,var\([^()]*\)\)")


def light(parts: list[float]) -> float:
    """Relative luminance, as WCAG has it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(color: str, theme: str) -> float:
    """Of a mix with ink, which is black on white paper, and white on black."""
    found = MIXED.fullmatch(color)
    assert found, color
    share, ink = int(found[2]) / 100, 1 - PAPER[theme]
    parts = [int(found[1][i : i + 2], 16) / 255 * share + ink * (1 - share) for i in (0, 2, 4)]
    low, high = sorted((light(parts), light([PAPER[theme]] * 3)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", PAPER)
@pytest.mark.parametrize(
    "color", [*(color for color in SHARES if color not in (ORANGE, SKY)), ORANGE, SKY, WELL, ALARM]
)
def test_each_color_has_enough_contrast(color: str, theme: str) -> None:
    """The control: as it is on a page, blue has not."""
    assert contrast(projected(color), theme) >= 7
    assert contrast(f"color-mix(in srgb,{BLUE} 100%,var(--ink))", theme) < 7


def test_no_color_of_a_picture_stays_as_it_was() -> None:
    """But yellow, which always stands within an outline of ink; grays are the theme's."""
    svg = spacetime(five_clients()).svg
    shown = projected(svg)
    assert shown != svg
    left = set(re.findall(r"(?<!srgb,)#[0-9A-Fa-f]{6}", re.sub(r"var\([^()]*\)", "", shown)))
    assert left <= {YELLOW}
    assert len(set(MIXED.findall(shown))) >= 6
