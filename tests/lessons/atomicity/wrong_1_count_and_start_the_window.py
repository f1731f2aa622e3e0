"""Wrong programs for 03.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

from typing import Any

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
