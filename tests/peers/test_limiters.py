"""Faults of published rate limiters, and ours in the same scenario."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from course_lib.patterns.ratelimit import GCRA, FixedWindow, Limiter, SlidingCounter, SlidingLog, TokenBucket

from .conftest import Node
from .environment import heard_from


def all_of_ours(redis: Redis, limit: int, period: float) -> list[Limiter]:
    windows = [kind(redis, "hits", limit=limit, period=period) for kind in (FixedWindow, SlidingLog, SlidingCounter)]
    return [*windows, *(kind(redis, "hits", limit=limit, period=period, burst=limit) for kind in (TokenBucket, GCRA))]


def on(node: Node, work: Callable[[Redis], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Redis.from_url(node.server.url, decode_responses=True) as client:
            await work(client)

    asyncio.run(main())


def test_throttled_py_admits_everyone_to_a_small_bucket(node: Node) -> None:
    """3.5.0: a bucket of 10 that fills at 100 a second expires after 0 whole seconds: it is always full."""
    said = heard_from("limiters", "throttled_bucket", node.server.url)
    assert said["admitted"] == 500
    assert said["admitted"] > 10 + 100 * said["seconds"]


@pytest.mark.parametrize("kind", [TokenBucket, GCRA])
def test_ours_admits_the_burst_and_the_rate(node: Node, kind: type[TokenBucket]) -> None:
    async def work(redis: Redis) -> None:
        limiter = kind(redis, "hits", limit=100, period=1, burst=10)
        began = time.monotonic()
        admitted = sum([(await limiter.hit("ann")).allowed for _ in range(500)])
        assert 10 <= admitted <= 10 + 100 * (time.monotonic() - began)

    on(node, work)


def test_pyrate_limiter_fails_for_good_once_the_server_forgot_its_script(node: Node) -> None:
    """4.5.1: EVALSHA without a way back, so a restart or a failover ends it; and its key never expires."""
    assert heard_from("limiters", "pyrate_noscript", node.server.url) == {"ttl": -1, "error": "NoScriptError"}


def test_ours_goes_on_after_the_server_forgot_its_script(node: Node) -> None:
    async def work(redis: Redis) -> None:
        for limiter in all_of_ours(redis, 5, 1e6):
            assert (await limiter.hit("ann")).remaining == 4
            await redis.script_flush()
            assert (await limiter.hit("ann")).remaining == 3
        assert min([await redis.pttl(key) async for key in redis.scan_iter()]) > 0

    on(node, work)


def test_limits_trusts_the_clock_of_each_client(node: Node) -> None:
    """5.8.0: 5 in 10 s; a client whose clock is 11 s ahead gets 5 more at once. It keeps an entry for each."""
    assert heard_from("limiters", "limits_clock", node.server.url, "0") == {"admitted": 5, "entries": 5}
    assert heard_from("limiters", "limits_clock", node.server.url, "11")["admitted"] == 5


def test_ours_reads_the_clock_of_the_server(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's clock, centuries ahead, changes nothing: 5 are admitted, however many ask."""

    async def work(redis: Redis) -> None:
        for limiter in all_of_ours(redis, 5, 1000)[1:]:  # a fixed window may end meanwhile
            assert sum([(await limiter.hit("ann")).allowed for _ in range(8)]) == 5
            with monkeypatch.context() as patched:
                patched.setattr("time.time", lambda: 1e10)
                assert sum([(await limiter.hit("ann")).allowed for _ in range(8)]) == 0

    on(node, work)


def test_ours_keeps_one_number_where_a_log_keeps_an_entry_for_each(node: Node) -> None:
    async def work(redis: Redis) -> None:
        gcra = GCRA(redis, "hits", limit=1000, period=1000, burst=1000)
        sizes = []
        for _ in range(2):
            for _ in range(50):
                await gcra.hit("ann")
            (key,) = [key async for key in redis.scan_iter() if await redis.type(key) == "hash"]
            sizes.append(await redis.hlen(key))
        assert sizes == [1, 1]

    on(node, work)


# -- look, then count -------------------------------------------------------------------------------------------------


async def look_then_count(redis: Redis, key: str, limit: int) -> bool:
    """_broken: two round trips, as in the "Async Version" of redis-py's notebook on sliding windows.

    So too a solution of ru102py's Challenge 7, whose assertions ask one after another.
    """
    now = time.time_ns()
    async with redis.pipeline() as pipe:
        pipe.zremrangebyscore(key, 0, now - 60 * 10**9)
        pipe.zcard(key)
        _, count = await pipe.execute()
    if count >= limit:
        return False
    await redis.zadd(key, {str(now): now})
    return True


def test_a_racy_limiter_passes_a_sequential_test(node: Node) -> None:
    async def work(redis: Redis) -> None:
        assert [await look_then_count(redis, "ann", 3) for _ in range(5)] == [True] * 3 + [False] * 2

    on(node, work)


def test_a_racy_limiter_admits_whoever_asks_at_once(node: Node) -> None:
    """Requests that take 50 ms to arrive: all look before the first one counts."""
    node.proxy.delay(0.05)
    assert asyncio.run(at_once(node.proxy.url, lambda redis: look_then_count(redis, "ann", 1))) == 5


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4], ids=lambda kind: all_of_ours(Redis(), 1, 1)[kind].__class__.__name__)
def test_ours_admits_one_of_those_who_ask_at_once(node: Node, kind: int) -> None:
    node.proxy.delay(0.05)

    async def ask(redis: Redis) -> bool:
        return (await all_of_ours(redis, 1, 1e6)[kind].hit("ann")).allowed

    assert asyncio.run(at_once(node.proxy.url, ask)) == 1


async def at_once(url: str, ask: Callable[[Redis], Awaitable[bool]]) -> int:
    async with Redis.from_url(url, decode_responses=True) as redis:
        await asyncio.gather(*(redis.ping() for _ in range(5)))  # five connections
        return sum(await asyncio.gather(*(ask(redis) for _ in range(5))))
