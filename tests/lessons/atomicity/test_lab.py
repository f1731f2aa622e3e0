"""The lab of lesson 03 without a browser: its controls, its numbers, its picture."""

from __future__ import annotations

import re

import pytest

from course_lib.lessons.atomicity.experiment_limiters import ALGORITHMS, Traffic, play
from course_lib.lessons.atomicity.lab import limiter_lab
from course_lib.lessons.atomicity.picture_limiters import limiter_picture


def test_the_lab_shows_the_numbers_of_its_run() -> None:
    lab = limiter_lab(algorithm="fixed", limit=50)
    assert lab.result is not None
    assert lab.result.fullest[1] == 100
    assert "<td>100</td>" in lab._table.value
    assert "50 more than the limit" in lab._picture.value
    assert lab.set(algorithm="log").fullest[1] == 50
    assert "the limit held" in lab._picture.value


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ("arrivals", "steady"),
        ("limit", 20),
        ("window", 1.0),
        ("rate", 60),
        ("burst", 5),
        ("seed", 2),
        ("algorithm", "log"),
    ],
)
def test_every_control_changes_the_run(control: str, value: object) -> None:
    lab = limiter_lab(algorithm="gcra", arrivals="random", limit=30, rate=80.0)
    before = lab.result
    after = lab.set(**{control: value})
    assert before is not None
    assert after.asked != before.asked


def test_kept_runs_stand_in_one_table() -> None:
    lab = limiter_lab(limit=20)
    lab._pressed_keep()
    lab.set(algorithm="gcra", burst=7)
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", lab._table.value)
    assert len(rows) == 2
    assert "fixed window" in rows[0]
    assert "burst 7" in rows[1]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_picture_says_in_words_what_it_shows(algorithm: str) -> None:
    outcome = play(Traffic(algorithm, "patient", limit=20, rate=50.0))
    picture = limiter_picture(outcome)
    label = ALGORITHMS[algorithm].label
    assert picture.alt.startswith(f"{label[0].upper()}{label[1:]}: at most {outcome.fullest[1]} in 2 s")
    assert f"at most {outcome.traffic.bound} are possible" in picture.alt
    assert "aria-label" in picture.svg
    assert picture.as_image().startswith("<img")


def test_rivals_share_their_axes() -> None:
    lines = {
        re.findall(r'class="grid" d="([^"]*)"', limiter_picture(play(Traffic(name, limit=20))).svg)[-1]
        for name in ALGORITHMS
    }
    assert len(lines) == 1


@pytest.mark.parametrize("burst", [1, 2, 4, 8, 20])
def test_the_words_of_the_limit_and_of_the_bound_do_not_overlap(burst: int) -> None:
    """However near the two lines are: lines of 12 px need 12 px between them."""
    svg = limiter_picture(play(Traffic("gcra", "steady", limit=40, rate=20.0, windows=1, burst=burst))).svg
    heights = {text: float(y) for y, text in re.findall(r'<text class="s note" x="[\d.]+" y="([\d.]+)">([^<]*)', svg)}
    limit, bound = heights["limit 40"], heights.get(f"derived: at most {39 + burst}")
    assert (bound is None) is (burst == 1)
    assert bound is None or limit - bound >= 12
