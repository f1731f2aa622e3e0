"""Cache while Redis is silent, refuses, or is killed: the loader's answers, in a stated time, to the millisecond."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.patterns.through import Cache
from course_lib.servers import Proxy, Server
from course_lib.sim import Faults, Ground, Send
from course_lib.sim.faults import Loss
from course_lib.worlds import Simulated

from . import broken_through as broken
from .test_through_cache import Rows, cached

ASKS, GAP, LOAD, WAITED = 200, 0.025, 0.01, 0.06  # a get each 25 ms for 5 s


class Silent(Faults):
    """Half-open: everything leaves, and nothing ever arrives, until `until`."""

    def __init__(self, until: float = inf) -> None:
        self.until = until

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        return "request lost" if world.now() < self.until else None


def answers(world: Simulated, kind: type[Cache[Any]]) -> tuple[list[float], Cache[Any]]:
    """How long each of ASKS gets took, in turn."""
    cache = cached(world.redis(), Rows({"7": "page"}, seconds=LOAD), kind, timeout=0.05, retry_after=1)

    async def body() -> list[float]:
        took = []
        for _ in range(ASKS):
            begun = world.now()
            assert await cache.get("7") == "page"
            took.append(round(world.now() - begun, 9))
            await asyncio.sleep(GAP)
        return took

    world.client("a", body)
    took: list[float] = world.run()["a"]
    return took, cache


@pytest.mark.parametrize("socket_timeout", [None, 5.0])
def test_a_silent_redis_costs_one_timeout_per_retry_after(socket_timeout: float | None) -> None:
    """Each get answers within its load and 50 ms; at most one in a second waits at all."""
    took, cache = answers(Simulated(faults=Silent(), socket_timeout=socket_timeout), Cache)
    assert set(took) == {LOAD, WAITED}
    lasted = sum(took) + ASKS * GAP
    assert 1 < took.count(WAITED) <= lasted + 1
    assert cache.metrics.degraded == cache.metrics.loads == ASKS
    assert cache.metrics.errors == took.count(WAITED)


def test_without_a_breaker_every_get_waits() -> None:
    """The control."""
    took, _ = answers(Simulated(faults=Silent()), broken.NoBreaker)
    assert set(took) == {WAITED}


def test_without_a_timeout_the_first_get_waits_for_the_client() -> None:
    """The control: redis-py's 5 s."""
    took, _ = answers(Simulated(faults=Silent()), broken.NoTimeout)
    assert max(took) == 5 + LOAD


def test_a_crowd_waits_once_and_only_one_tries_again() -> None:
    """Fifty at once: the first ones wait together; a second later one waits, and the others go past it."""
    world = Simulated(faults=Silent())
    cache = cached(world.redis(), Rows({"7": "page"}), timeout=0.05, retry_after=1)

    async def body() -> list[int]:
        waited = []
        for _ in range(3):
            begun = [world.now()] * 50
            ends: list[float] = []

            async def one(ends: list[float] = ends) -> None:
                await cache.get("7")
                ends.append(world.now())

            await asyncio.gather(*(one() for _ in range(50)))
            waited.append(sum(end > start for start, end in zip(begun, ends, strict=True)))
            await asyncio.sleep(1.01)
        return waited

    world.client("a", body)
    assert world.run()["a"] == [50, 1, 1]


def test_a_dead_node_is_used_again_once_it_is_back() -> None:
    """It refuses for 3 s; within retry_after of its return the cache hits again."""
    world = Simulated()
    world.down(0, 3)
    _, cache = answers(world, Cache)
    late = [event for event in world.trace if event.t_start > 4.1]
    assert cache.metrics.hits > 30
    assert all(event.fault is None for event in late)


def test_a_cancelled_probe_leaves_the_breaker_working() -> None:
    """The next call in line tries again, a retry_after later."""
    world = Simulated(faults=Silent(until=1.5))
    cache = cached(world.redis(), Rows({"7": "page"}), timeout=0.05, retry_after=1)

    async def body() -> Any:
        await cache.get("7")
        await asyncio.sleep(1)
        probe = asyncio.create_task(cache.get("7"))
        await asyncio.sleep(0.01)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        await asyncio.sleep(1)
        return [await cache.get("7") for _ in range(3)], cache.metrics.hits

    world.client("a", body)
    assert world.run()["a"] == (["page"] * 3, 2)


# -- on real servers --------------------------------------------------------------------------------------------------


def client(url: str) -> Redis:
    return Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0), socket_timeout=None)


async def until_it_hits(cache: Cache[Any]) -> None:
    before = cache.metrics.hits
    async with asyncio.timeout(20):
        while cache.metrics.hits == before:
            assert await cache.get("7") == "page"
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", ["half_open", "reset", "refuse", "lost reply"])
def test_every_fault_of_a_connection_degrades_and_heals(server: Server, fault: str) -> None:
    """The client itself would wait for ever; every get answers, and hits again after the fault."""
    with Proxy(server.port) as proxy:

        async def body() -> tuple[int, int]:
            async with client(proxy.url) as redis:
                cache = cached(redis, Rows({"7": "page"}), timeout=0.3, retry_after=0.05)
                await until_it_hits(cache)
                if fault == "lost reply":
                    proxy.drop_reply()
                else:
                    getattr(proxy, fault)()
                if fault == "refuse":
                    proxy.reset()
                async with asyncio.timeout(20):
                    while cache.metrics.errors == 0:
                        assert await cache.get("7") == "page"
                degraded = cache.metrics.degraded
                proxy.heal()
                await until_it_hits(cache)
                return degraded, cache.metrics.errors

        degraded, errors = asyncio.run(body())
        assert degraded >= 1
        assert errors >= 1


def test_a_killed_server_is_no_outage(servers: dict[str, Server]) -> None:
    """kill -9, then another life on the same port: answers all the time."""
    with Server() as own:

        async def body() -> int:
            async with client(own.url) as redis:
                cache = cached(redis, Rows({"7": "page"}), timeout=0.3, retry_after=0.05)
                await until_it_hits(cache)
                own.kill()
                for _ in range(50):
                    assert await cache.get("7") == "page"
                own.start()
                await until_it_hits(cache)
                return cache.metrics.degraded

        assert asyncio.run(body()) >= 50
