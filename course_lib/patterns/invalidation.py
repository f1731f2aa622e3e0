"""Invalidation: what a writer does after its commit, so that no reader keeps the old row, or brings it back.

The stale-set race: a reader loads the old row, a writer commits and deletes the key, the reader stores the old row, and
it is served until its ttl ends. Two guards stop it: a lease that the delete takes away, and a version that no older one
may replace.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from course_lib.patterns.basics import ended, milliseconds, require, require_text, uninterrupted
from course_lib.patterns.cache import Load, pack, unpack
from course_lib.patterns.loadlock import lock_name

LoadVersion = Callable[[], Awaitable[tuple[int, str | None]]]  # a row with its version, which every write raises
CHANNEL = "invalidated"

# KEYS: the value, its lock. ARGV: the channel. Returns the number of listeners.
# Atomic, because after a crash in between near caches would not have heard of it.
INVALIDATE = """
redis.call('DEL', KEYS[1], KEYS[2])
return redis.call('PUBLISH', ARGV[1], KEYS[1])"""
# KEYS: the entry. ARGV: its version, the new entry, its TTL in ms. Returns nothing; a newer entry stays.
# Atomic, because a newer entry may come between the look at the version and the write.
STORE_UNLESS_NEWER = """
local held = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+);')
if not held or tonumber(held) <= tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end"""


async def invalidate(redis: Redis, key: str) -> None:
    """Delete on write, with the lease: after this call, no reader that loaded before it can store what it loaded.

    Call it after the commit. The lease is the lock of lock_and_wait, lock_or_stale and StaleWhileRevalidate; read
    through one of these. It tells near caches too.

    Cost: 1 round trip.
    Raises: after an error of redis-py the old value may live on until its ttl ends, so call it again.
    Does not: guard readers without a lock (cache_aside); happen if you crash after the commit: for that, write the
        delete down in the same transaction (an outbox), or follow the database's log.
    Source: Nishtala et al., NSDI 2013, §3.2.1 (leases).

    >>> await redis.set("page", "old"), await invalidate(redis, "page"), await redis.get("page")
    (True, None, None)
    """
    require_text(redis)
    await redis.register_script(INVALIDATE)(keys=[key, lock_name(key)], args=[CHANNEL])


async def versioned(redis: Redis, key: str, load: LoadVersion, *, ttl: float) -> str | None:
    """Versioned compare-and-set: cache-aside that never stores over a newer version, or the mark that one exists.

    Units: ttl in seconds.
    Cost: hit, 1 round trip; miss, 2 and one load.
    Raises: what load raises.
    Does not: stop a stampede; guard against a load that takes longer than the mark of `supersede` lives, or a mark that
        was evicted.
    Source: redis.io, "EVAL"; the rule is Thomas's, ACM TODS 4(2), 1979, doi:10.1145/320071.320076.

    >>> async def load(): await supersede(redis, "page", 2, ttl=9); return 1, "old"
    >>> await versioned(redis, "page", load, ttl=60), await redis.get("page")
    ('old', '2;')
    """
    require_text(redis)
    stored: Any = await redis.get(key)
    if held := re.fullmatch(r"\d+;=(.*)", stored or "", re.DOTALL):
        return unpack(held[1])
    version, value = await load()
    await _store(redis, key, version, f"={pack(value)}", ttl)
    return value


async def supersede(redis: Redis, key: str, version: int, *, ttl: float) -> None:
    """Delete on write for `versioned`: leaves a mark, so that for `ttl` nothing older than `version` is stored.

    Units: ttl in seconds: more than any load takes, pauses included.
    Cost: 1 round trip. Raises: after an error of redis-py call it again; several calls may come in any order.

    >>> await supersede(redis, "page", 7, ttl=60), await supersede(redis, "page", 6, ttl=60), await redis.get("page")
    (None, None, '7;')
    """
    require_text(redis)
    await _store(redis, key, version, "", ttl)


async def _store(redis: Redis, key: str, version: int, entry: str, ttl: float) -> None:
    require(type(version) is int and 0 <= version < 2**53, "version", version, "an int, from 0 to 2**53 - 1")
    store = redis.register_script(STORE_UNLESS_NEWER)
    await store(keys=[key], args=[version, f"{version};{entry}", milliseconds("ttl", ttl)])


class NearCache:
    """A near cache: inside the process, in front of any other cache. It forgets a key when it hears that it changed.

    It listens to `invalidate`, or with `prefix` to the server itself, which announces every change of a key with that
    prefix (client-side tracking). It pings, and uses its memory only if a ping of the last `silence` seconds was
    answered: then everything announced before that ping has been heard. So no value is served that has been invalid for
    more than `silence`, however the connection fails or the process pauses. A new connection begins with a flush, and a
    fetched value is not kept if the key was invalidated during the fetch.

    >>> async with NearCache(redis, ttl=30, silence=3) as near:
    ...     await asyncio.sleep(1)
    ...     [await near.get("page", load) for load in (lambda: redis.echo("one"), lambda: redis.echo("two"))]
    ['one', 'one']

    Units: ttl, silence in seconds; size in keys, of which the least recently used go first.
    Cost: hit, nothing; miss, the fetch. In the background one connection, and 3 pings per silence.
    Raises: what fetch raises; ResponseError from get if the server has no CLIENT TRACKING.
    Does not: hear of a write that nobody announces: the ttl limits how long that matters. It does not take a
        RedisCluster: give it a client of one node, which hears every `invalidate` of the cluster, but with `prefix`
        only of that node's own keys.
    Source: redis.io, "Client-side caching reference", "Redis Pub/Sub" (at most once).
    """

    def __init__(
        self, redis: Redis, *, ttl: float, silence: float, size: int = 10_000, prefix: str | None = None
    ) -> None:
        require_text(redis)
        require(size >= 1, "size", size, "1 or more")
        self.redis, self.size, self.prefix = redis, size, prefix
        self.ttl, self.silence = milliseconds("ttl", ttl) / 1000, milliseconds("silence", silence) / 1000
        self._near, self._fetching = OrderedDict[str, tuple[float, str | None]](), dict[str, object]()
        self._heard, self._now = -self.silence, asyncio.get_running_loop().time

    async def get(self, key: str, fetch: Load) -> str | None:
        """The value kept here, or else what `fetch` returns, such as `lambda: lock_and_wait(redis, key, load, …)`."""
        if self._listener.done():
            self._listener.result()
        begun = self._now()
        until, value = self._near.get(key, (begun, None))
        if begun < min(until, self._heard + self.silence):
            self._near.move_to_end(key)
            return value
        ticket = self._fetching[key] = object()  # an invalidation takes it away
        try:
            value = await fetch()
            if self._fetching.get(key) is ticket:
                self._near[key] = begun + self.ttl, value
                self._near.move_to_end(key)
                if len(self._near) > self.size:
                    self._near.popitem(last=False)
        finally:
            if self._fetching.get(key) is ticket:
                del self._fetching[key]
        return value

    async def _listen(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.silence) as patience, self.redis.pubsub() as pubsub:
                    if self.prefix is not None:
                        await self._said(pubsub, "HELLO", 2)  # redis-py drops what RESP3 says of invalid keys
                        own = await self._said(pubsub, "CLIENT", "ID")
                        track = f"CLIENT TRACKING ON REDIRECT {own} BCAST PREFIX"
                        await self._said(pubsub, *track.split(), self.prefix)
                    await pubsub.subscribe(CHANNEL if self.prefix is None else "__redis__:invalidate")
                    await pubsub.parse_response()
                    self._forget(None)
                    while True:
                        await pubsub.ping(repr(asked := self._now()))
                        while (left := asked + self.silence / 3 - self._now()) > 0:
                            self._hear(await pubsub.parse_response(block=False, timeout=left))
                            patience.reschedule(max(patience.when() or 0, self._heard + self.silence))
            except ResponseError:
                raise
            except (RedisError, OSError, RuntimeError):  # RuntimeError: its timeout was swallowed, as `ended` says
                await asyncio.sleep(self.silence / 3)

    async def _said(self, pubsub: PubSub, *command: Any) -> Any:
        await pubsub.execute_command(*command)
        return await pubsub.parse_response()

    def _hear(self, reply: Any) -> None:
        match reply:
            case ["message", _, str(key)] if key:
                self._forget([key])
            case ["message", _, [*keys]] if keys:
                self._forget(keys)
            case ["message" | "subscribe", *_]:  # all keys; or a new connection, and some were missed
                self._forget(None)
                raise RedisConnectionError("begin with a new connection")
            case ["pong", str(asked)] | str(asked):
                self._heard = float(asked)

    def _forget(self, keys: list[str] | None) -> None:
        for known in (self._near, self._fetching):
            for key in list(known) if keys is None else keys:
                known.pop(key, None)

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.cancel()
        await uninterrupted(ended(self._listener))
