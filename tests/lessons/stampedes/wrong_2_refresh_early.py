"""Wrong programs for 05.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from operator import gt, lt
from typing import Any


def store(pipe: Any, key: str, value: str, delta: float) -> None:
    pipe.hset(key, mapping={"value": value, "delta": delta})


def keeps_the_first_delta(pipe: Any, key: str, value: str, delta: float) -> None:
    pipe.hset(key, "value", value)
    pipe.hsetnx(key, "delta", delta)


def with_the_blanks(
    left: Callable[[int], float] = lambda left_ms: left_ms / 1000,
    early: Callable[[float, float, float], float] = lambda delta, beta, u: -delta * beta * math.log(1 - u),
    measured: Callable[[float, float], float] = lambda start, end: end - start,
    enough: Callable[[float, float], bool] = gt,
    life: Callable[[float], int] = lambda ttl: round(ttl * 1000),
    drawn: Callable[[Any], float] = lambda draw: draw(),
    store: Callable[..., Any] = store,
) -> Callable[..., Awaitable[Any]]:
    """The exercise's function, with its blanks filled; by default as they should be."""

    async def refresh_early(redis: Any, key: str, load: Any, *, ttl: float, beta: float, draw: Any) -> Any:
        clock = asyncio.get_running_loop().time
        async with redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(key)
            pipe.pttl(key)
            stored, left_ms = await pipe.execute()
        if stored and enough(left(left_ms), early(float(stored["delta"]), beta, drawn(draw))):
            return stored["value"]
        start = clock()
        value = await load()
        delta = measured(start, clock())
        async with redis.pipeline() as pipe:
            store(pipe, key, value, delta)
            pipe.pexpire(key, life(ttl))
            await pipe.execute()
        return value

    return refresh_early


def failing(error: Callable[[Any, str], Any]) -> Callable[..., Awaitable[Any]]:
    """What becomes of an error of the load: `error(redis, key)`."""
    right = with_the_blanks()

    async def refresh_early(redis: Any, key: str, load: Any, **policy: Any) -> Any:
        try:
            return await right(redis, key, load, **policy)
        except Exception:
            return await error(redis, key)

    return refresh_early


async def serves_the_old(redis: Any, key: str) -> Any:
    if (old := await redis.hget(key, "value")) is not None:
        return old
    raise KeyError(key)


async def remembers_the_failure(redis: Any, key: str) -> Any:
    await redis.hset(key, mapping={"value": "", "delta": 1})
    raise KeyError(key)


def hurried(seconds: float) -> Callable[..., Awaitable[Any]]:
    async def refresh_early(redis: Any, key: str, load: Any, **policy: Any) -> Any:
        async def quick() -> Any:
            async with asyncio.timeout(seconds):
                return await load()

        return await with_the_blanks()(redis, key, quick, **policy)

    return refresh_early


async def two_trips(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    await redis.exists(key)
    return await with_the_blanks()(redis, key, load, **policy)


async def returns_what_was_there(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    old = await redis.hget(key, "value")
    value = await with_the_blanks()(redis, key, load, **policy)
    return old or value


async def slides(redis: Any, key: str, load: Any, *, ttl: float, beta: float, draw: Any) -> Any:
    """Whoever reads the value lengthens its life."""
    value = await with_the_blanks()(redis, key, load, ttl=ttl, beta=beta, draw=draw)
    await redis.pexpire(key, round(ttl * 1000))
    return value


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

LN = math.log
SUBTLE: list[tuple[Any, ...]] = [
    ("draws twice", "by-chance", with_the_blanks(drawn=lambda draw: max(draw(), draw()))),
    ("draws for nothing", "by-chance", with_the_blanks(drawn=lambda draw: [draw(), draw()][0])),
    ("a straight line", "by-chance", with_the_blanks(early=lambda delta, beta, u: delta * beta * 2 * LN(2) * (1 - u))),
    (
        "logarithm to the base 2",
        "chance",
        with_the_blanks(early=lambda delta, beta, u: -delta * beta * math.log2(1 - u)),
    ),
    (
        "logarithm to the base 10",
        "chance",
        with_the_blanks(early=lambda delta, beta, u: -delta * beta * math.log10(1 - u)),
    ),
    ("a log of 1 + u", "by-chance", with_the_blanks(early=lambda delta, beta, u: delta * beta * LN(1 + u) * 1.7095)),
    ("β squared", "chance", with_the_blanks(early=lambda delta, beta, u: -delta * beta**2 * LN(1 - u))),
    ("without β", "chance", with_the_blanks(early=lambda delta, beta, u: -delta * LN(1 - u))),
    ("β at least 1", "chance", with_the_blanks(early=lambda delta, beta, u: -delta * max(beta, 1) * LN(1 - u))),
    ("δ rounded", "chance", with_the_blanks(measured=lambda start, end: round(end - start, 1))),
    ("δ at least 100 ms", "chance", with_the_blanks(measured=lambda start, end: max(end - start, 0.1))),
    ("left in whole tenths", "chance", with_the_blanks(left=lambda left_ms: round(left_ms / 1000, 1))),
    ("left in whole seconds", "chance", with_the_blanks(left=lambda left_ms: left_ms // 1000)),
    ("never the last 10 ms", "chance", with_the_blanks(early=lambda delta, beta, u: -delta * beta * LN(1 - u) - 0.01)),
    ("the first δ is kept", "chance", with_the_blanks(store=keeps_the_first_delta)),
    ("ttl in whole seconds", "value", with_the_blanks(life=lambda ttl: int(ttl) * 1000)),
    ("serves the old value", "value", failing(serves_the_old)),
    ("remembers the failure", "value", failing(remembers_the_failure)),
    ("returns what was there", "value", returns_what_was_there),
    ("a life that slides", "value", slides),
    ("two round trips", "hit", two_trips),
    ("half a minute for the load", "value", hurried(30.0)),
    ("an hour for the load", "value", hurried(3_600.0)),
    ("δ at most a minute", "chance", with_the_blanks(measured=lambda start, end: min(end - start, 60.0))),
]
