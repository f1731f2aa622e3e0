"""Wrong programs for 05.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

FREE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


async def take(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.set(lock, token, nx=True, px=lock_ms)


async def take_for_ever(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.set(lock, token, nx=True)


async def look_then_take(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.get(lock) is None and await redis.set(lock, token, px=lock_ms)


async def take_briefly(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.set(lock, token, nx=True, px=20)


async def take_nothing(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return True


async def free(redis: Any, lock: str, token: str) -> Any:
    return await redis.eval(FREE, 1, lock, token)


async def free_any(redis: Any, lock: str, token: str) -> Any:
    return await redis.delete(lock)


def marked(value: str | None) -> str | None:
    return "none" if value is None else "=" + value


def unmarked(stored: str) -> str | None:
    return None if stored == "none" else stored[1:]


def recipe(
    *,
    take: Callable[..., Awaitable[Any]] = take,
    free: Callable[..., Awaitable[Any]] = free,
    look_again: bool = True,
    free_on_error: bool = True,
    pack: Callable[[str | None], str | None] = marked,
    unpack: Callable[[str], str | None] = unmarked,
    miss: Callable[[str | None], bool] = lambda stored: stored is None,
    expiring: bool = True,
    poll: float = 0.02,
) -> Callable[..., Awaitable[Any]]:
    """Lock and wait, with one part of it replaced; by default as it should be."""

    async def guarded(redis: Any, key: str, load: Any, ttl: float) -> str | None:
        stored = await redis.get(key) if look_again else None
        if not miss(stored):
            return unpack(stored)
        value: str | None = await load()
        if (packed := pack(value)) is not None:
            await redis.set(key, packed, px=round(ttl * 1000) if expiring else None)
        return value

    async def lock_and_wait(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
        lock = f"lock:{key}"
        while True:
            stored = await redis.get(key)
            if not miss(stored):
                return unpack(stored)
            if await take(redis, lock, token, round(lock_ttl * 1000)):
                try:
                    value = await guarded(redis, key, load, ttl)
                except Exception:
                    if free_on_error:
                        await free(redis, lock, token)
                    raise
                await free(redis, lock, token)
                return value
            await asyncio.sleep(poll)

    return lock_and_wait


async def no_lock(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    stored = await redis.get(key)
    if stored is None:
        stored = marked(await load())
        await redis.set(key, stored, px=round(ttl * 1000))
    return unmarked(stored)


async def stores_none(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    lock = f"lock:{key}"
    while (stored := await redis.get(key)) is None:
        if await take(redis, lock, token, round(lock_ttl * 1000)):
            try:
                stored = await redis.get(key)
                if stored is None:
                    stored = await load()
                    await redis.set(key, stored, px=round(ttl * 1000))
                return stored
            finally:
                await free(redis, lock, token)
        await asyncio.sleep(0.02)
    return stored


WRONG = [
    ("no-lock", no_lock),
    ("takes-in-two-steps", recipe(take=look_then_take)),
    ("one-load", recipe(take=take_briefly)),
    ("never-expires", recipe(take=take_for_ever)),
    ("sleeps-too-long", recipe(poll=1.0)),
    ("frees-anothers-lock", recipe(free=free_any)),
    ("no-second-look", recipe(look_again=False)),
    ("keeps-lock-on-error", recipe(free_on_error=False)),
    ("cannot-store-none", stores_none),
    ("forgets-absence", recipe(pack=lambda value: value and "=" + value)),
    ("truth-of-text", recipe(pack=lambda value: value or "", unpack=lambda stored: stored or None)),
    ("truth-of-text", recipe(pack=str, unpack=lambda stored: None if stored == "None" else stored)),
    ("no-ttl", recipe(expiring=False)),
]
