"""The shop of lesson 00: its numbers are what they say, and what was derived is what happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.errors import BadArgument
from course_lib.lessons.cache_aside.experiment_eviction import LeastRecentlyUsed
from course_lib.lessons.cache_aside.experiment_shop import Read, Shop, ShopResult, hit_ratio
from course_lib.lessons.cache_aside.experiment_shop_run import play
from course_lib.sim import Simulation

QUICK = Shop(readers=60, load_time=0.005, connections=50, ttl=2.0, books=200, duration=10.0)
"""Loads that take hardly any time, as the derivation assumes."""


def test_the_database_alone_lets_through_what_its_connections_can() -> None:
    """400 readers want 400 pages a second; ten connections of 50 ms each give 200, and the rest is waiting in line."""
    alone = play(Shop(source="database", duration=3.0))
    assert alone.loads_per_second == pytest.approx(200, abs=1)
    assert alone.percentile(50) == pytest.approx(400 / 200 - 1, rel=0.1)  # N = X (R + Z)
    assert alone.hit_ratio == alone.derived == 0
    cached = play(Shop(duration=3.0))
    assert cached.percentile(50) < alone.percentile(50) / 100
    assert cached.loads_per_second < alone.loads_per_second / 2


@pytest.mark.parametrize(("skew", "ttl"), [(0.0, 2.0), (1.0, 2.0), (1.0, 6.0), (1.8, 1.0)])
def test_the_hit_ratio_is_what_was_derived(skew: float, ttl: float) -> None:
    """Within three points, over two seeds."""
    runs = [play(replace(QUICK, skew=skew, ttl=ttl, seed=seed)) for seed in (1, 2)]
    for run in runs:
        assert run.hit_ratio == pytest.approx(run.derived, abs=0.045)
    assert sum(run.hit_ratio - run.derived for run in runs) / 2 == pytest.approx(0, abs=0.03)


def test_a_slow_load_makes_it_less() -> None:
    """The control for the assumption that a load takes no time."""
    slow = play(replace(QUICK, load_time=0.5))
    assert slow.hit_ratio < slow.derived - 0.05


def test_the_formula_of_one_key() -> None:
    assert hit_ratio(rate=2.0, ttl=30.0) == pytest.approx(60 / 61)
    assert hit_ratio(rate=0.0, ttl=30.0) == 0


@pytest.mark.parametrize("seed", range(3))
def test_littles_law_holds(seed: int) -> None:
    """At work on average = loads a second × the time of each: whatever the readers do."""
    run = play(Shop(readers=100, ttl=0.5, duration=4.0, seed=seed))
    assert run.busy == pytest.approx(run.loads_per_second * 0.05, rel=0.06)


def test_popularity_is_zipfs() -> None:
    shares = Shop(books=100, skew=1.0).shares
    assert sum(shares) == pytest.approx(1)
    assert shares[0] / shares[9] == pytest.approx(10)
    assert len(set(Shop(skew=0.0).shares)) == 1


def test_a_cache_that_is_too_small_finds_less() -> None:
    """And one in which every key fits finds what an unbounded one does."""
    ratios = {size: play(replace(QUICK, size=size)).hit_ratio for size in (20, 200, None)}
    assert ratios[20] < ratios[200] - 0.1
    assert ratios[200] == ratios[None]


def test_the_least_recently_used_key_makes_room() -> None:
    """A read keeps a key; one that has expired takes no room."""
    world = Simulation()
    world.nodes[0].extension = LeastRecentlyUsed(world, 2)

    async def use() -> list[object]:
        redis = world.redis()
        await redis.set("a", 1, px=1000)
        await redis.set("b", 1, px=1000)
        await redis.get("a")
        await redis.set("c", 1, px=1000)
        return [await redis.get(key) for key in "abc"]

    world.client("one", use)
    assert world.run() == {"one": ["1", None, "1"]}


def test_percentiles_and_what_was_measured_of_a_load() -> None:
    """A load that begins before or ends after the measured time counts with the part within it."""
    result = ShopResult(Shop(duration=2.0), [Read(1, 0, i / 100, True) for i in range(1, 101)])
    result.loads = [(-1.0, -0.5, 0.5), (0.0, 1.5, 2.5)]
    assert result.percentile(50) == pytest.approx(0.51)
    assert result.percentile(99) == pytest.approx(1.0)
    assert result.busy == pytest.approx(0.5)
    assert result.loads_per_second == pytest.approx(0.5)
    assert ShopResult(Shop()).percentile(99) == 0


@pytest.mark.parametrize(("name", "value"), [("source", "disk"), ("readers", 0), ("ttl", 0.0), ("load_time", -1.0)])
def test_a_shop_that_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadArgument, match=name):
        Shop(**{name: value})  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_run() -> None:
    small = {"readers": 20, "duration": 1.0, "ttl": 1.0}
    first, again, other = (play(Shop(**small, seed=seed)) for seed in (1, 1, 2))  # type: ignore[arg-type]
    assert first.reads == again.reads
    assert first.reads != other.reads
