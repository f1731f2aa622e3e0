"""lock_or_stale in simulation: who waits, who reloads, and how old an answer may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns import lock_and_wait, lock_or_stale
from course_lib.sim import CRASHED, OneFault
from course_lib.worlds import Simulated

from . import broken
from .crowd import LONGEST_TRIP, Clock, Database, Down, alone, round_trips, timed

SEEDS = range(8)
POLICY: dict[str, Any] = {"ttl": 1.0, "stale": 2.0, "lock_ttl": 5.0, "wait": 5.0, "absent_ttl": 0.5}


def stale_crowd(seed: int, pattern: str) -> tuple[list[float], Database]:
    """The value is 1.5 s old, of a ttl of 1 s, when 100 clients ask for it within 0.5 s; a reload takes 0.4 s."""
    world, database = Simulated(seed=seed), Database(seconds=0.4)
    redis = world.redis()
    locked = {name: POLICY[name] for name in ("ttl", "lock_ttl", "wait", "absent_ttl")}

    async def ask() -> tuple[Any, float]:
        if pattern == "lock_or_stale":
            return await timed(world, lock_or_stale(redis, "page", database.load, **POLICY))
        return await timed(world, lock_and_wait(redis, "page", database.load, **locked))

    world.client("first", ask)
    start = world.draws("start")
    for number in range(100):
        world.client(f"c{number}", ask, start=1.9 + start() * 0.3)
    results = world.run()
    del results["first"]
    assert {value for value, _ in results.values()} == {"page"}
    return sorted(took for _, took in results.values()), database


@pytest.mark.parametrize("seed", SEEDS)
def test_one_reloads_and_the_others_are_served_at_once(seed: int) -> None:
    """One of a hundred waits for the load; with lock_and_wait, the control, nearly all of them do."""
    waits, database = stale_crowd(seed, "lock_or_stale")
    assert database.loads == 2
    assert [took > LONGEST_TRIP for took in waits] == [False] * 99 + [True]

    waits, database = stale_crowd(seed, "lock_and_wait")
    assert database.loads == 2
    assert sum(took > LONGEST_TRIP for took in waits) > 90


@pytest.mark.parametrize("seed", SEEDS)
def test_an_answer_is_never_older_than_promised(seed: int) -> None:
    """Readers that come at odd times see nothing older than ttl + stale and its load; some of it is older than ttl."""
    world, database = Simulated(seed=seed), Clock(seconds=0.2)
    ages: list[float] = []
    pause = world.draws("pause")

    async def reader(redis: Redis) -> None:
        for _ in range(40):
            await asyncio.sleep(pause.exponential(2.0))
            value = await lock_or_stale(redis, "page", database.load, **POLICY)
            ages.append(world.now() - float(str(value)))

    for number in range(5):
        world.client(f"reader{number}", reader, world.redis())
    world.run()
    load_and_trips = 0.2 + 4 * LONGEST_TRIP
    assert max(ages) < POLICY["ttl"] + POLICY["stale"] + load_and_trips
    assert max(ages) > POLICY["ttl"] + load_and_trips, "else this tests nothing"
    assert not database.overlaps()


def test_a_value_that_cannot_be_reloaded_is_served_until_it_is_too_old() -> None:
    """The database fails: the reloader hears of it, the others are served, and after ttl + stale nobody is."""
    world, database = Simulated(seed=1), Database(seconds=0.01)
    outcomes: dict[float, str] = {}

    async def ask(redis: Redis, at: float) -> None:
        try:
            outcomes[at] = str(await lock_or_stale(redis, "page", database.load, **POLICY))
        except Down:
            outcomes[at] = "down"
        database.failing = 1000

    for at in (0.0, 0.9, 1.5, 2.5, 3.5):
        world.client(f"at{at}", ask, world.redis(), at, start=at)
    world.client("bystander", ask, world.redis(), 2.501, start=2.501)
    world.run()
    assert outcomes == {0.0: "page", 0.9: "page", 1.5: "down", 2.5: "down", 2.501: "page", 3.5: "down"}


@pytest.mark.parametrize("row", ["page", None])
@pytest.mark.parametrize("placeholder", ["…", None])
def test_a_cold_key_gives_the_placeholder_or_waits(placeholder: str | None, row: str | None) -> None:
    """With a placeholder everyone but the loader has it at once; without one, all wait for the one load."""
    world, database = Simulated(seed=1), Database(row, seconds=0.5)

    async def ask(redis: Redis) -> tuple[Any, float]:
        return await timed(world, lock_or_stale(redis, "page", database.load, placeholder=placeholder, **POLICY))

    for number in range(20):
        world.client(f"c{number}", ask, world.redis(), start=number * 0.001)
    results = sorted(world.run().values(), key=lambda result: result[1])
    assert database.loads == 1
    if placeholder is None:
        assert {value for value, _ in results} == {row}
    else:
        assert [value for value, _ in results] == [placeholder] * 19 + [row]
        assert results[18][1] < LONGEST_TRIP


def test_round_trips_are_what_the_docstring_claims() -> None:
    """Fresh, or stale while another reloads: 1. Of two that find it stale at once, the loader takes 3, the loser 2."""
    world, database = Simulated(seed=1), Database(seconds=0.4)

    async def ask(redis: Redis) -> str | None:
        return await lock_or_stale(redis, "page", database.load, **POLICY)

    for name, start in {"first": 0.0, "fresh": 0.9, "one": 1.5, "other": 1.5, "meanwhile": 1.7}.items():
        world.client(name, ask, world.redis(), start=start)
    world.run()
    fresh, one, other, meanwhile = (
        round_trips(e for e in world.trace if e.client == name) for name in ("fresh", "one", "other", "meanwhile")
    )
    assert (fresh, {one, other}, meanwhile, database.loads) == (1, {2, 3}, 1, 2)


def reloads_around_a_pause(seed: int) -> int:
    """`sleeper` sees a stale value and stalls before its SET; `quick` reloads meanwhile."""
    faults = OneFault("pause", at=3, seconds=0.5, client="sleeper")
    world, database = Simulated(seed=seed, faults=faults), Database()

    async def ask(redis: Redis) -> str | None:
        return await lock_or_stale(redis, "page", database.load, **POLICY)

    world.client("first", ask, world.redis())
    world.client("sleeper", ask, world.redis(), start=1.5)
    world.client("quick", ask, world.redis(), start=1.505)
    assert set(world.run().values()) == {"page"}
    return database.loads


def test_looks_again_once_it_has_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stale value that has been reloaded since is not reloaded again; the twin does it."""
    assert {reloads_around_a_pause(seed) for seed in SEEDS} == {2}
    broken.use(monkeypatch, broken.NoSecondLook)
    assert {reloads_around_a_pause(seed) for seed in SEEDS} == {3}


def test_a_crashed_reloader_is_replaced_and_nobody_waits_for_it() -> None:
    """Until its lock expires the others are served the stale value; then one of them reloads."""
    world, database = Simulated(seed=1), Database(seconds=0.3)
    policy = POLICY | {"lock_ttl": 0.5}

    async def ask(redis: Redis) -> tuple[Any, float]:
        return await timed(world, lock_or_stale(redis, "page", database.load, **policy))

    world.client("first", ask, world.redis())
    world.at(1.6, world.crash, world.client("reloader", ask, world.redis(), start=1.5))
    for number in range(90):
        world.client(f"c{number}", ask, world.redis(), start=1.55 + number * 0.01)
    results = world.run()
    assert results.pop("reloader") is CRASHED
    del results["first"]
    assert database.loads == 3
    assert sum(took > LONGEST_TRIP for _, took in results.values()) == 1


def test_a_value_without_a_ttl_is_taken_as_stale() -> None:
    """Whatever wrote it, it does not stay for ever: the first reader reloads it."""

    async def body(redis: Redis) -> tuple[str | None, bool]:
        await redis.set("page", "written by hand")
        value = await lock_or_stale(redis, "page", Database().load, **POLICY)
        return value, await redis.pttl("page") > 0

    assert alone(Simulated(), body) == ("page", True)


def test_a_stale_absence_is_served_too() -> None:
    """A row that did not exist when it was last looked for: None, at once, while one client looks again."""
    world, database = Simulated(seed=1), Database(row=None, seconds=0.4)

    async def ask(redis: Redis) -> tuple[Any, float]:
        return await timed(world, lock_or_stale(redis, "page", database.load, **POLICY))

    world.client("first", ask, world.redis())
    for number in range(10):
        world.client(f"c{number}", ask, world.redis(), start=1.5 + number * 0.01)
    results = world.run()
    assert {value for value, _ in results.values()} == {None}
    assert sum(took > LONGEST_TRIP for _, took in results.values()) == 2
    assert database.loads == 2


def test_refuses_a_stale_below_zero() -> None:
    with pytest.raises(BadArgument, match="stale is -1; accepted: seconds, from 0 to 1e9"):
        alone(Simulated(), lambda redis: lock_or_stale(redis, "page", Database().load, **(POLICY | {"stale": -1})))
