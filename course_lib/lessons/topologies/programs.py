"""A way to count once, for 01.3, and writers that report what they wrote, for 01.5 and 01.6: right ones and wrong ones.

All of them are given a primary, or a function that finds it as a Sentinel client does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

FindPrimary = Callable[[], Awaitable[Redis]]
Report = Callable[[str], object]

ONCE = """
-- count once
if redis.call('SADD', KEYS[2], ARGV[1]) == 1 then redis.call('INCR', KEYS[1]) end
return redis.call('GET', KEYS[1])
""".strip()


async def count_once(redis: Redis, event: str) -> Any:
    """Add 1 to `visits` unless this event was counted already; return the number. One round trip, in one step."""
    return await redis.eval(ONCE, 2, "visits", "visits:seen", event)


# -- 01.5: two writers. Each keeps the primary that it found until that fails; then it asks again ----------------------


async def reports_ok(find_primary: FindPrimary, event: str, kept: list[Redis], report: Report) -> None:
    """Wrong: it reports what the primary has acknowledged. With min-replicas-to-write 1 that is often enough."""
    while True:
        try:
            if not kept:
                kept.append(await find_primary())
            await kept[0].sadd("visits", event)
            return report(event)  # type: ignore[return-value]
        except RedisError:
            kept.clear()
            await asyncio.sleep(0.5)


async def reports_replicated(find_primary: FindPrimary, event: str, kept: list[Redis], report: Report) -> None:
    """Right while one node fails: it reports what a replica has, too."""
    while True:
        try:
            if not kept:
                kept.append(await find_primary())
            await kept[0].sadd("visits", event)
            if await kept[0].wait(1, 200) >= 1:
                return report(event)  # type: ignore[return-value]
        except RedisError:
            pass
        kept.clear()
        await asyncio.sleep(0.5)


# -- 01.6: more writers with the same arguments -----------------------------------------------------------------------


async def does_not_look(find_primary: FindPrimary, event: str, kept: list[Redis], report: Report) -> None:
    """Wrong: it asks whether a replica has the write, and reports whatever the answer is, or if none comes."""
    while True:
        try:
            redis = await find_primary()
            await redis.sadd("visits", event)
            break
        except RedisError:
            await asyncio.sleep(0.1)
    try:
        await redis.wait(1, 50)
    except RedisError:
        pass
    report(event)


async def waits_first(find_primary: FindPrimary, event: str, kept: list[Redis], report: Report) -> None:
    """Wrong: it waits until a replica has what was written so far, then writes, and reports."""
    while True:
        try:
            redis = await find_primary()
            if await redis.wait(1, 50) >= 1:
                await redis.sadd("visits", event)
                return report(event)  # type: ignore[return-value]
        except RedisError:
            pass
        await asyncio.sleep(0.1)


async def asks_another(find_primary: FindPrimary, event: str, kept: list[Redis], report: Report) -> None:
    """Wrong: after a failover it asks the new primary about a write that the old one took."""
    written = False
    while True:
        try:
            redis = await find_primary()
            if not written:
                await redis.sadd("visits", event)
                written = True
            if await redis.wait(1, 50) >= 1:
                return report(event)  # type: ignore[return-value]
        except RedisError:
            pass
        await asyncio.sleep(0.1)


async def two_at_once(find_primary: FindPrimary, event: str, kept: list[Redis], report: Report) -> None:
    """Right: one WAIT confirms both writes that were answered before it."""
    while True:
        try:
            redis = await find_primary()
            await redis.sadd("visits", event)
            await redis.sadd("visits", f"{event}-too")
            if await redis.wait(1, 50) >= 1:
                report(event)
                return report(f"{event}-too")  # type: ignore[return-value]
        except RedisError:
            pass
        await asyncio.sleep(0.1)
