"""StaleWhileRevalidate in simulation: nobody waits for a warm key, and no reload or error is lost sight of."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.errors import LoadTimeout
from course_lib.patterns import StaleWhileRevalidate
from course_lib.patterns.loadlock import LoadLock, Seen
from course_lib.worlds import Simulated

from .crowd import LONGEST_TRIP, Clock, Database, Down, alone, round_trips, timed

SEEDS = range(8)
POLICY: dict[str, Any] = {"ttl": 1.0, "stale": 2.0, "lock_ttl": 5.0, "wait": 5.0, "absent_ttl": 0.5}


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_waits_for_a_warm_key(seed: int) -> None:
    """Fresh or stale, every answer takes one round trip; one reload runs behind them, and then the value is new."""
    world, database = Simulated(seed=seed), Clock(seconds=0.4)
    waits: list[float] = []

    async def body(redis: Redis) -> tuple[str | None, str | None, str | None]:
        async with StaleWhileRevalidate(redis, **POLICY) as cache:
            cold = await cache.get("page", database.load)
            await asyncio.sleep(1.2)
            before = len(world.trace)
            stale = await cache.get("page", database.load)
            assert round_trips(e for e in world.trace.events[before:] if e.name in ("MGET", "PTTL")) == 1
            for _ in range(50):
                _, took = await timed(world, cache.get("page", database.load))
                waits.append(took)
            await asyncio.sleep(0.5)
            return cold, stale, await cache.get("page", database.load)

    cold, stale, new = alone(world, body)
    assert stale == cold != new
    assert max(waits) < LONGEST_TRIP
    assert database.loads == 2


@pytest.mark.parametrize("processes", [1, 4])
def test_many_readers_of_a_stale_key_cause_one_reload(processes: int) -> None:
    """Fifty tasks in each process: the process begins one reload, and the lock lets one of these load."""
    world, database = Simulated(seed=1), Database(seconds=0.3)

    async def process(redis: Redis) -> set[str | None]:
        async with StaleWhileRevalidate(redis, **POLICY) as cache:
            got = {await cache.get("page", database.load)}
            await asyncio.sleep(1.5)
            got.update(await asyncio.gather(*(cache.get("page", database.load) for _ in range(50))))
            await asyncio.sleep(1)
            return got

    for number in range(processes):
        world.client(f"process{number}", process, world.redis())
    assert all(got == {"page"} for got in world.run().values())
    assert database.loads == 2
    assert sum(event.name == "SET" and event.t_start > 1 for event in world.trace) <= processes + 1


def test_a_failed_background_reload_is_counted_and_kept() -> None:
    """The caller has its stale value; the error is where its owner finds it, and says which key it was."""
    database = Database(seconds=0.01)

    async def body(redis: Redis) -> tuple[str | None, int, list[Any], str | None, int]:
        async with StaleWhileRevalidate(redis, **POLICY) as cache:
            await cache.get("page", database.load)
            await asyncio.sleep(1.5)
            database.failing = 2
            stale = await cache.get("page", database.load)
            await asyncio.sleep(0.1)
            errors = [(repr(error), *error.__notes__) for error in cache.errors]
            failed = cache.failed
            again = await cache.get("page", database.load)
            await asyncio.sleep(0.1)
        return stale, failed, errors, again, database.loads

    world = Simulated()
    noted = [("Down('load 2')", "'page' was being reloaded in the background")]
    assert alone(world, body) == ("page", 1, noted, "page", 3)
    assert not world.loop.unretrieved


def test_a_reload_that_is_cancelled_from_within_is_a_failed_one() -> None:
    """It is counted, its lock is free, and the next reader of the stale value tries again."""
    database = Database(seconds=0.01)

    async def cancels() -> str:
        raise asyncio.CancelledError

    async def body(redis: Redis) -> tuple[list[str], int]:
        async with StaleWhileRevalidate(redis, **POLICY) as cache:
            await cache.get("page", database.load)
            await asyncio.sleep(1.5)
            for load in (cancels, database.load):
                await cache.get("page", load)
                await asyncio.sleep(0.1)
            return [str(error) for error in cache.errors], database.loads

    assert alone(Simulated(), body) == (["it was cancelled from within"], 2)


def test_errors_do_not_pile_up() -> None:
    """All are counted, the last 16 are kept."""
    database = Database(seconds=0.001)

    async def body(redis: Redis) -> tuple[int, int, str]:
        async with StaleWhileRevalidate(redis, **(POLICY | {"stale": 60})) as cache:
            await cache.get("page", database.load)
            await asyncio.sleep(1.5)
            database.failing = 1000
            for _ in range(40):
                await cache.get("page", database.load)
                await asyncio.sleep(0.1)
            return cache.failed, len(cache.errors), repr(cache.errors[-1])

    assert alone(Simulated(), body) == (40, 16, "Down('load 41')")


@pytest.mark.parametrize("after", [0.0, 0.0005, 0.002, 0.005, 0.1])
def test_closing_cancels_reloads_and_frees_their_locks(after: float) -> None:
    """At whatever point a reload is: afterwards there is no lock, no task and no more answer."""
    world, database = Simulated(seed=1), Database(seconds=0.01)

    async def body(redis: Redis) -> tuple[list[str], int]:
        async with StaleWhileRevalidate(redis, **POLICY) as cache:
            await cache.get("page", database.load)
            await asyncio.sleep(1.5)
            database.seconds = 60
            await cache.get("page", database.load)
            await asyncio.sleep(after)
        with pytest.raises(RuntimeError, match="closed"):
            await cache.get("page", database.load)
        return await redis.keys("*"), len(asyncio.all_tasks())

    keys, tasks = alone(world, body)
    assert keys == ["page"]
    assert tasks == 1
    assert world.now() < 2


def test_a_cold_key_waits_as_lock_and_wait_does() -> None:
    """Its errors come out, as there is nothing else to return."""
    world = Simulated(seed=1)

    async def ask(redis: Redis, database: Database) -> str | None:
        async with StaleWhileRevalidate(redis, **(POLICY | {"wait": 0.2})) as cache:
            return await cache.get("page", database.load)

    world.client("down", ask, world.redis(), Database(failing=1, seconds=0.01))
    world.client("loader", ask, world.redis(), Database(seconds=1), start=0.1)
    world.client("waiter", ask, world.redis(), Database(seconds=1), start=0.2)
    down, loader, waiter = (world.run()[name] for name in ("down", "loader", "waiter"))
    assert isinstance(down, Down)
    assert loader == "page"
    assert isinstance(waiter, LoadTimeout)


def loads_of_two_processes(seed: int) -> int:
    """Both find the value stale at about the same time; a reload takes no time."""
    world, database = Simulated(seed=seed), Database(seconds=0)

    async def process(redis: Redis) -> None:
        async with StaleWhileRevalidate(redis, **POLICY) as cache:
            await cache.get("page", database.load)
            await asyncio.sleep(1.5 - world.now())
            await asyncio.sleep(world.draws("offset")() / 100)
            await cache.get("page", database.load)
            await asyncio.sleep(0.2)

    world.client("warm", process, world.redis())
    for number in range(2):
        world.client(f"process{number}", process, world.redis(), start=0.5)
    world.run()
    return database.loads


def test_a_reload_loads_nothing_that_another_has_just_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks again once it has the lock. Without that, some order loads a second time."""
    assert {loads_of_two_processes(seed) for seed in range(60)} == {2}

    async def blind(self: LoadLock) -> Seen:
        return (await take(self))._replace(fresh=False)

    take = LoadLock.take
    monkeypatch.setattr(LoadLock, "take", blind)
    assert 3 in {loads_of_two_processes(seed) for seed in range(60)}
