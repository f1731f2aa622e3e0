"""For real: processes, lost messages, a server that is paused, full or busy, and a cluster."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, OutOfMemoryError, ReadOnlyError, ResponseError

from course_lib.patterns.ratelimit import Decision, FixedWindow
from course_lib.servers import Proxy, Server, guarded
from course_lib.servers.ports import free_port

from .broken_ratelimit import forgetful
from .ratelimit_models import FAMILIES, Family

WORKER = Path(__file__).with_name("ratelimit_worker.py")
ROOT = Path(__file__).parents[2]
PROCESSES, TASKS, LIMIT = 3, 100, 130
LONG = 8e8  # s: in 2020 such a window of the calendar began, and in 2046 it ends

everyone = pytest.mark.parametrize("family", FAMILIES, ids=str)


def on(port: int, body: Callable[[Redis], Awaitable[Any]], **options: Any) -> Any:
    """Run `body(redis)` with a client of its own, which retries ten times by default; one made from_url never does."""

    async def main() -> Any:
        async with Redis(port=port, **options) as client:
            return await body(client)

    return asyncio.run(main())


# -- processes --------------------------------------------------------------------------------------------------------


def admissions(client: redis.Redis, family: Family) -> int:
    """How many the server admitted: each left a key, for two minutes here."""
    return sum(1 for _ in client.scan_iter(f"hit:*:hits:{family}:*", count=1000))


def test_processes_admit_exactly_the_limit_even_if_one_is_killed(server: Server) -> None:
    """Three processes of a hundred tasks, one killed with -9 on its way: the places are taken, and no more."""
    command = [sys.executable, str(WORKER), server.url, str(TASKS), str(LIMIT)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    workers = [guarded(command, env=environment, **pipes) for _ in range(PROCESSES)]
    victim, *others = workers
    try:
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            wait_until(lambda: client.get("ready") == str(PROCESSES))
            client.set("go", "1")
            wait_until(lambda: client.dbsize() > 10)
            victim.kill()
            yes = []
            for worker in others:
                out, err = worker.communicate(timeout=60)
                assert worker.returncode == 0, err
                yes.append(json.loads(out))
            for family in FAMILIES:
                assert admissions(client, family) == LIMIT
                assert 0 <= LIMIT - sum(said[str(family)] for said in yes) <= TASKS
    finally:
        for worker in workers:
            worker.end()


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again, for a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# -- lost messages ----------------------------------------------------------------------------------------------------


@contextmanager
def proxied(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


def left_after_a_loss(server: Server, make: Any, lose: Callable[[Proxy], None]) -> tuple[Decision, Decision]:
    """Ask once and lose something on the way; ask again. redis-py retries in between, and tells nobody."""

    async def body(client: Redis) -> tuple[Decision, Decision]:
        limiter = make(client, "hits", limit=9, period=LONG)
        await limiter.hit("bob")  # the server learns the script
        lose(proxy)
        decision = await limiter.hit("ann")
        assert proxy.swallowed == 1
        return decision, await limiter.hit("ann")

    with proxied(server) as proxy:
        both: tuple[Decision, Decision] = on(proxy.port, body)
        return both


@everyone
def test_a_lost_reply_counts_once(server: Server, family: Family) -> None:
    """redis-py's own retry, as it comes: the request that was answered and not heard is not counted again."""

    def make(client: Redis, name: str, limit: int, period: float) -> Any:
        return family.make(client, limit, period)

    first, second = left_after_a_loss(server, make, lambda proxy: proxy.drop_reply(close=True))
    assert (first.allowed, first.remaining, second.remaining) == (True, 8, 7)


@everyone
def test_without_a_memory_a_lost_reply_counts_twice(server: Server, family: Family) -> None:
    """The control; the log is its own memory, as it knows requests by their ids."""
    first, second = left_after_a_loss(server, forgetful(family), lambda proxy: proxy.drop_reply(close=True))
    once = str(family) == "SlidingLog"
    assert (first.remaining, second.remaining) == ((8, 7) if once else (7, 6))


def test_a_lost_request_counts_once(server: Server) -> None:
    """It never arrived, and its retry did."""
    first, second = left_after_a_loss(server, FixedWindow, lambda proxy: proxy.drop_request(close=True))
    assert (first.remaining, second.remaining) == (8, 7)


@everyone
def test_connections_that_are_reset_count_each_request_once(server: Server, family: Family) -> None:
    """Sixty requests while every connection is reset again and again: sixty are counted."""

    async def body(client: Redis) -> Decision:
        limiter = family.make(client, 100, LONG)

        async def ask() -> None:
            for _ in range(10):
                assert (await limiter.hit("ann")).allowed

        async def disturb() -> None:
            for _ in range(5):
                proxy.reset()
                await asyncio.sleep(0.003)

        await asyncio.gather(disturb(), *(ask() for _ in range(6)))
        return await limiter.hit("ann")

    with proxied(server) as proxy:
        assert on(proxy.port, body).remaining == 39


# -- a server that cannot answer --------------------------------------------------------------------------------------


def both_ways(server: Server, body: Callable[[Any], Awaitable[Any]], error: type[Exception]) -> None:
    """Open says yes, closed says no, both say that they are degraded; and by default it is an error."""

    async def run(client: Redis) -> None:
        limiters = [
            FixedWindow(client, "hits", limit=9, period=60, timeout=0.3, on_error=how)  # type: ignore[arg-type]
            for how in ("open", "closed", "raise")
        ]
        assert await body(limiters[0]) == Decision(True, 9, 0, 0.0, degraded=True)
        assert await body(limiters[1]) == Decision(False, 9, 0, 0.3, degraded=True)
        with pytest.raises(error):
            await body(limiters[2])

    on(server.port, run)


async def ask_openly(client: Redis) -> Decision:
    return await FixedWindow(client, "hits", limit=9, period=60, on_error="open").hit("ann")


async def ask(limiter: FixedWindow) -> Decision:
    return await limiter.hit("ann")


def test_a_server_that_is_silent_is_given_up_after_the_timeout(server: Server) -> None:
    """SIGSTOP: connections stay open and nothing answers; redis-py alone would wait for a minute."""
    on(server.port, lambda client: client.ping())
    server.pause()
    try:
        began = time.monotonic()
        both_ways(server, ask, TimeoutError)
        assert 0.9 <= time.monotonic() - began < 30
    finally:
        server.resume()


def test_a_server_that_cannot_write_is_unavailable(server: Server) -> None:
    """A replica, one that misses its replicas, one that is full: degraded, and well again afterwards."""
    with redis.Redis.from_url(server.url) as client:
        try:
            client.execute_command("REPLICAOF", "127.0.0.1", "1")
            both_ways(server, ask, ReadOnlyError)
        finally:
            client.execute_command("REPLICAOF", "NO", "ONE")
        try:
            client.config_set("min-replicas-to-write", "1")
            both_ways(server, ask, ResponseError)
        finally:
            client.config_set("min-replicas-to-write", "0")
        try:
            client.config_set("maxmemory", "1")
            both_ways(server, ask, OutOfMemoryError)
        finally:
            client.config_set("maxmemory", "0")
    assert on(server.port, ask_openly).remaining == 8


def test_a_server_that_is_busy_is_unavailable(server: Server) -> None:
    """Somebody's script does not end: BUSY is no mistake of ours."""
    with redis.Redis.from_url(server.url) as client, redis.Redis.from_url(server.url, socket_timeout=0.01) as slow:
        client.config_set("lua-time-limit", "1")
        with pytest.raises(redis.TimeoutError):
            slow.eval("while true do end", 0)
        try:
            both_ways(server, ask, ResponseError)
        finally:
            client.script_kill()


def test_a_mistake_is_raised_even_if_open() -> None:
    """A wrong password, a key of another type: to let everybody in for ever would hide it."""
    with Server(config={"requirepass": "secret"}) as locked:

        async def with_a_wrong_type(client: Redis) -> Decision:
            limiter = FixedWindow(client, "hits", limit=9, period=60, on_error="open", token=lambda: "id")
            await client.set(limiter.command("ann")[2], "a string")
            return await limiter.hit("ann")

        with pytest.raises(ResponseError, match="WRONGTYPE"):
            on(locked.port, with_a_wrong_type, password="secret")
        with pytest.raises(AuthenticationError):
            on(locked.port, ask_openly, password="guess", retry=Retry(NoBackoff(), 0))


def test_a_cluster_that_cannot_be_found_is_unavailable() -> None:
    """Nothing listens there: an error that is no RedisError."""

    async def body() -> Decision:
        cluster: Any = RedisCluster(host="127.0.0.1", port=free_port())
        return await FixedWindow(cluster, "hits", limit=9, period=60, timeout=30, on_error="open").hit("ann")

    assert asyncio.run(body()).degraded


# -- a cluster --------------------------------------------------------------------------------------------------------


def test_it_runs_on_a_cluster() -> None:
    """All keys of one question are declared and lie in one slot; scripts are found again after a flush."""
    with Server(config={"cluster-enabled": "yes"}) as node:
        with redis.Redis.from_url(node.url, decode_responses=True) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")))

        async def body() -> None:
            async with RedisCluster.from_url(node.url) as cluster:
                for family in FAMILIES:
                    limiter = family.make(cluster, 3, LONG)  # type: ignore[arg-type]
                    for key in ("ann", "bob", "{ann}:api"):
                        assert [(await limiter.hit(key)).remaining for _ in range(4)] == [2, 1, 0, 0]
                    await cluster.script_flush()
                    assert not (await limiter.hit("ann")).allowed
                    async with cluster.pipeline() as pipe:
                        pipe.eval(*limiter.command("cid"))
                        pipe.eval(*limiter.command("dot"))
                        assert [limiter.decision(reply).remaining for reply in await pipe.execute()] == [2, 2]

        asyncio.run(body())
