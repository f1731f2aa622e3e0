"""Locks on real servers: replies lost by a proxy, a holder killed or stopped, two of five servers dead."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from course_lib.errors import StaleFence
from course_lib.patterns.locks import KEEP, Lock
from course_lib.patterns.redlock import FencedStore, Redlock
from course_lib.servers import GuardedProcess, Proxy, Server, guarded

HOLDER = Path(__file__).with_name("locks_holder.py")
ROOT = Path(__file__).parents[2]
TROUBLES = (RedisError, TimeoutError)


@asynccontextmanager
async def client(url: str, *, retries: int = 0, socket_timeout: float = 10.0) -> AsyncIterator[Redis]:
    redis = Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), retries), socket_timeout=socket_timeout)
    try:
        yield redis
    finally:
        await redis.aclose()


def through(server: Server, body: Callable[[Redis, Redis, Proxy], Awaitable[Any]], **options: Any) -> Any:
    """Run `body` with a client through a proxy, and one beside it."""

    async def whole(proxy: Proxy) -> Any:
        async with client(proxy.url, **options) as redis, client(server.url) as beside:
            await (await Lock(redis, "warm", ttl=60).acquire()).release()  # type: ignore[union-attr]
            return await body(redis, beside, proxy)

    with Proxy(server.port) as proxy:
        return asyncio.run(whole(proxy))


def test_a_reply_lost_on_the_way_is_heard_by_asking_again(server: Server) -> None:
    """The client's retry finds its own token in the lock: it is the holder, and nobody else is."""

    async def body(redis: Redis, beside: Redis, proxy: Proxy) -> None:
        proxy.drop_reply(matching="lease:{job}", close=True)
        lease = await Lock(redis, "job", ttl=60, timeout=30).acquire()
        assert proxy.swallowed == 1
        assert lease is not None
        assert lease.valid
        assert await beside.get("lease:{job}") == lease.token
        assert await Lock(beside, "job", ttl=60).acquire() is None
        assert await lease.release()

    through(server, body, retries=3)


@pytest.mark.parametrize("fault", ["drop_reply", "drop_request"])
def test_without_retries_a_loss_is_an_error_and_leaves_nothing(server: Server, fault: str) -> None:
    """The caller hears of it; the release that follows frees what was granted; the next attempt succeeds."""

    async def body(redis: Redis, beside: Redis, proxy: Proxy) -> None:
        getattr(proxy, fault)(matching="fence:{job}", close=True)
        lock = Lock(redis, "job", ttl=60, timeout=30)
        with pytest.raises(TROUBLES):
            await lock.acquire()
        assert proxy.swallowed == 1
        assert not await beside.exists("lease:{job}")
        assert await lock.acquire() is not None

    through(server, body)


def test_a_request_that_arrives_after_its_release_gets_nothing(server: Server) -> None:
    """It was held back beyond the time-out; the release took a faster way, and left a mark for it."""

    async def body(redis: Redis, beside: Redis, proxy: Proxy) -> None:
        async def scripts_run() -> int:
            return int((await beside.info("commandstats"))["cmdstat_evalsha"]["calls"])

        lock = Lock(redis, "job", ttl=60, timeout=0.2)
        lock._kept = beside.register_script(KEEP)
        before = await scripts_run()
        proxy.delay(1.0)
        with pytest.raises(TROUBLES):
            await lock.acquire()
        async with asyncio.timeout(30):
            while await scripts_run() < before + 2:
                await asyncio.sleep(0.01)
        assert not await beside.exists("lease:{job}")
        assert await Lock(beside, "job", ttl=60, timeout=30).acquire() is not None

    through(server, body)


def test_a_reset_while_it_is_held_harms_nobody(server: Server) -> None:
    """The connection is gone, the lease is not: it extends and releases through another."""

    async def body(redis: Redis, beside: Redis, proxy: Proxy) -> None:
        lease = await Lock(redis, "job", ttl=60, timeout=30).acquire()
        assert lease is not None
        proxy.reset()
        await lease.extend()
        proxy.reset()
        assert await lease.release()
        assert not await beside.exists("lease:{job}")

    through(server, body, retries=3)


def holder(server: Server, ttl: float) -> GuardedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(HOLDER), server.url, str(ttl)]
    return guarded(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def test_a_killed_holder_is_followed_after_its_ttl(server: Server) -> None:
    """kill -9, so nothing is released: the next one waits for the TTL, and has a higher fence."""
    process = holder(server, ttl=1.5)
    try:
        fence = int(process.stdout.readline())  # type: ignore[union-attr]
        process.kill()

        async def body() -> tuple[bool, tuple[int, ...]]:
            async with client(server.url) as redis:
                lease = await Lock(redis, "job", ttl=60, timeout=30).acquire(wait=30)
                assert lease is not None
                return lease.valid, lease.fence

        valid, (newer,) = asyncio.run(body())
        assert valid
        assert newer > fence
    finally:
        process.end()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_stopped_holder_learns_that_it_lost_and_is_refused(server: Server) -> None:
    """It sleeps past its TTL; another holds the lock and writes. Awake, its lease is lost, and its write is refused."""
    process = holder(server, ttl=2.0)
    try:
        fence = int(process.stdout.readline())  # type: ignore[union-attr]
        process.pause()

        async def body() -> int:
            async with client(server.url) as redis:
                lease = await Lock(redis, "job", ttl=60, timeout=30).acquire(wait=30)
                assert lease is not None
                await FencedStore(redis, "report").put("new", lease.fence)
                return lease.fence[0]

        assert asyncio.run(body()) > fence
        process.resume()
        out, err = process.communicate(timeout=60)
        assert out.split() == ["lost", "refused"], err
    finally:
        process.end()


def test_two_of_five_servers_die_and_the_lock_lives(server: Server) -> None:
    """Held before, extended and released after; taken again by a majority; with a third dead, an error."""

    async def body(five: list[Server]) -> None:
        async with AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(client(each.url)) for each in five]
            lock = Redlock(nodes, "job", ttl=60, timeout=10)
            lease = await lock.acquire()
            assert lease is not None
            assert all(lease.fence)
            for dead in (0, 1):
                await asyncio.to_thread(five[dead].stop)
            await lease.extend()
            assert lease.valid
            assert await lock.acquire() is None
            assert await lease.release()
            again = await lock.acquire()
            assert again is not None
            assert list(map(bool, again.fence)) == [False, False, True, True, True]
            await asyncio.to_thread(five[2].stop)
            with pytest.raises(TROUBLES):
                await again.extend()
            assert again.valid, "until its own end, as the majority still has its key"

    five = [Server(server.found).start() for _ in range(5)]
    try:
        asyncio.run(body(five))
    finally:
        for each in five:
            each.stop()


def test_a_cluster_runs_it(server: Server) -> None:
    """A node that serves all slots refuses keys of two slots and keys that were not declared: none are."""

    async def body(cluster: RedisCluster) -> None:
        lock = Lock(cluster, "job", ttl=60, timeout=30)  # type: ignore[arg-type]  # it has what a lock asks for
        first = await lock.acquire()
        assert first is not None
        waiter = asyncio.create_task(lock.acquire(wait=30))
        await first.extend()
        assert await lock.acquire() is None
        assert await first.release()
        second = await waiter
        assert second is not None
        store = FencedStore(cluster, "report")  # type: ignore[arg-type]
        await store.put("new", second.fence)
        with pytest.raises(StaleFence):
            await store.put("old", first.fence)

    async def whole(node: Server) -> None:
        async with client(node.url) as redis:
            ask: Any = redis.execute_command
            await ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            async with asyncio.timeout(30):
                while "cluster_state:ok" not in str(await ask("CLUSTER", "INFO")):
                    await asyncio.sleep(0.05)
        cluster = RedisCluster.from_url(node.url, decode_responses=True)
        try:
            await body(cluster)
        finally:
            await cluster.aclose()

    with Server(server.found, config={"cluster-enabled": "yes"}) as node:
        asyncio.run(whole(node))
