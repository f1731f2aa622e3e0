"""The rollout of lesson 02: its numbers are what they say, and each strategy keeps its promise and no other."""

from __future__ import annotations

from math import exp, log

import pytest

from course_lib.errors import BadArgument
from course_lib.lessons.keys.experiment_rollout import Read, Rollout, RolloutResult, held
from course_lib.lessons.keys.experiment_rollout_run import STRATEGIES, in_slices, play, set_up
from course_lib.trace import Event, Trace
from course_lib.worlds import Embedded

SEEDS = range(8)


# -- the numbers -------------------------------------------------------------------------------------------------------


def event(t: float, *command: str) -> Event:
    return Event("c", "redis", tuple(word.encode() for word in command), t, t, t)


def test_what_is_stored_follows_set_overwrite_delete_and_expiry() -> None:
    steps = held(
        [
            event(0.0, "SET", "app:user:profile:v1:1", '{"name": 1}', "PX", "2000"),
            event(0.5, "SET", "app:user:profile:v1:1", '{"name": 12}', "PX", "1000"),
            event(1.0, "SET", "app:shop:price:v1:1", '{"cents": 1}', "PX", "9000"),
            event(1.1, "SET", "v2:app:shop:price:v1:1", '{"cents": 1}', "PX", "9000"),
            event(1.2, "GET", "app:shop:price:v1:1"),
            event(3.0, "SET", "app:user:profile:v2:1", '{"first": 1}', "PX", "9000"),
            event(4.0, "DEL", "app:shop:price:v1:1", "nothing:here"),
        ],
        until=5.0,
    )
    assert [(step.t, step.keys, step.both, step.v1, step.v2) for step in steps] == [
        (0.0, 1, 0, 32, 0),
        (0.5, 1, 0, 33, 0),
        (1.0, 2, 31, 33, 0),
        (1.1, 3, 31, 33, 34),
        (1.5, 2, 31, 0, 34),
        (3.0, 3, 31, 0, 67),
        (4.0, 2, 0, 0, 67),
    ]


def test_reads_before_the_deploy_are_not_counted() -> None:
    outcome = RolloutResult(
        Rollout(begins=2.0), Trace("simulated", 1), [Read(1.0, "load", 1, 0), Read(3.0, "load", 2, 0)]
    )
    assert outcome.count("load") == 1
    assert outcome.miss_share == 1.0
    assert outcome.summary()["most stored (kB)"] == 0


def test_restarts_are_spread_over_the_ramp() -> None:
    rollout = Rollout(share=0.3, begins=2.0, ramp=4.0, processes=10)
    assert rollout.restarts() == [2.0, 4.0, 6.0]
    assert [rollout.version(process, 4.0) for process in range(4)] == [2, 2, 1, 1]
    assert Rollout(share=0.0).restarts() == []


@pytest.mark.parametrize("wrong", [{"share": 1.1}, {"share": -0.1}, {"ttl": 0.0}, {"read_rate": 0.0}])
def test_an_impossible_rollout_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(BadArgument, match=next(iter(wrong))):
        Rollout(**wrong)  # type: ignore[arg-type]


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadArgument, match="sharde.*accepted: shared"):
        play(Rollout("sharde"))


# -- simulated ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_each_strategy_keeps_its_promise_and_its_rivals_are_the_controls(seed: int) -> None:
    """Crashes under one shared key, staleness without the second delete; the others cost misses or memory."""
    seen = {name: play(Rollout(name, seed=seed)) for name in STRATEGIES}
    crashes = {name: outcome.count("error") for name, outcome in seen.items()}
    assert crashes.pop("shared") > 100
    assert set(crashes.values()) == {0}
    stale = {name: outcome.count("stale") for name, outcome in seen.items()}
    assert stale.pop("own") > 5
    assert set(stale.values()) == {0}
    misses = {name: outcome.count("load") for name, outcome in seen.items()}
    assert misses["both"] < misses["global"] < misses["typed"]
    stored = {name: outcome.most_stored.bytes for name, outcome in seen.items()}
    assert 1.3 * stored["typed"] < stored["both"] < stored["global"]
    assert seen["own"].summary()["longest stale (s)"] <= 4.0 + 0.1  # the TTL, and the wire


@pytest.mark.parametrize("seed", range(3))
def test_without_a_deploy_all_strategies_do_the_same(seed: int) -> None:
    """The control: nothing is wrong with any of them as long as there is one version."""
    numbers = {name: play(Rollout(name, share=0.0, seed=seed)).summary() for name in STRATEGIES}
    misses = [row["misses"] for row in numbers.values()]
    assert max(misses) - min(misses) <= 0.05 * max(misses)
    assert {row["crashes"] for row in numbers.values()} == {0}
    assert {row["stale"] for row in numbers.values()} == {0}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_typed_key_misses_as_often_as_derived(share: float) -> None:
    """2s(1 − s), within four standard errors and the first miss of each key; a key for each version is the control."""
    given = {"ttl": 60.0, "write_rate": 0.0, "ramp": 0.0, "begins": 0.0, "profiles": 20, "prices": 0, "duration": 20.0}
    typed, both = (play(Rollout(name, share, **given)) for name in ("typed", "both"))  # type: ignore[arg-type]
    derived, reads = 2 * share * (1 - share), len(typed.deployed)
    assert abs(typed.miss_share - derived) < 4 * (derived * (1 - derived) / reads) ** 0.5 + 20 / reads
    assert both.miss_share <= 50 / reads


def test_a_bump_stores_as_much_and_loads_as_often_as_derived() -> None:
    """n(p(1 − t/T) + 1 − e^(−λt)) at its largest, and 1 + λT times the usual loads in the first moments."""
    n, rate, ttl = 300, 2.0, 10.0
    outcome = play(Rollout("both", 1.0, ttl, 0.0, 0.0, profiles=n, prices=0, read_rate=n * rate, duration=6.0))
    p = rate * ttl / (1 + rate * ttl)
    t = log(rate * ttl / p) / rate
    most = n * (p * (1 - t / ttl) + 1 - exp(-rate * t))
    assert outcome.most_stored.keys == pytest.approx(most, rel=0.05)
    usual = sum(read.kind == "load" for read in outcome.reads if read.t < 2.0) / 2.0
    first = sum(read.kind == "load" for read in outcome.reads if 2.0 <= read.t < 2.1) / 0.1
    assert first > 0.6 * (1 + rate * ttl) * usual


def test_the_same_seed_gives_the_same_outcome() -> None:
    one, other = play(Rollout("own")), play(Rollout("own"))
    assert (one.reads, one.stored) == (other.reads, other.stored)
    assert one.reads != play(Rollout("own", seed=2)).reads


def test_a_run_in_slices_is_the_same_run() -> None:
    *_, (share, outcome) = in_slices(Rollout(), steps=100)
    assert share > 0.9
    assert outcome.reads == play(Rollout()).reads


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_runs_on_fakeredis(strategy: str) -> None:
    world = Embedded(seed=1)
    outcome = set_up(world, Rollout(strategy, begins=0.1, ramp=0.1, duration=0.5, read_rate=300.0))
    results = world.run()
    assert [result for result in results.values() if result is not None] == []
    assert outcome.reads  # how many depends on the machine: time is real here
