"""The service of lesson 08 in three kinds of weather: what the naive one fails, and which part holds which level."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.lessons.capstone.experiment_parts import GOOD, NAIVE, PARTS, assemble
from course_lib.lessons.capstone.experiment_score import Score, asked, judge, limits, longest_wait, stale_share, without
from course_lib.lessons.capstone.experiment_service import Policy
from course_lib.lessons.capstone.experiment_storm import Storm, StormSeen, Visit
from course_lib.lessons.capstone.experiment_storm_run import play
from course_lib.trace import most_at_once

BREAKS = {
    "keys": (1, "wrong answers"),
    "read": (1, "loads at once"),
    "change": (2, "stale"),
    "limiter": (2, "admitted in a window"),
    "away": (2, "wrong answers"),
    "basket": (3, "baskets lost"),
    "topology": (3, "baskets lost"),
}


def test_the_naive_service_serves_one_visitor_after_the_other() -> None:
    seen = play(Storm(rate=2.0, burst=1, changes=0.01, policy=Policy(processes=1)))
    assert len(seen.pages) > 10
    assert (seen.wrong, seen.lost, seen.share("stale")) == (0, 0, 0.0)


def test_the_naive_service_fails_level_1_with_the_smallest_seed_and_the_same_trace() -> None:
    score = judge("naive", NAIVE, seeds=range(2), first_failure=True)
    assert (score.passed, list(score.runs)) == (0, [1])
    assert score.failure is not None
    level, broken, seen = score.failure
    assert (level, seen.storm.seed) == (1, 0)
    assert {limit.name for limit in broken} == {"loads at once", "wrong answers"}
    assert play(seen.storm).trace.digest() == seen.trace.digest()
    assert 0 < len(seen.moment()) < 60


def test_a_good_service_passes_each_level_of_a_storm() -> None:
    score = judge("good", GOOD, seeds=[0])
    assert (score.passed, score.failure) == (3, None)
    struck = {strike.what for strike in score.runs[3][0].strikes}
    assert struck == {
        "app1 crashes", "app2 pauses", "the database is slow", "the primary dies", "the primary is cut off",
    }  # fmt: skip
    assert {event.fault for event in score.runs[3][0].trace} >= {"request lost", "reply lost", "refused"}


@pytest.mark.parametrize("kind", NAIVE)
def test_a_service_without_one_part_breaks_that_level(kind: str) -> None:
    """The ablation: each part carries a promise that no other carries. The control is the test above."""
    level, name = BREAKS[kind]
    score = judge(kind, without(GOOD, kind), levels=[level], seeds=[0])
    assert name in [limit.name for limit, _ in score.broken(level)]


def test_thresholds_follow_from_the_scene() -> None:
    storm = Storm(**GOOD)
    assert longest_wait(storm) == pytest.approx(1.5 * 0.25 + 0.3)
    assert longest_wait(storm.of(2, 0)) == pytest.approx(1.5 * 0.5 + 0.3 + 1.0)
    assert stale_share(storm.of(2, 0)) == pytest.approx(0.15 * 0.05)
    assert stale_share(replace(storm.of(2, 0), changes=0.3)) == pytest.approx(2 * 0.15 * 0.05)
    assert [row["level 3"] for row in asked(GOOD)][:3] == ["≤ 10", "≤ 2,050 ms", "≤ 0"]
    assert [len(limits(level)) for level in (1, 2, 3)] == [3, 5, 7]


def test_a_run_is_measured_by_what_its_visitors_were_told() -> None:
    visits = [Visit(t, t + 0.1, "ann", "page", True) for t in (1.0, 1.5, 2.7, 5.0)]
    visits += [Visit(1.6, 1.9, "ann", "stale", False), Visit(2.0, 2.0, "bob", "refused", True)]
    seen = StormSeen(Storm(), visits, loads=[(0.0, 1.0), (0.5, 1.5), (1.5, 2.0)], asked=4, told=[("ann", "1")])
    assert seen.most_admitted == 3  # in the two seconds from 1.0 on, without the one that was not counted
    assert (len(seen.pages), most_at_once(seen.loads), seen.acknowledged) == (5, 2, 0.25)
    assert seen.share("stale") == 0.2
    seen.changed["7"] = [1.0, 3.0]
    assert [seen.age("7", price, 3.5) for price in (0, 1, 2)] == [2.5, 0.5, 0.0]


def test_parts_are_named_or_given_and_others_are_refused() -> None:
    async def mine(*given: object) -> bool:
        return True

    parts = assemble(limiter=mine, keys="versioned")
    assert parts.limiter is mine
    assert parts.keys("42", 2) == "app:product:v2:42"
    assert parts.read is PARTS["read"]["aside"].use
    with pytest.raises(ValueError, match="read is 'fast'; accepted: aside, lock and wait"):
        assemble(read="fast")
    with pytest.raises(ValueError, match="there is no part 'cache'; there are keys"):
        assemble(cache="aside")


def test_a_verdict_is_a_sentence() -> None:
    good = StormSeen(Storm(**GOOD).of(1, 0))
    bad = replace(good, loads=[(0.0, 1.0)] * 11)
    assert Score("mine", good.storm, {1: [good]}).says == "“mine” passes level 1, with each of 1 seeds."
    assert Score("mine", good.storm, {1: [bad]}).says == "“mine” breaks level 1, first with seed 0: loads at once 11."
