"""The library's locks with one thing wrong, which the first line of each says. Never use them.

`programs` has small locks, for learners to read; these are whole ones, for the contest and for searches.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from course_lib.errors import LockLost
from course_lib.patterns.locks import KEEP, Lease, Lock
from course_lib.patterns.redlock import Redlock


class UnlocksByDel(Lock):
    """Wrong: a release deletes the key, even if another client holds it by then."""

    def __init__(self, redis: Redis, name: str, **policy: Any) -> None:
        super().__init__(redis, name, **policy)
        self._kept = redis.register_script(KEEP.replace("~= ARGV[1]", "== ''"))


class NoValidity(Redlock):
    """Wrong: a lease counts from when the majority had answered, however long that took."""

    async def acquire(self, *, wait: float = 0.0) -> Lease | None:
        """A lease from the moment of the last reply; or None."""
        now = asyncio.get_running_loop().time
        give_up = now() + wait
        while True:
            token = self.token()
            try:
                fence, pause = await self._ask(token)
            except (Exception, asyncio.CancelledError):
                await self._free(token, in_doubt=True)
                raise
            if fence:
                return Lease(self, token, fence, now())
            if (left := give_up - now()) <= 0:
                return None
            await self._pause(min(pause, left))


class ExtendsOnAnyNode(Redlock):
    """Wrong: one node that extends is enough."""

    async def _keep(self, token: str, times_ms: list[int]) -> bool:
        keys = [self.key, self.mark + token][: len(times_ms)]
        return any(await self._round(self._keeps, keys, [token, *times_ms]))


class _LateLease(Lease):
    async def extend(self) -> None:
        """Wrong: it counts from the reply, however long that took."""
        if not await self.lock._keep(self.token, [self.lock.ttl_ms]):
            raise LockLost(f"{self.lock.name!r} is no longer held")
        loop = asyncio.get_running_loop()
        self._timer.cancel()
        self._timer = loop.call_at(loop.time() + self.lock.lasts, self.lost.set)


class ExtendsLate(Redlock):
    """Wrong: an extension needs a majority, but counts from its reply, however late that came."""

    async def acquire(self, *, wait: float = 0.0) -> Lease | None:
        """A lease with the wrong `extend`; or None."""
        lease = await super().acquire(wait=wait)
        if lease is not None:
            lease.__class__ = _LateLease
        return lease
