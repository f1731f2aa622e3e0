"""Wrong programs for 01.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.lessons.topologies.programs import count_once

Step = Callable[[Any, str], Awaitable[Any]]


async def increments(redis: Any, event: str) -> None:
    await redis.incr("visits")


async def marks_then_counts(redis: Any, event: str) -> None:
    if await redis.sadd("visits:seen", event):
        await redis.incr("visits")


async def one_replica(redis: Any, event: str) -> bool:
    return bool(await redis.wait(1, 50) >= 1)


async def both_replicas(redis: Any, event: str) -> bool:
    return bool(await redis.wait(2, 50) >= 2)


async def waits_and_does_not_look(redis: Any, event: str) -> bool:
    await redis.wait(1, 50)
    return True


async def ok_is_enough(redis: Any, event: str) -> bool:
    return True


async def reads_back(redis: Any, event: str) -> bool:
    return bool(await redis.sismember("visits:seen", event))


def counting(
    *, add: Step = count_once, sure: Step = one_replica, errors: Any = RedisError, share: float = 1.0,
    ends: bool = True, rest: float = 0.02, again: bool = True,
) -> Any:  # fmt: skip
    """A loop that counts, with one part of it replaced; by default as it should be."""

    async def count(find_primary: Any, event: str, *, patience: float) -> bool:
        clock = asyncio.get_running_loop().time
        deadline, pause, redis = clock() + share * patience, rest, None
        while clock() < deadline or not ends:
            try:
                redis = redis if redis is not None and not again else await find_primary()
                await add(redis, event)
                if await sure(redis, event):
                    return True
            except errors:
                pass
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.2)
        return False

    return count


async def tries_once(find_primary: Any, event: str, *, patience: float) -> bool:
    try:
        redis = await find_primary()
        await count_once(redis, event)
        return bool(await redis.wait(1, 50) >= 1)
    except RedisError:
        return False


async def claims(find_primary: Any, event: str, *, patience: float) -> bool:
    """It swallows the error and says True."""
    for _ in range(5):
        try:
            await count_once(await find_primary(), event)
            break
        except RedisError:
            await asyncio.sleep(0.2)
    return True


WRONG = [
    ("counts-twice", counting(add=increments)),
    ("marks-then-counts", counting(add=marks_then_counts)),
    ("trusts-the-primary", counting(sure=ok_is_enough)),
    ("trusts-the-primary", counting(sure=reads_back)),
    ("trusts-the-primary", claims),
    ("ignores-wait", counting(sure=waits_and_does_not_look)),
    ("lets-errors-out", counting(errors=())),
    ("lets-errors-out", counting(errors=RedisTimeoutError)),
    ("gives-up", tries_once),
    ("gives-up", counting(share=0.1)),
    ("keeps-the-old", counting(again=False)),
    ("asks-too-many", counting(sure=both_replicas)),
    ("never-ends", counting(ends=False)),
    ("never-rests", counting(rest=0.0)),
]
