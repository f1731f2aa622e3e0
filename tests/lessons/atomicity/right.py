"""Other right answers to lesson 03's exercises: nothing but the contract is common to them."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from grading.programs import module
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, WatchError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.explore import Play, Violation
from course_lib.explore.invariants import all_of, at_most
from course_lib.patterns.ratelimit import SlidingLog
from course_lib.sim import OneFault

scripted: Any = module("03.1").scripted
limiter: Any = module("03.3").limiter
limiter_text: Any = module("03.3").limiter_text
invariant: Any = module("03.6").invariant

# -- 03.1 -------------------------------------------------------------------------------------------------------------


async def rounds_down(redis: Any, key: str, *, window: float) -> Any:
    """As redis-py does with a timedelta: 1.001 s become 1,000 ms."""
    return await scripted(KEEPS)(redis, key, window=int(window * 1000) / 1000)


async def in_a_transaction(redis: Any, key: str, *, window: float) -> Any:
    """PEXPIRE NX gives a life only to a key that has none."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.pexpire(key, round(window * 1000), nx=True)
        hits, _ = await pipe.execute()
    return hits


SET_NX = """
redis.call('SET', KEYS[1], 0, 'NX', 'PX', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1], 'NX')
return redis.call('INCR', KEYS[1])
"""


async def only_a_shorter_one(redis: Any, key: str, *, window: float) -> Any:
    """PEXPIRE LT: a key without a TTL lives for ever, and any end is earlier; a later end changes nothing."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.pexpire(key, round(window * 1000), lt=True)
        return (await pipe.execute())[0]


class Registered:
    """EVALSHA, and SCRIPT LOAD where the server does not know it; all is raised, also by a bare `except`."""

    async def __call__(self, redis: Any, key: str, *, window: float) -> Any:
        script = redis.register_script(SET_NX)
        try:
            return await script(keys=[key], args=[round(window * 1000)])
        except:
            raise


AT_A_TIME = """
local hits, time = redis.call('INCR', KEYS[1]), redis.call('TIME')
if redis.call('PTTL', KEYS[1]) < 0 then
  redis.call('PEXPIREAT', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
end
return hits
"""
KEEPS = """
local hits = (tonumber(redis.call('GET', KEYS[1])) or 0) + 1
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('SET', KEYS[1], hits, 'PX', ARGV[1])
else redis.call('SET', KEYS[1], hits, 'KEEPTTL') end
return hits
"""
PSETEX = """
if redis.call('PTTL', KEYS[1]) == -2 then redis.call('PSETEX', KEYS[1], ARGV[1], 1) return 1 end
local hits = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return hits
"""


# -- 03.2 -------------------------------------------------------------------------------------------------------------


async def gives_back_in_one_step(redis: Any, key: str, n: int) -> Any:
    """What a script takes and gives back, nobody sees."""
    script = """
        if redis.call('DECRBY', KEYS[1], ARGV[1]) >= 0 then return 1 end
        redis.call('INCRBY', KEYS[1], ARGV[1])
        return 0"""
    return bool(await redis.eval(script, 1, key, n))


async def backing_off(redis: Any, key: str, n: int) -> Any:
    """Another retry policy: a pipeline of its own for each try, and a random pause in between."""
    while True:
        try:
            async with redis.pipeline(transaction=True) as pipe:
                await pipe.watch(key)
                if int(await pipe.get(key) or 0) < n:
                    return False
                pipe.multi()
                pipe.decrby(key, n)
                await pipe.execute()
                return True
        except WatchError:
            await asyncio.sleep(random.uniform(0.001, 0.01))


async def begins_again(redis: Any, key: str, n: int) -> Any:
    """By recursion."""
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        if int(await pipe.get(key) or 0) < n:
            return False
        pipe.multi()
        pipe.decrby(key, n)
        try:
            await pipe.execute()
            return True
        except WatchError:
            return await begins_again(redis, key, n)


async def by_the_library(redis: Any, key: str, n: int) -> Any:
    """`redis.transaction`, which tries for ever."""

    async def look(pipe: Any) -> bool:
        left = int(await pipe.get(key) or 0)
        pipe.multi()
        if left >= n:
            pipe.decrby(key, n)
        return left >= n

    return await redis.transaction(look, key, value_from_callable=True)


async def compares_and_sets(redis: Any, key: str, n: int) -> Any:
    script = (
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end redis.call('DECRBY', KEYS[1], ARGV[2]) return 1"
    )
    while True:
        seen = await redis.get(key)
        if int(seen or 0) < n:
            return False
        if await redis.eval(script, 1, key, seen, n):
            return True


def doubling(most: float) -> Any:
    async def take(redis: Any, key: str, n: int) -> Any:
        """The pause doubles with each try."""
        pause = 0.001
        while True:
            try:
                return await once(redis, key, n)
            except WatchError:
                await asyncio.sleep(pause)
                pause = min(most, 2 * pause)

    async def once(redis: Any, key: str, n: int) -> bool:
        async with redis.pipeline() as pipe:
            await pipe.watch(key)
            if int(await pipe.get(key) or 0) < n:
                return False
            pipe.multi()
            pipe.incrby(key, -n)
            await pipe.execute()
            return True

    return take


# -- 03.3 -------------------------------------------------------------------------------------------------------------

TWO_KEYS = """
local t, window = redis.call('TIME'), tonumber(ARGV[2])
local now = t[1] * 1000 + math.floor(t[2] / 1000)
while true do
  local oldest = redis.call('LINDEX', KEYS[1], -1)
  if not oldest or tonumber(oldest) > now - window then break end
  redis.call('RPOP', KEYS[1])
end
local used = redis.call('LLEN', KEYS[1])
local known = redis.call('EXISTS', KEYS[2])
if known == 0 and used >= tonumber(ARGV[1]) then
  return {'no', 0, tostring((redis.call('LINDEX', KEYS[1], -1) + window - now) / 1000)}
end
if known == 0 then
  used = redis.call('LPUSH', KEYS[1], now)
  redis.call('PEXPIRE', KEYS[1], window)
  redis.call('SET', KEYS[2], '1', 'PX', window)
end
return {'yes', ARGV[1] - used, '0'}
"""


async def list_and_marks(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    """A list of times, and a key for each id, in the slot of the user; in ms; seconds come as a text."""
    keys = [f"hits:{{{user}}}", f"request:{{{user}}}:{request}"]
    said, remaining, wait = await redis.eval(TWO_KEYS, 2, *keys, limit, round(window * 1000))
    return said == "yes", remaining, float(wait)


async def falls_back(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    """EVALSHA, and EVAL on NOSCRIPT, by hand."""
    call = (1, f"{{{user}}}", limit, round(window * 1e6), request)
    try:
        reply = await redis.evalsha(redis.register_script(limiter_text()).sha, *call)
    except NoScriptError:
        reply = await redis.eval(limiter_text(), *call)
    return [reply[0] == 1, reply[1], reply[2] / 1e6]


async def the_courses_own(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    decision = await SlidingLog(redis, "hits", limit=limit, period=window, timeout=0.5).hit(user, request_id=request)
    return decision.allowed, decision.remaining, decision.retry_after


PACKED = """
local t = redis.call('TIME')
local now, limit, window = t[1] * 1000000 + t[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local packed, kept, known = redis.call('GET', KEYS[1]), {}, false
for _, one in ipairs(packed and %(unpack)s or {}) do
  if tonumber(one[1]) > now - window then table.insert(kept, one) known = known or one[2] == ARGV[3] end
end
if known then return {1, limit - #kept, 0} end
if #kept >= limit then return {0, 0, kept[1][1] + window - now} end
table.insert(kept, {string.format('%%.0f', now), ARGV[3]})
redis.call('SET', KEYS[1], %(pack)s, 'PX', math.ceil(window / 1000))
return {1, limit - #kept, 0}
"""
STRUCT = """
local t = redis.call('TIME')
local now, limit, window = t[1] * 1000000 + t[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local raw, kept, known, pos = redis.call('GET', KEYS[1]) or '', {}, false, 1
while pos <= #raw do
  local at, id
  at, id, pos = struct.unpack('ds', raw, pos)
  if at > now - window then kept[#kept + 1] = {at, id} known = known or id == ARGV[3] end
end
if known then return {1, limit - #kept, 0} end
if #kept >= limit then return {0, 0, kept[1][1] + window - now} end
kept[#kept + 1] = {now, ARGV[3]}
local out = ''
for _, one in ipairs(kept) do out = out .. struct.pack('ds', one[1], one[2]) end
redis.call('SET', KEYS[1], out, 'PX', math.ceil(window / 1000))
return {1, limit - #kept, 0}
"""
HASH = """
local t = redis.call('TIME')
local now, limit, window = t[1] * 1000000 + t[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local all, used, oldest = redis.call('HGETALL', KEYS[1]), 0, nil
for i = 1, #all, 2 do
  local at = tonumber(all[i + 1])
  if at <= now - window then redis.call('HDEL', KEYS[1], all[i])
  else used = used + 1 oldest = math.min(oldest or at, at) end
end
local known = redis.call('HEXISTS', KEYS[1], ARGV[3]) == 1
if not known and used >= limit then return {0, 0, oldest + window - now} end
if not known then redis.call('HSET', KEYS[1], ARGV[3], string.format('%.0f', now)) used = used + 1 end
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
return {1, limit - used, 0}
"""


def scripted_log(script: str) -> Any:
    async def hit(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
        allowed, remaining, wait = await redis.eval(script, 1, f"log:{user}", limit, round(window * 1e6), request)
        return allowed == 1, remaining, wait / 1e6

    return hit


async def asks_once_more(redis: Any, user: str, **policy: Any) -> Any:
    """The same request again, at once, where no answer came."""
    try:
        return await limiter()(redis, user, **policy)
    except (RedisConnectionError, RedisTimeoutError):
        return await limiter()(redis, user, **policy)


# -- 03.6 -------------------------------------------------------------------------------------------------------------


def too_few(run: Play) -> Any:
    """The second half, as a generator, by going through the run as it happened."""
    taken: list[float] = []
    for note in sorted(run.trace.notes, key=lambda note: note.t_start):
        if note.kind == "refused":
            if sum(when > note.t_start - 10 for when in taken) < 2:
                yield Violation("not too few", f"{note.who} was refused", note.who, note.t_start)
        elif note.kind in ("admitted", "unknown"):
            taken.append(note.t_start)


def said_yes(run: Play) -> Any:
    return [(note.t_start, note.who) for note in run.trace.notes if note.kind == "admitted"]


RIGHT: dict[str, dict[str, Any]] = {
    "03.1": {
        "transaction": in_a_transaction,
        "begins with SET NX": scripted(SET_NX),
        "only a shorter one": only_a_shorter_one,
        "registered": Registered(),
        "at a time": scripted(AT_A_TIME),
        "SET KEEPTTL": scripted(KEEPS),
        "PSETEX": scripted(PSETEX),
        "rounded down": rounds_down,
        "TTL": scripted("""
            local hits = redis.call('INCR', KEYS[1])
            if redis.call('TTL', KEYS[1]) == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
            return hits"""),
    },
    "03.2": {
        "one script": module("03.2").scripted(),
        "gives back in one step": gives_back_in_one_step,
        "back off": backing_off,
        "recursion": begins_again,
        "redis.transaction": by_the_library,
        "compare and set": compares_and_sets,
        "pauses that double": doubling(1e9),
        "pauses that double, to a second": doubling(1.0),
    },
    "03.3": {
        "as taught": limiter(),
        "list and marks": list_and_marks,
        "falls back": falls_back,
        "the course's own": the_courses_own,
        "cmsgpack": scripted_log(PACKED % {"unpack": "cmsgpack.unpack(packed)", "pack": "cmsgpack.pack(kept)"}),
        "cjson": scripted_log(PACKED % {"unpack": "cjson.decode(packed)", "pack": "cjson.encode(kept)"}),
        "struct": scripted_log(STRUCT),
        "a hash": scripted_log(HASH),
        "asks once more": asks_once_more,
        "lives for four windows": limiter(ends="redis.call('PEXPIRE', KEYS[1], math.ceil(window / 250))"),
        "a clock of milliseconds": limiter(now="(time[1] * 1000 + math.floor(time[2] / 1000)) * 1000"),
    },
    "03.4": {
        "another first": ["carol"],
        "two in the gap": ["bob", "alice", "alice", "alice", "carol", "carol", "carol"],
        "a code of the panel": "R2-limiter.naive-2-011100-1SG81",
    },
    "03.5": {
        "lost request": OneFault("lose request", at=2, client="alice"),
        "never hears the 1": OneFault("lose reply", at=1, client="alice"),
        "counted among all": OneFault("crash", at=2),
        "server down": OneFault("node down", at=2, seconds=0.01, client="alice"),
    },
    "03.6": {"as taught": invariant(), "ready-made and yielded": all_of(at_most(2, 10, admitted=said_yes), too_few)},
}
