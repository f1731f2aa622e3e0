"""Limiters that the exercises of lesson 03 are about. Each says on its first line what is right or wrong."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

LIMIT, WINDOW = 2, 10
"""Of 03.5 and 03.6: at most LIMIT requests in WINDOW seconds."""


# -- 03.4: a limiter that was proposed for redis-py's documentation, in its asynchronous form, and its mend -----------
# Source: redis-py, pull request 4248, closed unmerged: "Sliding Window Rate Limiter", section "Async Version":
# https://github.com/redis/redis-py/pull/4248. In our words; all ask at the same moment, second 100.


async def looks_then_adds(redis: Redis, me: str, *, limit: int) -> bool:
    """Wrong in most orders of two clients' steps, and right in every test that asks one after another."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zremrangebyscore("hits", "-inf", 100 - WINDOW)
        pipe.zcard("hits")
        _, hits = await pipe.execute()
    if hits >= limit:
        return False
    await redis.zadd("hits", {me: 100})
    await redis.expire("hits", 2 * WINDOW)
    return True


# KEYS: the hits. ARGV: the limit, who asks. Returns 1 if admitted. Atomic, as nobody may look between the look and the
# add.
ADMIT = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', 100 - 10)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], 100, ARGV[2])
return redis.call('EXPIRE', KEYS[1], 20)
"""


async def looks_and_adds(redis: Redis, me: str, *, limit: int) -> bool:
    """Right: the same look and the same add, in one script."""
    return bool(await redis.eval(ADMIT, 1, "hits", limit, me))


# -- 03.5: a counter that ends by itself ------------------------------------------------------------------------------


async def counts_then_expires(redis: Redis, key: str, request: str) -> bool:
    """Wrong after one fault: then the key never ends, and counts on forever."""
    hits = await redis.incr(key)
    if hits == 1:
        await redis.expire(key, WINDOW)
    return int(hits) <= LIMIT


# KEYS: the counter. ARGV: the window in seconds. Returns how many came. Atomic, as a client may die between the two.
COUNT = """
local hits = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return hits
"""


async def counts_and_expires(redis: Redis, key: str, request: str) -> bool:
    """Right about the TTL: it counts and starts the window in one step, and mends a key without a TTL. Yet its windows
    do not overlap, so around the end of one, twice the limit may pass."""
    return int(await redis.eval(COUNT, 1, key, WINDOW)) <= LIMIT


# -- 03.6: three more, with the same arguments ------------------------------------------------------------------------


async def checks_then_logs(redis: Redis, key: str, request: str) -> bool:
    """Wrong: the look and the add are two steps, each of them a transaction. The clock is the client's."""
    now = asyncio.get_running_loop().time()
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zremrangebyscore(key, "-inf", now - WINDOW)
        pipe.zcard(key)
        _, hits = await pipe.execute()
    if hits >= LIMIT:
        return False
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zadd(key, {request: now})
        pipe.expire(key, WINDOW)
        await pipe.execute()
    return True


# KEYS: the log. ARGV: limit, window in seconds, the request's id. Returns 1 if admitted. Atomic, because between a look
# and an add another takes the same place.
LOG = """
local time, window = redis.call('TIME'), ARGV[2] * 1000000
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local room = redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1])
if room then redis.call('ZADD', KEYS[1], now, ARGV[3]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return room and 1 or 0
"""
LOG_ALL = LOG.replace(
    "if room then redis.call('ZADD', KEYS[1], now, ARGV[3]) end", "redis.call('ZADD', KEYS[1], now, ARGV[3])"
)


async def logs_all(redis: Redis, key: str, request: str) -> bool:
    """Wrong: it also logs the requests that it refuses, so a client that keeps asking is never let in again."""
    return bool(await redis.eval(LOG_ALL, 1, key, LIMIT, WINDOW, request))


async def logs_the_admitted(redis: Redis, key: str, request: str) -> bool:
    """Right: a sliding log of those whom it admitted, by the server's clock, in one script."""
    return bool(await redis.eval(LOG, 1, key, LIMIT, WINDOW, request))
