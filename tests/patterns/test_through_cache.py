"""Cache: read-through and write-through in every world, what is stored by others, and what a put may lose."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, TypedDict, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError
from thorough import runs

from course_lib.errors import BadArgument
from course_lib.patterns.through import Cache, Metrics
from course_lib.patterns.typed import Typed
from course_lib.sim import RandomFaults
from course_lib.worlds import Simulated, World

from . import broken_through as broken
from .crowd import CancelledAt, Down, alone, awaited, round_trips, wait_until_gone

TEXT = Typed(str, version=1)


class Page(TypedDict):
    title: str
    likes: int


@dataclass
class Rows:
    """A database of rows. A load or save takes `seconds`, half before it touches the row; a load `more` after."""

    rows: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    more: float = 0.0
    failing: int = 0
    loads: int = 0

    async def load(self, entity: str) -> Any:
        self.loads += 1
        await asyncio.sleep(self.seconds / 2)
        row = self.rows.get(entity)
        await asyncio.sleep(self.seconds / 2 + self.more)
        return row

    async def save(self, entity: str, value: Any) -> None:
        await asyncio.sleep(self.seconds / 2)
        self.failing -= 1
        if self.failing >= 0:
            raise Down("save")
        self.rows[entity] = value
        await asyncio.sleep(self.seconds / 2)


def cached(redis: Redis, rows: Rows, kind: type[Cache[Any]] = Cache, **policy: Any) -> Cache[Any]:
    given: dict[str, Any] = {"shape": TEXT, "ttl": 60, "absent_ttl": 60, "save": rows.save, "timeout": 5, **policy}
    return kind(redis, "page:{}".format, rows.load, **given)


# -- in every world ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ["page", "", "∅", "v2;", "two\nlines 🦆", "\ud800", None])
def test_a_row_is_loaded_once_and_comes_back(world: World, row: str | None) -> None:
    """Its absence too."""
    rows = Rows({"7": row})

    async def body(redis: Redis) -> Any:
        cache = cached(redis, rows)
        return [await cache.get("7") for _ in range(3)], cache.metrics

    assert alone(world, body) == ([row] * 3, Metrics(hits=2, misses=1, loads=1))
    assert rows.loads == 1


@pytest.mark.parametrize("value", ["new", None])
def test_what_was_put_is_saved_and_read_without_a_load(world: World, value: str | None) -> None:
    rows = Rows({"7": "old"})

    async def body(redis: Redis) -> Any:
        cache = cached(redis, rows)
        await cache.get("7")
        await cache.put("7", value)
        return await cache.get("7"), cache.metrics, await redis.pttl("page:7")

    got, metrics, left_ms = alone(world, body)
    assert (got, rows.rows, metrics) == (value, {"7": value}, Metrics(hits=1, misses=1, loads=1, saves=1))
    assert 0 < left_ms <= 60_000


def test_an_expired_value_is_loaded_again(world: World) -> None:
    """A row and its absence, each after its own ttl."""
    rows = Rows({"7": "page"})

    async def body(redis: Redis) -> None:
        cache = cached(redis, rows, ttl=0.1, absent_ttl=0.1)
        for entity in ("7", "gone"):
            await cache.get(entity)
            await wait_until_gone(redis, f"page:{entity}")
            await cache.get(entity)

    alone(world, body)
    assert rows.loads == 4


@pytest.mark.parametrize(
    "stored", ["", "page", "v1;page", 'v1;{"title": "x"}', "∅∅", b"\xff\xfe", ["a", "list"]], ids=repr
)
def test_a_corrupt_value_is_a_miss_is_counted_and_is_replaced(world: World, stored: Any) -> None:
    """No JSON, no text at all, another type of key: the reader gets the row."""
    rows = Rows({"7": {"title": "duck", "likes": 3}})

    async def body(redis: Redis) -> Any:
        await (redis.rpush("page:7", *stored) if isinstance(stored, list) else redis.set("page:7", stored))
        cache = cached(redis, rows, shape=Typed(Page, version=1))
        got = [await cache.get("7"), await cache.get("7")]
        return got, cache.metrics._replace(errors=0), cache.metrics.errors

    got, metrics, errors = alone(world, body)
    assert got == [rows.rows["7"]] * 2
    assert (metrics, errors) == (Metrics(hits=1, corrupt=1, loads=1), isinstance(stored, list))


def test_a_changed_shape_is_a_miss_for_both_sides_of_a_deployment(world: World) -> None:
    """Old and new processes share keys for a while: each reloads what the other stored, and nobody crashes."""
    rows = Rows({"7": {"title": "duck", "likes": 3}})

    async def body(redis: Redis) -> Any:
        old = cached(redis, Rows({"7": {"title": "duck"}}), shape=Typed(dict[str, str], version=1))
        new = cached(redis, rows, shape=Typed(Page, version=2))
        return [await cache.get("7") for cache in (old, new, new, old)], old.metrics, new.metrics

    got, old, new = alone(world, body)
    assert got == [{"title": "duck"}, rows.rows["7"], rows.rows["7"], {"title": "duck"}]
    assert (old, new) == (Metrics(misses=1, changed=1, loads=2), Metrics(hits=1, changed=1, loads=1))


def test_round_trips_are_what_the_docstring_claims(world: World) -> None:
    rows = Rows({"7": "page"})

    async def body(redis: Redis) -> list[int]:
        cache, ends = cached(redis, rows), [0]
        for work in (cache.get("7"), cache.get("7"), cache.put("7", "new")):
            await work
            ends.append(len(world.trace))
        return ends

    start, *ends = alone(world, body)
    trips = [round_trips(world.trace.events[since:end]) for since, end in zip([start, *ends], ends, strict=False)]
    assert trips == [2, 1, 1]


def test_a_failed_load_or_save_reaches_the_caller_and_leaves_nothing(world: World) -> None:
    """Nobody knows whether a save that failed happened, so the old value goes too."""
    rows = Rows({"7": "old"}, failing=1)

    async def body(redis: Redis) -> list[str]:
        cache = cached(redis, rows)
        await cache.get("7")
        with pytest.raises(Down):
            await cache.put("7", "new")
        return await redis.keys()

    assert alone(world, body) == []


def test_a_refused_command_does_not_stop_reads(world: World) -> None:
    """Redis answers, if only with an error: hits go on, and no breaker opens."""

    async def body(redis: Redis) -> Any:
        cache = cached(redis, Rows({"7": "page", "8": "page"}), retry_after=60)
        await cache.get("7")
        await redis.rpush("page:8", "list")
        await redis.rename("page:8", "page:9")
        cache.key = {"7": "page:7", "9": "page:9"}.__getitem__
        return await cache.get("9"), await cache.get("7"), cache.metrics

    got, again, metrics = alone(world, body)
    assert (got, again) == (None, "page")
    assert (metrics.errors, metrics.hits, metrics.degraded) == (1, 1, 0)


@pytest.mark.parametrize("wrong", [{"ttl": 0}, {"absent_ttl": -1}, {"timeout": 0}, {"retry_after": float("nan")}])
def test_refuses_a_wrong_argument(wrong: dict[str, float]) -> None:
    """The error names it."""
    (name,) = wrong
    with pytest.raises(BadArgument, match=f"{name} is .*; accepted: seconds"):
        cached(Simulated().redis(), Rows(), **wrong)


def test_a_cache_without_save_refuses_to_put() -> None:
    with pytest.raises(BadArgument, match="save is None"):
        alone(Simulated(), lambda redis: cached(redis, Rows(), save=None).put("7", "x"))


# -- in simulation ----------------------------------------------------------------------------------------------------


def stale_after(world: Simulated, kind: type[Cache[Any]]) -> tuple[list[Any], Any]:
    """Readers and one writer at random moments of 0.1 s; then what the cache says, and what the row is."""
    rows = Rows({"7": 0}, seconds=0.02, more=0.02)
    draw, redis = world.draws("start"), world.redis()
    shape = Typed(int, version=1)
    for name in ("r1", "r2"):
        world.client(name, cached(redis, rows, kind, shape=shape).get, "7", start=draw() / 10)
    world.client("w", cached(redis, rows, kind, shape=shape).put, "7", 1, start=draw() / 10)
    world.client("later", cached(redis, rows, kind, shape=shape).get, "7", start=1 + draw())
    results = world.run()
    return [results[name] for name in ("r1", "r2", "later")], rows.rows["7"]


def test_a_load_never_replaces_what_was_put_and_the_twin_does() -> None:
    """1,000 seeds: after the put everybody reads the new row. Without NX a slow load brings the old one back."""
    world = Simulated()
    stale = {Cache: 0, broken.StoresOverPut: 0}
    for kind in stale:
        for seed in range(runs(1000) if kind is Cache else 100):
            (*_, later), row = stale_after(world.rewind(seed), kind)
            stale[kind] += later != row
    assert stale[Cache] == 0
    assert stale[broken.StoresOverPut] > 0


def test_every_answer_is_a_row_that_was_whatever_goes_wrong() -> None:
    """Crashes, pauses, lost messages, dead nodes, stepping clocks: an answer or death, and no error."""
    chances = dict.fromkeys(("crash", "pause", "lose_request", "lose_reply", "node_down", "clock_step"), 0.05)
    world = Simulated(faults=RandomFaults(seconds=0.3, **chances))
    for seed in range(runs(400)):
        answers, _ = stale_after(world.rewind(seed), Cache)
        assert all(answer in (0, 1) or repr(answer) == "CRASHED" for answer in answers), (seed, answers)
    assert not world.loop.unretrieved


def test_a_put_that_is_cancelled_anywhere_leaves_no_value_that_is_not_the_row() -> None:
    """At each await in turn; the twin, which stores first, leaves a row that never was."""
    wrong = {Cache: 0, broken.StoresFirst: 0}
    for kind in wrong:
        at = 0
        while True:
            at += 1
            world, rows = Simulated(seed=at), Rows({"7": "old"}, seconds=0.02)
            cache = cached(world.redis(), rows, kind)
            work = CancelledAt(cache.put("7", "new"), at)

            async def body(cache: Cache[Any] = cache, work: CancelledAt = work) -> Any:
                await cache.get("7")
                await asyncio.gather(asyncio.create_task(awaited(work)), return_exceptions=True)
                return await cache.get("7")

            world.client("a", body)
            wrong[kind] += world.run()["a"] != rows.rows["7"]
            assert not world.loop.unretrieved
            if work.awaits < at:
                break
        assert at > 3
    assert wrong[Cache] == 0
    assert wrong[broken.StoresFirst] > 0


class RefusesToRead:
    """A client whose server answers each GET with an error."""

    def __init__(self, redis: Redis, error: Exception) -> None:
        self.error, self.set = error, redis.set

    async def get(self, key: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (ResponseError("OOM command not allowed when used memory > 'maxmemory'."), "degraded"),
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "degraded"),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), "corrupt"),
    ],
    ids=["OOM", "OutOfMemoryError", "WRONGTYPE"],
)
def test_what_redis_refuses_is_no_corrupt_value(error: Exception, counted: str) -> None:
    """Only a value of another type is: it is replaced. Lack of memory says nothing about the value, which stays."""

    async def body(redis: Redis) -> tuple[Metrics, str | None]:
        await redis.set("page:7", "kept")
        cache = cached(redis, Rows({"7": "row"}))
        cache.redis = cast("Redis", RefusesToRead(redis, error))
        assert await cache.get("7") == "row"
        return cache.metrics, await redis.get("page:7")

    metrics, stored = alone(Simulated(), body)
    assert metrics == Metrics(loads=1, errors=1, **{counted: 1})
    assert stored == ("kept" if counted == "degraded" else 'v1;"row"')
