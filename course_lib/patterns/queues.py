"""Queues: a stream keeps each message until a worker has handled it; Pub/Sub reaches those who listen just then."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from inspect import iscoroutine
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, WatchError

from course_lib.patterns.basics import (
    Token,
    beside,
    ended,
    heed_cancellation,
    milliseconds,
    new_token,
    require,
    require_storable,
    require_text,
    uncancelled,
    uninterrupted,
)

Handler = Callable[[str, str], Awaitable[object]]  # called with a message's id and text

# KEYS: stream, mark of the message. ARGV: its id, its text, the mark's ttl in ms. Returns the entry, and 1 if it is new
# or else 0.
# Atomic, because after a crash between the entry and its mark a retry would add the entry again.
SEND = """
local known = redis.call('GET', KEYS[2])
local entry = known or redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'text', ARGV[2])
redis.call('SET', KEYS[2], entry, 'PX', ARGV[3])
return {entry, known and 0 or 1}"""
# KEYS: stream, dead letters, what the name of each mark begins with. ARGV: group, consumer, claim_after in ms,
# max_deliveries, the entry that is done, or '' on the first turn. Returns an entry that was not acknowledged in time,
# with its message's id and text; or nil. What becomes a dead letter loses its mark, whose name is made here as `beside`
# makes it, so that it can be sent again.
# Atomic, because a crash between the XADD and the XACK of a dead letter, or another worker's claim, would repeat it.
TURN = """
if ARGV[5] == '' then redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')  -- an error if there is one
else redis.call('XACK', KEYS[1], ARGV[1], ARGV[5]) end
for _, left in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', 16)) do
  local entry = redis.call('XRANGE', KEYS[1], left[1], left[1])[1]
  if entry and left[4] < tonumber(ARGV[4]) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, left[1])
    return {left[1], entry[2][2], entry[2][4]}
  end
  if entry then
    redis.call('XADD', KEYS[2], '*', 'id', entry[2][2], 'text', entry[2][4], 'deliveries', left[4])
    local mark = KEYS[3] .. ':' .. entry[2][2]:gsub('%%', '%%25'):gsub(':', '%%3A')
    if redis.call('GET', mark) == left[1] then redis.call('DEL', mark) end
  end
  redis.call('XACK', KEYS[1], ARGV[1], left[1])
end"""
# KEYS: stream. ARGV: group, consumer, an entry. The consumer's claim begins anew. Atomic, because another worker may
# claim the entry between the look and the XCLAIM, which would take it away again.
EXTEND = """
if redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])[1] then
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
end"""
# KEYS: stream. ARGV: claim_after in ms. Returns how many entries it removed: those before the first one that some group
# has yet to read or acknowledge. Removes idle consumers too, unless they hold entries, which would be lost with them.
# Atomic, because an entry can be delivered between the look and the cut.
TIDY = """
local first
for _, group in ipairs(redis.pcall('XINFO', 'GROUPS', KEYS[1])) do
  local entry = redis.call('XPENDING', KEYS[1], group[2])[2] or group[8]  -- the oldest pending or the last delivered
  entry = ('%20s-%20s'):format(entry:match('(%d+)-(%d+)'))
  if not first or entry < first then first = entry end
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group[2])) do
    local held = redis.call('XPENDING', KEYS[1], group[2], '-', '+', 1, consumer[2])[1]
    if not held and consumer[6] > tonumber(ARGV[1]) then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group[2], consumer[2])
    end
  end
end
return first and redis.call('XTRIM', KEYS[1], 'MINID', (first:gsub(' ', ''))) or 0"""


class Sent(NamedTuple):
    """A message's entry in the stream. `new` is False if a message with its id was there already.

    So it is, too, after a retry by redis-py itself, of a call whose first reply was lost.
    """

    entry: str
    new: bool


class WorkQueue:
    """Work queue on a stream with a consumer group, at least once: every message is handled, whichever worker crashes.

    Sending a message_id again within `remember` adds nothing, unless the message has become a dead letter: then it is
    new. A worker holds a message while its handler runs. When it raised, or its worker has been silent for
    `claim_after`, the next free worker gets the message; after `max_deliveries` it goes to the stream `dead` instead.
    Handle messages with `once`, because one may come twice. `errors` has the last 16 errors of handlers.

        >>> queue, handled = WorkQueue(redis, "mails", claim_after=30), asyncio.Queue()
        >>> first, again = await queue.send("to ann", message_id="7"), await queue.send("to ann", message_id="7")
        >>> worker = asyncio.create_task(queue.run("worker 1", lambda *message: handled.put(message)))
        >>> first.new, again.new, first.entry == again.entry, await handled.get(), worker.cancel()
        (True, False, True, ('7', 'to ann'), True)

    Units: claim_after, block, remember in seconds, by the server's clock; claim_after longer than any pause or cut-off
    of a worker, block shorter than the client's socket_timeout.
    Cost: send, tidy 1 round trip; a message 2 (read it; acknowledge it and look for one left over), and 1 for each
        third of claim_after that its handler takes; an idle worker 2 for each block.
    Raises: after an error of redis-py out of `run`, run it again: nothing is lost.
    Does not: keep an order; stop a handler whose worker is silent for claim_after, so that a second one begins beside
        it; limit a handler's time; survive what a failover loses; tell a harmful message from one that met
        max_deliveries crashes.
    Source: redis.io, "Streams", XAUTOCLAIM, XTRIM.
    """

    def __init__(
        self, redis: Redis, stream: str, group: str = "workers", *, claim_after: float, max_deliveries: int = 5,
        block: float = 1.0, remember: float = 86400.0, token: Token = new_token,
    ) -> None:  # fmt: skip
        require_text(redis)
        require(type(max_deliveries) is int and max_deliveries > 0, "max_deliveries", max_deliveries, "an int above 0")
        self.redis, self.stream, self.group, self.token = redis, stream, group, token
        self.dead, self.marks = beside("dead", stream, group), beside("sent", stream)  # in the stream's hash slot
        self.failed, self.errors = 0, deque[Exception](maxlen=16)
        self.claim_ms, self.block_ms = milliseconds("claim_after", claim_after), milliseconds("block", block)
        self.max_deliveries, self.remember_ms = max_deliveries, milliseconds("remember", remember)

    async def send(self, text: str, *, message_id: str | None = None) -> Sent:
        """Add a message. After an error, send it again with the same message_id."""
        message_id = self.token() if message_id is None else message_id
        for name, value in (("text", text), ("message_id", message_id)):
            require_storable(name, value)
        keys = [self.stream, beside("sent", self.stream, message_id)]
        entry, new = await self.redis.register_script(SEND)(keys=keys, args=[message_id, text, self.remember_ms])
        return Sent(entry, bool(new))

    async def run(self, consumer: str, handler: Handler) -> None:
        """Handle messages, one at a time, until cancelled."""
        turn, done = self.redis.register_script(TURN), ""
        while True:
            heed_cancellation()
            args: list[str | int] = [self.group, consumer, self.claim_ms, self.max_deliveries, done]
            message, done = await turn(keys=[self.stream, self.dead, self.marks], args=args), "0-0"
            if message is None:
                ask: Any = {self.stream: ">"}
                read: Any = await self.redis.xreadgroup(self.group, consumer, ask, count=1, block=self.block_ms)
                if read:
                    [(entry, fields)] = read[self.stream][0] if isinstance(read, dict) else read[0][1]  # RESP3, RESP2
                    message = entry, fields["id"], fields["text"]
            if message is not None:
                try:
                    async with self._holding(consumer, message[0]):
                        await uncancelled(handler(message[1], message[2]))
                    done = message[0]
                except Exception as error:
                    self.failed += 1
                    self.errors.append(error)

    @asynccontextmanager
    async def _holding(self, consumer: str, entry: str) -> AsyncIterator[None]:
        """Extend our claim to an entry from time to time, until its handler has ended."""
        script = self.redis.register_script(EXTEND)

        async def extend() -> None:
            while True:
                await asyncio.sleep(self.claim_ms / 3000)
                with suppress(RedisError, OSError):  # then another worker may begin too
                    await script(keys=[self.stream], args=[self.group, consumer, entry])

        extending = asyncio.create_task(extend())
        try:
            yield
        finally:
            await uninterrupted(ended(extending))

    async def tidy(self) -> int:
        """Remove entries that every group has handled, and idle consumers that hold none; return how many entries."""
        return int(await self.redis.register_script(TIDY)(keys=[self.stream], args=[self.claim_ms]))


async def once(redis: Redis, mark: str, effect: Callable[[Pipeline], object], *, remember: float) -> None:
    """Idempotent handler: apply the commands that `effect` queues exactly once, however often a message comes.

        >>> for delivery in range(2):
        ...     await once(redis, "done:7", lambda pipe: pipe.incr("mails sent"), remember=60)
        >>> await redis.get("mails sent")
        '1'

    Units: remember, the life of the mark, in seconds: longer than the time in which a message can come again.
    Cost: 2 round trips, or 3 to apply it. The mark is set in the same transaction.
    Raises: after an error of redis-py it was applied or not; call it again.
    Does not: reach outside Redis: there, send the message's id along, so that the other side can recognize a
        repetition; span slots: in a cluster the mark and the keys of `effect` need one hash tag.
    Source: redis.io, "Transactions" (WATCH).
    """
    mark_ms = milliseconds("remember", remember)
    async with redis.pipeline(transaction=True) as pipe:
        while True:
            try:
                await pipe.watch(mark)
                if await pipe.get(mark) is not None:
                    return
                pipe.multi()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                pipe.set(mark, "", px=mark_ms)
                require(not iscoroutine(effect(pipe)), "effect", effect, "a plain function, which queues commands")
                await pipe.execute()
                return
            except WatchError:
                pass  # another worker applied it just now, or the reply was lost: the mark will show it


async def listen(redis: Redis, channel: str) -> AsyncIterator[str | None]:
    """Pub/Sub, at most once: yields what is published while we are connected, and None at each new connection.

    After a None forget everything that may have changed: what was published in between is lost.

        >>> heard = listen(redis, "news")
        >>> await anext(heard), await redis.publish("news", "hello"), await anext(heard)
        (None, 1, 'hello')

    Cost: 1 round trip for each connection; then only the messages.
    Raises: redis-py's errors, after it has tried to connect again.
    Does not: notice at once that a connection hangs: give the client a health_check_interval.
    Source: redis.io, "Pub/Sub" (at most once).
    """
    async with redis.pubsub() as subscription:
        await subscription.subscribe(channel)
        async for event in subscription.listen():
            yield event["data"] if event["type"] == "message" else None
