"""Wrong programs for 02.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

COUNTER = "app:user:profile:v2"
Ask = Callable[[Any, str], Awaitable[tuple[int, Any]]]
Flush = Callable[[Any], Awaitable[object]]


def keyed(generation: int, user: str) -> str:
    return f"{COUNTER}.{generation}:{user}"


async def together(cache: Any, user: str) -> tuple[int, Any]:
    """The generation and what is stored in it: as it should be."""
    while True:
        seen = cache.seen
        async with cache.redis.pipeline(transaction=False) as pipe:
            pipe.get(COUNTER)
            pipe.get(keyed(seen, user))
            counter, stored = await pipe.execute()
        cache.seen = int(counter or 0)
        if cache.seen == seen:
            return seen, stored


async def increments(cache: Any) -> None:
    cache.seen = await cache.redis.incr(COUNTER)


def flushable(
    *, ask: Ask = together, flush: Flush = increments, expiring: bool = True, stores_under: str = "seen before"
) -> type:
    """A cache that can be flushed, with one part of it replaced; by default as it should be."""

    class Flushable:
        def __init__(self, redis: Any, *, ttl: float) -> None:
            self.redis, self.ttl, self.seen = redis, ttl, 0

        async def read(self, user: str, load: Any) -> Any:
            generation, stored = await ask(self, user)
            if stored is None:
                stored = await load()
                if stores_under == "seen after":
                    generation = int(await self.redis.get(COUNTER) or 0)
                life = round(self.ttl * 1000) if expiring else None
                await self.redis.set(keyed(generation, user), stored, px=life)
            return stored

        async def flush(self) -> None:
            await flush(self)

    return Flushable


async def remembered(cache: Any, user: str) -> tuple[int, Any]:
    return cache.seen, await cache.redis.get(keyed(cache.seen, user))


async def one_after_the_other(cache: Any, user: str) -> tuple[int, Any]:
    generation = int(await cache.redis.get(COUNTER) or 0)
    return generation, await cache.redis.get(keyed(generation, user))


async def one_key(cache: Any, user: str) -> tuple[int, Any]:
    return 0, await cache.redis.get(keyed(0, user))


async def one_more(cache: Any) -> None:
    seen = int(await cache.redis.get(COUNTER) or 0)
    await cache.redis.set(COUNTER, seen + 1)


async def scans_and_deletes(cache: Any) -> None:
    keys = [key async for key in cache.redis.scan_iter(match=f"{COUNTER}.*")]
    if keys:
        await cache.redis.unlink(*keys)


async def keys_and_deletes(cache: Any) -> None:
    keys = await cache.redis.keys(f"{COUNTER}.*")
    if keys:
        await cache.redis.delete(*keys)


async def everything(cache: Any) -> None:
    await cache.redis.flushdb()


WRONG = [
    ("remembers", flushable(ask=remembered)),
    ("asks-again", flushable(stores_under="seen after")),
    ("goes-back", flushable(flush=one_more)),
    ("deletes-the-keys", flushable(ask=one_key, flush=scans_and_deletes)),
    ("deletes-the-keys", flushable(ask=one_key, flush=keys_and_deletes)),
    ("flushes-everything", flushable(ask=one_key, flush=everything)),
    ("never-expires", flushable(expiring=False)),
    ("asks-twice", flushable(ask=one_after_the_other)),
]
