"""Broken twins of the queues: each has one thing wrong, named on the first line. Tests show that each one fails.

A script replaces the course's own, `monkeypatch.setattr(queues, "TURN", NEVER_CLAIMS)`; the rest is overridden.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from course_lib.patterns.queues import Handler, WorkQueue

# Wrong: what a dead worker had is left where it is.
NEVER_CLAIMS = """
if ARGV[5] == '' then redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
else redis.call('XACK', KEYS[1], ARGV[1], ARGV[5]) end"""

# Wrong: what fails is tried again for ever.
NEVER_BURIES = """
if ARGV[5] == '' then redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
else redis.call('XACK', KEYS[1], ARGV[1], ARGV[5]) end
local left = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', 1)[1]
if left then
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, left[1])[1]
  return {left[1], entry[2][2], entry[2][4]}
end"""

# Wrong: it keeps the newest entry only, whether or not the others were handled.
TRIMS_BY_LENGTH = "return redis.call('XTRIM', KEYS[1], 'MAXLEN', 1)"

# Wrong: it looks at what was delivered, and not at what was acknowledged.
TRIMS_WHAT_WAS_DELIVERED = """
local group = redis.pcall('XINFO', 'GROUPS', KEYS[1])[1]
return group and redis.call('XTRIM', KEYS[1], 'MINID', group[8]) or 0"""

# Wrong: it removes a consumer with the messages that it holds.
REMOVES_WHO_HOLDS = """
for _, consumer in ipairs(redis.pcall('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', consumer[2])
end
return 0"""


class SendsAgain(WorkQueue):
    """Wrong: a message has no id by which the stream would know it again."""

    async def send(self, text: str, *, message_id: str | None = None) -> str:
        entry: Any = {"id": message_id or self.token(), "text": text}
        return str(await self.redis.xadd(self.stream, entry))


class AcksFirst(WorkQueue):
    """Wrong: it acknowledges a message before it has been handled."""

    async def run(self, consumer: str, handler: Handler) -> None:
        async def hasty(message_id: str, text: str) -> None:
            for pending in await self.redis.xpending_range(self.stream, self.group, "-", "+", 10, consumer):
                await self.redis.xack(self.stream, self.group, pending["message_id"])
            await handler(message_id, text)

        await super().run(consumer, hasty)


class BuriesInTwoSteps(WorkQueue):
    """Wrong: a crash between its two commands leaves a dead letter in the queue, to be written again."""

    async def run(self, consumer: str, handler: Handler) -> None:
        async def burying(message_id: str, text: str) -> None:
            try:
                await handler(message_id, text)
            except ValueError:
                for pending in await self.redis.xpending_range(self.stream, self.group, "-", "+", 10, consumer):
                    if pending["times_delivered"] == self.max_deliveries:
                        letter: Any = {"id": message_id, "text": text, "deliveries": pending["times_delivered"]}
                        await self.redis.xadd(self.dead, letter)
                        await self.redis.xack(self.stream, self.group, pending["message_id"])
                raise

        await super().run(consumer, burying)


async def not_once(redis: Redis, mark: str, effect: Callable[[Pipeline], object], *, remember: float) -> None:
    """Wrong: it never looks whether it has been here before."""
    async with redis.pipeline(transaction=True) as pipe:
        effect(pipe)
        await pipe.execute()


async def marked_apart(redis: Redis, mark: str, effect: Callable[[Pipeline], object], *, remember: float) -> None:
    """Wrong: mark and effect are two steps, and a crash between them loses the effect."""
    if await redis.set(mark, "", nx=True, ex=int(remember)):
        async with redis.pipeline(transaction=True) as pipe:
            effect(pipe)
            await pipe.execute()
