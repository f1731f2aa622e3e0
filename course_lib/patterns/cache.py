"""Cache-aside: ask the cache; on a miss ask the database, and keep its answer for a while.

A load is an async function without arguments that returns a row, or None if there is no such row. The absence of a row
can be cached too, as the marker `∅`. A value that itself begins with `∅` is stored with one more in front, so no value
is ever taken for the marker; every other value is stored as it is. Only `pack` and `unpack` know this.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from course_lib.patterns.basics import Draw, milliseconds, require, require_storable, require_text

Load = Callable[[], Awaitable[str | None]]

ABSENT = "∅"


async def cache_aside(redis: Redis, key: str, load: Load, *, ttl: float, absent_ttl: float | None = None) -> str | None:
    """Cache-aside, or lazy loading: a value is at most `ttl` old, plus the time its load took.

    With an `absent_ttl` the absence of a row is cached too (negative caching); with None it never is.

    Units: ttl and absent_ttl in seconds.
    Cost: hit, 1 round trip; miss, 2 and one load (1 and one load for an absent row that is not cached).
    Raises: what load raises, and BadArgument if it returns neither text nor None; then nothing is cached.
    Does not: stop a stampede: every client that misses loads; stop a slow loader from storing a row that has changed.
    Source: redis.io, "Redis cache-aside"; for negative caching RFC 2308, the same idea in DNS.

    >>> async def load(): return "Ann"
    >>> await cache_aside(redis, "user:42", load, ttl=60), await redis.get("user:42")
    ('Ann', 'Ann')
    """
    require_text(redis)
    ttl_ms = milliseconds("ttl", ttl)
    absent_ms = None if absent_ttl is None else milliseconds("absent_ttl", absent_ttl)
    stored = await redis.get(key)
    if stored is not None:
        return unpack(stored)
    value = await load()
    kept_ms = absent_ms if value is None else ttl_ms
    if kept_ms is not None:
        await redis.set(key, pack(value), px=kept_ms)
    return value


def jittered(ttl: float, *, spread: float = 0.1, draw: Draw = random.random) -> float:
    """TTL jitter: shorten a ttl by a random part, so that keys written together do not expire together.

    The result is uniform between `ttl * (1 - spread)` and `ttl`. It is never longer than `ttl`, because a ttl is a
    promise about staleness.

    Units: ttl in seconds; spread at least 0 and below 1; draw() in [0, 1).
    Cost: nothing on the wire; a key lives shorter by spread / 2 on average, so there are a few more misses.
    Does not: help one hot key, which expires for all of its readers at once.

    >>> jittered(60, spread=0.5, draw=lambda: 0.5)
    45.0
    """
    milliseconds("ttl", ttl)
    require(0 <= spread < 1, "spread", spread, "at least 0 and below 1")
    return ttl * (1 - spread * draw())


def pack(value: str | None) -> str:
    """What is stored for a value, or for the absence of a row. Refuses what is neither text nor None."""
    if value is None:
        return ABSENT
    require_storable("value", value)
    return ABSENT + value if value.startswith(ABSENT) else value


def unpack(stored: str | bytes) -> str | None:
    """The value that `pack` was given; None for an absent row."""
    assert isinstance(stored, str)  # as require_text has made sure
    return None if stored == ABSENT else stored.removeprefix(ABSENT)
