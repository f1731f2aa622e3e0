"""Rate limiters: may this request go on, and if not, when? One script, one round trip, the server's clock.

Each request has an id, and an admission is remembered by that id: a client that asks again, as redis-py does by itself
after a lost reply, gets the same decision and counts once. A refusal counts nothing and is not remembered.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Literal, NamedTuple

from redis import exceptions as failed
from redis.asyncio import Redis

from course_lib.patterns.basics import Token, beside, milliseconds, new_token, require, require_storable

# KEYS: the counts; this admission. ARGV: the limit, its period in µs (of a bucket: µs for one more), cost, id, TTLs of
# the two keys in ms. Returns how many are left, and the µs to wait: 0 is yes. Atomic, because another client could take
# the same place between the look and the count. If the clock goes back, earlier requests count as if made just now.
# The TTLs only clear up, and each request sets them: a key that lost its TTL blocks nobody.
SCRIPT = """
local time, most, span, cost = redis.call('TIME'), ARGV[1] + 0, ARGV[2] + 0, ARGV[3] + 0
local now, left, wait = time[1] * 1000000 + time[2], 0, 0
local function counted(field) return (redis.call('HGET', KEYS[1], field) or 0) + 0 end
local known = redis.call('GET', KEYS[2])
if known then return {known + 0, 0} end
%s
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if wait == 0 then redis.call('SET', KEYS[2], left, 'PX', ARGV[6]) end
return {math.max(left, 0), wait}
"""
# The server is gone, silent, full, busy or failing over. Any other error is a programming error, and always raised.
UNAVAILABLE = (TimeoutError, failed.TimeoutError, failed.ConnectionError, failed.ClusterDownError,
               failed.ReadOnlyError, failed.OutOfMemoryError, failed.RedisClusterException)  # fmt: skip


class Decision(NamedTuple):
    """Of `limit` (a bucket's burst) `remaining` are left; ask again in `retry_after` seconds.

    `degraded`: Redis was unavailable, and `on_error` decided.
    """

    allowed: bool
    limit: int
    remaining: int
    retry_after: float
    degraded: bool = False


class Limiter:
    """What the five algorithms share. If nobody else asks, the answer is yes after `retry_after` seconds, not before.

    Processes whose limiters have the same `name` and settings share counts; with another name or setting, they do not.

    Units: period in seconds; timeout, after which Redis counts as unavailable, in seconds.
    Cost: 1 round trip; 2 on a server that has not seen the script. One key for each subject; and one of about 150 bytes
        for each admission, which lives for 2 × timeout, and at least for a period if you give the request_id.
    Raises: an error of redis-py or TimeoutError leaves the request counted or not. With on_error "open" or "closed",
        the answer is a degraded yes or no instead while Redis is unavailable.
    Does not: hold where counts are lost, by failover, by eviction, or when the clock jumps ahead: `limit` more each
        time (a clock that goes back costs a wait of two periods at most, or until a bucket is full); check who uses a
        request_id: a client that repeats one is admitted, so do not accept it from strangers.
    Source: redis.io, INCR (fixed window, and its race); ITU-T I.371 (GCRA, and the bucket that is equal to it).

    >>> limiter = FixedWindow(redis, "log-ins", limit=2, period=60)
    >>> await limiter.hit("ann"), (await limiter.hit("ann", cost=2)).allowed
    (Decision(allowed=True, limit=2, remaining=1, retry_after=0.0, degraded=False), False)
    """

    algorithm: ClassVar[str]
    dearest: ClassVar[int] = 10**9

    def __init__(
        self, redis: Redis, name: str, *, limit: int, period: float,
        timeout: float = 1.0, on_error: Literal["raise", "open", "closed"] = "raise", token: Token = new_token,
    ) -> None:  # fmt: skip
        require(type(limit) is int and 1 <= limit <= 1e9, "limit", limit, "a whole number, 1 to 1e9")
        require(on_error in ("raise", "open", "closed"), "on_error", on_error, "'raise', 'open' or 'closed'")
        require_storable("name", name)
        self.redis, self.name, self.on_error, self.token = redis, name, on_error, token
        self.limit = self.most = limit
        self.timeout_ms, self.period_ms = milliseconds("timeout", timeout), milliseconds("period", period)
        self.span, self.keep_ms = self.period_ms * 1000, self.period_ms * 2
        self.script = redis.register_script(SCRIPT % self.algorithm)  # makes a digest and sends nothing

    async def hit(self, key: str, *, cost: int = 1, request_id: str | None = None) -> Decision:
        """Ask for one request, or for `cost` of them, and count what is admitted."""
        script, *call = self.command(key, cost=cost, request_id=request_id)
        try:
            async with asyncio.timeout(self.timeout_ms / 1000):
                try:
                    return self.decision(await self.redis.evalsha(self.script.sha, *call))
                except failed.NoScriptError:
                    return self.decision(await self.redis.eval(script, *call))
        except (*UNAVAILABLE, failed.ResponseError) as error:
            unavailable = isinstance(error, UNAVAILABLE) or str(error).startswith(("BUSY", "MISCONF", "NOREPLICAS"))
            if self.on_error == "raise" or isinstance(error, failed.AuthenticationError) or not unavailable:
                raise
            allowed = self.on_error == "open"
            return Decision(allowed, self.most, 0, 0.0 if allowed else self.timeout_ms / 1000, degraded=True)

    def command(self, key: str, *, cost: int = 1, request_id: str | None = None) -> tuple[Any, ...]:
        """For a pipeline: `pipe.eval(*limiter.command(key))`. EVAL sends the script; `decision` reads the reply."""
        most = min(self.most, self.dearest)
        require(type(cost) is int and 1 <= cost <= most, "cost", cost, f"a whole number, 1 to {most}")
        request = self.token() if request_id is None else request_id
        require(isinstance(request, str) and request != "", "request_id", request, "a text that is not empty")
        remember_ms = max(self.timeout_ms * 2, self.period_ms if request_id else 0)
        policy = self.name, type(self).__name__, self.limit, self.period_ms, self.most  # another one keeps other counts
        keys = beside("hits", key, *policy), beside("hit", key, *policy, request)
        return self.script.script, 2, *keys, self.most, self.span, cost, request, self.keep_ms, remember_ms

    def decision(self, reply: Any) -> Decision:
        """The decision in the script's reply."""
        return Decision(reply[1] == 0, self.most, reply[0], reply[1] / 1e6)


class FixedWindow(Limiter):
    """Fixed window: at most `limit` in each period of the calendar, so up to twice that around the end of one."""

    algorithm = """
local start, used = now - now % span, counted('used')
if counted('at') < start then used = 0 end
if used + cost > most then wait = start + span - now else used = used + cost end
left = most - used
redis.call('HSET', KEYS[1], 'at', start, 'used', used)"""


class SlidingLog(Limiter):
    """Sliding log: at most `limit` in any period, wherever it begins. It stores an id and a time for each request.

    A hit of cost n takes the server O(n log limit), and a cost of 1,000 milliseconds: so no hit may cost more.
    """

    dearest = 1000
    algorithm = """
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do redis.call('ZADD', KEYS[1], now, id) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - span)
local over = redis.call('ZCARD', KEYS[1]) + cost - most
if over > 0 then wait = redis.call('ZRANGE', KEYS[1], over - 1, over - 1, 'WITHSCORES')[2] + span - now
else for part = 1, cost do redis.call('ZADD', KEYS[1], now, ARGV[4] .. ':' .. part) end end
left = most - redis.call('ZCARD', KEYS[1])"""


class SlidingCounter(Limiter):
    """Sliding counter: at most `limit` by an estimate, as if the last window's requests were spread evenly over it.

    They need not be: after a burst at the window's end nearly 2 × limit pass. Its decisions are
    exact, or exact to 1 µs where limit × period > 9e9 s.
    """

    algorithm = """
local start, at, used, before = now - now % span, counted('at'), counted('used'), counted('before')
if at < start then used, before = 0, at == start - span and used or 0 end
local rest, room = start + span - now, most - used - cost
if room < 0 then wait = rest + span - math.floor((most - cost) * span / used)
elseif before * rest > room * span then wait = rest - math.floor(room * span / before)
else used = used + cost end
left = most - used - math.ceil(before * rest / span)
redis.call('HSET', KEYS[1], 'at', start, 'used', used, 'before', before)"""


class TokenBucket(Limiter):
    """Token bucket: holds `burst`, and `limit` flow in each period, so at most burst + rate × t pass in any time t.

    One token takes period / limit seconds, rounded up to whole µs, so that the rate is never above the limit. A limit
    from which this takes more than 1 % is refused, as only one above 10,000 a second can be.

    Units: period in seconds; burst in tokens, at most what flows in within 1e9 seconds. Cost: as for every Limiter.

    >>> await TokenBucket(redis, "log-ins", limit=10, period=1, burst=3).hit("ann", cost=3)
    Decision(allowed=True, limit=3, remaining=0, retry_after=0.0, degraded=False)
    """

    algorithm = """
local tokens = math.min(most * span, counted('tokens') + math.max(now - counted('at'), 0)) -- in µs, to be exact
if tokens < cost * span then wait = cost * span - tokens else tokens = tokens - cost * span end
left = math.floor(tokens / span)
redis.call('HSET', KEYS[1], 'at', now, 'tokens', tokens)"""

    def __init__(self, redis: Redis, name: str, *, limit: int, period: float, burst: int, **policy: Any) -> None:
        super().__init__(redis, name, limit=limit, period=period, **policy)
        step = -(-self.span // limit)
        flows = f"for this period {self.span // step}, or another with whole µs for each token"
        require(step * limit <= 1.01 * self.span, "limit", limit, flows)
        require(type(burst) is int and 1 <= burst <= 1e15 // step, "burst", burst, f"1 to {10**15 // step}, whole")
        self.most, self.span, self.keep_ms = burst, step, burst * step // 1000 + 2


class GCRA(TokenBucket):
    """Generic cell rate algorithm: decides like TokenBucket, but stores one number: when the bucket will be full."""

    algorithm = """
local full = math.min(math.max(counted('full'), now), now + most * span)
wait = math.max(full + cost * span - now - most * span, 0)
if wait == 0 then full = full + cost * span end
left = most - math.ceil((full - now) / span)
redis.call('HSET', KEYS[1], 'full', full)"""
