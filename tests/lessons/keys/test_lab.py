"""The lab of lesson 02 without a browser, and its picture."""

from __future__ import annotations

import re

import pytest

from course_lib.lessons.keys.experiment_rollout import Rollout
from course_lib.lessons.keys.experiment_rollout_run import STRATEGIES, play
from course_lib.lessons.keys.lab import rollout_lab
from course_lib.lessons.keys.picture_keyspace import after_bump, memory, miss_shares
from course_lib.lessons.keys.picture_rollout import rollout_picture
from course_lib.views.expiries import expiries


def test_the_lab_shows_the_numbers_of_its_run() -> None:
    lab = rollout_lab(strategy="shared")
    assert lab.result is not None
    crashes = lab.result.count("error")
    assert f"<td>{crashes}</td>" in lab._table.value
    assert f"{crashes} crashes" in lab._picture.value
    assert lab.set(strategy="both").count("error") == 0
    assert "no crash, nothing stale" in lab._picture.value


@pytest.mark.parametrize(
    ("control", "value"), [("share", 1.0), ("ramp", 0.0), ("ttl", 8.0), ("write_rate", 20.0), ("seed", 2)]
)
def test_every_control_changes_the_run(control: str, value: float) -> None:
    lab = rollout_lab(strategy="own")
    before = lab.result
    after = lab.set(**{control: value})
    assert before is not None
    assert after.reads != before.reads


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_picture_says_in_words_what_it_shows(strategy: str) -> None:
    outcome = play(Rollout(strategy))
    picture = rollout_picture(outcome)
    loads = sum(read.kind == "load" and read.version == 1 for read in outcome.reads)
    assert f"{loads} misses that loaded" in picture.alt
    assert picture.alt.startswith(STRATEGIES[strategy].label.capitalize())
    assert f'aria-label="{picture.alt[:20]}' in picture.svg
    top = re.search(r"stored keys and values.*?</path>|stored keys and values.*", picture.svg)
    assert top is not None


def test_rivals_share_their_axes() -> None:
    """The same share of version 2, the same lines at the same kB, whatever the strategy."""
    lines = {
        re.findall(r'class="grid" d="([^"]*)"', rollout_picture(play(Rollout(name))).svg)[-1] for name in STRATEGIES
    }
    assert len(lines) == 1


def test_a_run_without_reads_or_deploy_can_be_drawn() -> None:
    assert "0 misses that loaded" in rollout_picture(play(Rollout(read_rate=0.001, write_rate=0.0, share=0.0))).alt


def test_the_charts_speak_and_leave_the_rest_of_the_page_alone() -> None:
    """Matplotlib's style sheet would square the round dots of every other picture on the page."""
    points = [(0.0, 10.0), (1.0, 20.0)]
    charts = [
        miss_shares(points, {0.5: 0.49}, {0.5: 0.02}),
        after_bump(play(Rollout(share=1.0, ramp=0.0, duration=4.0)), lambda t: 60 - t, lambda t: 8 / (t + 9)),
        memory([{"state": state, "keys": 1, "used_memory (MB)": mb} for state, mb in (("warm", 4.1), ("bumped", 7.2))]),
        expiries([60.0] * 9, [55.0] * 9, names=("no jitter", "jitter")),
    ]
    for chart in charts:
        assert "<style" not in chart.svg
        assert "stroke-linejoin:round" in chart.svg
        assert re.search(r"\d", chart.alt)
    assert "49%" in charts[0].alt
    assert "Derived: at most 60 keys; 1 loads a second at the first instant" in charts[1].alt
    assert "4.1 MB before it, 7.2 MB after it" in charts[2].alt
