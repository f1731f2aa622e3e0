"""A recipe and its broken twins, for 05.4 and 05.5. Each says on its first line what is right or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

Load = Callable[[], Awaitable[str | None]]

FREE_OUR_OWN = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


async def deletes_any_lock(
    redis: Redis, key: str, load: Load, *, ttl: float, lock_ttl: float, token: str
) -> str | None:
    """Wrong: it deletes the lock without looking whose it is."""
    lock = f"lock:{key}"
    while (value := await redis.get(key)) is None:
        if await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000)):
            try:
                value = await load()
                await redis.set(key, str(value), px=round(ttl * 1000))
                return value
            finally:
                await redis.delete(lock)
        await asyncio.sleep(0.02)
    return str(value)


async def looks_then_takes(
    redis: Redis, key: str, load: Load, *, ttl: float, lock_ttl: float, token: str
) -> str | None:
    """Wrong: it looks whether the lock is free, and takes it with a second command."""
    lock = f"lock:{key}"
    while (value := await redis.get(key)) is None:
        if await redis.get(lock) is None:
            await redis.set(lock, token, px=round(lock_ttl * 1000))
            try:
                value = await load()
                await redis.set(key, str(value), px=round(ttl * 1000))
                return value
            finally:
                await redis.eval(FREE_OUR_OWN, 1, lock, token)
        await asyncio.sleep(0.02)
    return str(value)


async def frees_its_own(redis: Redis, key: str, load: Load, *, ttl: float, lock_ttl: float, token: str) -> str | None:
    """Right: it takes the lock in one step, looks again, and frees the lock only while its own token is in it."""
    lock = f"lock:{key}"
    while (value := await redis.get(key)) is None:
        if await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000)):
            try:
                if (value := await redis.get(key)) is None:
                    value = str(await load())
                    await redis.set(key, value, px=round(ttl * 1000))
                return str(value)
            finally:
                await redis.eval(FREE_OUR_OWN, 1, lock, token)
        await asyncio.sleep(0.02)
    return str(value)
