"""Redlock, a lock on a majority of independent nodes; and a store that checks the fences of any lock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from course_lib.errors import StaleFence
from course_lib.patterns.basics import require, require_storable
from course_lib.patterns.locks import ACQUIRE, KEEP, Fence, Lock


class Redlock(Lock):
    """Redlock: a client that gets the lock on a majority of independent nodes, with time left, holds it.

    All nodes are asked at once, and each has `timeout` to answer. An attempt that fails frees the lock on all of them.
    The next attempt comes after a random pause, always from the same range, so a waiter's chances do not fall. A lease
    and its extension need a majority, and are counted from before the first request left. `fence` is a tuple, because
    each node counts by itself.

        >>> nodes = [redis, redis.client(), redis.client()]  # in production, three servers that fail independently
        >>> lease = await Redlock(nodes, "job", ttl=10).acquire(wait=2)

    Units: as for `Lock`; timeout far below ttl; poll, the longest pause, well above a round trip.
    Cost: acquire, extend, release 1 parallel round; an attempt that fails 2. A silent node costs timeout in each.
    Raises: as `Lock`; a node's error only if no majority answers.
    Does not: stop a holder that works on after its lease (check its fence); survive a clock that jumps ahead on a node
        of a bare majority, or a node that restarts without its data: keep such a node out until the longest ttl is
        over, or use appendfsync always.
    Source: redis.io, "Distributed Locks with Redis"; Kleppmann, "How to do distributed locking", 2016, and the reply.
    """

    def __init__(
        self, nodes: Sequence[Redis], name: str, *, ttl: float, timeout: float = 0.2, poll: float = 0.05, **policy: Any
    ) -> None:
        require(len({*map(id, nodes)}) == len(nodes) >= 3, "nodes", nodes, "clients of three servers or more")
        super().__init__(nodes[0], name, ttl=ttl, timeout=timeout, poll=poll, **policy)
        self.quorum = len(nodes) // 2 + 1
        self._acquires = [node.register_script(ACQUIRE) for node in nodes]
        self._keeps = [node.register_script(KEEP) for node in nodes]

    async def _ask(self, token: str) -> tuple[Fence, float]:
        keys = [self.key, self.fence_key, self.mark + token]
        replies = await self._round(self._acquires, keys, [token, self.ttl_ms])
        fence = tuple(max(reply or 0, 0) for reply in replies)
        if sum(map(bool, fence)) >= self.quorum:
            return fence, 0.0
        await self._free(token, in_doubt=None in replies)
        return (), self.poll * self.draw()

    async def _keep(self, token: str, times_ms: list[int]) -> bool:
        keys = [self.key, self.mark + token][: len(times_ms)]
        return (await self._round(self._keeps, keys, [token, *times_ms])).count(1) >= self.quorum

    async def _round(self, scripts: list[AsyncScript], keys: list[str], args: list[Any]) -> list[int | None]:
        """Ask all nodes at once: their replies, None for one that failed; or raise an error, if no majority answers."""

        async def ask(script: AsyncScript) -> Any:
            async with asyncio.timeout(self.timeout):
                return await script(keys=keys, args=args)

        replies = await asyncio.gather(*map(ask, scripts), return_exceptions=True)
        errors = [reply for reply in replies if isinstance(reply, BaseException)]
        if len(replies) - len(errors) < self.quorum:
            raise errors[0]
        return [None if isinstance(reply, BaseException) else reply for reply in replies]

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# KEYS: a hash. ARGV: value, a fence for each node (0: none). Returns 1, or 0 if it has seen a higher one.
# Atomic, because a newer holder may write between the look and the write.
PUT = """
for node = 2, #ARGV do
  if ARGV[node] ~= '0' and ARGV[node] + 0 < (redis.call('HGET', KEYS[1], node - 1) or 0) + 0 then return 0 end
end
for node = 2, #ARGV do if ARGV[node] ~= '0' then redis.call('HSET', KEYS[1], node - 1, ARGV[node]) end end
return redis.call('HSET', KEYS[1], 'value', ARGV[1]) and 1"""


class FencedStore:
    """A value that checks fences itself: once a newer holder of the lock has written, no older one can.

    A fence has a number for each node. Two majorities share a node, and there the later holder's number is higher.

        >>> store = FencedStore(redis, "report")
        >>> await store.put("new", (34,)), await store.get()
        (None, 'new')
        >>> await store.put("old", (33,))
        Traceback (most recent call last):
        course_lib.errors.StaleFence: 'report' has seen a newer fence than (33,)

    Cost: 1 round trip each.
    Raises: StaleFence, and nothing is changed.
    Does not: refuse an old holder before a newer one has written.
    Source: Kleppmann, "How to do distributed locking", 2016.
    """

    def __init__(self, redis: Redis, key: str) -> None:
        self.redis, self.key, self._put = redis, key, redis.register_script(PUT)

    async def get(self) -> Any:
        """The value, or None."""
        return await self.redis.hget(self.key, "value")

    async def put(self, value: str, fence: Fence) -> None:
        """Write, as the holder with this fence."""
        require_storable("value", value)
        require(any(fence), "fence", fence, "that of a lease")
        if not await self._put(keys=[self.key], args=[value, *fence]):
            raise StaleFence(f"{self.key!r} has seen a newer fence than {fence}")
