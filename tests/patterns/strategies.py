"""Every strategy behind one face, so that one contract suite can test all: open it, then `get(key, load)`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from course_lib.patterns import SingleFlight, StaleWhileRevalidate, cache_aside, lock_and_wait, lock_or_stale, xfetch
from course_lib.patterns.cache import Load

Get = Callable[[str, Load], Awaitable[str | None]]
Pattern = Callable[..., Awaitable[str | None]]
Open = Callable[..., AbstractAsyncContextManager[Get]]
STALE = 0.05
LOCKED: dict[str, Any] = {"lock_ttl": 5.0, "wait": 5.0}


@dataclass(frozen=True)
class Strategy:
    """`open(redis, ttl=…, absent_ttl=…)` gives `get`; a miss costs `miss` round trips; a value lives ttl + `kept`."""

    name: str
    open: Open
    miss: int
    one_load: bool = True
    kept: float = 0.0

    def __str__(self) -> str:
        return self.name


def function(pattern: Pattern, **policy: Any) -> Open:
    @asynccontextmanager
    async def opened(redis: Redis, **ttls: float) -> AsyncIterator[Get]:
        yield lambda key, load: pattern(redis, key, load, **policy, **ttls)

    return opened


def coalesced(pattern: Pattern, **policy: Any) -> Open:
    @asynccontextmanager
    async def opened(redis: Redis, **ttls: float) -> AsyncIterator[Get]:
        flight = SingleFlight()
        yield lambda key, load: flight.do(key, lambda: pattern(redis, key, load, **policy, **ttls))

    return opened


@asynccontextmanager
async def revalidating(redis: Redis, **ttls: float) -> AsyncIterator[Get]:
    async with StaleWhileRevalidate(redis, stale=STALE, **LOCKED, **ttls) as cache:
        yield cache.get


STRATEGIES = [
    Strategy("cache_aside", function(cache_aside), miss=2, one_load=False),
    Strategy("lock_and_wait", function(lock_and_wait, **LOCKED), miss=3),
    Strategy("lock_or_stale", function(lock_or_stale, stale=STALE, **LOCKED), miss=3, kept=STALE),
    Strategy("stale_while_revalidate", revalidating, miss=4, kept=STALE),
    Strategy("xfetch", function(xfetch), miss=2, one_load=False),
    Strategy("single_flight+cache_aside", coalesced(cache_aside), miss=2),
    Strategy("single_flight+lock_and_wait", coalesced(lock_and_wait, **LOCKED), miss=3),
]
