"""Other right answers to lesson 02's exercises: nothing but the contract is common to them."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from datetime import timedelta
from functools import partial, reduce
from typing import Any

from grading.programs import module
from redis.exceptions import RedisError

from course_lib.patterns.audit import remove_versions
from course_lib.patterns.basics import milliseconds
from course_lib.patterns.keys import Generation, KeySchema
from course_lib.trace import Trace

filled: Any = module("02.2").filled
flushable: Any = module("02.3").flushable
cleaning: Any = module("02.4").cleaning
follows: Any = module("02.6").follows

UNDER = "app:user:profile"
OLD, NEW = "app:user:profile:v1:{}", "app:user:profile:v2:{}"
PROFILE = KeySchema("app", "user", "profile", version=2)

# -- 02.1 -------------------------------------------------------------------------------------------------------------


def letter_by_letter(*parts: str | int) -> str:
    for part in map(str, parts):
        if not part or any(letter in ":{}" or letter.isspace() for letter in part):
            raise ValueError(f"{part!r} could be misread")
    return ":".join(("app:user:profile:v2", *map(str, parts)))


FORBIDDEN = frozenset(":{} \t\n\r\x0b\x0c")


def by_a_set(*parts: str | int) -> str:
    """Its sentence lists every part that it refuses."""
    said = [str(part) for part in parts]
    if bad := [part for part in said if part == "" or FORBIDDEN & set(part)]:
        raise ValueError("refused: " + ", ".join(bad))
    return "app:user:profile:v2:" + ":".join(said)


class Misread(ValueError):
    """A refusal that keeps the part."""


def by_splitting(first: str | int, *others: str | int) -> str:
    parts = (first, *others)
    for part in parts:
        text = f"{part}"
        if text.split() != [text] or len(re.split("[:{}]", text)) > 1:
            raise Misread(part)
    return "{}:{}".format("app:user:profile:v2", ":".join(map("{}".format, parts)))


def one_by_one(*parts: str | int) -> str:
    key = "app:user:profile:v2"
    for number, part in enumerate(parts, 1):
        match list(str(part)):
            case []:
                raise ValueError(f"part {number}, '', is empty")
            case letters if any(letter in ":{}" or not letter.strip() for letter in letters):
                raise ValueError(f"part {number}, {json.dumps(str(part))}, could be misread")
        key += f":{part}"
    return key


class Namer:
    def __init__(self, *first: str) -> None:
        self.first = first

    def __call__(self, *parts: str | int) -> str:
        letter_by_letter(*parts)
        return ":".join([*self.first, *map(str, parts)])

    def method(self, *parts: str | int) -> str:
        return self(*parts)


NAMER = Namer("app", "user", "profile", "v2")

# -- 02.2 -------------------------------------------------------------------------------------------------------------


async def both_written(service: Any, user: str, profile: Any) -> None:
    """It writes both shapes in place of deleting both, in one pipeline."""
    await service.save(user, profile)
    life = milliseconds("ttl", service.ttl)
    async with service.redis.pipeline(transaction=True) as pipe:
        pipe.set(OLD.format(user), json.dumps({"name": f"{profile['first']} {profile['last']}"}), px=life)
        pipe.set(NEW.format(user), json.dumps(profile), px=life)
        await pipe.execute()


async def both_unlinked(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    async with service.redis.pipeline(transaction=False) as pipe:
        pipe.unlink(OLD.format(user))
        pipe.unlink(NEW.format(user))
        await pipe.execute()


class ByPsetex(filled()):  # type: ignore[misc]
    """It looks whether the key exists by asking for it once, and stores by a pipeline."""

    async def read(self, user: str) -> Any:
        if (stored := await self.redis.get(NEW.format(user))) is not None:
            return json.loads(stored)
        profile = await self.load(user)
        await self.redis.psetex(NEW.format(user), milliseconds("ttl", self.ttl), json.dumps(profile))
        return profile


class InAHash(filled()):  # type: ignore[misc]
    """The names are fields of a hash, which gets its life in the same transaction."""

    async def read(self, user: str) -> Any:
        if found := await self.redis.hgetall(NEW.format(user)):
            return found
        profile = await self.load(user)
        async with self.redis.pipeline() as pipe:
            pipe.hset(NEW.format(user), mapping=profile)
            pipe.pexpire(NEW.format(user), milliseconds("ttl", self.ttl))
            await pipe.execute()
        return profile


async def by_a_script(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    await service.redis.eval("return redis.call('DEL', unpack(KEYS))", 2, OLD.format(user), NEW.format(user))


async def puts_right(service: Any, user: str, profile: Any) -> None:
    try:
        await both_unlinked(service, user, profile)
    except:
        service.failed = user
        raise


async def tries_again(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    try:
        await service.redis.delete(OLD.format(user), NEW.format(user))
    except RedisError:
        await service.redis.delete(OLD.format(user), NEW.format(user))


# -- 02.3 -------------------------------------------------------------------------------------------------------------


class TheCoursesOwn:
    """A read of the course's own Generation; `seen` is taken before the load."""

    def __init__(self, redis: Any, *, ttl: float) -> None:
        self.rows, self.ttl = Generation(redis, PROFILE), ttl

    async def read(self, user: str, load: Any) -> Any:
        stored = await self.rows.get(user)
        if stored is None:
            seen = self.rows.seen
            stored = await load()
            await self.rows.set(user, value=stored, ttl=self.ttl, seen=seen)
        return stored

    async def flush(self) -> None:
        await self.rows.flush()


class GenerationInTheValue:
    """One key a user; the value says of which generation it is, and another's is a miss. One MGET reads both."""

    counter, key = "app:user:profile:v2:generation", "app:user:profile:v2:row:{}"

    def __init__(self, redis: Any, *, ttl: float) -> None:
        self.redis, self.ttl = redis, ttl

    async def read(self, user: str, load: Any) -> Any:
        generation, stored = await self.redis.mget(self.counter, self.key.format(user))
        mark = f"{generation or 0};"
        if stored is not None and stored.startswith(mark):
            return stored.removeprefix(mark)
        row = await load()
        await self.redis.set(self.key.format(user), mark + row, px=milliseconds("ttl", self.ttl))
        return row

    async def flush(self) -> None:
        await self.redis.incr(self.counter)


async def a_new_token(cache: Any) -> None:
    """No counter at all: a number that nobody ever used before serves as well, and cannot go back."""
    await cache.redis.set("app:user:profile:v2", secrets.randbits(60) + 1)


READ = """
local generation = redis.call('GET', KEYS[1]) or '0'
return {generation, redis.call('GET', KEYS[1] .. '.' .. generation .. ':' .. ARGV[1])}
"""


async def by_script(cache: Any, user: str) -> tuple[int, Any]:
    generation, stored = await cache.redis.eval(READ, 1, "app:user:profile:v2", user)
    return int(generation), stored


class ByMget:
    """A counter and a row by MGET; the row by SETEX where its life is whole seconds."""

    def __init__(self, redis: Any, *, ttl: float) -> None:
        self.redis, self.ttl, self.last = redis, ttl, "0"

    async def read(self, user: str, load: Any) -> Any:
        while True:
            asked = self.last
            now, row = await self.redis.mget("app:user:profile:v2", f"app:user:profile:v2.{asked}:{user}")
            self.last = now or "0"
            if asked == self.last:
                return row if row is not None else await self.keep(asked, user, await load())

    async def keep(self, generation: str, user: str, row: str) -> str:
        key = f"app:user:profile:v2.{generation}:{user}"
        if float(self.ttl).is_integer():
            await self.redis.setex(key, int(self.ttl), row)
        else:
            await self.redis.psetex(key, timedelta(seconds=self.ttl), row)
        return row

    async def flush(self) -> None:
        await self.redis.incr("app:user:profile:v2")


class WhenFlushed(ByMget):
    """A flush stores when it was, by the server's clock, and counts up in it, so that it never goes back."""

    async def flush(self) -> None:
        await self.redis.eval(LATER, 1, "app:user:profile:v2")


LATER = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
redis.call('SET', KEYS[1], string.format('%.0f', math.max(now, last + 1)))
return 1
"""


class AHashEach:
    """A hash for each user: the row and its generation. It gets its life in the transaction that stores it."""

    def __init__(self, redis: Any, *, ttl: float) -> None:
        self.redis, self.ttl = redis, ttl

    async def read(self, user: str, load: Any) -> Any:
        key = f"app:user:profile:v2:row:{user}"
        async with self.redis.pipeline(transaction=False) as pipe:
            now, stored = await pipe.get("app:user:profile:v2:now").hgetall(key).execute()
        generation = now or "0"
        if stored.get("generation") == generation:
            return stored["row"]
        row = await load()
        async with self.redis.pipeline() as pipe:
            pipe.hset(key, mapping={"row": row, "generation": generation})
            await pipe.pexpire(key, milliseconds("ttl", self.ttl)).execute()
        return row

    async def flush(self) -> None:
        await self.redis.incr("app:user:profile:v2:now")


async def tries_to_flush_again(cache: Any) -> None:
    for left in (1, 0):
        try:
            cache.seen = await cache.redis.incr("app:user:profile:v2")
            return
        except RedisError:
            if not left:
                raise


async def in_a_transaction(cache: Any) -> None:
    async with cache.redis.pipeline(transaction=True) as pipe:
        (cache.seen,) = await pipe.incr("app:user:profile:v2").execute()


# -- 02.4 -------------------------------------------------------------------------------------------------------------


async def the_courses_own(redis: Any, *, live: int) -> int:
    return await remove_versions(redis, KeySchema("app", "user", "profile", version=live), count=100)


async def by_hand(redis: Any, *, live: int) -> int:
    """The cursor by hand, and a pipeline of UNLINKs in place of one with many keys."""
    removed, cursor = 0, -1
    while cursor:
        cursor, keys = await redis.scan(max(cursor, 0), match="app:user:profile:v*", count=50)
        old = [key for key in keys if key.count(":") > 3 and key.split(":")[3][1:].isdecimal()]
        old = [key for key in old if int(key.split(":")[3][1:]) < live]
        async with redis.pipeline(transaction=False) as pipe:
            for key in old:
                pipe.unlink(key)
            removed += sum(await pipe.execute())
    return removed


async def by_globs(redis: Any, *, live: int) -> int:
    """One glob for each version, and COUNT left alone."""
    removed = 0
    for version in range(1, live):
        removed += await in_batches(redis, [key async for key in redis.scan_iter(match=f"{UNDER}:v{version}:*")])
    return removed


def version_of(key: str) -> int | None:
    said = key.removeprefix(f"{UNDER}:v").split(":")
    return int(said[0]) if key.startswith(f"{UNDER}:v") and said[0].isdecimal() and said[1:] else None


async def in_transactions(redis: Any, *, live: int) -> int:
    """Ten at a time; and it knows them all before it begins."""
    found = [key async for key in redis.scan_iter(count=1_000) if (version_of(key) or live) < live]
    removed = 0
    for start in range(0, len(found), 10):
        async with redis.pipeline() as pipe:
            for key in found[start : start + 10]:
                pipe.unlink(key)
            removed += sum(await pipe.execute())
    return removed


async def in_scripts(redis: Any, *, live: int) -> int:
    unlink = redis.register_script("return redis.call('UNLINK', unpack(KEYS))")
    old = sorted([key async for key in redis.scan_iter(match="app:user:*") if (version_of(key) or live) < live])
    return sum([await unlink(keys=old[start : start + 25]) for start in range(0, len(old), 25)])


async def page_by_page(redis: Any, *, live: int) -> int:
    """What each page has goes at once, however little it is."""
    removed, cursor = 0, None
    while cursor != 0:
        cursor, found = await redis.scan(cursor or 0, match=f"{UNDER}:v*", count=50)
        if old := [key for key in found if (version_of(key) or live) < live]:
            removed += await redis.unlink(*old)
    return removed


async def at_once(redis: Any, *, live: int) -> int:
    """All batches are under way together."""
    old = [key async for key in redis.scan_iter(match=f"{UNDER}:v*", count=200) if (version_of(key) or live) < live]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(redis.unlink(*old[n : n + 50])) for n in range(0, len(old), 50)]
    return sum(task.result() for task in tasks)


async def tries_twice(redis: Any, *, live: int) -> int:
    """Whatever failed is tried once more; then its error goes to the caller."""
    try:
        return await by_hand(redis, live=live)
    except RedisError:
        return await by_hand(redis, live=live)


class Cleaner:
    """An object that counts; a bare except puts it right, and raises on."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self, redis: Any, *, live: int) -> int:
        self.runs += 1
        try:
            return await page_by_page(redis, live=live)
        except:
            self.runs -= 1
            raise


async def in_batches(redis: Any, old: list[str]) -> int:
    return sum([await redis.unlink(*old[n : n + 50]) for n in range(0, len(old), 50)])


# -- 02.6 -------------------------------------------------------------------------------------------------------------


def key_by_key(trace: Trace) -> str | None:
    """It looks at each key by itself, from the last command that changed it backwards."""
    ran = sorted((e for e in trace if e.t_server is not None), key=lambda e: e.t_server or 0.0)
    for key in {name for event in ran for name in event.command[1:]}:
        mine = [e for e in ran if (e.name == "DEL" and key in e.command[1:]) or e.command[1] == key]
        state = "absent"
        for event in mine:
            if event.name == "DEL":
                state = "absent"
            elif event.name == "PEXPIRE":
                state = state if state == "absent" else "mortal"
            elif event.reply is not None and b"KEEPTTL" not in event.command[3:]:
                state = "mortal" if {b"PX", b"EX"} & set(event.command[3:]) else "immortal"
            elif event.reply is not None and state == "absent":
                state = "immortal"
        if state == "immortal":
            return f"{key!r} has no TTL"
    return None


def in_order(trace: Trace) -> list[Any]:
    return sorted((e for e in trace if e.t_server is not None), key=lambda e: e.t_server or 0.0)


def two_sets(trace: Trace) -> str | None:
    """Which keys are there, and which of them have a TTL."""
    there, mortal = set[bytes](), set[bytes]()
    for event in in_order(trace):
        match event.command:
            case (b"DEL", *gone):
                there.difference_update(gone)
                mortal.difference_update(gone)
            case (b"PEXPIRE", key, _):
                mortal |= {key} & there
            case (b"SET", key, _, *options) if event.reply is not None:
                there.add(key)
                if not {b"PX", b"EX"}.isdisjoint(options):
                    mortal.add(key)
                elif b"KEEPTTL" not in options:
                    mortal.discard(key)
    return "; ".join(f"{key!r}: no TTL" for key in sorted(there - mortal)) or None


class Keyspace(dict[str, float | None]):
    """A small Redis, that runs the commands again: from key to TTL in seconds."""

    def run(self, name: str, key: str, *words: str) -> None:
        if name == "DEL":
            for gone in (key, *words):
                self.pop(gone, None)
        elif name == "PEXPIRE" and key in self:
            self[key] = int(words[0]) / 1000
        elif name == "SET":
            options = list(words[1:])
            if ("NX" in options and key in self) or ("XX" in options and key not in self):
                return
            ttl = self.get(key) if "KEEPTTL" in options else None
            for option, unit in (("PX", 1000), ("EX", 1)):
                if option in options:
                    ttl = int(options[options.index(option) + 1]) / unit
            self[key] = ttl


def runs_again(trace: Trace) -> str | None:
    keyspace = Keyspace()
    for event in in_order(trace):
        keyspace.run(*map(bytes.decode, event.command))
    return next((f"Nobody will ever remove {key}." for key, ttl in keyspace.items() if ttl is None), None)


def step(state: dict[bytes, bool], event: Any) -> dict[bytes, bool]:
    name, key, *rest = event.command
    if name == b"DEL":
        return {other: lives for other, lives in state.items() if other not in event.command[1:]}
    if name == b"PEXPIRE":
        return state | ({key: True} if key in state else {})
    kept = b"KEEPTTL" in rest[1:] and state.get(key, False)
    return state if event.reply is None else state | {key: kept or bool({b"PX", b"EX"} & set(rest[1:]))}


def folded(trace: Trace) -> str | None:
    return next(
        (f"{key.decode()} stays" for key, lives in reduce(step, in_order(trace), {}).items() if not lives), None
    )


class Auditor:
    def __call__(self, trace: Trace) -> str | None:
        return folded(trace)

    def method(self, trace: Trace) -> str | None:
        return runs_again(trace)


def last_writer(trace: Trace) -> str | None:
    """It tells the command that left the key so."""
    by: dict[bytes, Any] = {}
    for event in in_order(trace):
        name, key, *rest = event.command
        if name == b"SET" and event.reply is not None and not (b"KEEPTTL" in rest[1:] and by.get(key, event) is None):
            by[key] = None if {b"PX", b"EX"} & set(rest[1:]) else event
        elif name == b"PEXPIRE" and key in by:
            by[key] = None
        elif name == b"DEL":
            for gone in event.command[1:]:
                by.pop(gone, None)
    return next((f"{e.client} sent {e.text}, {key.decode()}" for key, e in by.items() if e is not None), None)


RIGHT: dict[str, dict[str, Any]] = {
    "02.1": {
        "letters": letter_by_letter,
        "the course's own": PROFILE.key,
        "a set": by_a_set,
        "splitting": by_splitting,
        "one by one": one_by_one,
        "an object": NAMER,
        "a method": NAMER.method,
        "partial": partial(by_a_set),
    },
    "02.2": {
        "both written": filled(write=both_written),
        "both unlinked": filled(write=both_unlinked),
        "a timedelta": filled(life=lambda ttl: {"px": timedelta(seconds=ttl)}),
        "until when": filled(life=lambda ttl: {"pxat": round((time.time() + ttl) * 1000)}),  # noqa: TID251
        "rounded down": filled(life=lambda ttl: {"px": max(1, int(ttl * 1000))}),
        "by PSETEX": ByPsetex,
        "in a hash": InAHash,
        "by a script": filled(write=by_a_script),
        "a bare except": filled(write=puts_right),
        "tries again": filled(write=tries_again),
        "partial": partial(filled()),
    },
    "02.3": {
        "as taught": flushable(),
        "the course's own": TheCoursesOwn,
        "in the value": GenerationInTheValue,
        "a token": flushable(flush=a_new_token),
        "a script": flushable(ask=by_script),
        "MGET and SETEX": ByMget,
        "when it was flushed": WhenFlushed,
        "a hash for each": AHashEach,
        "tries again": flushable(flush=tries_to_flush_again),
        "in a transaction": flushable(flush=in_a_transaction),
        "partial": partial(flushable()),
    },
    "02.4": {
        "as taught": cleaning(),
        "the course's own": the_courses_own,
        "by hand": by_hand,
        "by globs": by_globs,
        "in transactions": in_transactions,
        "in scripts": in_scripts,
        "page by page": page_by_page,
        "at once": at_once,
        "tries twice": tries_twice,
        "an object": Cleaner(),
        "a method": Cleaner().__call__,
    },
    "02.5": {"all named": ("reader", "reader", "writer", "reader"), "not to the end": ["reader", "reader", "writer"]},
    "02.6": {
        "as taught": follows(),
        "key by key": key_by_key,
        "two sets": two_sets,
        "runs again": runs_again,
        "folded": folded,
        "an object": Auditor(),
        "a method": Auditor().method,
        "last writer": last_writer,
        "partial": partial(last_writer),
    },
}
