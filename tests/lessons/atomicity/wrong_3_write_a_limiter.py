"""Wrong programs for 03.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
from collections.abc import Callable
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

LOG = """
local time = redis.call('TIME')
local now, limit, window = %(now)s, tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', %(key)s, '-inf', %(trim)s)
local used, wait = redis.call('ZCARD', %(key)s), 0
local allowed = (%(known)s) and 1 or 0
if allowed == 0 and used < limit then
  redis.call('ZADD', %(key)s, now, %(name)s)
  allowed, used = 1, %(after)s
elseif allowed == 0 then %(refused)s end
%(ends)s
if allowed == 0 then wait = %(wait)s end
return {allowed, math.max(limit - used, 0), %(told)s}
"""


def limiter(*, keys: Any = None, clock: Any = None, per_second: float = 1e6, **parts: str) -> Any:
    """A sliding log in one script, with one part replaced; by default as it should be."""
    script = LOG % {
        "now": "time[1] * 1000000 + time[2]", "trim": "now - window", "key": "KEYS[1]",
        "known": "redis.call('ZSCORE', KEYS[1], ARGV[3])",
        "name": "ARGV[3]", "after": "used + 1", "refused": "wait = 0", "told": "wait",
        "ends": "redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))",
        "wait": "redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + window - now", **parts,
    }  # fmt: skip

    async def hit(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
        named = (keys or (lambda user: [f"hits:{user}"]))(user)
        now = [clock()] if clock else []
        allowed, remaining, wait = await redis.eval(
            script, len(named), *named, limit, round(window * 1e6), request, user, *now
        )
        return allowed == 1, remaining, wait / per_second

    return hit


async def at_most_a_hundred(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    return await limiter()(redis, user, limit=min(limit, 100), window=window, request=request)


def renaming(name: Callable[[str], str]) -> Any:
    """It knows the request by another name."""

    async def hit(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
        return await limiter()(redis, user, limit=limit, window=window, request=name(request))

    return hit


async def two_steps(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    """As a notebook that was proposed for redis-py has it, with the server's time."""
    seconds, micros = await redis.time()
    now, key = seconds + micros / 1e6, f"hits:{user}"
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zremrangebyscore(key, "-inf", now - window)
        pipe.zcard(key)
        pipe.zscore(key, request)
        _, used, known = await pipe.execute()
    if known is None and used >= limit:
        return False, 0, window
    await redis.zadd(key, {request: now}, nx=True)
    await redis.pexpire(key, round(window * 1000))
    return True, limit - used - 1, 0.0


COUNTER = """
if redis.call('EXISTS', KEYS[2]) == 1 then return {1, 0, 0} end
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if used >= tonumber(ARGV[1]) then return {0, 0, redis.call('PTTL', KEYS[1]) * 1000} end
redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
return {1, ARGV[1] - used - 1, 0}
"""


async def fixed_window(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    keys = f"hits:{{{user}}}", f"seen:{{{user}}}:{request}"
    allowed, remaining, wait = await redis.eval(COUNTER, 2, *keys, limit, round(window * 1000))
    return allowed == 1, remaining, wait / 1e6


def only_evalsha() -> Any:
    """It loads the script when it begins, and then trusts that the server keeps it."""
    script = limiter_text()
    sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()

    async def hit(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
        if asyncio.get_running_loop().time() < 0.05:
            await redis.script_load(script)
        reply = await redis.evalsha(sha, 1, f"hits:{user}", limit, round(window * 1e6), request)
        return reply[0] == 1, reply[1], reply[2] / 1e6

    return hit


def limiter_text() -> str:
    return LOG % {
        "now": "time[1] * 1000000 + time[2]", "trim": "now - window", "key": "KEYS[1]",
        "known": "redis.call('ZSCORE', KEYS[1], ARGV[3])",
        "name": "ARGV[3]", "after": "used + 1", "refused": "wait = 0", "told": "wait",
        "ends": "redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))",
        "wait": "redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + window - now",
    }  # fmt: skip


def loops_clock() -> int:
    return round(asyncio.get_running_loop().time() * 1e6)


HIDDEN = "'hits:' .. ARGV[4]"

WRONG = [
    ("two-steps", two_steps),
    ("one-name-for-many", limiter(name="time[1]")),
    ("fixed-window", fixed_window),
    ("counts-refusals", limiter(refused="redis.call('ZADD', KEYS[1], now, ARGV[3])", known="false")),
    ("counts-refusals", limiter(refused="redis.call('ZADD', KEYS[1], now, ARGV[3] .. now)")),
    ("counts-twice", limiter(known="false", name="ARGV[3] .. now")),
    ("refuses-the-repeat", limiter(known="used < limit and redis.call('ZSCORE', KEYS[1], ARGV[3])")),
    ("a-clients-clock", limiter(now="tonumber(ARGV[5])", clock=loops_clock)),
    ("counts-before", limiter(after="used")),
    ("waits-a-window", limiter(wait="window")),
    ("cuts-the-fraction", limiter(told="wait / 1000000", per_second=1)),
    ("trusts-the-cache", only_evalsha()),
    ("hides-its-keys", limiter(key=HIDDEN, known=f"redis.call('ZSCORE', {HIDDEN}, ARGV[3])", keys=lambda user: [],
                               ends=f"redis.call('PEXPIRE', {HIDDEN}, math.ceil(window / 1000))",
                               wait=f"redis.call('ZRANGE', {HIDDEN}, 0, 0, 'WITHSCORES')[2] + window - now")),
    ("two-slots", limiter(keys=lambda user: [f"hits:{user}", f"ids:{user}"])),
    ("never-ends", limiter(ends="")),
    ("never-ends", limiter(ends="redis.call('PEXPIRE', KEYS[1], window)")),
]  # fmt: skip


def over(errors: Any, answer: Any) -> Any:
    """The right limiter; of these errors it makes an answer."""

    async def hit(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
        try:
            return await limiter()(redis, user, limit=limit, window=window, request=request)
        except errors:
            return answer

    return hit


def inclusive() -> Any:
    """What is exactly a window old still takes room."""
    return limiter(known="redis.call('ZSCORE', KEYS[1], ARGV[3])", trim="'(' .. string.format('%.0f', now - window)")


def cutting(unit: int) -> Any:
    """The window is cut to whole parts, of which a second has so many."""

    async def hit(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
        return await limiter()(redis, user, limit=limit, window=int(window * unit) / unit, request=request)

    return hit


def wall_clock() -> int:
    return round(datetime.datetime.now().timestamp() * 1e6)


MEMO = """
local before = redis.call('GET', KEYS[2])
if before then return cjson.decode(before) end
local time = redis.call('TIME')
local now, limit, window = time[1] * 1000000 + time[2], tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used, answer = redis.call('ZCARD', KEYS[1]), nil
if used < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  answer = {1, limit - used - 1, 0}
else answer = {0, 0, redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + window - now} end
redis.call('SET', KEYS[2], cjson.encode(answer), 'PX', math.ceil(window / 1000))
return answer
"""


async def remembers_refusals(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    keys = f"hits:{{{user}}}", f"memo:{{{user}}}:{request}"
    allowed, remaining, wait = await redis.eval(MEMO, 2, *keys, limit, round(window * 1e6), request)
    return allowed == 1, remaining, wait / 1e6


IDS = """(function()
  redis.call('PEXPIRE', KEYS[2], math.ceil(window / 500))
  return redis.call('SISMEMBER', KEYS[2], ARGV[3]) == 1
end)()"""


def with_ids(key: str) -> Any:
    """Ids in a set of their own, whose life is renewed."""
    return limiter(known=IDS, after="redis.call('SADD', KEYS[2], ARGV[3]) and used + 1",
                   keys=lambda user: [f"hits:{{{user}}}", key.format(user)])  # fmt: skip


KNOWN = "redis.call('ZSCORE', KEYS[1], ARGV[3])"
EXPIRES = "redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000){})"
SUBTLE = [
    ("at most a hundred", "told", at_most_a_hundred),
    ("ids without their blanks", "told", renaming(str.strip)),
    ("ids in lower case", "told", renaming(str.lower)),
    ("ids cut at a colon", "told", renaming(lambda id: id.partition(":")[0])),
    ("ids behind their colon", "told", renaming(lambda id: id.rpartition(":")[2])),
    ("knows for ever", "window", with_ids("ids:{{{}}}")),
    ("remembers refusals", "admits", remembers_refusals),
    ("what is a window old takes room", "admits", inclusive()),
    ("lives for six windows", "ends", limiter(ends=EXPIRES.format(" * 6")), "never-ends"),
    ("lives for a minute more", "ends", limiter(ends=EXPIRES.format(" + 60000")), "never-ends"),
    ("expires early", "window", limiter(ends="redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1001))")),
    ("expires after the first", "window", limiter(ends=EXPIRES.format(", 'NX'")), "fixed-window"),
    ("one key for all", "admits", limiter(keys=lambda user: ["hits"])),
    ("users cut at a colon", "admits", limiter(keys=lambda user: [f"hits:{user.partition(':')[0]}"])),
    ("a clock too fast", "window", limiter(now="time[1] * 1000001 + time[2]")),
    ("a clock too slow", "admits", limiter(now="time[1] * 999999 + time[2]")),
    ("a clock of seconds", "told", limiter(now="time[1] * 1000000")),
    ("the wall clock of a client", "server-clock",
     limiter(now="tonumber(ARGV[5])", clock=wall_clock), "a-clients-clock"),
    ("cut to milliseconds", "window", cutting(1000)),
    ("cut to seconds", "window", cutting(1)),
    ("a microsecond to wait", "told", limiter(told="math.max(wait, 1)")),
    ("waits for the last", "told",
     limiter(wait="redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] + window - now")),
    ("compares texts", "window", limiter(known=KNOWN + " or tostring(used) < ARGV[1]")),
    ("a repeat is new", "admits", limiter(known=KNOWN + " and redis.call('ZADD', KEYS[1], now, ARGV[3])")),
    ("lets all pass if Redis is away", "value", over((RedisConnectionError, RedisTimeoutError), (True, 0, 0.0))),
    ("refuses all if Redis is away", "value", over(RedisError, (False, 0, 1.0))),
    ("lets all pass if Redis refuses", "errors", over(ResponseError, (True, 0, 0.0))),
    ("reads a key in secret", "declared", limiter(refused="redis.call('GET', 'config')"), "hides-its-keys"),
    ("users in a lower case", "admits", limiter(keys=lambda user: [f"hits:{user.lower()}"])),
    ("ids cut after ten letters", "window",
     limiter(known="redis.call('ZSCORE', KEYS[1], ARGV[3]:sub(1, 10))", name="ARGV[3]:sub(1, 10)")),
]  # fmt: skip
