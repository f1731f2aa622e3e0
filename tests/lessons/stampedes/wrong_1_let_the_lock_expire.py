"""Wrong programs for 05.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any
from zlib import crc32

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

FREE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def with_the_blank(take: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The exercise's function, with its blank filled by `take(redis, lock, token, lock_ttl)`."""

    async def load_once(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
        lock = f"lock:{key}"
        while True:
            value = await redis.get(key)
            if value is not None:
                return value
            if await take(redis, lock, token, lock_ttl):
                try:
                    value = await redis.get(key)
                    if value is None:
                        value = await load()
                        await redis.set(key, value, px=round(ttl * 1000))
                    return value
                finally:
                    await redis.eval(FREE, 1, lock, token)
            await asyncio.sleep(0.02)

    return load_once


async def never_expires(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True)


async def two_steps(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    taken = await redis.setnx(lock, token)
    if taken:
        await redis.pexpire(lock, round(lock_ttl * 1000))
    return taken


async def no_nx(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, px=round(lock_ttl * 1000))


async def milliseconds_for_seconds(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, px=max(1, int(lock_ttl)))


async def a_thousand_times_too_long(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, ex=round(lock_ttl * 1000))


async def one_for_all(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, "1", nx=True, px=round(lock_ttl * 1000))


async def whole_seconds(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, ex=math.ceil(lock_ttl))


async def at_least_a_second(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, px=max(1000, round(lock_ttl * 1000)))


async def half_as_long(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, px=round(lock_ttl * 500))


async def a_tenth_longer(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, nx=True, px=round(lock_ttl * 1100))


async def every_try_lengthens_it(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    taken = await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
    if not taken:
        await redis.pexpire(lock, round(lock_ttl * 1000))
    return taken


async def lengthened_in_one_step(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.setnx(lock, token)
        pipe.pexpire(lock, round(lock_ttl * 1000))
        taken, _ = await pipe.execute()
    return taken


async def a_constant_lock(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set("lock", token, nx=True, px=round(lock_ttl * 1000))


async def a_longer_token(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, f"{lock}={token}", nx=True, px=round(lock_ttl * 1000))


async def errors_mean_no(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    try:
        return await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
    except (RedisError, TimeoutError):
        return False


async def errors_mean_yes(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    try:
        return await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
    except (RedisError, TimeoutError):
        return True


async def the_old_value(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """With GET, SET answers what was there before: true for the loser."""
    return await redis.set(lock, token, nx=True, get=True, px=round(lock_ttl * 1000))


async def second_look_for_life(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """It mends a lock without a life, and takes one that has one for free."""
    if await redis.pttl(lock) < 0:
        return await redis.set(lock, token, px=round(lock_ttl * 1000))
    return None


def living(px: Callable[[float], int]) -> Callable[..., Awaitable[Any]]:
    async def take(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
        return await redis.set(lock, token, nx=True, px=px(lock_ttl))

    return take


LIFE: dict[str, int] = {}


async def the_first_life(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """A process keeps the life that it first heard of each lock."""
    return await redis.set(lock, token, nx=True, px=LIFE.setdefault(lock, round(lock_ttl * 1000)))


async def another_lock(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """It is `lock` that is to be taken."""
    return await redis.set(f"lock:{crc32(lock.encode()) % 1024}", token, nx=True, px=round(lock_ttl * 1000))


async def a_token_cut_off(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token[:8], nx=True, px=round(lock_ttl * 1000))


async def again_for_itself(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """When no reply comes it looks whether it has the lock."""
    try:
        return await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
    except (TimeoutError, RedisTimeout):
        return await redis.get(lock) == token


async def frees_whatever_is_there(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """When no reply comes, the lock is deleted: perhaps another's."""
    try:
        return await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
    except RedisTimeout:
        await redis.delete(lock)
        raise


async def no_reply_means_no(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    try:
        return await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
    except RedisTimeout:
        return False


WRONG = [
    ("never-expires", with_the_blank(never_expires)),
    ("two-steps", with_the_blank(two_steps)),
    ("no-nx", with_the_blank(no_nx)),
    ("no-nx", with_the_blank(second_look_for_life)),
    ("wrong-unit", with_the_blank(milliseconds_for_seconds)),
    ("wrong-unit", with_the_blank(a_thousand_times_too_long)),
    ("whole-seconds", with_the_blank(whole_seconds)),
    ("not-our-token", with_the_blank(one_for_all)),
    ("not-our-token", with_the_blank(a_longer_token)),
]

SUBTLE: list[tuple[Any, ...]] = [
    ("half as long", "one-load", with_the_blank(half_as_long)),
    ("a tenth longer", "replaced", with_the_blank(a_tenth_longer)),
    ("at least a second", "replaced", with_the_blank(at_least_a_second)),
    ("every try lengthens it", "replaced", with_the_blank(every_try_lengthens_it)),
    ("a loser lengthens the winner's", "replaced", with_the_blank(lengthened_in_one_step)),
    ("a constant lock", "freed", with_the_blank(a_constant_lock)),
    ("errors mean no", "value", with_the_blank(errors_mean_no)),
    ("errors mean yes", "one-load", with_the_blank(errors_mean_yes)),
    ("the old value", "one-load", with_the_blank(the_old_value)),
    ("at least 10 ms", "replaced", with_the_blank(living(lambda lock_ttl: max(10, round(lock_ttl * 1000))))),
    ("at most 30 s", "replaced", with_the_blank(living(lambda lock_ttl: min(30_000, round(lock_ttl * 1000))))),
    ("at most an hour", "replaced", with_the_blank(living(lambda lock_ttl: min(3_600_000, round(lock_ttl * 1000))))),
    ("whole seconds from ten on", "replaced", with_the_blank(
        living(lambda lock_ttl: round(lock_ttl * 1000) if lock_ttl < 10 else int(lock_ttl) * 1000))),
    ("the first life for all", "replaced", with_the_blank(the_first_life)),
    ("again for itself", "value", with_the_blank(again_for_itself)),
    ("no reply means no", "value", with_the_blank(no_reply_means_no)),
    ("frees whatever is there", "one-load", with_the_blank(frees_whatever_is_there)),
    ("another lock", "freed", with_the_blank(another_lock)),
    ("a token cut off", "freed", with_the_blank(a_token_cut_off), "not-our-token"),
]  # fmt: skip
