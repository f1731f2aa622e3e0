"""Programs that lesson 08 reviews: two of the shape of published ones, each with a mended one beside it.

Each says on its first line what is right or wrong. The first has the shape of the cache-aside example for redis-py in
Redis's documentation, read in November 2026 (https://redis.io/docs/latest/develop/use-cases/cache-aside/redis-py/);
the others have that of `redis.asyncio.lock.Lock` in redis-py 8.1. They are written anew, and shorter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

Load = Callable[[], Awaitable[str | None]]
Save = Callable[[], Awaitable[object]]
Token = Callable[[], str]

ABSENT = "∅"
"""What the mended reader stores for a product that does not exist."""

# KEYS: the lock. ARGV: our token. Returns 1 if the lock was ours and is now free, else 0.
# Atomic, because between a look and a DEL the lock may expire and become another's.
FREE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0"""
# KEYS: the page, its lock. ARGV: our token, the page, its TTL in ms. Returns 1 if the lock was ours.
# Atomic, because a writer may take the lock away between the look at it and the write.
STORE_AND_FREE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return redis.call('DEL', KEYS[2])"""


def lock_of(key: str) -> str:
    """The lock of a page, in the same slot."""
    return f"lock:{{{key}}}"


# -- cache-aside with a lock -------------------------------------------------------------------------------------------


async def reads_like_the_guide(
    redis: Redis, key: str, load: Load, *, ttl: float, lock_ttl: float, poll: float, token: Token
) -> Any:
    """Wrong in four ways: one client loads and the others look again, until they have waited for lock_ttl."""
    page: Any = await redis.get(key)
    if page is not None:
        return page
    clock, mine = asyncio.get_running_loop().time, token()
    if await redis.set(lock_of(key), mine, nx=True, px=round(lock_ttl * 1000)):
        try:
            page = await load()
            if page is not None:
                await redis.set(key, page, px=round(ttl * 1000))
            return page
        finally:
            await _eval(redis, FREE, 1, lock_of(key), mine)
    give_up = clock() + lock_ttl
    while clock() < give_up:
        await asyncio.sleep(poll)
        page = await redis.get(key)
        if page is not None:
            return page
    return await load()


async def writes_like_the_guide(redis: Redis, key: str, save: Save) -> None:
    """Not enough: it deletes the page and leaves the lock, so who has loaded the old row still stores it."""
    await save()
    await redis.delete(key)


async def reads_mended(
    redis: Redis, key: str, load: Load, *,
    ttl: float, lock_ttl: float, poll: float, token: Token, absent_ttl: float = 1.0,
) -> Any:  # fmt: skip
    """Right: it looks again once it has the lock, stores only while it has it, remembers what does not exist, and goes
    back to the lock when it has waited."""
    mine = ""
    while True:
        page: Any = await redis.get(key)
        if page is None:
            mine = mine or token()
            lock_ms = round(lock_ttl * 1000)
            if await redis.set(lock_of(key), mine, nx=True, px=lock_ms) or await redis.get(lock_of(key)) == mine:
                try:
                    page = await redis.get(key)  # somebody may have stored it since we looked
                    if page is None:
                        page = await load()
                        stored, kept = (ABSENT, absent_ttl) if page is None else (page, ttl)
                        await _eval(redis, STORE_AND_FREE, 2, key, lock_of(key), mine, stored, round(kept * 1000))
                        return page
                finally:
                    await _eval(redis, FREE, 1, lock_of(key), mine)
        if page is not None:
            return None if page == ABSENT else page
        await asyncio.sleep(poll)


async def writes_mended(redis: Redis, key: str, save: Save) -> None:
    """Right: with the page goes the lock, so who loaded before the commit can no longer store."""
    await save()
    await redis.delete(key, lock_of(key))


# -- a lock ------------------------------------------------------------------------------------------------------------


async def takes_like_redis_py(redis: Redis, name: str, token: str, *, ttl: float) -> bool:
    """Wrong where a reply is lost and redis-py sends the SET again: it says no, and its own token has the lock."""
    return bool(await redis.set(name, token, nx=True, px=round(ttl * 1000)))


async def takes_and_looks(redis: Redis, name: str, token: str, *, ttl: float) -> bool:
    """Right: who finds its own token in the lock has it, whatever the reply to SET was."""
    if await redis.set(name, token, nx=True, px=round(ttl * 1000)):
        return True
    return bool(await redis.get(name) == token)


class OneToken:
    """Wrong where two tasks share it: the second's token replaces the first's, which then frees the second's lock.

    redis-py keeps it in `threading.local`, and all tasks of an event loop run in one thread.
    """

    def __init__(self, redis: Redis, name: str, *, ttl: float, new_token: Token) -> None:
        self.redis, self.name, self.ttl, self.new_token = redis, name, ttl, new_token
        self.token = ""

    async def acquire(self) -> bool:
        token = self.new_token()
        if await self.redis.set(self.name, token, nx=True, px=round(self.ttl * 1000)):
            self.token = token
            return True
        return False

    async def release(self) -> bool:
        """Whether the lock was ours."""
        return bool(await _eval(self.redis, FREE, 1, self.name, self.token))


class TokenForEach(OneToken):
    """Right: `acquire` gives the token to its caller, or None, and `free` wants it back."""

    async def take(self) -> Any:
        token = self.new_token()
        return token if await takes_and_looks(self.redis, self.name, token, ttl=self.ttl) else None

    async def free(self, token: str) -> bool:
        """Whether the lock was that caller's."""
        return bool(await _eval(self.redis, FREE, 1, self.name, token))


async def _eval(redis: Redis, script: str, keys: int, *words: object) -> Any:
    asked: Any = redis.eval(script, keys, *map(str, words))
    return await asked
