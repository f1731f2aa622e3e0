"""Programs that the exercises of lesson 00 are about. Each says on its first line what is right or wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

# -- 00.5: a reader, a writer, and an old price ------------------------------------------------------------------------

Load = Callable[[], Awaitable[str | None]]
Save = Callable[[], Awaitable[object]]


async def reads_through(redis: Redis, key: str, load: Load, *, ttl: float) -> Any:
    """Cache-aside, as every reader of the shop does it. It can store a page that is no longer true."""
    page = await redis.get(key)
    if page is None:
        page = await load()
        if page is not None:
            await redis.set(key, page, px=round(ttl * 1000))
    return page


async def commits_then_deletes(redis: Redis, key: str, save: Save) -> None:
    """Right, as far as a writer alone can be: first the database, then the cache."""
    await save()
    await redis.delete(key)


async def looks_again(redis: Redis, key: str, load: Load, *, ttl: float) -> Any:
    """Mended, at the price of a second load: a page that changed while it was being stored is deleted again."""
    page = await redis.get(key)
    if page is None:
        page = await load()
        if page is not None:
            await redis.set(key, page, px=round(ttl * 1000))
            if await load() != page:
                await redis.delete(key)
    return page
