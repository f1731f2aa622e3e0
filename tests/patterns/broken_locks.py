"""Broken twins of the locks: each has one thing wrong, named on its first line. Tests show that each one fails."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from course_lib.errors import LockLost
from course_lib.patterns import locks
from course_lib.patterns.locks import ACQUIRE, KEEP, Fence, Lease, Lock
from course_lib.patterns.redlock import FencedStore, Redlock


class UnlocksByDel(Lock):
    """Wrong: it deletes the lock without looking whose it is."""

    def __init__(self, redis: Redis, name: str, **policy: Any) -> None:
        super().__init__(redis, name, **policy)
        self._kept = redis.register_script(KEEP.replace("~= ARGV[1]", "== ''"))


class TrustsTheReply(Lock):
    """Wrong: a lock with its own token in it counts as another's, as redis-py's does."""

    def __init__(self, redis: Redis, name: str, **policy: Any) -> None:
        super().__init__(redis, name, **policy)
        self._acquire = redis.register_script(ACQUIRE.replace("and holder ~= ARGV[1]", ""))


class NoReleaseInDoubt(Lock):
    """Wrong: after an error or a cancellation it leaves what the server may have granted."""

    async def _free(self, token: str, *, in_doubt: bool = False) -> bool:
        return not in_doubt and await super()._free(token)


class NoMark(Lock):
    """Wrong: its release leaves no mark, and may overtake the request that it is to undo."""

    async def _free(self, token: str, *, in_doubt: bool = False) -> bool:
        return await super()._free(token)


class CountsFromTheReply(Redlock):
    """Wrong: a lease counts from when the majority had answered, and nobody looks how long that took."""

    async def acquire(self, *, wait: float = 0.0) -> Lease | None:
        lease = None
        give_up = asyncio.get_running_loop().time() + wait
        while lease is None:
            token = self.token()
            try:
                fence, pause = await self._ask(token)
            except BaseException:
                await self._free(token, in_doubt=True)
                raise
            now = asyncio.get_running_loop().time()
            if fence:
                lease = Lease(self, token, fence, now)
            elif now >= give_up:
                return None
            else:
                await self._pause(pause)
        return lease


class LeavesAFailedAttempt(Redlock):
    """Wrong: an attempt that got no majority returns at once and keeps the nodes that it got, as pottery's does."""

    async def _ask(self, token: str) -> tuple[Fence, float]:
        keys = [self.key, self.fence_key, self.mark + token]
        replies = await self._round(self._acquires, keys, [token, self.ttl_ms])
        fence = tuple(max(reply or 0, 0) for reply in replies)
        return (fence, 0.0) if sum(map(bool, fence)) >= self.quorum else ((), self.poll * self.draw())


class ExtendsOnAnyNode(Redlock):
    """Wrong: one node that extends is enough."""

    async def _keep(self, token: str, times_ms: list[int]) -> bool:
        keys = [self.key, self.mark + token][: len(times_ms)]
        return any(await self._round(self._keeps, keys, [token, *times_ms]))


class UncheckedLease(Lease):
    """Wrong: an extension counts from its reply, and may come after the end."""

    async def extend(self) -> None:
        if not await self.lock._keep(self.token, [self.lock.ttl_ms]):
            raise LockLost
        loop = asyncio.get_running_loop()
        self._timer.cancel()
        self._timer = loop.call_at(loop.time() + self.lock.lasts, self.lost.set)


class ExtendsUnchecked(Lock):
    """Wrong: its leases extend as `UncheckedLease` says."""

    async def acquire(self, *, wait: float = 0.0) -> Lease | None:
        lease = await super().acquire(wait=wait)
        if lease is not None:
            lease.__class__ = UncheckedLease
        return lease


class UnfencedStore(FencedStore):
    """Wrong: it takes every write."""

    def __init__(self, redis: Redis, key: str) -> None:
        super().__init__(redis, key)
        self._put = redis.register_script("redis.call('HSET', KEYS[1], 'value', ARGV[1]) return 1")


class HighestOnly(FencedStore):
    """Wrong for a majority: it compares the highest number of a fence, and nodes count by themselves."""

    async def put(self, value: str, fence: Fence) -> None:
        await super().put(value, (max(fence),))


assert locks.ACQUIRE.count("and holder ~= ARGV[1]") == KEEP.count("~= ARGV[1]") == 1
