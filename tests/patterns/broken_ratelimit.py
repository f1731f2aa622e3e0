"""Broken limiters: each has one thing wrong, named on its first line. Tests show that each one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis

from course_lib.patterns.ratelimit import SCRIPT, Decision, FixedWindow, Limiter, SlidingLog

from .ratelimit_models import Family

REMEMBERS = "if known then return {known + 0, 0} end"


class IncrThenExpire:
    """Wrong: INCR and EXPIRE are two messages; who crashes between them leaves a key that never ends."""

    def __init__(self, redis: Redis, name: str, *, limit: int, period: float, **_: Any) -> None:
        self.redis, self.limit, self.period_ms = redis, limit, round(period * 1000)

    async def hit(self, key: str) -> Decision:
        count = await self.redis.incr(key)
        if count == 1:
            await self.redis.pexpire(key, self.period_ms)
        return Decision(count <= self.limit, self.limit, max(self.limit - count, 0), 0.0)


class NeverHeals(IncrThenExpire):
    """Wrong: one script, but it sets a TTL with the first request only; a key that lost its TTL blocks for ever."""

    async def hit(self, key: str) -> Decision:
        script = """
            local count = redis.call('INCR', KEYS[1])
            if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
            return count"""
        count = int(await self.redis.eval(script, 1, key, self.period_ms))
        return Decision(count <= self.limit, self.limit, max(self.limit - count, 0), 0.0)


class RacyLog(IncrThenExpire):
    """Wrong: it looks and then counts, in two messages; between them others look too."""

    async def hit(self, key: str) -> Decision:
        seconds, micros = await self.redis.time()
        now = seconds * 1_000_000 + micros
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.zremrangebyscore(key, "-inf", now - self.period_ms * 1000)
            pipe.zcard(key)
            _, count = await pipe.execute()
        if count >= self.limit:
            return Decision(False, self.limit, 0, 0.0)
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.zadd(key, {f"{now}:{asyncio.current_task()}": now})
            pipe.pexpire(key, self.period_ms)
            await pipe.execute()
        return Decision(True, self.limit, self.limit - count - 1, 0.0)


class ClientClock(SlidingLog):
    """Wrong: each client says what time it is, and `skew` is by how much it errs, in seconds."""

    skew = 0.0

    def command(self, key: str, *, cost: int = 1, request_id: str | None = None) -> tuple[Any, ...]:
        _, *rest = super().command(key, cost=cost, request_id=request_id)
        now = 1_700_000_000 + asyncio.get_running_loop().time() + self.skew
        seconds, micros = divmod(round(now * 1_000_000), 1_000_000)
        text = (SCRIPT % self.algorithm).replace("redis.call('TIME')", f"{{{seconds}, {micros}}}")
        self.script = self.redis.register_script(text)
        return text, *rest


def forgetful(family: Family) -> Callable[..., Limiter]:
    """Wrong: it does not look whether this request has been admitted before, so a client's retry counts twice."""

    def make(redis: Redis, name: str, *, limit: int, period: float, **policy: Any) -> Limiter:
        limiter = family.make(redis, limit, period, **policy)
        assert REMEMBERS in limiter.script.script
        limiter.script = redis.register_script(limiter.script.script.replace(REMEMBERS, ""))
        return limiter

    return make


class TrustsItsTtl(FixedWindow):
    """Wrong: the window ends when its key's TTL does; if the clock goes back by a day, that is a day later."""

    algorithm = """
local used = counted('used')
if used == 0 then redis.call('HSET', KEYS[1], 'used', 0); redis.call('PEXPIRE', KEYS[1], span / 1000) end
if used + cost > most then wait = redis.call('PTTL', KEYS[1]) * 1000 + 1 else used = used + cost end
left = most - used
redis.call('HSET', KEYS[1], 'used', used)
ARGV[5] = redis.call('PTTL', KEYS[1])"""
