"""A lock on one node, and the lease that it grants: one holder at a time, for a limited time.

For a lock on several nodes see `redlock`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis import exceptions as failed
from redis.asyncio import Redis

from course_lib.errors import LockLost, LockTimeout
from course_lib.patterns.basics import Draw, Token, beside, milliseconds, new_token, require, uninterrupted

Fence = tuple[int, ...]  # a number for each node, lower than every later holder's; 0 where it did not get the lock

# KEYS: lock, its last fence, mark of a token given up, wake-up (if used). ARGV: token, TTL in ms. Returns the fence,
# above 0; or minus the ms for which another has the lock. A client that sees its own token has it, and lost a reply.
# Atomic, because another client may take the lock between the look and the SET, or between the SET and the fence.
# A fence is the server's µs, or one more than the last: it grows even if the clock goes back, or the last is lost.
ACQUIRE = """
local holder, time = redis.call('GET', KEYS[1]), redis.call('TIME')
if holder and holder ~= ARGV[1] then return -math.max(redis.call('PTTL', KEYS[1]), 0) end
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local fence = math.max((redis.call('GET', KEYS[2]) or 0) + 1, time[1] * 1000000 + time[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], string.format('%.0f', fence), 'PX', ARGV[2] + 86400000)
if KEYS[4] then redis.call('DEL', KEYS[4]) end
return fence"""
# KEYS: lock, wake-up (if used). ARGV: token, its new TTL in ms: 0 frees the lock and wakes a waiter.
# With ARGV[3], when the grant is in doubt, the last of KEYS is a mark with that TTL in ms: it stops an ACQUIRE that is
# still under way. Returns 1, or 0 if the lock is not ours. Atomic, because after the look the lock may expire and pass
# to another client.
KEEP = """
if ARGV[3] then redis.call('SET', table.remove(KEYS), '', 'PX', ARGV[3]) end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '0' then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('DEL', KEYS[1])
if KEYS[2] then redis.call('RPUSH', KEYS[2], '') redis.call('PEXPIRE', KEYS[2], 1000) end
return 1"""


class Lease:
    """One acquisition: nobody else has the lock while `left()` is above 0. `lost` is set if it ends unreleased."""

    def __init__(self, lock: Lock, token: str, fence: Fence, start: float) -> None:
        self.lock, self.token, self.fence, self.lost, self.extensions = lock, token, fence, asyncio.Event(), 0
        self._timer = asyncio.get_running_loop().call_at(start + lock.lasts, self.lost.set)
        self.holder = asyncio.current_task()

    def left(self) -> float:
        """Seconds to work in, by this process's clock; 0 or less when it is over."""
        return 0.0 if self._timer.cancelled() else self._timer.when() - asyncio.get_running_loop().time()

    @property
    def valid(self) -> bool:
        """Check it before each step that needs the lock: after a pause of the process `lost` is not set at once."""
        return self.left() > 0

    async def extend(self) -> None:
        """Hold the lock for one ttl from now, or raise LockLost. Any other error changes nothing: try again."""
        if self.valid and self.extensions >= self.lock.max_extensions:
            raise LockLost(f"{self.lock.name!r} was extended {self.extensions} times; it ends in {self.left():.3f} s")
        start = asyncio.get_running_loop().time()
        held = self.valid and await self.lock._keep(self.token, [self.lock.ttl_ms]) and self.valid
        self._timer.cancel()
        if not held:
            self.lost.set()
            raise LockLost(f"{self.lock.name!r} is no longer held")
        self.extensions += 1
        self._timer = asyncio.get_running_loop().call_at(start + self.lock.lasts, self.lost.set)

    async def release(self) -> bool:
        """Free the lock. False if it was no longer ours, or if nobody answered and it ends with its ttl."""
        if self.valid:
            self._timer.cancel()
        return await self.lock._free(self.token)


class Lock:
    """A lock on one node: it expires, and only its holder frees it. Each acquisition is a `Lease` of its own.

    A lease is counted from before the request left, and shortened by `drift` × ttl and 2 ms, because clocks run
    unevenly. An error or a cancellation at any await frees what may have been granted. A lost reply locks nobody out: a
    client that sees its own token has the lock. A release wakes one waiter. Check `lease.fence` where the work is
    stored: see `FencedStore`.

        >>> lock = Lock(redis, "job", ttl=10)
        >>> async with lock.hold(wait=2) as lease:
        ...     print(lease.valid, 9.8 < lease.left() < 9.9, lease.fence, await lock.acquire())
        True True (1700000000001883,) None

    Units: ttl, timeout of a request, and poll (a waiter's longest pause, ±50 % at random) in seconds; wait in seconds,
        0 to 1e9; drift at least 0, below 1. Give the client `Retry(NoBackoff(), 0)`: retries only use up the timeout.
    Cost: acquire, extend, release 1 round trip each; a waiter 2 for each wake-up or poll, and a connection.
    Raises: LockTimeout, LockLost. After TimeoutError or an error of redis-py nothing is held.
    Does not: let its holder take it again: that task waits for itself, and LockTimeout says so if it uses the same
        Lock; stop a holder that works on after its lease; serve waiters in order; hold through a failover that loses
        the lock, or a server's clock that jumps ahead. The fence grows even then, unless the new server's clock is
        behind the old one's.
    Source: redis.io, SET and "Distributed Locks with Redis"; for the clock as a fence Lamport, CACM 21(7), 1978.
    """

    quorum = 1

    def __init__(
        self, redis: Redis, name: str, *, ttl: float, timeout: float = 1.0, poll: float = 0.25, drift: float = 0.01,
        max_extensions: int = 100, token: Token = new_token, draw: Draw = random.random,
    ) -> None:  # fmt: skip
        require(type(max_extensions) is int and max_extensions >= 0, "max_extensions", max_extensions, "an int from 0")
        require(0 <= drift < 1, "drift", drift, "at least 0 and below 1")
        self.redis, self.name, self.max_extensions, self.token, self.draw = redis, name, max_extensions, token, draw
        self.timeout, self.poll = milliseconds("timeout", timeout) / 1000, milliseconds("poll", poll) / 1000
        self.ttl_ms = milliseconds("ttl", ttl)
        self.lasts = self.ttl_ms / 1000 * (1 - drift) - 0.002
        require(self.lasts > 0, "ttl", ttl, "more than what drift takes away, and 2 ms")
        self.key, self.fence_key = beside("lease", name), beside("fence", name)
        self.wake_key, self.mark = beside("wake", name), f"{beside('gone', name)}:"
        self._last: Lease | None = None
        self._acquire, self._kept = redis.register_script(ACQUIRE), redis.register_script(KEEP)  # sends nothing

    async def acquire(self, *, wait: float = 0.0) -> Lease | None:
        """A lease; or None, if others held the lock during all of `wait`."""
        require(0 <= wait <= 1e9, "wait", wait, "seconds, from 0 to 1e9")
        now = asyncio.get_running_loop().time
        give_up = now() + wait
        while True:
            token, start = self.token(), now()
            try:
                fence, pause = await self._ask(token)
            except (Exception, asyncio.CancelledError):
                await self._free(token, in_doubt=True)
                raise
            if sum(map(bool, fence)) >= self.quorum and now() < start + self.lasts:
                self._last = Lease(self, token, fence, start)
                return self._last
            if any(fence):
                await self._free(token)
            if (left := give_up - now()) <= 0:
                return None
            await self._pause(min(pause, left))

    @asynccontextmanager
    async def hold(self, *, wait: float) -> AsyncIterator[Lease]:
        """Hold the lock for a block. Raises LockTimeout after `wait`, and LockLost if the block outlasted the lease."""
        if (lease := await self.acquire(wait=wait)) is None:
            raise LockTimeout(f"{self.name!r} was not free within {wait} s{self._held_here()}")
        try:
            yield lease
            if not lease.valid:
                raise LockLost(f"{self.name!r} was lost before its block had ended")
        finally:
            await lease.release()

    def _held_here(self) -> str:
        if self._last is None or not self._last.valid or (task := self._last.holder) is None:
            return ""
        which = "this very task" if task is asyncio.current_task() else f"the task {task.get_name()!r}"
        return f"; {which} holds it, through this same Lock"

    async def _ask(self, token: str) -> tuple[Fence, float]:
        async with asyncio.timeout(self.timeout):
            keys = [self.key, self.fence_key, self.mark + token, self.wake_key]
            fence = await self._acquire(keys=keys, args=[token, self.ttl_ms])
        return ((fence,), 0.0) if fence > 0 else ((), min(0.001 - fence / 1000, self.poll * (0.5 + self.draw())))

    async def _keep(self, token: str, times_ms: list[int]) -> bool:
        async with asyncio.timeout(self.timeout):
            keys = [self.key, self.wake_key, self.mark + token][: 1 + len(times_ms)]
            return bool(await self._kept(keys=keys, args=[token, *times_ms]))

    async def _free(self, token: str, *, in_doubt: bool = False) -> bool:
        times_ms = [0, self.ttl_ms][: 1 + in_doubt]
        try:
            return await self._keep(token, times_ms)
        except (failed.RedisError, TimeoutError):
            return False
        except asyncio.CancelledError:
            with suppress(failed.RedisError, TimeoutError):
                await uninterrupted(self._keep(token, times_ms))
            raise

    async def _pause(self, seconds: float) -> None:
        with suppress(failed.TimeoutError, TimeoutError):  # perhaps the client's socket_timeout is shorter
            async with asyncio.timeout(seconds + self.timeout):
                await self.redis.blpop([self.wake_key], timeout=max(seconds, 0.01))
