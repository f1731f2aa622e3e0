"""The remedies of the stampede lesson by name, each as one process sets it up: a pattern and its parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from redis.asyncio import Redis

from course_lib.lessons.stampedes.experiment_crowd import Crowd
from course_lib.patterns import (
    Load,
    SingleFlight,
    StaleWhileRevalidate,
    cache_aside,
    lock_and_wait,
    lock_or_stale,
    xfetch,
)
from course_lib.sim import Draws

KEY = "page:home"

Get = Callable[[Load], Awaitable[str | None]]
Open = Callable[[Redis, Crowd, Draws, AsyncExitStack], Awaitable[Get]]
"""Sets a remedy up, in one process; what must be closed in the end is put on the stack."""


class Strategy(NamedTuple):
    """A remedy: its standard name, what it does in one sentence, and how a process sets it up."""

    label: str
    says: str
    open: Open


def _locking(crowd: Crowd, draw: Draws) -> dict[str, Any]:
    """The parameters that every strategy with a lock takes."""
    return {
        "ttl": crowd.ttl,
        "lock_ttl": crowd.lock_ttl,
        "wait": crowd.wait,
        "poll": crowd.poll,
        "absent_ttl": crowd.absent_ttl or 1.0,
        "token": lambda: f"{int(draw() * 2**48):012x}",
        "draw": draw,
    }


async def _naive(redis: Redis, crowd: Crowd, draw: Draws, opened: AsyncExitStack) -> Get:
    return lambda load: cache_aside(redis, KEY, load, ttl=crowd.ttl, absent_ttl=crowd.absent_ttl)


async def _lock(redis: Redis, crowd: Crowd, draw: Draws, opened: AsyncExitStack) -> Get:
    options = _locking(crowd, draw)
    return lambda load: lock_and_wait(redis, KEY, load, **options)


async def _placeholder(redis: Redis, crowd: Crowd, draw: Draws, opened: AsyncExitStack) -> Get:
    options = _locking(crowd, draw)
    return lambda load: lock_or_stale(redis, KEY, load, stale=crowd.stale, **options)


async def _revalidate(redis: Redis, crowd: Crowd, draw: Draws, opened: AsyncExitStack) -> Get:
    options = _locking(crowd, draw)
    cache = await opened.enter_async_context(StaleWhileRevalidate(redis, stale=crowd.stale, **options))
    return lambda load: cache.get(KEY, load)


async def _xfetch(redis: Redis, crowd: Crowd, draw: Draws, opened: AsyncExitStack) -> Get:
    absent_ttl = crowd.absent_ttl or 1.0
    return lambda load: xfetch(redis, KEY, load, ttl=crowd.ttl, beta=crowd.beta, absent_ttl=absent_ttl, draw=draw)


def _shared(inner: Open) -> Open:
    """The same, with one flight for all who ask in this process."""

    async def shared(redis: Redis, crowd: Crowd, draw: Draws, opened: AsyncExitStack) -> Get:
        flight, get = SingleFlight(), await inner(redis, crowd, draw, opened)
        return lambda load: flight.do(KEY, lambda: get(load))

    return shared


STRATEGIES: dict[str, Strategy] = {
    "naive": Strategy("naive cache-aside", "Everyone who misses loads.", _naive),
    "single-flight": Strategy(
        "single-flight", "In each process, those who ask at the same time share one read and one load.", _shared(_naive)
    ),
    "lock": Strategy("lock and wait", "One client loads, and the others wait for its value.", _lock),
    "flight+lock": Strategy(
        "single-flight, then lock", "One client of each process takes part in the lock.", _shared(_lock)
    ),
    "placeholder": Strategy(
        "lock and placeholder", "One client loads, and the others are served the stale value.", _placeholder
    ),
    "revalidate": Strategy(
        "stale-while-revalidate", "A background task loads, and everyone is served the stale value.", _revalidate
    ),
    "xfetch": Strategy("XFetch", "A reader loads early, by chance: the later, the likelier.", _xfetch),
}
