"""NearCache: it forgets what it hears of, and serves nothing that was invalid for longer than `silence`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from thorough import runs

from course_lib.errors import BadArgument
from course_lib.patterns import lock_and_wait
from course_lib.patterns.invalidation import NearCache, invalidate
from course_lib.servers import Proxy, Server
from course_lib.sim import OneFault, RandomFaults
from course_lib.sim.faults import KINDS, Kind
from course_lib.worlds import Simulated, World

from . import broken_invalidation as broken
from .crowd import Database, alone

# Python collects what a crashed process leaves, and then runs its `async with` once more, where there is no loop.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:coroutine 'ended' was never awaited:RuntimeWarning"),
]


class Source:
    """What a near cache fetches from: a value, and how often it was asked for."""

    def __init__(self, value: str | None = "page") -> None:
        self.value, self.fetches = value, 0

    async def fetch(self) -> str | None:
        self.fetches += 1
        return self.value


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.01)


async def until_near(near: NearCache, source: Source, key: str = "page") -> None:
    """Ask until an answer costs no fetch: it listens, and keeps."""

    async def is_near() -> bool:
        before = source.fetches
        await near.get(key, source.fetch)
        return source.fetches == before

    await until(is_near)


async def until_seen(near: NearCache, source: Source, value: str, key: str = "page") -> None:
    async def is_seen() -> bool:
        return await near.get(key, source.fetch) == value

    await until(is_seen)


# -- in every world ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["page", "", None])
def test_a_hit_asks_nobody(world: World, value: str | None) -> None:
    """The absence of a row is kept too."""

    async def body(redis: Redis) -> list[Any]:
        source = Source(value)
        async with NearCache(redis, ttl=60, silence=30) as near:
            await until_near(near, source)
            before = source.fetches
            return [await near.get("page", source.fetch) for _ in range(3)] + [source.fetches - before]

    assert alone(world, body) == [value] * 3 + [0]


def test_an_invalidation_is_heard(world: World) -> None:
    """Of that key and no other."""

    async def body(redis: Redis) -> int:
        page, other = Source("old"), Source("other")
        async with NearCache(redis, ttl=60, silence=30) as near:
            await until_near(near, page)
            await until_near(near, other, "other")
            page.value, before = "new", other.fetches
            await invalidate(redis, "page")
            await until_seen(near, page, "new")
            await near.get("other", other.fetch)
            return other.fetches - before

    assert alone(world, body) == 0


def test_a_fetch_that_crosses_an_invalidation_is_not_kept(world: World) -> None:
    """Its caller gets what was fetched; the next one fetches again. The twin keeps it."""

    async def body(redis: Redis, kind: type[NearCache]) -> str | None:
        page = Source("old")
        async with kind(redis, ttl=60, silence=30) as near:
            await until_near(near, page)
            await invalidate(redis, "page")
            asked, heard = asyncio.Event(), asyncio.Event()

            async def slow() -> str:
                asked.set()
                await heard.wait()
                return "old"

            await until(lambda: gone(near))
            reader = asyncio.create_task(near.get("page", slow))
            await asked.wait()
            await invalidate(redis, "page")
            if kind is NearCache:
                await until(lambda: untracked(near))
            else:
                await asyncio.sleep(0.2)
            heard.set()
            assert await reader == "old"
            return await near.get("page", Source("new").fetch)

    async def gone(near: NearCache) -> bool:
        return "page" not in near._near

    async def untracked(near: NearCache) -> bool:
        return "page" not in near._fetching

    assert alone(world, partial(body, kind=NearCache)) == "new"


def test_the_twin_keeps_what_crossed() -> None:
    """The control for the test above, in virtual time."""

    async def body(redis: Redis, kind: type[NearCache]) -> str | None:
        async with kind(redis, ttl=60, silence=30) as near:
            await asyncio.sleep(1)

            async def crossed() -> str:
                await invalidate(redis, "page")
                await asyncio.sleep(1)
                return "old"

            await near.get("page", crossed)
            return await near.get("page", Source("new").fetch)

    assert alone(Simulated(), partial(body, kind=NearCache)) == "new"
    assert alone(Simulated(), partial(body, kind=broken.KeepsWhatCrossed)) == "old"


def test_a_failed_or_cancelled_fetch_leaves_nothing() -> None:
    """No entry, no ticket; the next call fetches."""

    async def body(redis: Redis) -> Any:
        async with NearCache(redis, ttl=60, silence=30) as near:
            await asyncio.sleep(1)
            with pytest.raises(ZeroDivisionError):
                await near.get("page", fail)
            caller = asyncio.create_task(near.get("page", partial(asyncio.sleep, 3600)))
            await asyncio.sleep(1)
            caller.cancel()
            await asyncio.gather(caller, return_exceptions=True)
            return await near.get("page", Source().fetch), near._fetching, len(near._near)

    async def fail() -> str:
        raise ZeroDivisionError

    assert alone(Simulated(), body) == ("page", {}, 1)


def test_it_keeps_at_most_size_keys_and_the_recent_ones() -> None:
    async def body(redis: Redis) -> list[str]:
        async with NearCache(redis, ttl=60, silence=30, size=3) as near:
            await asyncio.sleep(1)
            for key in "abcad":
                await near.get(key, Source(key).fetch)
            return list(near._near)

    assert alone(Simulated(), body) == ["c", "a", "d"]


def test_ttl_bounds_what_no_message_tells() -> None:
    """A writer that crashed before its invalidate: the old value is served for ttl and no longer."""

    async def body(redis: Redis) -> float:
        now, page = asyncio.get_running_loop().time, Source("old")
        async with NearCache(redis, ttl=5, silence=1) as near:
            await asyncio.sleep(1)
            await near.get("page", page.fetch)
            page.value, wrote = "new", now()
            while await near.get("page", page.fetch) == "old":
                await asyncio.sleep(0.001)
            return now() - wrote

    assert alone(Simulated(), body) == pytest.approx(5, abs=0.002)


@pytest.mark.parametrize("wrong", [{"ttl": 0}, {"silence": 0}, {"size": 0}])
def test_refuses_a_wrong_argument(wrong: dict[str, Any]) -> None:
    async def body(redis: Redis) -> None:
        NearCache(redis, **{"ttl": 1, "silence": 1, **wrong})

    with pytest.raises(BadArgument, match=f"{next(iter(wrong))} is 0; accepted"):
        alone(Simulated(), body)


def test_where_there_is_no_tracking_get_says_so() -> None:
    """Rather than serve what nobody will ever invalidate."""

    async def body(redis: Redis) -> None:
        async with NearCache(redis, ttl=1, silence=1, prefix="page:") as near:
            await asyncio.sleep(0.5)
            await near.get("page:7", Source().fetch)

    with pytest.raises(ResponseError):
        alone(Simulated(), body)


# -- in simulation: how stale can an answer be? -----------------------------------------------------------------------


SILENCE = 0.3


class Early(RandomFaults):
    """All faults strike the readers and the writer in the first 1.2 s."""

    def on_send(self, world: Any, send: Any) -> Any:
        return super().on_send(world, send) if world.now() < 1.2 else None


def stalest(world: Simulated, kind: type[NearCache] = NearCache, *, writes: int = 5, until: float = 2.2) -> float:
    """Two near caches in processes of their own and a writer; for how long was the stalest answer known to be wrong?"""
    redis, page = world.redis(), Database("0", seconds=0.005)
    ended: dict[str, float] = {}
    worst = [0.0]

    async def write() -> None:
        for number in range(1, writes + 1):
            page.row = str(number)
            while True:
                try:
                    await invalidate(redis, "page")
                    break
                except RedisError:
                    await asyncio.sleep(0.02)
            ended.setdefault(str(number - 1), world.now())
            await asyncio.sleep(0.5 * draw())

    async def read() -> None:
        async with kind(redis, ttl=60, silence=SILENCE) as near:
            while world.now() < until:
                begun = world.now()
                try:
                    got = await near.get("page", load)
                except (RedisError, TimeoutError):
                    continue
                finally:
                    await asyncio.sleep(0.4 if gap() < 0.1 else 0.02)  # in a lull nobody fetches what was missed
                worst[0] = max(worst[0], begun - ended.get(got or "", begun))

    async def load() -> str | None:
        return await lock_and_wait(redis, "page", page.load, ttl=60, lock_ttl=0.5, wait=5)

    draw, gap = world.draws("writes"), world.draws("gaps")
    for name in ("near 1", "near 2"):
        world.client(name, read)
    world.client("writer", write, start=0.1)
    world.run()
    return worst[0]


CHANCES = dict.fromkeys(("pause", "lose_request", "lose_reply", "node_down", "clock_step"), 0.02) | {"crash": 0.002}


def test_nothing_is_served_that_was_invalid_for_longer_than_silence() -> None:
    """1,000 seeds of 2.2 s, in which each of many commands may meet any fault, pauses of twice `silence` too."""
    world = Simulated(faults=Early(seconds=2 * SILENCE, **CHANCES), socket_timeout=1)
    assert max(stalest(world.rewind(seed)) for seed in range(runs(1000))) <= SILENCE
    assert not world.loop.unretrieved


@pytest.mark.parametrize("twin", [broken.Trusting, broken.Unflushed], ids=lambda kind: kind.__name__)
def test_its_broken_twins_serve_older_values(twin: type[NearCache]) -> None:
    """The controls, under the same faults."""
    world = Simulated(faults=Early(seconds=2 * SILENCE, **CHANCES), socket_timeout=1)
    assert max(stalest(world.rewind(seed), twin) for seed in range(65)) > SILENCE


def stale_after_one_fault(kind: Kind, near: type[NearCache] = NearCache) -> list[int]:
    """The sends of a shorter run at which one such fault makes an answer too old."""
    fault, found = OneFault(kind, 10**9, 2 * SILENCE), []
    world = Simulated(faults=fault, socket_timeout=1)
    assert stalest(world.rewind(1), near, writes=2, until=1.6) <= SILENCE
    for at in range(1, fault.sends + 1):
        fault.at = at
        if stalest(world.rewind(1), near, writes=2, until=1.6) > SILENCE:
            found.append(at)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_at_every_send_makes_no_answer_too_old(kind: Kind) -> None:
    assert stale_after_one_fault(kind) == []


@pytest.mark.parametrize(("kind", "twin"), [("pause", broken.Trusting), ("node down", broken.Unflushed)])
def test_one_well_placed_fault_shows_each_twin(kind: Kind, twin: type[NearCache]) -> None:
    """The controls."""
    assert stale_after_one_fault(kind, twin) != []


# -- on real servers --------------------------------------------------------------------------------------------------


def client(url: str, **more: Any) -> Redis:
    return Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 1), **more)


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_servers_own_tracking_tells_of_every_write(server: Server, protocol: int) -> None:
    """No writer publishes anything: SET, DEL, expiry and FLUSHALL are all heard of. RESP2 and RESP3."""

    async def body() -> int:
        async with client(server.url, protocol=protocol) as redis:
            page, other = Source("1"), Source("x")
            async with NearCache(redis, ttl=600, silence=2, prefix="page:") as near:
                await redis.set("page:7", "1")
                await until_near(near, page, "page:7")
                await until_near(near, other, "other")
                for value, write in (
                    ("2", lambda: redis.set("page:7", "2")),
                    ("3", lambda: redis.delete("page:7")),
                    ("4", lambda: redis.set("page:7", "4", px=1)),
                ):
                    page.value = value
                    await write()
                    await until_seen(near, page, value, "page:7")
                fetches = other.fetches
                await redis.set("other", "y")
                await near.get("other", other.fetch)
                assert other.fetches == fetches, "it is not in the prefix"
                page.value = "5"
                await redis.flushall()
                await until_seen(near, page, "5", "page:7")
                return other.fetches

    assert asyncio.run(body()) >= 1


@pytest.mark.parametrize("prefix", [None, "page"])
@pytest.mark.parametrize("fault", ["reset", "half_open", "refuse"])
def test_a_connection_that_fails_costs_the_near_memory(server: Server, fault: str, prefix: str | None) -> None:
    """The write and its message happen meanwhile; afterwards nobody reads the old value: Pub/Sub and tracking."""
    with Proxy(server.port) as proxy:

        async def body() -> None:
            async with client(proxy.url) as redis, client(server.url) as direct:
                page = Source("old")
                async with NearCache(redis, ttl=600, silence=1, prefix=prefix) as near:
                    await direct.set("page", "old")
                    await until_near(near, page)
                    getattr(proxy, fault)()
                    if fault == "refuse":
                        proxy.reset()
                    page.value = "new"
                    await direct.set("page", "new")
                    await invalidate(direct, "page")
                    await until_seen(near, page, "new")
                    proxy.heal()
                    await until_near(near, page)
                    assert await near.get("page", page.fetch) == "new"

        asyncio.run(body())


def test_a_killed_server_costs_the_near_memory() -> None:
    """kill -9: within `silence` nothing is served from memory; the next life begins with a flush."""
    with Server() as own:

        async def body() -> None:
            async with client(own.url) as redis:
                page = Source("old")
                async with NearCache(redis, ttl=600, silence=1) as near:
                    await until_near(near, page)
                    own.kill()
                    page.value = "new"
                    await until_seen(near, page, "new")
                    own.start()
                    await until_near(near, page)
                    assert await near.get("page", page.fetch) == "new"

        asyncio.run(body())


def test_a_stopped_server_is_not_trusted(server: Server) -> None:
    """SIGSTOP: connections stay open and say nothing, so after `silence` the near memory is not used."""

    async def body() -> None:
        async with client(server.url, socket_timeout=2) as redis:
            page = Source("old")
            async with NearCache(redis, ttl=600, silence=1) as near:
                await until_near(near, page)
                server.pause()
                try:
                    page.value = "new"
                    await until_seen(near, page, "new")
                finally:
                    server.resume()
                await until_near(near, page)

    asyncio.run(body())


def test_ttl_counts_from_when_the_fetch_began() -> None:
    """The value may have been read at its beginning: a fetch that takes 3 of 5 s leaves 2."""

    async def body(redis: Redis) -> float:
        now, page = asyncio.get_running_loop().time, Source("old")

        async def slow() -> str | None:
            value = await page.fetch()
            await asyncio.sleep(3)
            return value

        async with NearCache(redis, ttl=5, silence=1) as near:
            await asyncio.sleep(1)
            begun = now()
            await near.get("page", slow)
            page.value = "new"
            while await near.get("page", page.fetch) == "old":
                await asyncio.sleep(0.001)
            return now() - begun

    assert alone(Simulated(), body) == pytest.approx(5, abs=0.002)
