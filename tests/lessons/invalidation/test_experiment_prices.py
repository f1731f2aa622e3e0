"""Readers of a price that changes: the numbers are what they say, and each strategy keeps its promise."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from course_lib.errors import BadArgument
from course_lib.lessons.invalidation.experiment_prices import Answer, Prices, PricesSeen, older_than, stale_share
from course_lib.lessons.invalidation.experiment_prices_run import in_slices, play
from course_lib.lessons.invalidation.experiment_strategies import STRATEGIES
from course_lib.lessons.invalidation.lab import price_lab

SMALL = Prices(readers=8, changes=0.5, load_time=0.1, ttl=5.0, duration=40.0)


def test_an_answer_is_as_old_as_the_change_that_it_does_not_show() -> None:
    """Price 1 was made by the first change, at 10 s, and replaced by the second, at 20 s."""
    answers = [Answer(5, 5.1, 0), Answer(10.01, 10.1, 0), Answer(13, 13.1, 0), Answer(19, 19.1, 1), Answer(26, 26, 1)]
    seen = PricesSeen(Prices(), answers, [10.0, 20.0], loads=3)
    assert [round(seen.age(answer), 3) for answer in answers] == [0, 0.01, 3, 0, 6]
    assert [seen.is_stale(answer) for answer in answers] == [False, False, True, False, True]
    assert (seen.stale_share, seen.oldest, seen.older_than(4), seen.older_than(2)) == (0.4, 6, 0.2, 0.4)
    assert PricesSeen(Prices()).summary()["stale (%)"] == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_control_that_is_locked_changes_nothing(strategy: str) -> None:
    """And those two that are a strategy's own are not locked with it."""
    lab = price_lab(strategy=strategy, readers=3, changes=1.0, duration=4.0)
    locked = [name for name, control in lab._controls.items() if control.disabled]
    own = {"double": ["cuts"], "near": ["delay"], "flush": ["delay"], "careful": ["delay"]}
    assert locked == own.get(strategy, ["delay", "cuts"])
    before = lab.result
    assert before is not None
    assert all(lab.set(**{name: 0.5}).answers == before.answers for name in locked)


@pytest.mark.parametrize("wrong", [{"readers": 0}, {"rate": -1.0}, {"ttl": 0.0}, {"load_time": 0.0}, {"changes": 0.0}])
def test_an_impossible_setting_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(BadArgument, match=next(iter(wrong))):
        Prices(**wrong)  # type: ignore[arg-type]
    with pytest.raises(BadArgument, match="lesae.*accepted: ttl"):
        play(Prices("lesae"))


def test_a_ttl_alone_is_as_stale_as_was_derived() -> None:
    """Within four standard errors, where a change makes answers stale for half a TTL, give or take."""
    given = Prices("ttl", readers=5, rate=4.0, changes=0.5, ttl=2.0, load_time=0.002, duration=400.0)
    seen = play(given)
    error = math.sqrt(1 / (given.changes * given.duration))
    for found, derived in (
        (seen.stale_share, stale_share(0.5, 2.0)),
        (seen.older_than(0.5), older_than(0.5, 0.5, 2.0)),
    ):
        assert found == pytest.approx(derived, rel=4 * error)
    assert older_than(0.0, 0.5, 2.0) == pytest.approx(stale_share(0.5, 2.0))
    assert older_than(2.0, 0.5, 2.0) == 0


@pytest.mark.parametrize("seed", range(2))
def test_each_remedy_keeps_its_promise_and_the_naive_ones_do_not(seed: int) -> None:
    """Delete on write is the control: the same readers and the same changes."""
    seen = {name: play(replace(SMALL, strategy=name, seed=seed)) for name in STRATEGIES}
    assert seen["ttl"].stale_share > 0.2
    for name in ("version", "lease", "through"):
        assert seen[name].stale_share == 0, name
    assert seen["lease"].loads < seen["after"].loads
    assert seen["careful"].oldest < 0.5


def test_delete_on_write_and_double_delete_leave_old_prices() -> None:
    """In one of few seeds, as a rare race does."""
    for name in ("before", "after", "double"):
        assert any(play(replace(SMALL, strategy=name, seed=seed)).oldest > 1 for seed in range(4)), name


def test_a_cut_near_cache_shows_old_prices_unless_it_pings() -> None:
    """A near cache that trusts its connection, or only flushes, is the control."""
    cut = replace(SMALL, readers=4, cuts=0.3, ttl=10.0, changes=1.0)
    names = ("near", "flush", "careful")
    oldest = {name: max(play(replace(cut, strategy=name, seed=s)).oldest for s in range(2)) for name in names}
    assert oldest["near"] > 2
    assert oldest["near"] >= oldest["flush"]
    assert oldest["careful"] < 1.5


def test_the_same_seed_gives_the_same_run_also_in_slices() -> None:
    one = play(replace(SMALL, strategy="lease"))
    *_, (share, other) = in_slices(replace(SMALL, strategy="lease"), steps=200)
    assert share > 0.9
    assert (one.answers, one.changed, one.loads) == (other.answers, other.changed, other.loads)
    assert one.answers != play(replace(SMALL, strategy="lease", seed=2)).answers


def test_closing_a_run_early_leaves_no_task_behind(recwarn: pytest.WarningsRecorder) -> None:
    slices = in_slices(replace(SMALL, strategy="careful"), steps=200)
    next(slices)
    slices.close()  # type: ignore[attr-defined]  # a generator
    del slices
    assert [str(warning.message) for warning in recwarn] == []
