"""Other right answers: nothing but the contract is common to them. Each must pass as the solutions do."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from grading.programs import module
from redis.exceptions import RedisError, WatchError

from course_lib.explore import OneFault

blanks: Any = module("06.2").with_the_blanks

# -- 06.1: other ways to make pages go away ----------------------------------------------------------------------------


async def by_unlink(redis: Any, keys: list[str]) -> None:
    await redis.unlink(*keys)


async def in_a_pipeline(redis: Any, keys: list[str]) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.delete(key)
        await pipe.execute()


async def in_a_transaction(redis: Any, keys: list[str]) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.delete(*keys).execute()


async def by_script(redis: Any, keys: list[str]) -> None:
    await redis.eval("for _, key in ipairs(KEYS) do redis.call('DEL', key) end", len(keys), *keys)


async def by_a_life_of_nothing(redis: Any, keys: list[str]) -> None:
    async with redis.pipeline() as pipe:
        for key in keys:
            pipe.pexpire(key, 0)
        await pipe.execute()


async def all_at_once(redis: Any, keys: list[str]) -> None:
    """Many commands, sent at one moment: one round trip."""
    await asyncio.gather(*map(redis.delete, keys))


async def by_command(redis: Any, keys: list[str]) -> None:
    await redis.execute_command("del", *(key.encode() for key in reversed(keys)))


async def tries_twice(redis: Any, keys: list[str]) -> None:
    try:
        await redis.delete(*keys)
    except Exception:
        await redis.delete(*keys)


def sale_by(deletes: Any, *, always: bool = False) -> Any:
    """An answer that deletes that way; `always`, when the commit fails too."""

    async def sale(redis: Any, ids: list[str], commit: Any) -> Any:
        keys = [f"app:product:{id}" for id in ids]
        try:
            result = await commit()
        except Exception:
            if keys and always:
                await asyncio.gather(redis.delete(*keys), return_exceptions=True)
            raise
        if keys:
            await deletes(redis, keys)
        return result

    return sale


RIGHT: dict[str, dict[str, Any]] = {
    "06.1": {
        "unlink": sale_by(by_unlink),
        "a pipeline": sale_by(in_a_pipeline),
        "a transaction": sale_by(in_a_transaction),
        "a script": sale_by(by_script),
        "a life of nothing": sale_by(by_a_life_of_nothing),
        "all at once": sale_by(all_at_once),
        "a command": sale_by(by_command),
        "twice": sale_by(tries_twice),
        "after a failure too": sale_by(by_unlink, always=True),
    },
}


# -- 06.2: other ways to keep the newer one ----------------------------------------------------------------------------


def mapping(version: int, page: str | None) -> dict[str, Any]:
    return {"version": version} | ({} if page is None else {"page": page})


async def with_watch(redis: Any, key: str, version: int, page: str | None, *, ttl: float) -> bool:
    while True:
        try:
            async with redis.pipeline() as pipe:
                await pipe.watch(key)
                held = await pipe.hget(key, "version")
                if held is not None and int(held) > version:
                    return False
                pipe.multi()
                pipe.delete(key)
                pipe.hset(key, mapping=mapping(version, page))
                pipe.pexpire(key, round(ttl * 1000))
                await pipe.execute()
                return True
        except WatchError:
            continue


async def by_transaction(redis: Any, key: str, version: int, page: str | None, *, ttl: float) -> Any:
    async def body(pipe: Any) -> bool:
        held = (await pipe.hgetall(key)).get("version", "0")
        pipe.multi()
        if int(held) <= version:
            pipe.delete(key).hset(key, mapping=mapping(version, page)).pexpire(key, timedelta(seconds=ttl))
        return int(held) <= version

    return await redis.transaction(body, key, value_from_callable=True)


KEEP = """
local given = cjson.decode(ARGV[1])
local held = redis.call('HMGET', KEYS[1], 'version', 'page')
if (tonumber(held[1]) or 0) > tonumber(given[1]) then return false end
if not given[2] then redis.call('HDEL', KEYS[1], 'page') else redis.call('HSET', KEYS[1], 'page', given[2]) end
redis.call('HSET', KEYS[1], 'version', given[1])
redis.call('PEXPIRE', KEYS[1], given[3])
return 1"""


async def field_by_field(redis: Any, key: str, version: int, page: str | None, *, ttl: float) -> bool:
    given = json.dumps([str(version), page if page is not None else False, round(ttl * 1000)])
    return await redis.eval(KEEP, 1, key, given) is not None


async def registered(redis: Any, key: str, version: int, page: str | None, *, ttl: float) -> int:
    """An int is as good as a bool."""
    script = redis.register_script(
        "local h = redis.call('HGET', KEYS[1], 'version')"
        "if h and (#h > #ARGV[1] or #h == #ARGV[1] and h > ARGV[1]) then return 0 end "
        "redis.call('UNLINK', KEYS[1]) redis.call('HMSET', KEYS[1], unpack(ARGV, 3)) "
        "return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
    )
    fields = ["version", version] if page is None else ["version", version, "page", page]
    return int(await script(keys=[key], args=[version, round(ttl * 1000), *fields]))


async def looks_before(redis: Any, key: str, version: int, page: str | None, *, ttl: float) -> bool:
    """What is refused now is refused for good: until it expires, versions only rise."""
    held = await redis.hget(key, "version")
    if held is not None and int(held) > version:
        return False
    return bool(await blanks()(redis, key, version, page, ttl=ttl))


async def twice(redis: Any, key: str, version: int, page: str | None, *, ttl: float) -> bool:
    """Once more does no harm."""
    try:
        return bool(await blanks()(redis, key, version, page, ttl=ttl))
    except RedisError:
        return bool(await blanks()(redis, key, version, page, ttl=ttl))


RIGHT["06.2"] = {
    "WATCH": with_watch,
    "a transaction": by_transaction,
    "field by field": field_by_field,
    "registered": registered,
    "looks before": looks_before,
    "twice": twice,
    "the other way round": blanks("not (not held or tonumber(held) <= tonumber(ARGV[1]))"),
    "as a number": blanks("(tonumber(held or '0') or 0) > ARGV[1] + 0"),
    "by a difference": blanks("held and held - ARGV[1] > 0"),
}


# -- 06.3: other ways to give leases -----------------------------------------------------------------------------------

Base: Any = module("06.3").Right


class WithWatch(Base):
    async def put(self, key: str, page: str, lease: str) -> bool:
        while True:
            async with self.redis.pipeline() as pipe:
                try:
                    await pipe.watch(f"lease:{key}")
                    if await pipe.get(f"lease:{key}") != lease:
                        return False
                    pipe.multi()
                    await pipe.set(key, page, px=round(self.ttl * 1000)).delete(f"lease:{key}").execute()
                    return True
                except WatchError:
                    continue


class LooksAgain(Base):
    """Commands alone: who has taken the lease looks once more for the page."""

    async def get(self, key: str) -> Any:
        page = await self.redis.get(key)
        if page is not None:
            return [page, None]
        token = self.new_token()
        if not await self.redis.set(f"lease:{key}", token, nx=True, px=round(self.lease_ttl * 1000)):
            return [None, None]
        page = await self.redis.get(key)
        if page is None:
            return [None, token]
        free = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
        await self.redis.eval(free, 1, f"lease:{key}", token)
        return [page, None]


class DeletesTheLeaseFirst(Base):
    """Then nobody who loaded before can store, and the page goes."""

    async def delete(self, key: str) -> None:
        await self.redis.delete(f"lease:{key}")
        await self.redis.delete(key)


class InATransaction(Base):
    async def delete(self, key: str) -> Any:
        async with self.redis.pipeline() as pipe:
            return await pipe.unlink(key).unlink(f"lease:{key}").execute()


class Registered(Base):
    def __init__(self, redis: Any, *, ttl: float, lease_ttl: float, new_token: Any) -> None:
        super().__init__(redis, ttl=ttl, lease_ttl=lease_ttl, new_token=new_token)
        self.script = redis.register_script(
            "local page = redis.call('GET', KEYS[1]) if page then return {page} end "
            "local ok = redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') return {false, ok and ARGV[1]}"
        )

    async def get(self, key: str) -> Any:
        page, *lease = await self.script(keys=[key, f"lease:{key}"], args=[uuid4().hex, round(self.lease_ttl * 1000)])
        return page, lease[0] if lease else None


class AHash(Base):
    """The lease is the field of a hash."""

    GET = """
    local page = redis.call('GET', KEYS[1])
    if page or redis.call('EXISTS', KEYS[2]) == 1 then return {page, false} end
    redis.call('HSET', KEYS[2], 'token', ARGV[1])
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
    return {false, ARGV[1]}"""

    async def get(self, key: str) -> Any:
        life = int(self.lease_ttl * 1000 + 0.5)
        return tuple(await self.redis.eval(self.GET, 2, key, f"lease:{key}", self.new_token(), life))

    async def put(self, key: str, page: str, lease: str) -> Any:
        script = """
        if redis.call('HGET', KEYS[2], 'token') ~= ARGV[1] then return false end
        redis.call('DEL', KEYS[2])
        redis.call('PSETEX', KEYS[1], ARGV[3], ARGV[2])
        return 1"""
        return bool(await self.redis.eval(script, 2, key, f"lease:{key}", lease, page, round(self.ttl * 1000)))


class Unlinks(Base):
    async def delete(self, key: str) -> int:
        return int(await self.redis.unlink(f"lease:{key}", key))


class GetsBoth(Base):
    """Both in one round trip, and a script only where something is missing."""

    async def get(self, key: str) -> Any:
        page, lease = await self.redis.mget(key, f"lease:{key}")
        if page is not None or lease is not None:
            return page, None
        return await super().get(key)


RIGHT["06.3"] = {
    "WATCH": WithWatch,
    "looks again": LooksAgain,
    "the lease first": DeletesTheLeaseFirst,
    "a transaction": InATransaction,
    "registered": Registered,
    "a hash": AHash,
    "unlinks": Unlinks,
    "gets both": GetsBoth,
}


# -- 06.4: other ways to do what was noted -----------------------------------------------------------------------------

steps: Any = module("06.4")


async def together(redis: Any, outbox: Any, id: int, key: str) -> None:
    async with redis.pipeline() as pipe:
        await pipe.delete(key).publish("invalidated", key).execute()


async def one_script(redis: Any, outbox: Any, id: int, key: str) -> None:
    await redis.eval(
        "redis.call('UNLINK', KEYS[1]) return redis.call('PUBLISH', ARGV[1], KEYS[1])", 1, key, "invalidated"
    )


async def batch_by_batch(redis: Any, outbox: Any) -> int:
    marked = 0
    while True:
        notes = await outbox.pending()
        if not notes:
            return marked
        keys = list(dict.fromkeys(key for _, key in notes))
        async with redis.pipeline(transaction=False) as pipe:
            pipe.delete(*keys)
            for key in keys:
                pipe.publish("invalidated", key)
            await pipe.execute()
        for id, _ in notes:
            await outbox.done(id)
            marked += 1


async def one_note_at_a_time(redis: Any, outbox: Any) -> int:
    for marked in count():
        notes = await outbox.pending()
        if not notes:
            return marked
        (id, key), *_ = notes
        await redis.unlink(key)
        await redis.publish("invalidated", key)
        await outbox.done(id)
    return 0


async def recursive(redis: Any, outbox: Any) -> int:
    notes = await outbox.pending()
    for id, key in notes:
        await redis.execute_command("DEL", key.encode())
        await redis.execute_command("PUBLISH", "invalidated", key)
        await outbox.done(id)
    return len(notes) + await recursive(redis, outbox) if notes else 0


RIGHT["06.4"] = {
    "together": steps.relay_of(together, steps.mark),
    "one script": steps.relay_of(one_script, steps.mark),
    "batch by batch": batch_by_batch,
    "one note at a time": one_note_at_a_time,
    "recursive": recursive,
    "once more": steps.relay_of(drops=(RedisError,), again=True),
    "sorted": steps.relay_of(order=sorted),
    "counted again": steps.relay_of(told=lambda marked: sum(1 for _ in range(marked))),
}


# -- 06.5 and 06.6 -----------------------------------------------------------------------------------------------------

rows: Any = module("06.6")


def newest_so_far(trace: Any) -> str | None:
    """Sweep over time: acknowledgments before the reads that begin at the same moment."""
    moments: list[tuple[float, int, str, int, str]] = []
    for note in trace.notes:
        if note.kind in ("read", "write") and note.t_end is not None:
            key, _, version = note.text.rpartition(" ")
            reads = note.kind == "read"
            moments.append((note.t_start if reads else note.t_end, int(reads), key, int(version), note.who))
    newest: dict[str, int] = {}
    for when, reads, key, version, who in sorted(moments):
        if reads and version < newest.get(key, version):
            return f"At {when} s {who} was served version {version} of {key}"
        if not reads:
            newest[key] = max(version, newest.get(key, 0))
    return None


def by_product(trace: Any) -> str | None:
    wanted = [note for note in trace.notes if note.kind in ("write", "read") and note.t_end is not None]
    split = [(*re.fullmatch(r"(.*) (\d+)", note.text, re.DOTALL).groups(), note) for note in wanted]
    for key in {key for key, _, _ in split}:
        mine = [(int(version), note) for its, version, note in split if its == key]
        writes = [(version, note.t_end) for version, note in mine if note.kind == "write"]
        for version, note in mine:
            known = [newer for newer, when in writes if when <= note.t_start]
            if note.kind == "read" and known and max(known) > version:
                return f"stale: {note.who}"
    return None


RIGHT["06.5"] = {
    "for a second": OneFault("pause", at=3, seconds=1.0, client="reader"),
    "for an hour": OneFault("pause", at=3, seconds=3_599, client="reader"),
    "just long enough": OneFault("pause", at=3, seconds=0.43, client="reader"),
}
RIGHT["06.6"] = {
    "a sweep": newest_so_far,
    "by product": by_product,
    "rows": rows.by_rows(),
    "by the highest": rows.by_rows(version=float),
    "with Decimal": rows.by_rows(version=Decimal),
    "the other way round": rows.by_rows(older=lambda served, written: not served >= written),
    "by a difference": rows.by_rows(older=lambda served, written: written - served > 0),
    "says more": rows.by_rows(says=lambda read: f"Stale! Who: {read.who!r}; {read}"),
}
