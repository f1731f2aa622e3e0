"""The stale-set race: found in cache-aside with delete on write, and in neither guard, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from thorough import runs

from course_lib.errors import BadArgument, LoadTimeout
from course_lib.explore import Budget, Play, Trial, Violation, search
from course_lib.patterns import cache_aside, lock_and_wait
from course_lib.patterns.invalidation import CHANNEL, invalidate, supersede, versioned
from course_lib.patterns.loadlock import lock_name
from course_lib.servers import Proxy, Server
from course_lib.sim import CRASHED, Simulation
from course_lib.sim.faults import KINDS, Kind
from course_lib.worlds import World

from . import broken_invalidation as broken
from .crowd import alone, round_trips, wait_until_gone


@dataclass
class Row:
    """One row with a version. A load waits `before`, reads, and takes `after` seconds more."""

    before: Callable[[], float] = lambda: 0.0
    after: Callable[[], float] = lambda: 0.0
    version: int = 1
    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def value(self) -> str:
        return f"row {self.version}"

    async def load_version(self) -> tuple[int, str]:
        now = asyncio.get_running_loop().time
        begun = now()
        await asyncio.sleep(self.before())
        version, value = self.version, self.value
        await asyncio.sleep(self.after())
        self.spans.append((begun, now()))
        return version, value

    async def load(self) -> str:
        return (await self.load_version())[1]


@dataclass(frozen=True)
class Guard:
    """How to read and what a writer does after its commit."""

    name: str
    read: Callable[[Redis, Row], Awaitable[str | None]]
    wrote: Callable[[Redis, Row], Awaitable[None]]

    def __str__(self) -> str:
        return self.name


async def aside(redis: Redis, row: Row) -> str | None:
    return await cache_aside(redis, "page", row.load, ttl=60)


async def leased(redis: Redis, row: Row) -> str | None:
    return await lock_and_wait(redis, "page", row.load, ttl=60, lock_ttl=0.5, wait=5)


async def by_version(redis: Redis, row: Row) -> str | None:
    return await versioned(redis, "page", row.load_version, ttl=60)


async def by_version_unatomic(redis: Redis, row: Row) -> str | None:
    return await broken.compare_then_set(redis, "page", row.load_version, ttl=60)


async def take_lease(redis: Redis, row: Row) -> None:
    await invalidate(redis, "page")


async def leave_mark(redis: Redis, row: Row) -> None:
    await supersede(redis, "page", row.version, ttl=60)


async def leave_none(redis: Redis, row: Row) -> None:
    await broken.forgetful(redis, "page", row.version, ttl=60)


async def delete(redis: Redis, row: Row) -> None:
    await broken.delete_only(redis, "page")


LEASE, VERSION = Guard("lease", leased, take_lease), Guard("version", by_version, leave_mark)
GUARDS = [LEASE, VERSION]
TWINS = [
    Guard("none", aside, delete),
    Guard("lease that a delete leaves", leased, delete),
    Guard("version without a mark", by_version, leave_none),
    Guard("version in two steps", by_version_unatomic, leave_mark),
]
FAULTS: dict[Kind, float] = dict(zip(KINDS, (0, 1.0, 0, 0, 0.3, 2.0), strict=True))  # a pause outlives the lease


async def persist(work: Callable[[], Awaitable[None]]) -> None:
    """What a writer must do with an error: try again."""
    while True:
        try:
            return await work()
        except RedisError:
            await asyncio.sleep(0.05)


def trial(guard: Guard, *, seeds: int, fault_seeds: int = 0) -> Trial:
    """Two readers and a writer within 50 ms, loads of up to 40 ms; later one asks what the cache has."""

    def build(world: Simulation, clients: int) -> Row:
        draw, redis = world.draws("times"), world.redis()
        row = Row(lambda: draw() * 0.02, lambda: draw() * 0.02)

        async def write() -> None:
            row.version += 1
            await persist(lambda: guard.wrote(redis, row))

        for at in range(clients - 1):
            world.client(f"reader {at}", guard.read, redis, row, start=draw() * 0.05)
        world.client("writer", write, start=draw() * 0.05)
        world.client("later", partial(persist, lambda: later(redis, row)), start=7)  # type: ignore[arg-type]
        return row

    async def later(redis: Redis, row: Row) -> None:
        got = await guard.read(redis, row)
        if got != row.value:
            raise AssertionError(f"{got}, when it was {row.value}")

    def judge(play: Play) -> Iterator[Violation]:
        told = play.results["writer"] is not CRASHED  # who dies after the commit tells nobody
        if play.stopped is not None or (told and isinstance(play.results["later"], AssertionError)):
            yield Violation("fresh", repr(play.stopped or play.results["later"]))

    return Trial(
        guard.name, ("fresh",), build, judge, sizes=(3,), seeds=seeds, faults=FAULTS if fault_seeds else {},
        fault_seeds=fault_seeds, horizon=30, world=lambda: Simulation(socket_timeout=0.2),
    )  # fmt: skip


@pytest.mark.parametrize("guard", GUARDS, ids=str)
def test_a_guard_leaves_no_stale_value(guard: Guard) -> None:
    """1,000 seeds, and for two of them each kind of fault at every send of every client."""
    found = search(trial(guard, seeds=runs(1000), fault_seeds=2), Budget(schedules=10_000))
    assert found.complete
    assert found.failing == {}
    assert found.kinds["no fault"] == runs(1000)
    assert min(found.kinds[kind] for kind in KINDS) > 15


@pytest.mark.parametrize("twin", TWINS, ids=str)
def test_without_it_the_search_finds_the_race(twin: Guard) -> None:
    """The controls: plain delete on write, and each guard with one thing wrong, which may take a pause to show."""
    assert search(trial(twin, seeds=30, fault_seeds=8)).failing


def test_one_load_per_expiry_remains() -> None:
    """The lease stops the stampede as well: however many readers, no two loads overlap, but across an invalidation."""
    for seed in range(10):
        world = Simulation(seed=seed)
        row = Row(lambda: 0.02, lambda: 0.02)
        for at in range(20):
            world.client(f"reader {at}", leased, world.redis(), row, start=world.draws(str(at))() / 100)
        world.client("writer", take_lease, world.redis(), row, start=1)
        for at in range(20):
            world.client(f"again {at}", leased, world.redis(), row, start=2 + world.draws(str(at))() / 100)
        world.run()
        assert len(row.spans) == 2
        assert all(one[1] <= other[0] for one, other in pairwise(sorted(row.spans)))


# -- in every world ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guard", GUARDS, ids=str)
def test_a_load_from_before_the_commit_is_not_stored(world: World, guard: Guard) -> None:
    """The race itself, step by step; the loader gets its old row, and the next reader the new one."""
    row = Row()

    async def body(redis: Redis) -> tuple[Any, Any]:
        read, committed = asyncio.Event(), asyncio.Event()

        class Slow(Row):
            async def load_version(self) -> tuple[int, str]:
                held = row.version, row.value
                read.set()
                await committed.wait()
                return held

        reader = asyncio.create_task(awaited(guard.read(redis, Slow())))
        await read.wait()
        row.version += 1
        await guard.wrote(redis, row)
        committed.set()
        return await reader, await guard.read(redis, row)

    assert alone(world, body) == ("row 1", "row 2")


async def awaited(work: Awaitable[Any]) -> Any:
    return await work


def test_invalidate_takes_value_and_lease_and_tells(world: World) -> None:
    """In one round trip, and of this key alone."""

    async def body(redis: Redis) -> Any:
        await redis.mset({"page": "x", lock_name("page"): "token", "other": "y"})
        pubsub = redis.pubsub()
        await pubsub.subscribe(CHANNEL)
        await pubsub.get_message(timeout=5)
        await invalidate(redis, "page")
        before = len(world.trace)
        await invalidate(redis, "page")
        trips = round_trips([event for event in world.trace.events[before:] if event.command[0] != b"PUSH"])
        heard = await pubsub.get_message(timeout=5)
        await pubsub.aclose()
        return await redis.keys(), heard and heard["data"], trips

    assert alone(world, body) == (["other"], "page", 1)


@pytest.mark.parametrize("value", ["", "∅", "7;=x", "two\nlines", None])
def test_a_version_and_its_value_come_back(world: World, value: str | None) -> None:
    """From the cache as from the database; a hit is one round trip, a miss two."""

    async def body(redis: Redis) -> Any:
        async def load() -> tuple[int, str | None]:
            loads.append(1)
            return 3, value

        loads, got = list[int](), []
        await versioned(redis, "other", load, ttl=60)  # the server learns the script
        ends = [len(world.trace)]
        for _ in range(2):
            got.append(await versioned(redis, "page", load, ttl=60))
            ends.append(len(world.trace))
        events = world.trace.events
        return got, len(loads), [round_trips(events[one:other]) for one, other in pairwise(ends)]

    assert alone(world, body) == ([value, value], 2, [2, 1])


def test_an_older_version_changes_nothing_and_a_newer_one_wins(world: World) -> None:
    """In whatever order marks and values arrive."""

    async def body(redis: Redis) -> list[str | None]:
        got = []
        for version in (5, 3, 5, 9, 8, 10):
            await supersede(redis, "page", version, ttl=60)
            got.append(await redis.get("page"))
        await versioned(redis, "page", lambda: answer((10, "ten")), ttl=60)
        got.append(await redis.get("page"))
        return got

    assert alone(world, body) == ["5;", "5;", "5;", "9;", "9;", "10;", "10;=ten"]


async def answer(row: Any) -> Any:
    return row


def test_a_mark_expires_and_a_corrupt_entry_is_replaced(world: World) -> None:
    """Nothing is left for ever."""

    async def body(redis: Redis) -> Any:
        await supersede(redis, "page", 7, ttl=0.05)
        await wait_until_gone(redis, "page")
        await redis.set("page", "what is this")
        return await versioned(redis, "page", lambda: answer((1, "one")), ttl=60), await redis.get("page")

    assert alone(world, body) == ("one", "1;=one")


@pytest.mark.parametrize("version", [-1, 1.5, 2**53, True, "7"])
def test_a_version_must_be_a_number_that_lua_holds_exactly(world: World, version: Any) -> None:
    with pytest.raises(BadArgument, match="version is"):
        alone(world, lambda redis: supersede(redis, "page", version, ttl=60))


# -- on real servers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guard", GUARDS, ids=str)
def test_no_stale_value_through_lost_replies_and_resets(server: Server, guard: Guard) -> None:
    """Readers and a writer through a proxy that loses replies and resets; at the end everyone reads the last row."""
    row = Row(lambda: 0.001, lambda: 0.001)
    with Proxy(server.port) as proxy:

        async def body() -> str | None:
            retry = Retry(NoBackoff(), 1)
            async with Redis.from_url(proxy.url, decode_responses=True, retry=retry, socket_timeout=1) as redis:
                over = asyncio.Event()

                async def reading() -> None:
                    while not over.is_set():
                        try:
                            await guard.read(redis, row)
                        except (RedisError, LoadTimeout):
                            await asyncio.sleep(0.01)

                readers = [asyncio.create_task(reading()) for _ in range(4)]
                for number in range(30):
                    if number % 10 == 3:
                        proxy.drop_reply(matching="EVALSHA", close=True)
                    if number % 10 == 7:
                        proxy.reset()
                    row.version += 1
                    await persist(lambda: guard.wrote(redis, row))
                    assert await settled(redis) in (row.value, None)
                over.set()
                await asyncio.gather(*readers)
                return await guard.read(redis, row)

        async def settled(redis: Redis) -> str | None:
            """What is stored a moment later: the newest row, or nothing yet."""
            await asyncio.sleep(0.02)
            while True:
                try:
                    stored = str(await redis.get("page") or "")
                    return stored.partition(";=")[2] or None if ";" in stored else stored or None
                except RedisError:
                    await asyncio.sleep(0.01)

        assert asyncio.run(body()) == row.value
