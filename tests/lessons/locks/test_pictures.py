"""The pictures of lesson 04: valid, speaking, and true to what they are given."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from course_lib.lessons.locks.experiment_acquisition import Answer
from course_lib.lessons.locks.experiment_contest import Tenure, Together
from course_lib.lessons.locks.experiment_contest_keys import KeySpan
from course_lib.lessons.locks.picture_contest import holders
from course_lib.lessons.locks.picture_contest_signs import TROUBLES, WRITES
from course_lib.lessons.locks.picture_validity import validity
from course_lib.trace import Note
from course_lib.views.axes import LEFT, right

KEYS = [
    KeySpan(0, "A", 0.0, 2.0, "expired"),
    KeySpan(1, "A", 0.1, 2.1, "expired"),
    KeySpan(0, "B", 2.5, 9.0, "expired"),
]
TENURES = [Tenure("A", 0.1, 2.0, 4.0, "older", 4.0), Tenure("B", 1.5, 3.0, 3.0, "taken", 3.0)]


def drawn(**given: Any) -> Any:
    options: dict[str, Any] = {
        "keys": KEYS, "tenures": TENURES, "troubles": [], "together": [Together("A", "B", 1.5, 2.0)],
        "title": "Two hold", "workers": ["A", "B"], "nodes": 2, "end": 10.0, **given,
    }  # fmt: skip
    return holders(
        options.pop("keys"), options.pop("tenures"), options.pop("troubles"), options.pop("together"), **options
    )


def test_the_picture_is_one_svg_that_says_its_finding_with_numbers() -> None:
    picture = drawn(troubles=[Note("A", "pause", 1.0, 4.0), Note("redis1", "forget", 2.0)])
    root = ElementTree.fromstring(picture.svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == picture.alt
    assert "3 keys on 2 nodes. Leases: A 1, B 1." in picture.alt
    assert "1 × its write was taken; 1 × an old write over a newer" in picture.alt
    assert "A paused at 1.00 s, node 2 restarts without its keys at 2.00 s" in picture.alt
    assert "Valid at once: A and B from 1.50 to 2.00 s." in picture.alt


def test_two_holders_are_ringed_and_named_and_without_them_there_is_no_ring() -> None:
    assert "A and B hold" in drawn().svg
    alone = drawn(together=[])
    assert "A and B hold" not in alone.svg
    assert 'rx="7"' not in alone.svg
    assert "never two" in alone.alt


def test_a_bar_lies_where_its_time_is_and_stays_inside() -> None:
    svg = drawn(keys=[KeySpan(1, "A", 5.0, 99.0, "held")], tenures=[], together=[]).svg
    boxes = {
        (float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)
    }
    half = (LEFT + right()) / 2
    assert list(boxes) == [(pytest.approx(half), pytest.approx(right() - half))]


def test_marks_are_explained_only_if_they_occur() -> None:
    words = {words for _, _, words in WRITES.values()} | set(TROUBLES.values())
    said = re.sub(r"<[^>]+>", "\n", drawn().svg)
    assert {word for word in words if word in said} == {"its write was taken", "an old write over a newer"}
    assert "works on, its lease over" in said
    everything = drawn(troubles=[Note("redis0", kind, 1.0) for kind in TROUBLES]).svg
    assert all(word in everything for word in TROUBLES.values())


def test_names_from_outside_are_escaped() -> None:
    ElementTree.fromstring(drawn(title="a < b & \"c\" 'd'").svg)


def test_nobody_and_nothing_is_a_picture_too() -> None:
    picture = drawn(keys=[], tenures=[], together=[])
    ElementTree.fromstring(picture.svg)
    assert "Leases: nobody any. Writes: none. Trouble: none." in picture.alt


ANSWERS = [Answer(0.010, 0.02), Answer(0.004, 0.01), Answer(0.030, None), Answer(None, None), Answer(0.020, 0.03)]


def test_the_sum_is_said_and_the_lease_ends_before_the_first_key() -> None:
    picture = validity(ANSWERS, ttl=0.4, elapsed=0.1, lasts=0.394)
    ElementTree.fromstring(picture.svg)
    assert picture.alt.startswith("The lease ends 10 ms before the first of its keys.")
    assert "node 2 from 4 to 404 ms" in picture.alt
    assert "node 4 no key" in picture.alt
    assert "TTL 400 ms − elapsed 100 ms − drift 6 ms = validity 294 ms" in picture.alt
    for words in ("elapsed 100", "validity 294", "drift 6", "its reply came too late", "the request is lost"):
        assert words in picture.svg


def test_an_attempt_without_validity_says_so() -> None:
    picture = validity(ANSWERS, ttl=0.4, elapsed=0.5, lasts=0.394)
    assert picture.alt.startswith("No validity is left.")
    assert "elapsed 500: nothing is left" in picture.svg
    assert "validity -" not in picture.svg.partition(">")[2]  # the drawn text, after the text alternative
