"""Read-through, write-through and write-behind: a cache that talks to the database itself.

They stack: a Cache can have the `get` and `put` of a WriteBehind as its load and save.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, Self

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from course_lib.patterns.basics import (
    ended,
    heed_cancellation,
    milliseconds,
    require,
    require_storable,
    require_text,
    uncancelled,
    uninterrupted,
)
from course_lib.patterns.cache import ABSENT, pack, unpack
from course_lib.patterns.typed import Miss, T, Typed


class Metrics(NamedTuple):
    """Counts since the start. Each get counts as one of the first five."""

    hits: int = 0
    misses: int = 0
    changed: int = 0  # stored with another schema version
    corrupt: int = 0  # stored, but not a value
    degraded: int = 0  # Redis failed, or was not asked
    loads: int = 0
    saves: int = 0
    errors: int = 0  # calls that Redis refused, or did not answer within `timeout`


class Cache(Generic[T]):
    """Read-through and write-through: one `get` and one `put`. While Redis is down, answers take longer but still come.

    `get` loads a value that is missing, changed or corrupt, and stores it, but never over one that `put` has stored
    meanwhile. `put` saves to the database, then stores; a crash in between leaves the old value for at most ttl. Once
    Redis fails, or is silent for `timeout`, one call every retry_after tries it again, and all other calls go without
    it (a circuit breaker).

    >>> async def load(entity): return f"page {entity}"
    >>> pages = Cache(redis, "page:{}".format, load, shape=Typed(str, version=1), ttl=60)
    >>> await pages.get("7"), await pages.get("7"), pages.metrics.hits, await redis.get("page:7")
    ('page 7', 'page 7', 1, 'v1;"page 7"')

    Units: ttl, absent_ttl, timeout, retry_after in seconds. A silent Redis adds one timeout to a get or put, or two if
        it falls silent in between.
    Cost: hit, 1 round trip; miss, 2 and one load; put, 1 and one save.
    Raises: what load or save raises; after a put that fails or is cancelled nothing is stored. BadArgument for a value
        that is not of the shape: put refuses it before it saves. No errors of redis-py.
    Does not: stop a stampede; order puts that happen at once; delete a stored value while Redis is away, or keep out a
        load that takes longer than the life of what put stored: such a value lives until its ttl ends.
    Source: redis.io, "How to use Redis for Query Caching"; Nygard, Release It!, 2007 (circuit breaker).
    """

    def __init__(
        self, redis: Redis, key: Callable[[str], str], load: Callable[[str], Awaitable[T | None]], *, shape: Typed[T],
        ttl: float, absent_ttl: float = 1.0, save: Callable[[str, T | None], Awaitable[object]] | None = None,
        timeout: float = 0.05, retry_after: float = 1.0,
    ) -> None:  # fmt: skip
        require_text(redis)
        self.redis, self.key, self.load, self.save, self.shape = redis, key, load, save, shape
        self.ttl_ms, self.absent_ms = milliseconds("ttl", ttl), milliseconds("absent_ttl", absent_ttl)
        self.timeout = milliseconds("timeout", timeout) / 1000
        self.pause = milliseconds("retry_after", retry_after) / 1000
        self._counts, self._retry_at = Counter[str](), -1.0  # below 0: Redis answered when it was last asked

    @property
    def metrics(self) -> Metrics:
        """A snapshot."""
        return Metrics(**self._counts)

    async def get(self, entity: str) -> T | None:
        """The cached value, or else the row; None if there is no row."""
        key = self.key(entity)
        stored = await self._ask(lambda: self.redis.get(key))
        found: T | Miss | None = stored if isinstance(stored, Miss) else Miss.MISSING
        if isinstance(stored, str):
            found = None if (text := unpack(stored)) is None else self.shape.decode(text)
        if not isinstance(found, Miss):
            self._counts["hits"] += 1
            return found
        self._counts.update([found.value, "loads"])
        value = await self.load(entity)
        text = self._text(value)
        if found is not Miss.AWAY:
            await self._store(key, text, nx=found is Miss.MISSING)
        return value

    async def put(self, entity: str, value: T | None) -> None:
        """Save a row, or with None its absence, then store it."""
        require(self.save is not None, "save", None, "given, for a cache that writes")
        assert self.save is not None
        key, text = self.key(entity), self._text(value)
        self._counts["saves"] += 1
        try:
            await self.save(entity, value)
        except BaseException:
            await uninterrupted(self._ask(lambda: self.redis.delete(key)))  # it may have been saved or not
            raise
        await uninterrupted(self._store(key, text, nx=False))

    def _text(self, value: T | None) -> str:
        return pack(None if value is None else self.shape.encode(value))

    async def _store(self, key: str, text: str, *, nx: bool) -> None:
        kept_ms = self.absent_ms if text == ABSENT else self.ttl_ms
        await self._ask(lambda: self.redis.set(key, text, px=kept_ms, nx=nx))

    async def _ask(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """What Redis answers; CORRUPT if that is not text; AWAY if Redis fails, or is not asked."""
        now = asyncio.get_running_loop().time
        if now() < self._retry_at:
            return Miss.AWAY
        if self._retry_at >= 0:
            self._retry_at = now() + self.pause  # this call is the one that tries
        try:
            async with asyncio.timeout(self.timeout):
                answer = await work()
        except UnicodeDecodeError:
            answer = Miss.CORRUPT
        except ResponseError as error:  # Redis is there, and refuses: another type of value, no memory left
            self._counts["errors"] += 1
            answer = Miss.CORRUPT if str(error).startswith("WRONGTYPE") else Miss.AWAY
        except (RedisError, OSError):
            self._counts["errors"] += 1
            self._retry_at = now() + self.pause
            return Miss.AWAY
        self._retry_at = -1.0
        return answer


class Write(NamedTuple):
    """A row to save, unless the database has it with a higher version. A value of None deletes it."""

    entity: str
    version: int
    value: str | None


# KEYS: buffer, last version, rows set aside. ARGV: entity, packed value. Returns nothing. The version is the server's
# time in µs, or one more than the last. Atomic, because no two writes may get the same version, and the newer must win.
PUT = """
local time = redis.call('TIME')
local version = math.max(time[1] * 1000000 + time[2], (redis.call('GET', KEYS[2]) or 0) + 1)
redis.call('SET', KEYS[2], string.format('%.0f', version))
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f;', version) .. ARGV[2])"""
# KEYS: buffer. ARGV: how many to return, then entities and what was saved of each. Returns entities and values in turn.
# Atomic, because a newer write may come between the look at an entry and its removal, and would be lost.
NEXT = """
for i = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return redis.call('HRANDFIELD', KEYS[1], ARGV[1], 'WITHVALUES')"""
# KEYS: buffer, rows set aside. ARGV: an entity, and what could not be saved of it.
# Atomic, because a newer write may come in between, and would be set aside with it.
SET_ASIDE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HDEL', KEYS[1], ARGV[1])"""


class WriteBehind:
    """Write-behind: a write is acknowledged once Redis has it, and saved later, in batches of the newest values.

    No crash of a process loses an acknowledged write: any other process with a WriteBehind of this name saves it. A
    save may come twice, or late from a process that was paused; so `save` must leave a row with a higher version alone.
    When a batch fails, its rows are saved one by one. If that works for some, the others are set aside, so that a row
    that cannot be saved holds up no other: `get` still finds it, `set_aside` lists it, and a new `put` replaces it.

    >>> async def save(batch): print([(write.entity, write.value) for write in batch])
    >>> pages = WriteBehind(redis, "pages", redis.get, save, every=1)
    >>> await pages.put("7", "old"); await pages.put("7", "new")
    >>> async with pages: await asyncio.sleep(2)
    [('7', 'new')]

    Units: every in seconds: the pause after everything is saved, or after a save failed. `batch` is 1 to 1000 rows.
    Cost: put, 1 round trip; get, 1, and one load unless the row waits to be saved; a batch, 1 and one save. If that
        fails, one save more for each row; and for each row set aside 3 more, to be sure, and 1 round trip.
    Raises: what load raises; after an error of redis-py a put may have happened all the same. `errors` has the last 16
        errors of the flusher, which tries again; a note says of which row.
    Does not: tell a row that cannot be saved from a database that is away, as long as no other row of its batch is
        saved (with batch=1 there is none); survive the loss of Redis's memory: use appendfsync always, and WAIT for
        replicas; limit how much waits to be saved.
    Source: redis.io, "How to use Redis for Write-behind Caching".
    """

    def __init__(
        self, redis: Redis, name: str, load: Callable[[str], Awaitable[str | None]],
        save: Callable[[list[Write]], Awaitable[object]], *, every: float = 1.0, batch: int = 100,
    ) -> None:  # fmt: skip
        require_text(redis)
        require(name != "" and not {"{", "}"} & set(name), "name", name, "a name without braces, not empty")
        require(1 <= batch <= 1000, "batch", batch, "1 to 1000 rows")
        self.redis, self.load, self.save, self.batch = redis, load, save, batch
        self.buffer, self.pause = f"behind:{{{name}}}", milliseconds("every", every) / 1000
        self.aside, self.errors = f"{self.buffer}:aside", deque[Exception](maxlen=16)

    async def put(self, entity: str, value: str | None) -> None:
        """Have a row saved soon."""
        require_storable("entity", entity)
        keys = [self.buffer, f"{self.buffer}:last", self.aside]
        await self.redis.register_script(PUT)(keys=keys, args=[entity, pack(value)])

    async def get(self, entity: str) -> str | None:
        """The newest row: the one that waits to be saved, or else the one in the database."""
        async with self.redis.pipeline(transaction=True) as pipe:  # else a put may come between the two
            pipe.hget(self.buffer, entity)
            pipe.hget(self.aside, entity)
            waiting, aside = await pipe.execute()
        return _write(entity, held).value if (held := waiting or aside) else await self.load(entity)

    async def flush(self) -> None:
        """Save everything that waits. Raises what save raises if it saves none of a batch."""
        more, saved = True, dict[str, str]()
        while True:
            done = [text for row in saved.items() for text in row]
            found = await self.redis.register_script(NEXT)(keys=[self.buffer], args=[self.batch, *done])
            if not found or not more:
                return
            more = len(found) == 2 * self.batch
            saved = await self._saved(dict(zip(found[::2], found[1::2], strict=True)))

    async def set_aside(self) -> list[Write]:
        """The newest rows that could not be saved while others could."""
        held: Any = await self.redis.hgetall(self.aside)
        return [_write(entity, text) for entity, text in held.items()]

    async def _saved(self, rows: dict[str, str]) -> dict[str, str]:
        """Those of these rows that were saved, if any; else it raises why not."""
        if (failure := await self._failure(rows)) is None:
            return rows
        each = [{entity: text} for entity, text in rows.items()] if len(rows) > 1 else []
        saved = {entity: text for row in each if await self._failure(row) is None for entity, text in row.items()}
        if not saved:
            raise failure
        good = dict([next(iter(saved.items()))])
        for row in each:
            if row.keys() <= saved.keys() or await self._failure(good):
                continue
            if (why := await self._failure(row)) is None:
                saved |= row
            elif await self._failure(good) is None:  # so the database is there, before and after: it refuses this row
                [(entity, text)] = row.items()
                why.add_note(f"{entity!r} is set aside: other rows of its batch could be saved")
                self.errors.append(why)
                await self.redis.register_script(SET_ASIDE)(keys=[self.buffer, self.aside], args=[entity, text])
        return saved

    async def _failure(self, rows: dict[str, str]) -> Exception | None:
        try:
            await uncancelled(self.save([_write(*row) for row in rows.items()]))
        except Exception as error:
            return error
        return None

    async def _run(self) -> None:
        while True:
            heed_cancellation()
            try:
                await self.flush()
            except Exception as error:
                self.errors.append(error)
            await asyncio.sleep(self.pause)

    async def __aenter__(self) -> Self:
        self._flusher = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._flusher.cancel()
        await uninterrupted(ended(self._flusher))


def _write(entity: str, text: str) -> Write:
    version, _, value = text.partition(";")
    return Write(entity, int(version), unpack(value))
