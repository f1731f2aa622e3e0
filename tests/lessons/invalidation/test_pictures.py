"""The pictures of lesson 06: valid, speaking, on axes that rivals share."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from course_lib.lessons.invalidation.experiment_prices import Answer, Prices, PricesSeen
from course_lib.lessons.invalidation.picture_charts import against, side_by_side
from course_lib.lessons.invalidation.picture_prices import AGES, SHARES, prices_picture

ROWS = {
    "ttl": {"stale (%)": 44.9, "oldest (s)": 4.8, "loads": 33},
    "unheard of": {"stale (%)": 0.0, "oldest (s)": 0.0, "loads": 7},
}


def seen(*answers: Answer) -> PricesSeen:
    return PricesSeen(Prices("after", ttl=5.0, duration=30.0), list(answers), [10.0], loads=2)


OLD, RIGHT = Answer(12.0, 12.1, 0), Answer(20.0, 20.1, 1)


def test_a_picture_says_what_was_stale() -> None:
    picture = prices_picture(seen(OLD, RIGHT))
    ElementTree.fromstring(picture.svg)
    assert picture.alt.startswith("Commit, then delete: 50.0% stale, the oldest by 2.0 s; 2 loads.")
    assert "Of 2 answers, 1 showed an old price" in picture.alt
    assert "no answer was stale" in prices_picture(seen(RIGHT)).alt
    ElementTree.fromstring(prices_picture(seen()).svg)


def test_marks_stay_inside_their_panels_and_rivals_share_their_axes() -> None:
    alone, beside = (prices_picture(seen(*answers)).svg for answers in ((OLD,), (RIGHT, OLD)))
    marks = [re.findall(r"M\d+ (\d+)m-3 0l", svg) for svg in (alone, beside)]
    assert marks[0][0] == marks[1][0]
    assert AGES[0] <= int(marks[0][0]) <= AGES[1]
    bars = [float(y) for y in re.findall(r"M[\d.]+ [\d.]+V([\d.]+)H[\d.]+V[\d.]+z", beside)]
    assert len(bars) == 2
    assert all(SHARES[0] <= y <= SHARES[1] for y in bars)


def test_charts_say_their_numbers() -> None:
    table = side_by_side(ROWS, {name: name.upper() for name in ROWS}, title="Two")
    ElementTree.fromstring(table.svg)
    assert table.alt.startswith("Two. TTL: 44.9 % stale, the oldest 4.8 s, 33 loads; UNHEARD OF: 0 % stale")
    line = against(
        {1.0: 0.2, 2.0: 0.4}, lambda x: x / 4, axes=("x (s)", "stale"), title="T", more={"other": {1.0: 0.3}}
    )
    ElementTree.fromstring(line.svg)
    assert line.alt == (
        "T. stale against x (s): at 1 20.0 %, derived 25.0 %; at 2 40.0 %, derived 50.0 %. other: at 1 30.0 %."
    )
