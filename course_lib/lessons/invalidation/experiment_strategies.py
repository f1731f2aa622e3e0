"""What a writer and the readers do about a price that changes: each strategy by name, made of the course's patterns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Protocol

from redis.asyncio import Redis

from course_lib.lessons.invalidation.experiment_near_caches import FlushesOnReconnect, HearsAndForgets
from course_lib.lessons.invalidation.experiment_prices import Prices
from course_lib.patterns import cache_aside, lock_and_wait
from course_lib.patterns.basics import ended
from course_lib.patterns.invalidation import NearCache, invalidate, supersede, versioned
from course_lib.patterns.through import Cache
from course_lib.patterns.typed import Typed
from course_lib.sim import Draws

PAGE = "app:product:42"
SILENCE = 1.0
"""Seconds after which the course's near cache no longer trusts a connection that says nothing."""


class Row(Protocol):
    """The row of book 42 in the database; a price is its number, as text."""

    async def load(self) -> str: ...
    async def load_version(self) -> tuple[int, str]: ...
    async def save(self) -> int:
        """Commit the next price; returns its number."""

    @property
    def newest(self) -> int:
        """The number of the price."""


class App(NamedTuple):
    """One process: its client of Redis, what it draws, its `Cache`; and its near cache, if it has one."""

    redis: Redis
    row: Row
    prices: Prices
    draw: Draws
    cache: Cache[str]
    near: Any = None


def app_of(redis: Redis, row: Row, prices: Prices, draw: Draws) -> App:
    """A process without a near cache."""

    async def load(entity: str) -> str:
        return await row.load()

    async def save(entity: str, price: str | None) -> int:
        return await row.save()

    cache = Cache(redis, lambda entity: PAGE, load, shape=Typed(str, version=1), ttl=prices.ttl, save=save)
    return App(redis, row, prices, draw, cache)


Read = Callable[[App], Awaitable[str | None]]
Write = Callable[[App], Awaitable[object]]
OpenNear = Callable[[Redis, Prices, AsyncExitStack], Awaitable[Any]]


class Strategy(NamedTuple):
    """Its name, what it does in a sentence, how to read, how to write, and how a process opens its near cache."""

    label: str
    says: str
    read: Read
    write: Write
    near: OpenNear | None = None


async def _aside(app: App) -> str | None:
    return await cache_aside(app.redis, PAGE, app.row.load, ttl=app.prices.ttl)


async def _leased(app: App) -> str | None:
    token = f"{int(app.draw() * 2**48):012x}"
    return await lock_and_wait(
        app.redis, PAGE, app.row.load, ttl=app.prices.ttl, lock_ttl=2.0, wait=10.0, token=lambda: token, draw=app.draw
    )


async def _versioned(app: App) -> str | None:
    return await versioned(app.redis, PAGE, app.row.load_version, ttl=app.prices.ttl)


async def _near(app: App) -> str | None:
    value: str | None = await app.near.get(PAGE, lambda: _leased(app))
    return value


async def _save(app: App) -> None:
    await app.row.save()


async def _delete_first(app: App) -> None:
    await app.redis.delete(PAGE)
    await app.row.save()


async def _delete_after(app: App) -> None:
    await app.row.save()
    await app.redis.delete(PAGE)


async def _delete_twice(app: App) -> None:
    await _delete_first(app)
    await asyncio.sleep(app.prices.delay)
    await app.redis.delete(PAGE)


async def _supersede(app: App) -> None:
    await supersede(app.redis, PAGE, await app.row.save(), ttl=app.prices.ttl)


async def _invalidate(app: App) -> None:
    await app.row.save()
    await invalidate(app.redis, PAGE)


async def _read_through(app: App) -> str | None:
    return await app.cache.get("42")


async def _write_through(app: App) -> None:
    await app.cache.put("42", str(app.row.newest + 1))  # there is one writer, so it knows


def _told_by(kind: type[HearsAndForgets]) -> OpenNear:
    async def open_near(redis: Redis, prices: Prices, opened: AsyncExitStack) -> HearsAndForgets:
        near = kind(redis, ttl=prices.ttl)
        opened.push_async_callback(ended, asyncio.create_task(near.listen()))
        return near

    return open_near


async def _careful(redis: Redis, prices: Prices, opened: AsyncExitStack) -> NearCache:
    return await opened.enter_async_context(NearCache(redis, ttl=prices.ttl, silence=SILENCE))


STRATEGIES: dict[str, Strategy] = {
    "ttl": Strategy("TTL only", "A copy lives until its TTL ends, whatever changes.", _aside, _save),
    "before": Strategy("delete, then commit", "The writer deletes the copy first.", _aside, _delete_first),
    "after": Strategy("commit, then delete", "The writer deletes the copy after its commit.", _aside, _delete_after),
    "double": Strategy("double delete", "The writer deletes, commits, waits and deletes again.", _aside, _delete_twice),
    "through": Strategy(
        "write-through", "The writer stores the new price; a reader stores only if nothing is there.",
        _read_through, _write_through,
    ),
    "version": Strategy(
        "version", "Nothing is stored over a newer version, or over the mark that one exists.", _versioned, _supersede
    ),
    "lease": Strategy(
        "lease", "A reader needs a lease to load and to store, and the writer takes it away.", _leased, _invalidate
    ),
    "near": Strategy(
        "near cache, trusting", "Each process keeps a copy of its own, and forgets it when it hears of a change.",
        _near, _invalidate, _told_by(HearsAndForgets),
    ),
    "flush": Strategy(
        "near cache, flushed", "The same, and it forgets everything when its connection is new.",
        _near, _invalidate, _told_by(FlushesOnReconnect),
    ),
    "careful": Strategy(
        "near cache, pinging", f"The same, and it uses its copies only if it has heard something within {SILENCE:g} s.",
        _near, _invalidate, _careful,
    ),
}  # fmt: skip
