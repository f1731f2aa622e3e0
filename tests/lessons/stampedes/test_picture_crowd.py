"""The picture of a crowd: valid, speaking, and on axes that rivals share."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from course_lib.lessons.stampedes.experiment_crowd import Crowd, CrowdResult, Request
from course_lib.lessons.stampedes.picture_crowd import AGE, KINDS, LATENCY, crowd_picture
from course_lib.views.picture import Picture


def asked(t: float, latency: float, kind: str, age: float) -> Request:
    return Request(t - latency, t, kind, age)


ASKED = [asked(0.1, 0.002, "hit", 0.1), asked(1.1, 0.1, "load", 0.001), asked(1.12, 0.004, "stale", 1.1)]


def picture(requests: list[Request] = ASKED, title: str = "One load") -> Picture:
    return crowd_picture(CrowdResult(Crowd(clients=10), "simulated", requests, [(1.0, 1.1)]), title=title)


def drawn(requests: list[Request] = ASKED, title: str = "One load") -> str:
    return picture(requests, title).svg


def test_the_picture_is_one_svg_that_says_its_finding_with_numbers() -> None:
    root, alt = ElementTree.fromstring(picture().svg), picture().alt
    assert root.get("role") == "img"
    assert root.get("aria-label") == alt
    assert "3 requests: 1 served from the cache, 1 served a stale value, 1 loaded it itself" in alt
    assert "At most 1 loads ran at once; the longest request took 100 ms" in alt


def test_text_from_outside_is_escaped() -> None:
    assert "<script>" not in drawn(title="<script>alert(1)</script>")
    ElementTree.fromstring(drawn(title="a < b & \"c\" 'd'"))


def test_nobody_asked_is_a_picture_too() -> None:
    ElementTree.fromstring(crowd_picture(CrowdResult(Crowd(), "simulated")).svg)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_request_is_in_the_legend_only_if_it_occurs(kind: str) -> None:
    assert KINDS[kind].name in drawn([asked(0.5, 0.01, kind, 0.2)])
    other = "hit" if kind != "hit" else "load"
    assert KINDS[kind].name not in drawn([asked(0.5, 0.01, other, 0.2)]).partition("<text")[2]


def test_marks_stay_inside_their_panels() -> None:
    """A latency of a microsecond or of an hour lies on the edge of its panel."""
    svg = drawn([asked(0.5, 1e-6, "hit", 0.0), asked(0.6, 3600.0, "hit", 2.0)])
    legend = "M0 0h.01"
    ys = [int(y) for y in re.findall(r"M\d+ (\d+)h\.01", svg.replace(legend, ""))]
    assert min(ys) >= LATENCY[0]
    assert max(ys) <= AGE[1]


def test_ten_thousand_requests_stay_below_300_kb() -> None:
    many = [asked(i / 5000, 0.001 + (i % 97) / 1000, "hit", (i % 89) / 50) for i in range(10_000)]
    assert len(drawn(many)) < 300_000


def test_rivals_share_their_axes() -> None:
    """The same request lies at the same place whatever the others did."""
    alone = re.search(r"M\d+ \d+h\.01", drawn([ASKED[0]]))
    beside = re.search(r"M\d+ \d+h\.01", drawn(ASKED))
    assert alone is not None
    assert beside is not None
    assert alone.group() == beside.group()
