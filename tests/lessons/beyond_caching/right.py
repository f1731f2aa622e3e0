"""Other right answers: nothing but the contract is common to them. Each must pass as the solutions do."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from hashlib import sha1
from typing import Any

from grading.programs import module
from redis.exceptions import NoScriptError, RedisError, WatchError

from course_lib.explore import OneFault

RIGHT: dict[str, dict[str, Any]] = {}

blank: Any = module("07.1").with_the_blank
blanks: Any = module("07.2").with_the_blanks
pairs: Any = module("07.2").pairs


def key_of(id: str) -> str:
    return f"app:session:{id}"


# -- 07.1: other ways to move a session --------------------------------------------------------------------------------

FIELD_BY_FIELD = """
local held = redis.call('HGETALL', KEYS[1])
for at = 1, #held, 2 do redis.call('HSET', KEYS[2], held[at], held[at + 1]) end
redis.call('UNLINK', KEYS[1])"""
COPIED = "if redis.call('COPY', KEYS[1], KEYS[2]) == 1 then redis.call('DEL', KEYS[1]) end"


async def watches_the_old_one(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    new = new_id()
    while True:
        async with redis.pipeline() as pipe:
            try:
                await pipe.watch(key_of(old))
                held = await pipe.hgetall(key_of(old))
                pipe.multi()
                pipe.delete(key_of(old))
                pipe.hset(key_of(new), mapping=held | {"user": user})
                pipe.pexpire(key_of(new), timedelta(seconds=idle))
                await pipe.execute()
                return new
            except WatchError:
                pass


async def in_a_transaction(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    """redis.transaction watches, and tries again."""
    new = new_id()

    async def move(pipe: Any) -> None:
        there = await pipe.exists(key_of(old))
        pipe.multi()
        if there:
            pipe.rename(key_of(old), key_of(new))
        pipe.hset(key_of(new), mapping={"user": user})
        pipe.pexpire(key_of(new), round(idle * 1000))

    await redis.transaction(move, key_of(old))
    return new


async def registered(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    new = new_id()
    script = redis.register_script(
        f"{COPIED} redis.call('HSET', KEYS[2], 'user', ARGV[1]) redis.call('PEXPIRE', KEYS[2], ARGV[2])"
    )
    await script(keys=[key_of(old), key_of(new)], args=[user, round(idle * 1000)])
    return new


async def tries_again(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    """After a lost reply too: the second time there is no old session, and the user is set once more."""
    new = new_id()
    for last in (False, True):
        try:
            return await blank()(redis, old, user, idle=idle, new_id=lambda: new)
        except RedisError:
            if last:
                raise
    return None


async def copies(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    """Nothing to watch: COPY of what is not there does nothing."""
    new = new_id()
    async with redis.pipeline(transaction=True) as pipe:
        pipe.copy(key_of(old), key_of(new)).unlink(key_of(old))
        await pipe.hset(key_of(new), "user", user).pexpire(key_of(new), round(idle * 1000)).execute()
    return new


MOVED = f"{COPIED} redis.call('HSET', KEYS[2], 'user', ARGV[1]) redis.call('PEXPIRE', KEYS[2], ARGV[2])"


async def by_its_sum(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    """It names the script, and sends it if the server does not know it: an error, and nobody's fault."""
    given = 2, key_of(old), key_of(new := new_id()), user, round(idle * 1000)
    try:
        await redis.evalsha(sha1(MOVED.encode()).hexdigest(), *given)
    except NoScriptError:
        await redis.eval(MOVED, *given)
    return new


RIGHT["07.1"] = {
    "by its sum": by_its_sum,
    "copies": copies,
    "pcall": blank("redis.pcall('RENAME', KEYS[1], KEYS[2])"),
    "RENAMENX": blank("if redis.call('EXISTS', KEYS[1]) > 0 then redis.call('RENAMENX', KEYS[1], KEYS[2]) end"),
    "TYPE": blank("if redis.call('TYPE', KEYS[1]).ok == 'hash' then redis.call('RENAME', KEYS[1], KEYS[2]) end"),
    "field by field": blank(FIELD_BY_FIELD),
    "copied": blank(COPIED),
    "watched": watches_the_old_one,
    "a transaction": in_a_transaction,
    "registered": registered,
    "tries again": tries_again,
    "to the millisecond": blank(
        life="redis.call('PEXPIRE', KEYS[2], ARGV[2], 'NX') redis.call('PEXPIRE', KEYS[2], ARGV[2])"
    ),
}

# -- 07.2: other ways to use one ---------------------------------------------------------------------------------------


async def watches(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    result = None
    while result is None:
        async with redis.pipeline() as pipe:
            try:
                await pipe.watch(key_of(id))
                (seconds, micros), held = await pipe.time(), await pipe.hgetall(key_of(id))
                now = seconds * 1000 + micros // 1000
                if not held or now >= int(held["end"]):
                    return None
                pipe.multi()
                for name, text in changes.items():
                    pipe.hset(key_of(id), name, text)
                pipe.pexpireat(key_of(id), min(int(held["end"]), now + round(idle * 1000)))
                pipe.hgetall(key_of(id))
                result = (await pipe.execute())[-1]
            except WatchError:
                await asyncio.sleep(0.001)
    del result["end"]
    return result


async def asks_for_the_time_first(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    seconds, micros = await redis.time()
    script = blanks(clock=str(seconds * 1000 + micros // 1000))
    return await script(redis, id, changes, idle=idle)


AS_JSON = "cjson.encode({redis.call('HGETALL', KEYS[1])})"
RIGHT["07.2"] = {
    "another order": blanks("not (finish and now < tonumber(finish))", "math.min(finish - now, idle_ms)"),
    "PEXPIREAT": blanks(write=(
        "for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end\n"
        "redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.min(finish, now + idle_ms)))")),
    "renews first": blanks(write=(
        "redis.call('PEXPIRE', KEYS[1], life)\nif ARGV[2] then redis.call('HMSET', KEYS[1], unpack(ARGV, 2)) end")),
    "EXISTS": blanks("redis.call('EXISTS', KEYS[1]) == 0 or finish - now <= 0"),
    "deletes what is over": blanks("(not finish or tonumber(finish) <= now) and redis.call('DEL', KEYS[1])"),
    "as JSON": blanks(reply=AS_JSON, told=lambda text: {
        name: value for name, value in pairs(json.loads(text)[0]).items() if name != "end"}),
    "if": blanks(life="(function() if finish - now < idle_ms then return finish - now else return idle_ms end end)()"),
    "watched": watches,
    "the time first": asks_for_the_time_first,
}  # fmt: skip


# -- 07.3: other workers -----------------------------------------------------------------------------------------------

worker: Any = module("07.3").worker
by_autoclaim: Any = module("07.3").by_autoclaim
attempt: Any = module("07.3").packs
set_aside: Any = module("07.3").sets_aside
PARCELS, GROUP = "app:parcels", "packers"


async def adds_then_acknowledges(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await redis.xadd("app:parcels:dead", fields)
    await redis.xack(PARCELS, GROUP, entry)


async def new_ones_first(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    await worker(claims=False)(redis, me, pack, claim_after=claim_after, most=most)
    await worker()(redis, me, pack, claim_after=claim_after, most=most)


TURN = """
for _, row in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', 1000)) do
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], row[1])[1]
  if entry and row[4] < tonumber(ARGV[4]) then return entry end
  if entry then
    redis.call('XADD', KEYS[2], '*', unpack(entry[2]))
    redis.call('XACK', KEYS[1], ARGV[1], row[1])
  end
end
local new = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
return new and new[1][2][1]"""


async def by_script(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    """One script gives it the next parcel, wherever that comes from."""
    turn = redis.register_script(TURN)
    arguments = [GROUP, me, round(claim_after * 1000), most]
    while (entry := await turn(keys=[PARCELS, "app:parcels:dead"], args=arguments)) is not None:
        await attempt(redis, pack, entry[0], entry[1][1])


async def one_page_then_all(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    """It asks what is pending with a cursor of its own."""
    idle, start = round(claim_after * 1000), "-"
    while rows := await redis.xpending_range(PARCELS, GROUP, start, "+", 7, idle=idle):
        start = f"({rows[-1]['message_id']}"
        for row in rows:
            for entry, fields in await redis.xclaim(PARCELS, GROUP, me, idle, [row["message_id"]]):
                await (attempt(redis, pack, entry, fields["parcel"]) if row["times_delivered"] < most
                       else set_aside(redis, entry, fields))  # fmt: skip
    await worker(claims=False)(redis, me, pack, claim_after=claim_after, most=most)


async def all_at_once(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    """It packs what it took side by side, so nothing waits for another."""
    idle = round(claim_after * 1000)
    while rows := await redis.xpending_range(PARCELS, GROUP, "-", "+", 50, idle=idle):
        times = {row["message_id"]: row["times_delivered"] for row in rows}
        async with asyncio.TaskGroup() as group:
            for entry, fields in await redis.xclaim(PARCELS, GROUP, me, idle, list(times)):
                spent = times[entry] >= most
                group.create_task(set_aside(redis, entry, fields) if spent else attempt(
                    redis, pack, entry, fields["parcel"]))  # fmt: skip
    while new := await redis.xreadgroup(GROUP, me, {PARCELS: ">"}, count=50):
        await asyncio.gather(*(attempt(redis, pack, entry, fields["parcel"]) for entry, fields in new[0][1]))


RIGHT["07.3"] = {
    "all at once": all_at_once,
    "a page of one": worker(page=1),
    "a large page": worker(page=1_000),
    "adds, then acknowledges": worker(aside=adds_then_acknowledges),
    "waits a moment": worker(block=20),
    "new ones first": new_ones_first,
    "XAUTOCLAIM": by_autoclaim(count=1),
    "a script": by_script,
    "a cursor": one_page_then_all,
}

# -- 07.4: other lists -------------------------------------------------------------------------------------------------

a_board: Any = module("07.4").a_board

PLAYED = """
local had = redis.call('HGET', KEYS[1] .. ':points', ARGV[1])
if had and tonumber(had) >= tonumber(ARGV[2]) then return end
redis.call('HSET', KEYS[1] .. ':points', ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1] .. ':when', ARGV[1], redis.call('INCR', KEYS[1] .. ':games'))"""
ALL = "return {redis.call('HGETALL', KEYS[1] .. ':points'), redis.call('HGETALL', KEYS[1] .. ':when')}"


class TwoHashes:
    """Points, and when: it sorts by itself."""

    def __init__(self, redis: Any, key: str) -> None:
        self.redis, self.key = redis, key

    async def played(self, name: str, points: int) -> None:
        await self.redis.eval(PLAYED, 1, self.key, name, points)

    async def all(self) -> list[tuple[int, str, int]]:
        points, when = map(pairs, await self.redis.eval(ALL, 1, self.key))
        names = sorted(points, key=lambda name: (-int(points[name]), int(when[name])))
        return [(rank, name, int(points[name])) for rank, name in enumerate(names, 1)]

    async def top(self, rows: int) -> Any:
        return (await self.all())[:rows]

    async def around(self, name: str, rows: int) -> Any:
        found = await self.all()
        place = next((at for at, row in enumerate(found) if row[1] == name), None)
        return [] if place is None else found[max(0, place - rows) : place + rows + 1]


ADD = """
local game = redis.call('INCR', KEYS[2])
redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', ARGV[2] * 512 + 511 - game), ARGV[1])"""


class InOneScript(a_board()):  # type: ignore[misc]
    async def played(self, name: str, points: int) -> None:
        await self.redis.register_script(ADD)(keys=[self.key, f"{self.key}:n"], args=[name, points])


class Watches(a_board()):  # type: ignore[misc]
    """The rank and the rows in one transaction, if nothing has changed in between."""

    async def around(self, name: str, rows: int) -> Any:
        while True:
            async with self.redis.pipeline() as pipe:
                try:
                    await pipe.watch(self.key)
                    place = await pipe.zrevrank(self.key, name)
                    if place is None:
                        return []
                    first = max(0, place - rows)
                    pipe.multi()
                    pipe.zrevrange(self.key, first, place + rows, withscores=True)
                    (found,) = await pipe.execute()
                    return self.rows(found, first + 1)
                except WatchError:
                    await asyncio.sleep(0.001)


class TheWholeList(a_board()):  # type: ignore[misc]
    """It asks for all of it, in one command, and looks for the player there."""

    async def around(self, name: str, rows: int) -> Any:
        found = await self.top(1_000)
        place = next((at for at, row in enumerate(found) if row[1] == name), None)
        return [] if place is None else found[max(0, place - rows) : place + rows + 1]


class Below(a_board()):  # type: ignore[misc]
    """The scores are negative, so the list is read from its beginning."""

    async def played(self, name: str, points: int) -> None:
        game = await self.redis.incr(f"{self.key}:games")
        await self.redis.zadd(self.key, {name: game - points * 512}, lt=True)

    async def top(self, rows: int) -> Any:
        found = await self.redis.zrange(self.key, 0, 999, withscores=True)
        return [(at, name, -(int(score) // 512)) for at, (name, score) in enumerate(found[:rows], 1)]

    async def around(self, name: str, rows: int) -> Any:
        return await TheWholeList.around(self, name, rows)


class KeepsEveryGame:
    """A list of all games; who leads is worked out by who asks."""

    def __init__(self, redis: Any, key: str) -> None:
        self.redis, self.key = redis, key

    async def played(self, name: str, points: int) -> None:
        await self.redis.rpush(self.key, json.dumps([name, points]))

    async def top(self, rows: int) -> Any:
        best: dict[str, tuple[int, int]] = {}
        for at, game in enumerate(await self.redis.lrange(self.key, 0, -1)):
            name, points = json.loads(game)
            if name not in best or points > best[name][0]:
                best[name] = points, -at
        names = sorted(best, key=lambda name: best[name], reverse=True)
        return [(rank, name, best[name][0]) for rank, name in enumerate(names, 1)][:rows]

    async def around(self, name: str, rows: int) -> Any:
        return await TheWholeList.around(self, name, rows)


RIGHT["07.4"] = {
    "every game": KeepsEveryGame,
    "two hashes": TwoHashes,
    "one script": InOneScript,
    "watched": Watches,
    "the whole list": TheWholeList,
    "lists": a_board(row=lambda *row: list(row)),
    "a factor of 600": a_board(factor=600),
    "negative scores": Below,
}

# -- 07.5 and 07.6 -----------------------------------------------------------------------------------------------------

RIGHT["07.5"] = {
    "longer": OneFault("pause", at=4, seconds=60, client="w1"),
    "before EXEC": OneFault("pause", at=7, seconds=2.6, client="w1"),
    "any client": OneFault("pause", at=4, seconds=3.0),
}


def by_parcel(trace: Any) -> str | None:
    """The last acknowledged send of each parcel, and the last time that anything was done for it."""
    sent, done = dict[str, float](), dict[str, float]()
    for note in trace.notes:
        if note.t_end is not None and note.kind in ("send", "pack", "dead"):
            of = sent if note.kind == "send" else done
            of[note.text] = max(of.get(note.text, note.t_start), note.t_start)
    missing = [name for name, when in sent.items() if name not in done or done[name] < when]
    return f"lost: {missing[0]}" if missing else None


def all_of_them(trace: Any) -> str | None:
    sends = [note for note in trace.notes if note.kind == "send" and note.t_end is not None]
    done = [note for note in trace.notes if note.kind in {"pack", "dead"} and note.t_end is not None]
    missing = [s.text for s in sends if max((d.t_start for d in done if d.text == s.text), default=-1) < s.t_start]
    return ", ".join(missing) + " missing" if missing else None


RIGHT["07.6"] = {"by parcel": by_parcel, "all of them": all_of_them}
