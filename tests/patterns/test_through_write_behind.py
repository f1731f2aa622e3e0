"""WriteBehind: no acknowledged write is lost, every save may happen twice, and the newest value wins."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from thorough import runs

from course_lib.errors import BadArgument
from course_lib.patterns.through import Cache, Write, WriteBehind
from course_lib.patterns.typed import Typed
from course_lib.servers import Proxy, Server
from course_lib.sim import OneFault, RandomFaults
from course_lib.sim.faults import KINDS, Kind
from course_lib.worlds import Simulated, World

from . import broken_through as broken
from .crowd import Down, alone, round_trips

# Python collects what a crashed process leaves, and then runs its `async with` once more, where there is no loop.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:coroutine 'ended' was never awaited:RuntimeWarning"),
]


@dataclass
class Table:
    """A database that keeps a row unless it has a higher version. A batch takes `seconds`; `failing` ones fail."""

    rows: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    seconds: float = 0.0
    failing: int = 0
    batches: list[list[Write]] = field(default_factory=list)
    checks: bool = True

    async def load(self, entity: str) -> str | None:
        return self.rows.get(entity, (0, None))[1]

    async def save(self, batch: list[Write]) -> None:
        self.batches.append(batch)
        await asyncio.sleep(self.seconds / 2)
        self.failing -= 1
        if self.failing >= 0:
            raise Down("save")
        for entity, version, value in batch:
            if not self.checks or version >= self.rows.get(entity, (0, None))[0]:
                self.rows[entity] = version, value
        await asyncio.sleep(self.seconds / 2)

    @property
    def values(self) -> dict[str, str | None]:
        return {entity: value for entity, (_, value) in self.rows.items()}


def behind(redis: Redis, table: Table, kind: type[WriteBehind] = WriteBehind, **policy: Any) -> WriteBehind:
    return kind(redis, "pages", table.load, table.save, **{"every": 0.05, **policy})


# -- in every world ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["new", "", "∅", "7;x", "🦆", None])
def test_a_write_is_read_before_and_after_it_is_saved(world: World, value: str | None) -> None:
    table = Table({"7": (1, "old")})

    async def body(redis: Redis) -> list[Any]:
        it = behind(redis, table)
        await it.put("7", value)
        got = [await it.get("7"), dict(table.values)]
        await it.flush()
        return [*got, await it.get("7"), table.values, await redis.hlen(it.buffer)]

    assert alone(world, body) == [value, {"7": "old"}, value, {"7": value}, 0]


def test_writes_of_one_row_become_one_save_of_the_newest(world: World) -> None:
    table = Table()

    async def body(redis: Redis) -> None:
        it = behind(redis, table)
        for number in range(20):
            await it.put("7", str(number))
        await it.flush()

    alone(world, body)
    assert [[(w.entity, w.value) for w in batch] for batch in table.batches] == [[("7", "19")]]


def test_batches_are_bounded_and_complete(world: World) -> None:
    table = Table()

    async def body(redis: Redis) -> None:
        it = behind(redis, table, batch=10)
        for number in range(25):
            await it.put(str(number), f"row {number}")
        await it.flush()

    alone(world, body)
    assert table.values == {str(number): f"row {number}" for number in range(25)}
    assert max(map(len, table.batches)) <= 10


def test_a_flusher_that_is_entered_saves_by_itself_and_outlives_errors(world: World) -> None:
    """A failed save is kept for the operator, and tried again."""
    table = Table(failing=2)

    async def body(redis: Redis) -> list[str]:
        async with behind(redis, table) as it:
            await it.put("7", "new")
            async with asyncio.timeout(20):
                while not table.rows:
                    await asyncio.sleep(0.01)
        return [repr(error) for error in it.errors]

    assert alone(world, body) == ["Down('save')"] * 2
    assert table.values == {"7": "new"}


@dataclass
class Choosy(Table):
    """A database that refuses some rows, and with them their whole batch; or everything, while it is away."""

    refuses: set[str] = field(default_factory=set)
    away: bool = False

    async def save(self, batch: list[Write]) -> None:
        if self.away:
            raise Down("away")
        if bad := self.refuses & {write.entity for write in batch}:
            self.batches.append(batch)
            raise ValueError(f"no row {min(bad)}")
        await super().save(batch)


def test_a_row_that_cannot_be_saved_holds_up_no_other(world: World) -> None:
    """Nine of ten are saved, at once; the tenth is set aside, readable, told, and not tried again."""
    table = Choosy({"3": (1, "old")}, refuses={"3"})

    async def body(redis: Redis) -> Any:
        it = behind(redis, table)
        for number in range(10):
            await it.put(str(number), f"row {number}")
        await it.flush()
        tried = len(table.batches)
        await it.flush()
        again = len(table.batches) - tried
        return [await it.get("3"), again, await redis.hlen(it.buffer), await it.set_aside(), list(it.errors)]

    got, again, waiting, [write], [error] = alone(world, body)
    assert (got, again, waiting) == ("row 3", 0, 0)
    assert (write.entity, write.value) == ("3", "row 3")
    assert str(error) == "no row 3"
    assert error.__notes__ == ["'3' is set aside: other rows of its batch could be saved"]
    assert table.values == {str(number): f"row {number}" for number in range(10) if number != 3} | {"3": "old"}


def test_a_new_put_replaces_what_was_set_aside(world: World) -> None:
    """Once the row can be saved it is, and nothing is left aside."""
    table = Choosy(refuses={"bad"})

    async def body(redis: Redis) -> Any:
        it = behind(redis, table)
        for entity in ("bad", "good"):
            await it.put(entity, "first")
        await it.flush()
        aside = len(await it.set_aside())
        table.refuses.clear()
        await it.put("bad", "second")
        got = await it.get("bad")
        await it.flush()
        return aside, got, await it.set_aside(), table.values

    assert alone(world, body) == (1, "second", [], {"good": "first", "bad": "second"})


def test_a_newer_value_is_not_set_aside_with_the_old_one(world: World) -> None:
    """It is put while the old one is refused, and waits for its own save."""
    table = Choosy(refuses={"bad"})

    async def body(redis: Redis) -> Any:
        it = behind(redis, table)
        save = it.save

        async def putting(batch: list[Write]) -> None:
            if [write.value for write in batch] == ["old"]:
                await it.put("bad", "new")
            await save(batch)

        it.save = putting  # type: ignore[method-assign]
        await it.put("bad", "old")
        await it.put("good", "x")
        await it.flush()
        return await it.set_aside(), await it.get("bad"), await redis.hlen(it.buffer)

    assert alone(world, body) == ([], "new", 1)


def test_a_database_that_is_away_sets_nothing_aside(world: World) -> None:
    """All rows wait for it; the last sixteen errors are kept, however long it takes."""
    table = Choosy(away=True)

    async def body(redis: Redis) -> Any:
        it = behind(redis, table, every=0.001)
        for number in range(3):
            await it.put(str(number), "row")
        with pytest.raises(Down):
            await it.flush()
        async with it:
            await asyncio.sleep(0.5)
            aside, kept = await it.set_aside(), len(it.errors)
            table.away = False
            async with asyncio.timeout(20):
                while len(table.rows) < 3:
                    await asyncio.sleep(0.01)
        return aside, kept

    assert alone(world, body) == ([], 16)


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.integers(0, 12), st.integers(2, 12), st.booleans())
def test_an_outage_sets_nothing_aside_that_can_be_saved(begins: int, lasts: int, bad: bool) -> None:
    """Whenever the database goes away and comes back, between any two saves; beside a row that it refuses, and not.

    A row that is refused and waits alone may still wait; it is set aside when the next one is saved.
    """
    table, saves = Choosy(refuses={"1"} if bad else set()), itertools.count()

    async def body(redis: Redis) -> Any:
        it = behind(redis, table)
        save = it.save

        async def through(batch: list[Write]) -> None:
            table.away = begins <= next(saves) < begins + lasts
            await save(batch)

        it.save = through  # type: ignore[method-assign]
        for number in range(4):
            await it.put(str(number), "row")
        async with it:
            await asyncio.sleep(5)
            first = set(table.rows)
            await it.put("4", "row")
            await asyncio.sleep(1)
        return first, {write.entity for write in await it.set_aside()}

    rows, aside = alone(Simulated(), body)
    assert (rows, aside) == (({"0", "2", "3"}, {"1"}) if bad else ({"0", "1", "2", "3"}, set()))


def test_a_save_that_is_cancelled_from_within_has_failed(world: World) -> None:
    """The flusher tells and tries again."""
    table, tries = Table(), list[int]()

    async def cancelled_once(batch: list[Write]) -> None:
        tries.append(len(batch))
        if len(tries) == 1:
            raise asyncio.CancelledError
        await table.save(batch)

    async def body(redis: Redis) -> list[str]:
        async with WriteBehind(redis, "pages", table.load, cancelled_once, every=0.02) as it:
            await it.put("7", "new")
            async with asyncio.timeout(20):
                while not table.rows:
                    await asyncio.sleep(0.01)
        return [str(error) for error in it.errors]

    assert alone(world, body) == ["it was cancelled from within"]


def test_close_ends_a_flusher_that_swallows_a_cancellation() -> None:
    """As redis-py does before Python 3.12, now and then: found through the proxy, where closing hung for ever."""

    async def swallow(batch: list[Write]) -> None:
        swallowed.append(len(batch))
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

    async def body(redis: Redis) -> str:
        async with WriteBehind(redis, "pages", Table().load, swallow) as it:
            await it.put("7", "new")
            await asyncio.sleep(1)
        return "closed"

    swallowed: list[int] = []
    assert alone(Simulated(), body) == "closed"
    assert swallowed


def test_a_cache_in_front_reads_what_waits(world: World) -> None:
    """The two stack: a put costs 2 round trips, and the database sees it later."""
    table = Table()

    async def body(redis: Redis) -> Any:
        it = behind(redis, table)
        shape = Typed(str, version=1)
        cache = Cache(redis, "page:{}".format, it.get, shape=shape, ttl=60, save=it.put, timeout=5)
        await cache.put("8", "x")
        before = len(world.trace)
        await cache.put("7", "new")
        trips = round_trips(world.trace.events[before:])
        got = [await cache.get("7"), dict(table.values)]
        await redis.delete("page:7")
        return [*got, await cache.get("7"), trips]

    assert alone(world, body) == ["new", {}, "new", 2]


def test_versions_grow_even_when_the_clock_steps_back() -> None:
    """By the server's clock, but never one twice and never a smaller one."""
    world, table = Simulated(seed=1), Table()

    async def body(redis: Redis) -> list[str | None]:
        it, got = behind(redis, table), []
        for number in range(4):
            await it.put("7", str(number))
            await it.flush()
            got.append(table.values["7"])
            world.step_clock(0, -3600)
        return got

    assert alone(world, body) == ["0", "1", "2", "3"]
    versions = [write.version for batch in table.batches for write in batch]
    assert versions == sorted({*versions})


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.text(max_size=3)) | st.none(), max_size=12))
def test_it_agrees_with_a_dict(steps: list[tuple[str, str | None] | None]) -> None:
    """A put is an assignment, whenever a flush (None) falls; a get reads it at once."""
    world, table, model = Simulated(seed=1), Table(), dict[str, str | None]()

    async def body(redis: Redis) -> None:
        it = behind(redis, table, batch=2)
        for step in [*steps, None]:
            if step is None:
                await it.flush()
                assert table.values == model
            else:
                await it.put(*step)
                model[step[0]] = step[1]
            assert {entity: await it.get(entity) for entity in model} == model

    alone(world, body)


@pytest.mark.parametrize(
    "wrong", [{"every": 0}, {"batch": 0}, {"batch": 1001}, {"name": "a{b"}, {"name": "b}"}, {"name": ""}]
)
def test_refuses_a_wrong_argument(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(BadArgument, match=f"{name} is .*; accepted"):
        WriteBehind(Simulated().redis(), wrong.pop("name", "pages"), Table().load, Table().save, **wrong)


# -- in simulation: crashes, pauses, lost messages, dead nodes, stepping clocks ---------------------------------------


def lost(world: Simulated, kind: type[WriteBehind] = WriteBehind, *, checks: bool = True) -> list[str]:
    """Two processes write a row of their own, and each saves both; what was acknowledged and is not there."""
    table = Table(seconds=0.05, checks=checks)
    acknowledged, redis = dict[str, int](), world.redis()
    pages = [behind(redis, table, kind, batch=2) for _ in range(3)]

    async def work(at: int) -> None:
        async with pages[at]:
            for number in range(1, 4):
                try:
                    await pages[at].put(f"row {at}", str(number))
                    acknowledged[f"row {at}"] = number
                except RedisError:
                    pass  # nobody was told that it happened
                await asyncio.sleep(0.03)
            await asyncio.sleep(0.1)

    async def audit() -> None:
        await asyncio.sleep(8)  # whatever went wrong is over
        await pages[2].flush()

    for at in range(2):
        world.client(f"p{at}", work, at, start=world.draws("start")() / 20)
    world.client("auditor", audit)
    world.run()
    return [entity for entity, number in acknowledged.items() if int(table.values.get(entity) or 0) < number]


CHANCES = dict.fromkeys(("crash", "pause", "lose_request", "lose_reply", "node_down", "clock_step"), 0.02)


class Early(RandomFaults):
    """The auditor, who comes when all is over, meets no fault."""

    def on_send(self, world: Any, send: Any) -> Any:
        return super().on_send(world, send) if send.client != "auditor" else None


def count(kind: type[WriteBehind], seeds: int, *, pause: float = 0.02, **more: Any) -> int:
    world = Simulated(faults=Early(seconds=0.2, **CHANCES | {"pause": pause}), socket_timeout=0.5)
    return sum(bool(lost(world.rewind(seed), kind, **more)) for seed in range(seeds))


def test_no_acknowledged_write_is_lost() -> None:
    """1,000 seeds, each with faults at 2 % of sends of each kind: the newest acknowledged value, or a later one."""
    assert count(WriteBehind, runs(1000)) == 0


@pytest.mark.parametrize(
    "twin", [broken.RemovesFirst, broken.RemovesUnseen, broken.BuffersInTheProcess], ids=lambda kind: kind.__name__
)
def test_its_broken_twins_lose_writes(twin: type[WriteBehind]) -> None:
    """The controls, under the same faults."""
    assert count(twin, 60) > 0


def test_a_database_that_ignores_versions_goes_back_in_time() -> None:
    """The control for `save`'s part of the contract: a paused process saves an old batch over a newer one."""
    assert count(WriteBehind, 150, checks=False, pause=0.2) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_at_every_send(kind: Kind) -> None:
    """Exhaustively, in one process's sends: nothing acknowledged is lost."""
    fault = OneFault(kind, 10**9, 0.3, client="p1")
    world = Simulated(faults=fault, socket_timeout=0.5)
    assert lost(world.rewind(3)) == []
    for at in range(1, fault.sends + 1):
        fault.at = at
        assert lost(world.rewind(3)) == [], (kind, at)


# -- on real servers --------------------------------------------------------------------------------------------------


def through(url: str, body: Callable[[Redis], Any]) -> Any:
    async def whole() -> Any:
        retry = Retry(NoBackoff(), 1)
        async with Redis.from_url(url, decode_responses=True, retry=retry, socket_timeout=1) as redis:
            return await body(redis)

    return asyncio.run(whole())


def test_lost_replies_and_resets_lose_no_write(server: Server) -> None:
    """The client retries a put, and the flusher saves twice: the rows are right."""
    table = Table()
    with Proxy(server.port) as proxy:

        async def body(redis: Redis) -> None:
            async with behind(redis, table, every=0.01) as it:
                for number in range(30):
                    if number % 10 == 3:
                        proxy.drop_reply(close=True, matching="EVALSHA")
                    if number % 10 == 6:
                        proxy.reset()
                    await it.put(str(number % 7), str(number))
                async with asyncio.timeout(30):
                    while await redis.hlen(it.buffer):
                        await asyncio.sleep(0.01)

        through(proxy.url, body)
    assert table.values == {str(number % 7): str(number) for number in range(23, 30)}


def test_writes_survive_kill_9_of_a_server_that_syncs_each_write() -> None:
    """With appendfsync always, as the docstring asks, its crash loses nothing that it acknowledged."""
    table = Table()
    with Server(config={"appendonly": "yes", "appendfsync": "always"}) as server:

        async def write(redis: Redis) -> None:
            for number in range(20):
                await behind(redis, table).put(str(number), "row")

        through(server.url, write)
        server.kill()
        server.start()
        through(server.url, lambda redis: behind(redis, table).flush())
    assert len(table.rows) == 20
