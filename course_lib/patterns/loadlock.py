"""The right to load one key: the lock in every pattern that lets only one client load.

It saves work and does not guard correctness: two holders at once cost a second load and nothing else. So a lock on one
server is enough here. Locks that guard more have a chapter of their own, `locks`.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from course_lib.patterns.basics import beside, milliseconds, require, require_text, uninterrupted
from course_lib.patterns.cache import Load, pack

# KEYS: the value, its lock. ARGV: our token, the packed value, its TTL in ms (0: store nothing).
# Returns 1 if the lock was ours, else 0 and nothing is changed.
# Atomic, because between the look at the lock and the write it may expire and pass to another client: then we would
# store over a newer value and free a lock that is not ours.
STORE_AND_RELEASE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[3] ~= '0' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return redis.call('DEL', KEYS[2])
"""


class Seen(NamedTuple):
    """What one round trip showed: the packed value, the token in the lock, and whether the value is still fresh."""

    stored: str | None
    holder: str | None
    fresh: bool


class LoadLock:
    """The right to load `key`: ours while `lock_name(key)` holds our token, and at most for lock_ttl.

    A client that sees its own token holds the lock, whatever the reply to SET said: one that retries after a lost reply
    finds the lock taken by itself. Cancelling a method frees the lock first. A value lives `stale` seconds beyond its
    ttl, and is fresh while more than `stale` seconds of its life are left.

    Units: ttl, lock_ttl, absent_ttl in seconds; stale in seconds, 0 to 1e9.
    Cost: each method 1 round trip; load and release 2 more on a server that has not seen the script yet.
    Raises: TimeoutError if Redis is silent for lock_ttl.
    Does not: end before lock_ttl if its holder crashes, or if the replies to SET and to the release are both lost.

    >>> lock = LoadLock(redis, "user:42", "mine", ttl=60, lock_ttl=5, absent_ttl=1)
    >>> await lock.take(), await lock.release(), await lock.look()
    (Seen(stored=None, holder='mine', fresh=False), None, Seen(stored=None, holder=None, fresh=False))
    """

    def __init__(
        self, redis: Redis, key: str, token: str, *, ttl: float, lock_ttl: float, absent_ttl: float, stale: float = 0.0
    ) -> None:
        require_text(redis)
        require(0 <= stale <= 1e9, "stale", stale, "seconds, from 0 to 1e9")
        self.redis, self.key, self.name, self.token = redis, key, lock_name(key), token
        self.lock_ms, self.stale_ms = milliseconds("lock_ttl", lock_ttl), round(stale * 1000)
        self.ttl_ms = milliseconds("ttl", ttl) + self.stale_ms
        self.absent_ms = milliseconds("absent_ttl", absent_ttl) + self.stale_ms

    async def look(self) -> Seen:
        """Read the value, its lock and its remaining life."""
        async with self.redis.pipeline(transaction=False) as pipe:
            return await self._look(pipe)

    async def take(self) -> Seen:
        """Try to take the lock, then look; `holder` is `self.token` if we hold it."""
        try:
            return await uninterrupted(self._take())  # else the release, on another connection, might overtake the SET
        except (Exception, asyncio.CancelledError):
            await self.release()  # the server may have granted the lock, and its reply been lost
            raise

    async def load(self, load: Load) -> str | None:
        """Load, then store and release in one step; if that fails, only release; if the lock is lost, neither."""
        try:
            value = await load()
            await uninterrupted(self._end(pack(value), self.absent_ms if value is None else self.ttl_ms))
        except (Exception, asyncio.CancelledError):
            await self.release()
            raise
        return value

    async def release(self) -> None:
        """Free the lock if it is still ours. If this fails, lock_ttl frees it."""
        try:
            await uninterrupted(self._end("", 0))
        except (RedisError, TimeoutError):
            pass  # the caller has a value to return or an error to raise, and either says more

    async def _take(self) -> Seen:
        async with asyncio.timeout(self.lock_ms / 1000), self.redis.pipeline(transaction=False) as pipe:
            pipe.set(self.name, self.token, nx=True, px=self.lock_ms)
            return await self._look(pipe)

    async def _look(self, pipe: Pipeline) -> Seen:
        pipe.execute_command("MGET", self.key, self.name)  # not pipe.mget, which redis-py refuses in a Cluster
        pipe.pttl(self.key)
        *_, (stored, holder), left_ms = await pipe.execute()
        return Seen(stored, holder, left_ms > self.stale_ms)

    async def _end(self, stored: str, kept_ms: int) -> None:
        script = self.redis.register_script(STORE_AND_RELEASE)  # makes a digest and sends nothing; the call is EVALSHA
        async with asyncio.timeout(self.lock_ms / 1000):  # by then the lock has expired
            await script(keys=[self.key, self.name], args=[self.token, stored, kept_ms])


def lock_name(key: str) -> str:
    """The key of a key's lock, in the same hash slot: `user:7` → `lock:{user:7}`."""
    return beside("lock", key)
