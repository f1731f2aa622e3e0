"""The stampede's remedies on real servers: replies lost by a proxy, connections reset, loaders killed or stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from course_lib.patterns import lock_and_wait, lock_or_stale
from course_lib.servers import GuardedProcess, Proxy, Server, guarded

from .crowd import Database

ROOT = Path(__file__).parents[2]
LOCKED: dict[str, float] = {"ttl": 60.0, "lock_ttl": 30.0, "wait": 60.0}
ASKS = {
    "lock_and_wait": partial(lock_and_wait, **LOCKED),  # type: ignore[arg-type]
    "lock_or_stale": partial(lock_or_stale, stale=60.0, **LOCKED),  # type: ignore[arg-type]
}
LOADER = """
import asyncio, sys
from redis.asyncio import Redis
from course_lib.patterns import lock_and_wait
async def load():
    print("loads", flush=True)
    await asyncio.sleep(2.0)
    return "late"
async def main():
    redis = Redis.from_url(sys.argv[1], decode_responses=True)
    print(await lock_and_wait(redis, "page", load, ttl=60, lock_ttl=1.0, wait=60), flush=True)
    await redis.aclose()
asyncio.run(main())
"""


def through(server: Server, body: Callable[[Redis, Proxy], Awaitable[Any]], *, retries: int) -> Any:
    """Run `body` with a client whose connections go through a proxy."""

    async def whole(proxy: Proxy) -> Any:
        retry = Retry(NoBackoff(), retries)
        redis = Redis.from_url(proxy.url, decode_responses=True, retry=retry, socket_timeout=30)
        try:
            return await body(redis, proxy)
        finally:
            await redis.aclose()

    with Proxy(server.port) as proxy:
        return asyncio.run(whole(proxy))


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("matching", ["SET lock:{page}", "EVALSHA"])
def test_a_lost_reply_and_a_retry_cost_no_second_load(server: Server, name: str, matching: str) -> None:
    """The reply to taking the lock, or to storing: the client asks again by itself, and is told its own token."""

    async def body(redis: Redis, proxy: Proxy) -> None:
        database = Database()
        await ASKS[name](redis, "warm", database.load)  # the script is known from now on
        proxy.drop_reply(matching=matching, close=True)
        assert await ASKS[name](redis, "page", database.load) == "page"
        assert proxy.swallowed == 1
        assert await ASKS[name](redis, "page", database.load) == "page"
        assert database.loads == 2
        assert not await redis.exists("lock:{page}")

    through(server, body, retries=3)


@pytest.mark.parametrize("name", ASKS)
def test_without_retries_a_lost_reply_is_an_error_that_locks_nobody_out(server: Server, name: str) -> None:
    """What may have been granted is given back, so the next caller loads at once, long before lock_ttl is over."""

    async def body(redis: Redis, proxy: Proxy) -> None:
        database = Database()
        proxy.drop_reply(matching="SET lock:{page}", close=True)
        with pytest.raises(RedisError):
            await ASKS[name](redis, "page", database.load)
        assert database.loads == 0
        async with asyncio.timeout(20):
            assert await ASKS[name](redis, "page", database.load) == "page"

    through(server, body, retries=0)


def test_a_reset_during_the_load_is_survived(server: Server) -> None:
    """The loader stores through a new connection, and the waiter finds the value through another."""

    async def body(redis: Redis, proxy: Proxy) -> None:
        loading = asyncio.Event()

        async def load() -> str:
            loading.set()
            await asyncio.sleep(0.2)
            return "page"

        first = asyncio.create_task(lock_and_wait(redis, "page", load, **LOCKED))  # type: ignore[arg-type]
        await loading.wait()
        second = asyncio.create_task(lock_and_wait(redis, "page", load, **LOCKED))  # type: ignore[arg-type]
        proxy.reset()
        assert await asyncio.gather(first, second) == ["page", "page"]

    through(server, body, retries=3)


def loader(server: Server) -> GuardedProcess:
    """A process whose load takes 2 s, and whose lock 1 s; it is loading when this returns."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = guarded([sys.executable, "-c", LOADER, server.url], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline().strip() in ("loads", b"loads")
    return process


async def follows(url: str) -> str | None:
    redis = Redis.from_url(url, decode_responses=True)
    try:
        return await lock_and_wait(redis, "page", Database(row="new").load, **LOCKED)  # type: ignore[arg-type]
    finally:
        await redis.aclose()


def test_a_killed_loader_is_replaced_once_its_lock_expires(server: Server) -> None:
    process = loader(server)
    try:
        process.kill()
        assert asyncio.run(follows(server.url)) == "new"
    finally:
        process.end()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_stopped_loader_returns_its_value_and_stores_nothing(server: Server) -> None:
    """It wakes when its lock is long another's and the value is there; what it loaded stays out of the cache."""
    process = loader(server)
    try:
        process.pause()
        assert asyncio.run(follows(server.url)) == "new"
        process.resume()
        out, _ = process.communicate(timeout=60)
        assert "late" in str(out)
        assert asyncio.run(follows(server.url)) == "new"
    finally:
        process.end()
