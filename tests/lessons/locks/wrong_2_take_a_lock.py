"""Wrong programs for 04.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError

Take = Callable[[Any, str, str, float], Awaitable[Any]]


async def set_nx_px(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True, px=round(ttl * 1000))


async def is_ours(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken) or await redis.get(key) == token


def ten_to_hundred(draw: Callable[[], float]) -> float:
    return 0.01 + 0.09 * draw()


def with_the_blanks(
    *, take: Take = set_nx_px, own: Any = is_ours, pause: Callable[[Callable[[], float]], float] = ten_to_hundred
) -> Any:
    """The function of 04.2 with its three blanks filled in."""

    async def acquire(redis: Any, key: str, token: str, *, ttl: float, wait: float, draw: Any) -> bool:
        clock = asyncio.get_running_loop().time
        give_up = clock() + wait
        while True:
            try:
                taken = await take(redis, key, token, ttl)
                ours = await own(redis, key, token, taken)
            except RedisError:
                ours = False
            if ours:
                return True
            seconds = pause(draw)
            if clock() + seconds > give_up:
                return False
            await asyncio.sleep(seconds)

    return acquire


async def without_nx(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, px=round(ttl * 1000))


async def for_ever(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True)


async def two_steps(redis: Any, key: str, token: str, ttl: float) -> Any:
    taken = await redis.setnx(key, token)
    if taken:
        await redis.pexpire(key, round(ttl * 1000))
    return taken


async def seconds_for_ms(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True, px=round(ttl))


async def ms_for_seconds(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True, ex=round(ttl * 1000))


async def a_word(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, "locked", nx=True, px=round(ttl * 1000))


async def believes_the_reply(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken)


async def any_token(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken) or await redis.get(key) is not None


WRONG = [
    ("no-nx", with_the_blanks(take=without_nx)),
    ("never-expires", with_the_blanks(take=for_ever)),
    ("two-steps", with_the_blanks(take=two_steps)),
    ("wrong-unit", with_the_blanks(take=seconds_for_ms)),
    ("wrong-unit", with_the_blanks(take=ms_for_seconds)),
    ("not-our-token", with_the_blanks(take=a_word)),
    ("locks-itself-out", with_the_blanks(own=believes_the_reply)),
    ("takes-anothers-for-its-own", with_the_blanks(own=any_token)),
    ("same-pause-for-all", with_the_blanks(pause=lambda draw: 0.05)),
    ("never-rests", with_the_blanks(pause=lambda draw: 0.0)),
    ("sleeps-too-long", with_the_blanks(pause=lambda draw: 0.8 + 0.4 * draw())),
    ("sleeps-too-long", with_the_blanks(pause=lambda draw: 0.3 + 0.2 * draw())),
]
