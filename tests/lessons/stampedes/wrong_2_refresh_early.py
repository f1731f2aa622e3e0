"""Wrong programs for 05.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from operator import gt, lt
from typing import Any


def with_the_blanks(
    left: Callable[[int], float] = lambda left_ms: left_ms / 1000,
    early: Callable[[float, float, float], float] = lambda delta, beta, u: -delta * beta * math.log(1 - u),
    measured: Callable[[float, float], float] = lambda start, end: end - start,
    enough: Callable[[float, float], bool] = gt,
) -> Callable[..., Awaitable[Any]]:
    """The exercise's function, with its blanks filled; by default as they should be."""

    async def refresh_early(redis: Any, key: str, load: Any, *, ttl: float, beta: float, draw: Any) -> Any:
        clock = asyncio.get_running_loop().time
        async with redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(key)
            pipe.pttl(key)
            stored, left_ms = await pipe.execute()
        if stored and enough(left(left_ms), early(float(stored["delta"]), beta, draw())):
            return stored["value"]
        start = clock()
        value = await load()
        delta = measured(start, clock())
        async with redis.pipeline() as pipe:
            pipe.hset(key, mapping={"value": value, "delta": delta})
            pipe.pexpire(key, round(ttl * 1000))
            await pipe.execute()
        return value

    return refresh_early


WRONG = [
    ("log-of-zero", with_the_blanks(early=lambda delta, beta, u: -delta * beta * math.log(u))),
    ("reversed", with_the_blanks(enough=lt)),
    ("milliseconds", with_the_blanks(left=lambda left_ms: left_ms)),
    ("milliseconds", with_the_blanks(measured=lambda start, end: (end - start) * 1000)),
    ("sign", with_the_blanks(early=lambda delta, beta, u: delta * beta * math.log(1 - u))),
    ("no-chance", with_the_blanks(early=lambda delta, beta, u: delta * beta)),
    ("no-chance", with_the_blanks(early=lambda delta, beta, u: delta * beta * math.log(2))),
    ("beta-upside-down", with_the_blanks(early=lambda delta, beta, u: -delta / (beta or 1e9) * math.log(1 - u))),
    ("delta-not-measured", with_the_blanks(measured=lambda start, end: 0.1)),
]
