"""Wrong programs for 05.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

FREE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def with_the_blank(take: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The exercise's function, with its blank filled by `take(redis, lock, token, lock_ttl)`."""

    async def load_once(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
        lock = f"lock:{key}"
        while True:
            value = await redis.get(key)
            if value is not None:
                return value
            if await take(redis, lock, token, lock_ttl):
                try:
                    value = await redis.get(key)
                    if value is None:
                        value = await load()
                        await redis.set(key, value, px=round(ttl * 1000))
                    return value
                finally:
                    await redis.eval(FREE, 1, lock, token)
            await asyncio.sleep(0.02)

    return load_once


async def never_expires(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True)


async def two_steps(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    taken = await redis.setnx(lock, token)
    if taken:
        await redis.pexpire(lock, round(lock_ttl * 1000))
    return taken


async def no_nx(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, px=round(lock_ttl * 1000))


async def milliseconds_for_seconds(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, px=max(1, int(lock_ttl)))


async def a_thousand_times_too_long(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, ex=round(lock_ttl * 1000))


async def one_for_all(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, "1", nx=True, px=round(lock_ttl * 1000))


WRONG = [
    ("never-expires", with_the_blank(never_expires)),
    ("two-steps", with_the_blank(two_steps)),
    ("no-nx", with_the_blank(no_nx)),
    ("wrong-unit", with_the_blank(milliseconds_for_seconds)),
    ("wrong-unit", with_the_blank(a_thousand_times_too_long)),
    ("not-our-token", with_the_blank(one_for_all)),
]
