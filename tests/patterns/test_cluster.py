"""On a Redis Cluster of three primaries each pattern works as it does elsewhere, or says that it does not."""

from __future__ import annotations

import asyncio
import doctest
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import Pipeline

from course_lib.patterns import (
    SingleFlight,
    StaleWhileRevalidate,
    cache_aside,
    lock_and_wait,
    lock_or_stale,
    xfetch,
)
from course_lib.patterns.audit import audit, remove_versions
from course_lib.patterns.invalidation import NearCache, invalidate, supersede, versioned
from course_lib.patterns.keys import Generation, KeySchema
from course_lib.patterns.leaderboards import Leaderboard, Place
from course_lib.patterns.locks import Lock
from course_lib.patterns.queues import WorkQueue, once
from course_lib.patterns.ratelimit import GCRA, FixedWindow, SlidingCounter, SlidingLog, TokenBucket
from course_lib.patterns.redlock import FencedStore
from course_lib.patterns.sessions import Sessions
from course_lib.patterns.through import Cache, WriteBehind
from course_lib.patterns.typed import Typed

from .cluster import Cluster
from .conftest import SERVERS
from .crowd import Database
from .test_examples import MODULES, examples, names_for, shown_by, values_shown

NOT_HERE = {  # as their docstrings say
    "redlock.Redlock": "its nodes must fail independently, so they are servers, not one cluster",
    "queues.once": "the example's keys have no hash tag; see test_once_applies_an_effect_once",
    "invalidation.NearCache": "it takes a client of any one node, and has a test of its own",
}
EXAMPLES = {test.name.removeprefix("course_lib.patterns."): (m, test) for m in MODULES for test in examples(m)}
KEYS = [f"page:{number}" for number in range(15)]  # they lie on all three primaries


@pytest.fixture(
    scope="module",
    params=SERVERS or [pytest.param("", marks=pytest.mark.skip(reason="no Redis or Valkey server here"))],
)
def running(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with Cluster(SERVERS[request.param]) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Cluster) -> Cluster:
    """A cluster of each kind of server in turn, empty."""
    running.empty()
    return running


def alone(cluster: Cluster, body: Callable[[Any], Awaitable[Any]], within: float = 60) -> Any:
    """Run one client; a pattern that retries for ever what a cluster refuses is cut short."""

    async def run() -> Any:
        async with asyncio.timeout(within), RedisCluster.from_url(cluster.url, decode_responses=True) as redis:
            return await body(redis)

    return asyncio.run(run())


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in NOT_HERE])
def test_no_example_of_a_docstring_meets_an_error_that_it_does_not_show(cluster: Cluster, name: str) -> None:
    """Not CROSSSLOT, no command that redis-py refuses in a cluster, no method that its cluster client lacks."""
    module, test = EXAMPLES[name]

    async def body(redis: Any) -> list[str | None]:
        names = names_for(module, redis)
        return [(await shown_by(example, names))[1] for example in test.examples]

    with values_shown():
        assert alone(cluster, body) == [example.exc_msg for example in test.examples]


def test_an_example_that_a_cluster_refuses_is_seen(cluster: Cluster) -> None:
    """The control: two keys in two slots."""
    source = ">>> await redis.mset({'a': 1, 'b': 2})\nTrue\n"
    example = doctest.DocTestParser().get_examples(source)[0]
    _, raised = alone(cluster, lambda redis: shown_by(example, {"redis": redis}))
    assert "same key slot" in raised


def test_the_keys_of_these_tests_lie_on_all_primaries(cluster: Cluster) -> None:
    async def body(redis: Any) -> int:
        return len({redis.get_node_from_key(key).name for key in KEYS})

    assert alone(cluster, body) == 3


STRATEGIES: dict[str, Callable[[Any, str, Any], Awaitable[str | None]]] = {
    "cache_aside": lambda redis, key, load: cache_aside(redis, key, load, ttl=60, absent_ttl=60),
    "lock_and_wait": lambda redis, key, load: lock_and_wait(redis, key, load, ttl=60, lock_ttl=30, wait=30),
    "lock_or_stale": lambda redis, key, load: lock_or_stale(redis, key, load, ttl=60, stale=60, lock_ttl=30, wait=30),
    "xfetch": lambda redis, key, load: xfetch(redis, key, load, ttl=600),
    "single_flight": lambda redis, key, load: SingleFlight().do(key, lambda: cache_aside(redis, key, load, ttl=60)),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_cache_loads_once_on_every_primary(cluster: Cluster, strategy: str) -> None:
    """For keys of all primaries; a crowd too loads once, if the strategy has a lock."""

    async def body(redis: Any) -> list[int]:
        loads = []
        for key in KEYS:
            database = Database(seconds=0)
            crowd = 4 if strategy.startswith("lock") else 1
            got = await asyncio.gather(*(STRATEGIES[strategy](redis, key, database.load) for _ in range(crowd)))
            got.append(await STRATEGIES[strategy](redis, key, database.load))
            assert set(got) == {"page"}
            loads.append(database.loads)
        return loads

    assert alone(cluster, body) == [1] * len(KEYS)


def test_stale_while_revalidate_serves_and_closes(cluster: Cluster) -> None:
    async def body(redis: Any) -> list[int]:
        databases = [Database(seconds=0) for _ in KEYS]
        async with StaleWhileRevalidate(redis, ttl=60, stale=60, lock_ttl=30, wait=30) as cache:
            for key, database in zip(KEYS * 2, databases * 2, strict=True):
                assert await cache.get(key, database.load) == "page"
        return [database.loads for database in databases]

    assert alone(cluster, body) == [1] * len(KEYS)


@pytest.mark.parametrize("hash_tag", [False, True])
def test_a_generation_flushes_keys_of_every_primary(cluster: Cluster, hash_tag: bool) -> None:
    """The counter lies on one primary, the values on all; still one pipeline reads both."""
    schema = KeySchema("app", "user", hash_tag=hash_tag)

    async def body(redis: Any) -> list[set[str | None]]:
        users, other = Generation(redis, schema), Generation(redis, schema)
        for number in range(12):
            await users.set(number, value="Ann", ttl=60, seen=users.seen)
        before = {await other.get(number) for number in range(12)}
        await users.flush()
        return [before, {await other.get(number) for number in range(12)}]

    assert alone(cluster, body) == [{"Ann"}, {None}]


def test_an_audit_and_a_clean_up_reach_every_primary(cluster: Cluster) -> None:
    """300 keys of an old version and 300 live ones: all faults found, the old removed, the live left."""
    live = KeySchema("app", "user", version=2)

    async def body(redis: Any) -> tuple[int, dict[str, int], int, int, dict[str, int]]:
        async with redis.pipeline(transaction=False) as pipe:
            for number in range(300):
                pipe.set(live.key(number), "x", ex=600)
                pipe.set(live.at(1).key(number), "x")
            await pipe.execute()
        before, dry = await audit(redis, [live]), await remove_versions(redis, live, dry_run=True)
        return before.keys, before.counts, dry, await remove_versions(redis, live), (await audit(redis, [live])).counts

    assert alone(cluster, body) == (600, {"no ttl": 300, "orphan version": 300}, 300, 300, {})


def test_locks_exclude_on_every_primary(cluster: Cluster) -> None:
    """One holder a name, a fence that grows, and a fenced store that refuses the older one."""

    async def body(redis: Any) -> None:
        for key in KEYS[:6]:
            first = await Lock(redis, key, ttl=60).acquire()
            assert first is not None
            assert await Lock(redis, key, ttl=60).acquire() is None
            await first.extend()
            assert await first.release()
            second = await Lock(redis, key, ttl=60).acquire()
            assert second is not None
            assert second.fence > first.fence
            await FencedStore(redis, f"store:{key}").put("new", second.fence)
            assert await FencedStore(redis, f"store:{key}").get() == "new"

    alone(cluster, body)


LIMITERS = {
    **{
        kind.__name__: partial(kind, name="hits", limit=2, period=3600)
        for kind in (FixedWindow, SlidingLog, SlidingCounter)
    },
    **{kind.__name__: partial(kind, name="hits", limit=2, period=3600, burst=2) for kind in (TokenBucket, GCRA)},
}


@pytest.mark.parametrize("limiter", LIMITERS)
def test_limiters_count_on_every_primary(cluster: Cluster, limiter: str) -> None:
    async def body(redis: Any) -> list[list[bool]]:
        limit = LIMITERS[limiter](redis)
        return [[(await limit.hit(key)).allowed for _ in range(3)] for key in KEYS]

    assert alone(cluster, body) == [[True, True, False]] * len(KEYS)


def test_read_through_write_through_and_write_behind_work_on_every_primary(cluster: Cluster) -> None:
    saved: dict[str, str | None] = {}

    async def load(entity: str) -> str | None:
        return saved.get(entity)

    async def save(entity: str, value: str | None) -> None:
        saved[entity] = value

    async def save_all(writes: list[Any]) -> None:
        saved.update({write.entity: write.value for write in writes})

    async def body(redis: Any) -> None:
        pages = Cache(redis, "page:{}".format, load, shape=Typed(str, version=1), ttl=60, save=save, timeout=30)
        for key in KEYS:
            await pages.put(key, f"the {key}")
        assert [await pages.get(key) for key in KEYS] == [f"the {key}" for key in KEYS]
        assert pages.metrics.hits == len(KEYS)
        behind = WriteBehind(redis, "pages", load, save_all)
        for key in KEYS:
            await behind.put(key, "new")
        assert [await behind.get(key) for key in KEYS] == ["new"] * len(KEYS)
        await behind.flush()

    alone(cluster, body)
    assert saved == dict.fromkeys(KEYS, "new")


def test_invalidation_works_on_every_primary(cluster: Cluster) -> None:
    """Deleting with the lease, and versions that only go up."""

    async def body(redis: Any) -> None:
        for key in KEYS:
            database = Database(seconds=0)
            for _ in range(2):
                await lock_and_wait(redis, key, database.load, ttl=60, lock_ttl=30, wait=30)
                await invalidate(redis, key)
            assert database.loads == 2
            await supersede(redis, key, 7, ttl=60)

            async def old() -> tuple[int, str]:
                return 6, "old"

            async def new() -> tuple[int, str]:
                return 7, "new"

            got = [await versioned(redis, key, load, ttl=60) for load in (old, new, old)]
            assert got == ["old", "new", "new"]

    alone(cluster, body)


def test_a_near_cache_on_any_one_node_hears_of_every_key(cluster: Cluster) -> None:
    """What `invalidate` publishes on a key's own primary reaches those who listen on another."""

    async def body(redis: Any) -> list[int]:
        heard = []
        for server in cluster.servers:
            node = Redis.from_url(server.url, decode_responses=True)
            async with node, NearCache(node, ttl=600, silence=10) as near:
                for key in KEYS:
                    while await get(near, key, "old") != await get(near, key, "other"):
                        await asyncio.sleep(0.01)  # it keeps nothing, as it does not listen yet
                    await invalidate(redis, key)
                    while await get(near, key, "new") != "new":
                        await asyncio.sleep(0.005)
                heard.append(len(KEYS))
        return heard

    async def get(near: NearCache, key: str, row: str) -> str | None:
        return await near.get(key, partial(asyncio.sleep, 0, row))

    assert alone(cluster, body) == [len(KEYS)] * 3


def test_sessions_queues_and_leaderboards_keep_to_one_slot(cluster: Cluster) -> None:
    """What one script or transaction touches shares a hash tag."""

    async def body(redis: Any) -> None:
        sessions = Sessions(redis, "shop", idle=600, lifetime=3600)
        for number in range(12):
            visitor = await sessions.log_in(cart="duck")
            member = await sessions.log_in(visitor, user=f"{number}")
            assert await sessions.use(member) == {"cart": "duck", "user": f"{number}"}
            assert await sessions.use(visitor) is None
            await sessions.log_out(member)
            assert await sessions.use(member) is None
        for name in KEYS[:4]:
            queue, handled = WorkQueue(redis, f"mails:{name}", claim_after=600, block=0.05), list[str]()

            async def handle(message_id: str, text: str, handled: list[str] = handled) -> None:
                handled.append(text)

            for text in ("one", "two", "one"):
                await queue.send(text, message_id=text)
            worker = asyncio.create_task(queue.run("worker", handle))
            while handled != ["one", "two"]:
                assert not worker.done(), worker
                await asyncio.sleep(0.01)
            while not worker.done():  # redis-py's cluster client may lose a cancellation
                worker.cancel()
                await asyncio.sleep(0.01)
            board = Leaderboard(redis, f"points:{name}", ttl=600)
            for member, points in (("ann", 7), ("bob", 9), ("cat", 9)):
                await board.add(member, points)
            assert await board.top() == [Place(1, "bob", 9), Place(2, "cat", 9), Place(3, "ann", 7)]
            assert await board.around("cat") == [Place(2, "cat", 9)]

    alone(cluster, body)


def test_a_leaderboard_sums_boards_of_one_slot(cluster: Cluster) -> None:
    async def body(redis: Any) -> None:
        days = [Leaderboard(redis, f"points:{{arcade}}:{day}", ties="shared", ttl=600) for day in range(3)]
        for day in days:
            await day.add("ann", 5)
        await days[0].sum_of(*(day.key for day in days))
        assert await days[0].top() == [Place(1, "ann", 15)]

    alone(cluster, body)


def test_once_applies_an_effect_once(cluster: Cluster) -> None:
    """The mark and what it guards in one slot, for a transaction has only one."""

    async def body(redis: Any) -> str:
        def effect(pipe: Pipeline) -> None:
            pipe.incr("{7}:total")

        for _ in range(3):
            await once(redis, "{7}:mark", effect, remember=60)
        return str(await redis.get("{7}:total"))

    assert alone(cluster, body) == "1"
