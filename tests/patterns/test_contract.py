"""What every strategy promises, in every world: simulated, fakeredis, Redis and Valkey."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.worlds import World

from .crowd import Database, Down, alone, round_trips, wait_until_gone
from .strategies import STRATEGIES, Strategy

pytestmark = pytest.mark.parametrize("strategy", STRATEGIES, ids=str)

AWKWARD = ["", "0", "∅", "∅∅", "∅page", "δ=0.100000;page", "δ", "two\nlines", "naïve 🦆", "x" * 100_000]


def test_returns_what_was_loaded_and_loads_it_once(strategy: Strategy, world: World) -> None:
    """A value comes back unchanged from the database and from the cache, even one that looks like a marker."""

    async def body(redis: Redis) -> list[tuple[str | None, str | None, int]]:
        got = []
        async with strategy.open(redis, ttl=60, absent_ttl=60) as get:
            for number, value in enumerate(AWKWARD):
                database = Database(value, seconds=0)
                key = f"page:{number}"
                got.append((await get(key, database.load), await get(key, database.load), database.loads))
        return got

    assert alone(world, body) == [(value, value, 1) for value in AWKWARD]


def test_an_absent_row_is_loaded_once(strategy: Strategy, world: World) -> None:
    """None is an answer too, and is remembered for absent_ttl."""

    async def body(redis: Redis) -> tuple[list[str | None], int]:
        database = Database(row=None, seconds=0)
        async with strategy.open(redis, ttl=60, absent_ttl=60) as get:
            return [await get("page", database.load) for _ in range(5)], database.loads

    assert alone(world, body) == ([None] * 5, 1)


@pytest.mark.parametrize("row", ["page", None])
def test_an_expired_value_is_loaded_again(strategy: Strategy, world: World, row: str | None) -> None:
    """A value lives no longer than the strategy says, and then the database is asked again."""

    async def body(redis: Redis) -> tuple[int, int]:
        database = Database(row, seconds=0)
        ttls = {"ttl": 0.1, "absent_ttl": 60} if row else {"ttl": 60, "absent_ttl": 0.1}
        async with strategy.open(redis, **ttls) as get:
            await get("page", database.load)
            left_ms = await redis.pttl("page")
            await wait_until_gone(redis, "page")
            await get("page", database.load)
        return database.loads, left_ms

    loads, left_ms = alone(world, body)
    assert loads == 2
    assert 0 < left_ms <= 1000 * (0.1 + strategy.kept)


def test_a_failed_load_reaches_the_caller_and_leaves_nothing(strategy: Strategy, world: World) -> None:
    """No value, no lock: the next call loads at once."""

    async def body(redis: Redis) -> tuple[list[str], str | None, int]:
        database = Database(seconds=0, failing=1)
        async with strategy.open(redis, ttl=60, absent_ttl=60) as get:
            with pytest.raises(Down):
                await get("page", database.load)
            left = await redis.keys("*")
            return left, await get("page", database.load), database.loads

    assert alone(world, body) == ([], "page", 2)


def test_a_cancelled_load_leaves_nothing(strategy: Strategy, world: World) -> None:
    """A caller that gives up while it loads frees the way for the next."""

    async def body(redis: Redis) -> tuple[list[str], str | None]:
        async with strategy.open(redis, ttl=60, absent_ttl=60) as get:
            loading = asyncio.Event()

            async def load() -> str:
                loading.set()
                await asyncio.sleep(3600)
                return "never"

            caller = asyncio.create_task(get("page", load))
            await loading.wait()
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
            return await redis.keys("*"), await get("page", Database(seconds=0).load)

    assert alone(world, body) == ([], "page")


def test_no_key_is_left_without_a_ttl(strategy: Strategy, world: World) -> None:
    """Whatever a strategy writes goes away by itself."""

    async def body(redis: Redis) -> list[int]:
        async with strategy.open(redis, ttl=60, absent_ttl=60) as get:
            await get("page", Database(seconds=0).load)
            await get("gone", Database(None, seconds=0).load)
            return [await redis.pttl(key) for key in await redis.keys("*")]

    lives = alone(world, body)
    assert len(lives) == 2
    assert all(0 < life <= 1000 * (60 + strategy.kept) for life in lives)


def test_a_crowd_on_a_cold_key(strategy: Strategy, world: World) -> None:
    """Forty tasks ask at once: all get the value, after one load where the strategy promises that, else after many."""
    database = Database(seconds=0.1)

    async def body(redis: Redis) -> list[str | None]:
        async with strategy.open(redis, ttl=60, absent_ttl=60) as get:
            return await asyncio.gather(*(get("page", database.load) for _ in range(40)))

    assert alone(world, body) == ["page"] * 40
    assert database.loads == 1 if strategy.one_load else database.loads > 1


def test_round_trips_are_what_the_docstring_claims(strategy: Strategy, world: World) -> None:
    """Counted on the wire: one for a hit, and for a loader what its Cost line says."""

    async def body(redis: Redis) -> tuple[int, int]:
        database = Database(seconds=0)
        async with strategy.open(redis, ttl=60, absent_ttl=60) as get:
            await get("other", database.load)  # the server learns the script
            before = len(world.trace)
            await get("page", database.load)
            between = len(world.trace)
            await get("page", database.load)
        return round_trips(world.trace.events[before:between]), round_trips(world.trace.events[between:])

    assert alone(world, body) == (strategy.miss, 1)


@pytest.mark.parametrize(
    ("ttls", "said"),
    [
        ({"ttl": 0, "absent_ttl": 1}, "ttl is 0; accepted: seconds, from 0.001 to 1e9"),
        ({"ttl": -1, "absent_ttl": 1}, "ttl is -1"),
        ({"ttl": 0.0004, "absent_ttl": 1}, "ttl is 0.0004"),
        ({"ttl": float("nan"), "absent_ttl": 1}, "ttl is nan"),
        ({"ttl": float("inf"), "absent_ttl": 1}, "ttl is inf"),
        ({"ttl": 1, "absent_ttl": 0}, "absent_ttl is 0"),
    ],
)
def test_refuses_a_ttl_that_is_none(strategy: Strategy, world: World, ttls: dict[str, float], said: str) -> None:
    """The error names the argument, its value and what is accepted; nothing was loaded."""
    database = Database(seconds=0)

    async def body(redis: Redis) -> None:
        async with strategy.open(redis, **ttls) as get:
            await get("page", database.load)

    with pytest.raises(BadArgument, match=said.replace("+", r"\+")):
        alone(world, body)
    assert database.loads == 0
