"""Pictures of lesson 03: they say what they show, computed from what they are given."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from course_lib.lessons.atomicity.experiment_limiters import ALGORITHMS, Traffic
from course_lib.lessons.atomicity.picture_limiters import LIMITERS, limiter, retries, rivals, waits
from course_lib.views.picture import Picture

ASKED = [(0.1 * number, number % 2 == 0) for number in range(40)]
CURVE = [(0.0, 1), (0.2, 2), (1.0, 7), (2.0, 3), (5.0, 0)]
BOUNDED_BY_9 = Traffic("gcra", limit=5, window=1.0, windows=4)


def shown(
    asked: list[tuple[float, bool]] = ASKED, curve: list[tuple[float, int]] = CURVE, given: Traffic = BOUNDED_BY_9
) -> Picture:
    return limiter(asked, curve, given, title="A <title>")


def test_the_lab_s_picture_says_what_passed_in_the_fullest_window() -> None:
    picture = shown()
    ElementTree.fromstring(picture.svg)
    assert picture.alt == (
        "A <title>. 20 of 40 requests were admitted. In the fullest window of 1 s, which ends at 1 s, 7 were admitted; "
        "the limit is 5, and at most 9 are possible."
    )
    assert "7 at 1 s" in picture.svg
    assert "derived: at most 9" in picture.svg


def test_a_bound_that_is_the_limit_is_drawn_once() -> None:
    assert "derived" not in shown(given=replace(BOUNDED_BY_9, algorithm="log")).svg


def test_rivals_share_the_axis_and_what_is_larger_stretches_it() -> None:
    """The same lines at the same numbers, whatever passed; a window of 50 is still in the picture."""
    lines = [re.findall(r'class="grid" d="([^"]*)"', shown(curve=curve).svg)[-1] for curve in (CURVE, CURVE[:2])]
    assert lines[0] == lines[1]
    tall = shown(curve=[(0.0, 1), (1.0, 50), (2.0, 0)])
    heights = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', tall.svg)]
    assert heights
    assert 190 < heights[0] < 230


def test_nothing_asked_can_be_drawn() -> None:
    assert "0 of 0 requests" in shown(asked=[], curve=[]).alt


def test_what_was_refused_is_told_apart_without_color() -> None:
    """Admitted bars rise from the line, refused ones hang from it; with none refused there is no such bar."""
    admitted, refused = re.findall(r'<path fill="#(?:0072B2|D55E00)"[^>]*d="([^"]*)"', shown().svg)[:2]
    assert {v.startswith("-") for v in re.findall(r"v(-?[\d.]+)", admitted)} == {True}
    assert {v.startswith("-") for v in re.findall(r"v(-?[\d.]+)", refused)} == {False}
    assert 'stroke="#D55E00" d=""' in shown(asked=[(t, True) for t, _ in ASKED]).svg


def test_the_five_have_a_role_each_and_no_two_look_alike() -> None:
    assert set(LIMITERS) == set(ALGORITHMS)
    for part in ("color", "mark", "name"):
        assert len({getattr(role, part) for role in LIMITERS.values()}) == len(LIMITERS)


def test_the_chart_of_rivals_names_each_one_s_fullest_window() -> None:
    curves = {name: [(1.0, float(number + 3)), (2.0, 0.0)] for number, name in enumerate(LIMITERS)}
    picture = rivals(curves, limit=3, window=2.0, end=6.0, arrivals="a burst")
    assert picture.alt == (
        "A burst: 3 to 7 in one window. Limit 3 per 2 s. fixed window 3; sliding log 4; sliding counter "
        "5; token bucket 6; GCRA 7."
    )


@pytest.mark.parametrize(("measured", "said"), [({2: 1, 10: 30}, "30 tries failed"), ({1: 0}, "0 tries failed")])
def test_the_chart_of_retries_gives_the_bound_beside_each(measured: dict[int, float], said: str) -> None:
    picture = retries(measured)
    assert said in picture.alt
    assert all(f"at most {n * (n - 1) // 2}" in picture.alt for n in measured)


def test_the_chart_of_waits_counts_those_that_were_held_up() -> None:
    picture = waits([(0.0, 0.001), (0.1, 0.3), (0.2, 0.2), (0.5, 0.002)], began=0.1, ended=0.4)
    assert picture.alt == (
        "A script of 300 ms: somebody else's PING takes 300 ms. 2 of 4 were sent while it ran; before it the longest "
        "took 1.0 ms."
    )
    assert "<style" not in picture.svg
