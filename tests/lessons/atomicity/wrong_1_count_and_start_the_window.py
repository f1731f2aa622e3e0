"""Wrong programs for 03.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

EXACT = "local hits = redis.call('INCR', KEYS[1])\n"
HEALS = "if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end\n"


def scripted(script: str, unit: float = 1000, least: int = 1) -> Any:
    """The exercise's function with this script; `unit` says how many of what PEXPIRE or EXPIRE counts are a second."""

    async def count(redis: Any, key: str, *, window: float) -> Any:
        return await redis.eval(script, 1, key, max(least, round(window * unit)))

    return count


async def reads_and_writes(redis: Any, key: str, *, window: float) -> Any:
    hits = int(await redis.get(key) or 0) + 1
    await redis.set(key, hits, px=round(window * 1000))
    return hits


async def replies_of_both(redis: Any, key: str, *, window: float) -> Any:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.pexpire(key, round(window * 1000), nx=True)
        return await pipe.execute()


async def just_counts(redis: Any, key: str, *, window: float) -> Any:
    return await redis.incr(key)


async def two_steps(redis: Any, key: str, *, window: float) -> Any:
    hits = await redis.incr(key)
    if hits == 1:
        await redis.pexpire(key, round(window * 1000))
    return hits


async def two_steps_that_heal(redis: Any, key: str, *, window: float) -> Any:
    hits = await redis.incr(key)
    await redis.pexpire(key, round(window * 1000), nx=True)
    return hits


async def sets_again(redis: Any, key: str, *, window: float) -> Any:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.pexpire(key, round(window * 1000))
        hits, _ = await pipe.execute()
    return hits


WRONG = [
    ("loses-counts", reads_and_writes),
    ("not-the-count", replies_of_both),
    ("not-the-count", scripted(EXACT + HEALS + "return tostring(hits)")),
    ("never-expires", just_counts),
    ("two-steps", two_steps),
    ("two-steps", two_steps_that_heal),
    ("never-heals", scripted(EXACT + "if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return hits")),
    ("moves-the-end", scripted(EXACT + "redis.call('PEXPIRE', KEYS[1], ARGV[1]) return hits")),
    ("moves-the-end", sets_again),
    ("wrong-unit", scripted(EXACT + HEALS.replace("PEXPIRE", "EXPIRE") + "return hits")),
    ("wrong-unit", scripted(EXACT + HEALS + "return hits", unit=1)),
    ("whole-seconds", scripted(EXACT + HEALS.replace("PEXPIRE", "EXPIRE") + "return hits", unit=1)),
]


def swallows(errors: Any, answer: Any) -> Any:
    """The right script; of these errors it makes an answer."""

    async def count(redis: Any, key: str, *, window: float) -> Any:
        try:
            return await scripted(EXACT + HEALS + "return hits")(redis, key, window=window)
        except errors:
            return answer

    return count


async def asks_again(redis: Any, key: str, *, window: float) -> Any:
    while True:
        try:
            return await scripted(EXACT + HEALS + "return hits")(redis, key, window=window)
        except (RedisConnectionError, RedisTimeoutError):
            await asyncio.sleep(0.01)


async def returns_the_error(redis: Any, key: str, *, window: float) -> Any:
    async with redis.pipeline() as pipe:
        pipe.incr(key)
        pipe.pexpire(key, round(window * 1000), nx=True)
        return (await pipe.execute(raise_on_error=False))[0]


async def heals_later(redis: Any, key: str, *, window: float) -> Any:
    script = (
        EXACT
        + "if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return {hits, redis.call('PTTL', KEYS[1])}"
    )
    hits, left = await redis.eval(script, 1, key, round(window * 1000))
    if left < 0:
        await redis.pexpire(key, round(window * 1000))
    return hits


async def loads_it_each_time(redis: Any, key: str, *, window: float) -> Any:
    sha = await redis.script_load(EXACT + HEALS + "return hits")
    return await redis.evalsha(sha, 1, key, round(window * 1000))


async def cuts_the_key(redis: Any, key: str, *, window: float) -> Any:
    return await scripted(EXACT + HEALS + "return hits")(redis, key.partition("{")[0] or "x", window=window)


def named(change: Callable[[str], str]) -> Callable[..., Awaitable[Any]]:
    async def count(redis: Any, key: str, *, window: float) -> Any:
        return await scripted(EXACT + HEALS + "return hits")(redis, change(key), window=window)

    return count


async def says_greater(redis: Any, key: str, *, window: float) -> Any:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.pexpire(key, round(window * 1000), gt=True)
        return (await pipe.execute())[0]


SUBTLE = [
    ("in the last millisecond", "window", scripted(EXACT + HEALS.replace("< 0", "<= 0") + "return hits")),
    ("near the end", "window", scripted(EXACT + HEALS.replace("< 0", "< 10") + "return hits")),
    ("each tenth", "window", scripted(EXACT + HEALS.replace("if", "if hits % 10 == 1 or") + "return hits")),
    ("a thousandth too short", "window", scripted(EXACT + HEALS + "return hits", unit=999)),
    ("says 0 of any error", "errors", swallows(RedisError, 0)),
    ("says 1 of a lost message", "errors", swallows((RedisConnectionError, RedisTimeoutError), 1)),
    ("says 1 of a refusal", "errors", swallows(ResponseError, 1)),
    ("returns the error", "errors", returns_the_error),
    ("asks again", "errors", asks_again),
    ("heals in another step", "heals", heals_later),
    ("heals for a second", "heals",
     scripted(EXACT + HEALS.replace("ARGV[1]", "hits == 1 and ARGV[1] or 1000") + "return hits")),
    ("begins again", "heals", scripted("if redis.call('PTTL', KEYS[1]) == -1 then redis.call('DEL', KEYS[1]) end "
                                       + EXACT + HEALS + "return hits")),
    ("only a longer TTL", "ends", says_greater),
    ("loads the script each time", "cost", loads_it_each_time),
    ("cuts the key", "heals", cuts_the_key),
    ("a key in small letters", "window", named(str.lower)),
    ("a key without blanks", "window", named(str.strip)),
    ("a key in ASCII", "window", named(lambda key: key.encode("ascii", "ignore").decode())),
]  # fmt: skip
