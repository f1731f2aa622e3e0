"""Programs that the exercises of lesson 06 are about. Each says on its first line what is right or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

Load = Callable[[], Awaitable[str]]
Save = Callable[[], Awaitable[object]]

RENDER = 0.1
"""Seconds that it takes to make a page of a row."""
WAIT = 0.5
"""Seconds after which a writer that deletes twice does so again."""

# -- readers -----------------------------------------------------------------------------------------------------------


async def reads_aside(redis: Redis, key: str, load: Load, *, ttl: float) -> Any:
    """Cache-aside. It can store a row that is no longer true."""
    page = await redis.get(key)
    if page is None:
        page = await load()
        await asyncio.sleep(RENDER)
        await redis.set(key, page, px=round(ttl * 1000))
    return page


# KEYS: the page, its lease, a counter. Returns the page, if there is one, else our lease, if nobody else has one.
# Atomic, because between a look and the lease the page may come.
GET = """
local page = redis.call('GET', KEYS[1])
if page or not redis.call('SET', KEYS[2], 'new', 'NX', 'PX', 10000) then return {page, false} end
local lease = string.format('%d', redis.call('INCR', KEYS[3]))
redis.call('SET', KEYS[2], lease, 'PX', 10000)
return {false, lease}"""
# KEYS: the page, its lease. ARGV: our lease, the page, its TTL in ms. Atomic, because a delete may come in between.
PUT = """
if redis.call('GET', KEYS[2]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    redis.call('DEL', KEYS[2])
end"""


async def reads_with_a_lease(redis: Redis, key: str, load: Load, *, ttl: float) -> Any:
    """Right: it stores only with a lease, which every delete takes away."""
    lease_name = f"lease:{key}"
    asked: Any = redis.eval(GET, 3, key, lease_name, "leases")
    page, lease = await asked
    if page is None:
        page = await load()
        await asyncio.sleep(RENDER)
        if lease is not None:
            put: Any = redis.eval(PUT, 2, key, lease_name, lease, page, str(round(ttl * 1000)))
            await put
    return page


# -- writers -----------------------------------------------------------------------------------------------------------


async def deletes_first(redis: Redis, key: str, save: Save) -> None:
    """Wrong: a reader that comes between the two steps stores the old row, and nobody deletes that."""
    await redis.delete(key)
    await save()


async def deletes_twice(redis: Redis, key: str, save: Save) -> None:
    """A gamble: it hopes that every reader that has the old row will have stored it before the second delete."""
    await redis.delete(key)
    await save()
    await asyncio.sleep(WAIT)
    await redis.delete(key)


async def commits_then_deletes(redis: Redis, key: str, save: Save) -> None:
    """Right, as far as a writer alone can be: first the database, then the cache."""
    await save()
    await redis.delete(key)


async def takes_the_lease_away(redis: Redis, key: str, save: Save) -> None:
    """Right: with the page goes the lease, so who loaded before the commit can no longer store."""
    await save()
    await redis.delete(key, f"lease:{key}")
