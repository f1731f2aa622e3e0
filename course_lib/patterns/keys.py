"""Keys by schema, `app:user:profile:v2:42`: no two meanings share a key, and a changed shape gets new ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from redis.asyncio import Redis

from course_lib.patterns.basics import milliseconds, require, require_storable, require_text


class ParsedKey(NamedTuple):
    """A key taken apart, with its parts as text; the key of a generation counter has no parts."""

    version: int
    parts: tuple[str, ...]
    generation: int | None = None


@dataclass(frozen=True, init=False)
class KeySchema:
    """The keys of one kind of value. Two keys differ whenever their names, versions, generations or parts differ.

    A version stands for the shape of the value: raise it, and old and new code leave each other's values alone. With
    hash_tag the first part decides the slot in a Redis Cluster: `…:v2:{42}` and `…:v2:{42}:page` share one.

    Raises: BadArgument also for a name or part that could be misread, and for a key of more than 512 bytes.
    Does not: keep versions in step: while two are live, a writer must write or delete the keys of both.
    Source: redis.io, "Keys and values", "Redis cluster specification" (hash tags).

    >>> profile = KeySchema("app", "user", "profile", version=2)
    >>> profile.key(42), profile.at(3).key("ann", "photo"), profile.pattern(version=1)
    ('app:user:profile:v2:42', 'app:user:profile:v3:ann:photo', 'app:user:profile:v1[.:]*')
    """

    names: tuple[str, ...]
    version: int
    hash_tag: bool

    def __init__(self, *names: str, version: int = 1, hash_tag: bool = False) -> None:
        clear = names and not any(re.match(r"v\d", _checked(name)) for name in names)
        require(bool(clear), "names", names, "one or more, and none that looks like a version")
        require(type(version) is int and 0 < version < 1e9, "version", version, "an int, from 1 to 999,999,999")
        self.__dict__.update(names=names, version=version, hash_tag=hash_tag)  # frozen from now on

    @property
    def prefix(self) -> str:
        """What every key of this version begins with, and the whole key of its generation counter."""
        return f"{':'.join(self.names)}:v{self.version}"

    def key(self, *parts: str | int, generation: int | None = None) -> str:
        """The key of an entity: `app:user:profile:v2:42`, or in generation 7 `app:user:profile:v2.7:42`."""
        first, *more = map(_checked, parts or [""])
        start = self.prefix if generation is None else f"{self.prefix}.{generation}"
        key = ":".join([start, f"{{{first}}}" if self.hash_tag else first, *more])
        require(len(key.encode()) <= 512, "key", key, "at most 512 bytes")
        return key

    def at(self, version: int) -> KeySchema:
        """The same names at another version."""
        return KeySchema(*self.names, version=version, hash_tag=self.hash_tag)

    def pattern(self, *, version: int | None = None) -> str:
        """A glob for SCAN: the keys of one version, or of every version, in all generations, without the counters."""
        names = re.sub(r"([*?[\]\\])", r"\\\1", ":".join(self.names))
        return f"{names}:v[0-9]*:*" if version is None else f"{names}:v{version}[.:]*"

    def parse(self, key: str) -> ParsedKey | None:
        """The key taken apart, whatever its version; None if this schema makes no such key."""
        first = rf"\{{{PART}\}}" if self.hash_tag else PART
        tail = rf":v([1-9]\d{{0,8}})(?:(?:\.(0|[1-9]\d{{0,18}}))?:({first}(?::{PART})*))?"
        found = re.fullmatch(re.escape(":".join(self.names)) + tail, key, re.ASCII) if key.isprintable() else None
        if found is None:
            return None
        parts = tuple(re.sub("[{}]", "", found[3]).split(":")) if found[3] else ()
        return ParsedKey(int(found[1]), parts, None if found[2] is None else int(found[2]))


class Generation:
    """Generations: `flush` puts every value of a schema out of reach, at once and at run time.

    A get that begins after a flush has returned never returns a value loaded before the flush. For that, read `seen`
    before you load and pass it to `set`: a loader that a flush overtakes then stores where nobody looks. With another
    pattern: `await cache_aside(redis, await users.key(42), load, ttl=60)`.

    Units: ttl in seconds.
    Cost: 1 round trip each, and 1 more for a get after another client's flush. A flushed value takes memory until its
        TTL ends.
    Raises: after an error of redis-py a flush may have happened or not: repeat it.
    Does not: survive the loss of its counter, a key without TTL: then flushed values come back.
    Source: memcached's wiki, ProgrammingTricks, "Namespacing".

    >>> users = Generation(redis, KeySchema("app", "user", version=2))
    >>> await users.get(42), await users.set(42, value="Ann", ttl=60, seen=users.seen), await users.get(42)
    (None, None, 'Ann')
    >>> await users.flush(), await users.get(42), await users.key(42)
    (1, None, 'app:user:v2.1:42')
    """

    def __init__(self, redis: Redis, schema: KeySchema) -> None:
        require_text(redis)
        self.redis, self.schema, self.seen = redis, schema, 0

    async def key(self, *parts: str | int) -> str:
        """The key of an entity in the current generation."""
        self.seen = int(await self.redis.get(self.schema.prefix) or 0)
        return self.schema.key(*parts, generation=self.seen)

    async def get(self, *parts: str | int) -> str | None:
        """The value stored in the current generation."""
        stored: str | None
        while True:
            seen = self.seen
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.get(self.schema.prefix)
                pipe.get(self.schema.key(*parts, generation=seen))
                counter, stored = await pipe.execute()
            self.seen = int(counter or 0)
            if self.seen == seen:
                return stored

    async def set(self, *parts: str | int, value: str, ttl: float, seen: int) -> None:
        """Store a value that was loaded in generation `seen` or later."""
        require_storable("value", value)
        await self.redis.set(self.schema.key(*parts, generation=seen), value, px=milliseconds("ttl", ttl))

    async def flush(self) -> int:
        """Begin a new generation, and return its number."""
        self.seen = int(await self.redis.incr(self.schema.prefix))
        return self.seen


PART = "[^:{} ]+"


def _checked(part: str | int) -> str:
    fine = type(part) in (str, int) and str(part).isprintable() and re.fullmatch(PART, str(part)) is not None
    require(fine, "a name or part", part, "an int, or printable text without `:`, `{`, `}` or space, not empty")
    return str(part)
