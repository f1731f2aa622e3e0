"""Writers for 04.4 and locks for 04.6: right ones and wrong ones. Each says on its first line what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

FREE_OUR_OWN = """
-- free our own lock
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""".strip()

TTL = 0.5
"""Seconds that a lock lives here."""

# KEYS: the lock, a counter. ARGV: token, TTL in ms. Returns a fence above that of every earlier holder; 0 if another
# has the lock. Atomic, so that fences come in the order of holders.
TAKE_FENCED = """
-- take the lock, with a fence
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return redis.call('INCR', KEYS[2])
""".strip()

# KEYS: the report. ARGV: value, fence. Returns 1, or 0 if it has seen a higher fence. Atomic, because between the look
# and the write a newer holder may write.
WRITE_FENCED = """
-- write, if not older
if tonumber(ARGV[2]) < tonumber(redis.call('HGET', KEYS[1], 'fence') or 0) then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'fence', ARGV[2])
return 1
""".strip()


# -- 04.4: two writers ------------------------------------------------------------------------------------------------


async def looks_then_writes(redis: Redis, who: str, work: Callable[[], Awaitable[None]]) -> str:
    """Wrong: it makes sure that its lock is still valid, and then writes."""
    clock = asyncio.get_running_loop().time
    while True:
        start = clock()
        if fence := await redis.eval(TAKE_FENCED, 2, "lock", "fences", who, round(TTL * 1000)):
            break
        await asyncio.sleep(0.1)
    await work()
    if clock() < start + TTL:
        await redis.hset("report", mapping={"value": who, "fence": fence})
    await redis.eval(FREE_OUR_OWN, 1, "lock", who)
    return "done"


async def writes_with_its_fence(redis: Redis, who: str, work: Callable[[], Awaitable[None]]) -> str:
    """Right: it does the same, and the report itself refuses a fence that is older than the last."""
    clock = asyncio.get_running_loop().time
    while True:
        start = clock()
        if fence := await redis.eval(TAKE_FENCED, 2, "lock", "fences", who, round(TTL * 1000)):
            break
        await asyncio.sleep(0.1)
    await work()
    if clock() < start + TTL:
        await redis.eval(WRITE_FENCED, 1, "report", who, fence)
    await redis.eval(FREE_OUR_OWN, 1, "lock", who)
    return "done"


# -- 04.6: a lock on three nodes, and three broken ones ---------------------------------------------------------------

EXTEND = """
-- extend our own lock
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
""".strip()


class RightLock:
    """Right: what it believes counts from before the first request, and it frees what is its own."""

    def __init__(self, nodes: Sequence[Redis], token: str) -> None:
        self.nodes, self.token, self.until = nodes, token, 0.0
        self.clock = asyncio.get_running_loop().time

    async def acquire(self) -> bool:
        """Is it ours until `until`? Otherwise, what was granted is given back."""
        start = self.clock()
        got = await self.on_each(lambda node: node.set("lock", self.token, nx=True, px=round(TTL * 1000)))
        self.until = self.believed(start)
        if got.count(True) < 2 or self.clock() >= self.until:
            await self.release()
            return False
        return True

    async def extend(self) -> bool:
        """Is it ours for another TTL?"""
        start, before = self.clock(), self.until
        got = await self.on_each(lambda node: node.eval(EXTEND, 1, "lock", self.token, round(TTL * 1000)))
        self.until = self.believed(start)
        return got.count(1) >= 2 and self.clock() < min(before, self.until)

    async def release(self) -> None:
        """Give it back on every node."""
        await self.on_each(lambda node: node.eval(FREE_OUR_OWN, 1, "lock", self.token))

    def believed(self, start: float) -> float:
        """Until when what was asked for at `start` is ours."""
        return start + 0.99 * TTL - 0.002

    async def on_each(self, command: Callable[[Redis], Any]) -> list[Any]:
        """The replies of all nodes; None for an error."""
        replies = await asyncio.gather(*map(command, self.nodes), return_exceptions=True)
        return [None if isinstance(reply, RedisError) else reply for reply in replies]


class NoValidity(RightLock):
    """Wrong: it has a majority, and believes in a whole TTL from now on."""

    async def acquire(self) -> bool:
        got = await self.on_each(lambda node: node.set("lock", self.token, nx=True, px=round(TTL * 1000)))
        self.until = self.believed(self.clock())
        if got.count(True) < 2:
            await self.release()
            return False
        return True


class FreesAnyLock(RightLock):
    """Wrong: it deletes the lock without looking whose it is."""

    async def release(self) -> None:
        await self.on_each(lambda node: node.delete("lock"))


class ExtendsLate(RightLock):
    """Wrong: an extension counts from its reply."""

    async def extend(self) -> bool:
        got = await self.on_each(lambda node: node.eval(EXTEND, 1, "lock", self.token, round(TTL * 1000)))
        self.until = self.believed(self.clock())
        return got.count(1) >= 2
