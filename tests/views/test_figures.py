"""Charts follow the page: no card of their own, text as text, and colors that are seen in both themes."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from course_lib.lessons.atomicity.picture_limiters import LIMITERS, retries, rivals, waits
from course_lib.lessons.keys.picture_keyspace import memory, miss_shares
from course_lib.lessons.stampedes.picture_charts import REMEDIES, loads_per_expiry, remedies
from course_lib.views import palette
from course_lib.views.expiries import expiries
from course_lib.views.picture import Picture

THEMES = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
COLORS = [palette.ORANGE, palette.SKY, palette.GREEN, palette.BLUE, palette.VERMILLION, palette.PURPLE, palette.GRAY]
CHARTS: dict[str, Callable[[], Picture]] = {
    "remedies": lambda: remedies(
        {name: {"loads": 3, "p99 (ms)": 8.6, "stale (%)": 0.5} for name in REMEDIES},
        {name: role.name for name, role in REMEDIES.items()}, title="All of them",
    ),
    "loads": lambda: loads_per_expiry({0.7: 4.0, 1.0: 2.7}, {0.7: 0.2, 1.0: 0.1}, seed=1),
    "expiries": lambda: expiries([60.0] * 10, [55.5] * 4 + [57.5] * 6, names=("without", "with")),
    "misses": lambda: miss_shares([(0.0, 0.0), (0.5, 0.5)], {0.5: 0.49}, {0.5: 0.02}),
    "memory": lambda: memory([{"state": name, "used_memory (MB)": 2.5, "keys": 3} for name in ("before", "after")]),
    "rivals": lambda: rivals(
        {name: [(0.1, 3.0), (0.4, 9.0)] for name in LIMITERS}, limit=5, window=1.0, end=2.0, arrivals="bursts"
    ),
    "retries": lambda: retries({1: 0, 2: 1}),
    "waits": lambda: waits([(0.0, 0.001), (0.2, 0.3)], began=0.1, ended=0.5),
}  # fmt: skip

made = cache(lambda name: CHARTS[name]())
RGBA = tuple[float, float, float, float]


def resolved(color: str, theme: str) -> RGBA:
    """What a browser makes of a color of ours under JupyterLab's own theme; premultiplied, from 0 to 1."""
    if mixed := re.fullmatch(r"color-mix\(in srgb,(#\w+) (\d+)%,(.+)\)", color):
        share, one, other = int(mixed[2]) / 100, resolved(mixed[1], theme), resolved(mixed[3], theme)
        return tuple(share * a + (1 - share) * b for a, b in zip(one, other, strict=True))  # type: ignore[return-value]
    if named := re.fullmatch(r"var\((--[\w-]+),.+\)", color):
        sheet = (THEMES / f"theme-{theme}-extension" / "index.css").read_text()
        found = re.search(named[1] + r":([^;}]+)", sheet)
        assert found, f"{theme} has no {named[1]}"
        return resolved(found[1].strip(), theme)
    if clear := re.fullmatch(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)", color.replace(" ", "")):
        red, green, blue, alpha = (float(part) for part in clear.groups())
        return red / 255 * alpha, green / 255 * alpha, blue / 255 * alpha, alpha
    color = {"white": "#ffffff"}.get(color, color)
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue, 1.0


def contrast(color: str, theme: str) -> float:
    """Against the notebook's background, as the Web Content Accessibility Guidelines define it: from 1 to 21."""
    paper = resolved(palette.PAPER, theme)
    red, green, blue, alpha = resolved(color, theme)
    seen = [part + (1 - alpha) * under for part, under in zip((red, green, blue), paper, strict=False)]
    bright, dark = sorted((_luminance(seen), _luminance(list(paper[:3]))), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(parts: list[float]) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_color_of_the_palette_is_seen_in_both_themes(theme: str) -> None:
    """At least 3:1 for what is drawn and 4.5:1 for what is read; plain orange on white is the control that has less."""
    assert {color: contrast(color, theme) for color in COLORS if contrast(color, theme) < 3} == {}
    assert min(contrast(color, theme) for color in (palette.INK, palette.FAINT)) >= 4.5
    assert contrast("#E69F00", "light") < 2.5


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_the_pages_background_and_no_color_of_its_own(name: str) -> None:
    """Whatever is filled or stroked has a color of the palette, so that it is seen in both themes."""
    svg = made(name).svg
    ElementTree.fromstring(svg)
    used = set(re.findall(r"(?:fill|stroke): ((?:[^;\"()]|\((?:[^()]|\([^()]*\))*\))+)", svg))
    ours = {color.lower() for color in (*COLORS, palette.INK, palette.FAINT, palette.RULE)}
    assert {color.lower() for color in used} - ours == {"none"}
    background = re.search(r'id="patch_1">.*?style="([^"]*)"', svg, re.DOTALL)
    assert background is not None
    assert background[1] == "fill: none"


@pytest.mark.parametrize("name", CHARTS)
def test_a_charts_words_are_text_in_the_pages_font_and_none_is_small(name: str) -> None:
    """At least 12 CSS pixels, also where the chart is made smaller: a unit of the drawing is a point, 4/3 pixels."""
    svg = made(name).svg
    words = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    assert len(words) > 4
    assert svg.count("font-family:") == 1
    smallest = min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg))
    least, width = re.findall(r'min-width:([\d.]+)px.*? width="([\d.]+)pt"', svg[:3000])[0]
    assert smallest * float(least) / float(width) > 11.99
    assert "matplotlib.org" not in svg


def test_without_trust_the_same_picture_is_left_as_an_image_on_white() -> None:
    """What a sanitizer takes away, the style and the tags of the element, leaves hidden words, and an image."""
    picture = made("misses")
    shown = picture._repr_mimebundle_()["text/html"]
    sheet, rest = shown.split("</style>", 1)
    assert sheet == "<style>.course-live{display:block!important} .course-still{display:none}"
    assert rest.startswith(f'<div class="course-live mathjax_ignore" hidden="hidden">{picture.svg}</div>')
    assert rest.endswith(f'</div><p class="course-still">{picture.as_image()}</p>')
