"""Wrong programs for 00.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Any

from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoReply


async def for_ever(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page)


async def for_ever_by_getset(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.delete(key)
    await redis.set(key, page, get=True)


async def a_float(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, ex=ttl)


async def a_float_in_ms(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=ttl * 1000)


async def seconds_as_ms(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=math.ceil(ttl))


async def ms_as_seconds(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, ex=round(ttl * 1000))


async def rounded_up(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, ex=math.ceil(ttl))


async def cut_off(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.setex(key, max(1, int(ttl)), page)


async def of_a_timedelta(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """redis-py cuts it off to whole seconds."""
    await redis.set(key, page, ex=max(timedelta(seconds=1), timedelta(seconds=ttl)))


async def only_if_missing(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=round(ttl * 1000), nx=True)


async def in_two_steps(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page)
    await redis.pexpire(key, round(ttl * 1000))


async def in_two_steps_of_a_pipeline(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """A pipeline that is no transaction: others may come between, and one command may be refused."""
    async with redis.pipeline(transaction=False) as pipe:
        await pipe.set(key, page).pexpire(key, round(ttl * 1000)).execute()


WRONG = [
    ("never-expires", for_ever),
    ("not-whole", a_float),
    ("not-whole", a_float_in_ms),
    ("wrong-unit", seconds_as_ms),
    ("wrong-unit", ms_as_seconds),
    ("whole-seconds", rounded_up),
    ("whole-seconds", cut_off),
    ("whole-seconds", of_a_timedelta),
    ("only-if-missing", only_if_missing),
    ("two-steps", in_two_steps),
    ("two-steps", in_two_steps_of_a_pipeline),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


LIVES: dict[str, float] = {}


async def remembers_the_life(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    await redis.set(key, page, px=round(LIVES.setdefault(key, ttl) * 1000))


async def keeps_the_life(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """The old page's life, where there was one."""
    if not await redis.set(key, page, keepttl=True, xx=True):
        await redis.set(key, page, px=round(ttl * 1000))


async def deletes_first(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.delete(key)
    await redis.set(key, page, px=round(ttl * 1000))


async def a_hash(redis: Any, key: str, page: str, *, ttl: float) -> None:
    async with redis.pipeline() as pipe:
        pipe.delete(key)
        pipe.hset(key, "page", page)
        pipe.pexpire(key, round(ttl * 1000))
        await pipe.execute()


async def prefixed(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(f"page:{key}", page, px=round(ttl * 1000))


async def stripped(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page.strip().lstrip("="), px=round(ttl * 1000))


async def not_if_empty(redis: Any, key: str, page: str, *, ttl: float) -> None:
    if page:
        await redis.set(key, page, px=round(ttl * 1000))


async def a_mark_beside_it(redis: Any, key: str, page: str, *, ttl: float) -> None:
    async with redis.pipeline() as pipe:
        pipe.set(key, page, px=round(ttl * 1000))
        pipe.set(f"{key}:at", "now", px=round(ttl * 1000))
        await pipe.execute()


async def drops_errors(redis: Any, key: str, page: str, *, ttl: float) -> None:
    try:
        await redis.set(key, page, px=round(ttl * 1000))
    except RedisError:
        pass


async def drops_lost_replies(redis: Any, key: str, page: str, *, ttl: float) -> None:
    try:
        await redis.set(key, page, px=round(ttl * 1000))
    except (NoReply, NoConnection):
        pass


async def twice_and_silent(redis: Any, key: str, page: str, *, ttl: float) -> None:
    for _ in range(2):
        try:
            await redis.set(key, page, px=round(ttl * 1000))
            return
        except RedisError:
            pass


async def another_error(redis: Any, key: str, page: str, *, ttl: float) -> None:
    try:
        await redis.set(key, page, px=round(ttl * 1000))
    except RedisError as error:
        raise RuntimeError("not kept") from error


async def in_the_background(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """Its caller is told that the page is there before it is."""
    in_the_background.task = asyncio.ensure_future(redis.set(key, page, px=round(ttl * 1000)))  # type: ignore[attr-defined]


async def at_least_a_second(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=max(1000, round(ttl * 1000)))


async def at_most_a_day(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=min(86_400_000, round(ttl * 1000)))


async def to_the_hundredth(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=10 * round(ttl * 100))


async def ten_ms_more(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=round(ttl * 1000) + 10)


async def by_a_wrong_life_first(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, ex=math.ceil(ttl))
    await redis.pexpire(key, round(ttl * 1000))


async def life_first(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """The old page gets the life of the new one."""
    await redis.pexpire(key, round(ttl * 1000))
    if not await redis.set(key, page, keepttl=True, xx=True):
        await redis.set(key, page, px=round(ttl * 1000))


async def swaps_a_copy_in(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(f"{key}:new", page, px=round(ttl * 1000))
    await redis.delete(key)
    await redis.rename(f"{key}:new", key)


async def tries_again_and_forgets(redis: Any, key: str, page: str, *, ttl: float) -> None:
    for _ in range(2):
        try:
            return await redis.set(key, page, px=round(ttl * 1000), nx=True) or await redis.set(
                key, page, px=round(ttl * 1000)
            )
        except RedisError:
            await redis.delete(key)


async def objects_to_nothing(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """The error comes from redis, and the answer has asked for it."""
    script = """
    if ARGV[1] == '' then return redis.error_reply('ERR an empty page') end
    return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"""
    await redis.eval(script, 1, key, page, round(ttl * 1000))


STORED: dict[str, Any] = {}


async def not_the_same_again(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """What this process has stored, it takes to be there, as long as it was to live."""
    if STORED.get(key) != (page, ttl):
        await redis.set(key, page, px=round(ttl * 1000))
        STORED[key] = page, ttl


async def not_what_stands_there(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """The text is right, and keeps the life that it has."""
    script = """
    if redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
    return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"""
    await redis.eval(script, 1, key, page, round(ttl * 1000))


KEEPING: set[str] = set()


async def one_at_a_time(redis: Any, key: str, page: str, *, ttl: float) -> None:
    """Another task of this process keeps a page under that key just now."""
    if key not in KEEPING:
        KEEPING.add(key)
        try:
            await redis.set(key, page, px=round(ttl * 1000))
        finally:
            KEEPING.discard(key)


async def at_most_24_days(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await redis.set(key, page, px=min(round(ttl * 1000), 2**31 - 1))


async def blanks_are_no_page(redis: Any, key: str, page: str, *, ttl: float) -> None:
    await (redis.delete(key) if page.isspace() else redis.set(key, page, px=round(ttl * 1000)))


async def large_pages_are_left(redis: Any, key: str, page: str, *, ttl: float) -> None:
    if len(page) < 10_000:
        await redis.set(key, page, px=round(ttl * 1000))


SUBTLE: list[tuple[Any, ...]] = [
    ("objects to an empty page", "stored", objects_to_nothing),
    ("for ever, after a DEL", "life", for_ever_by_getset, "never-expires"),
    ("the old page's life", "life", keeps_the_life),
    ("the first life, for ever", "life", remembers_the_life),
    ("deletes first", "one-step", deletes_first),
    ("a hash", "stored", a_hash),
    ("under another key", "stored", prefixed),
    ("stripped", "stored", stripped),
    ("not if it is empty", "stored", not_if_empty),
    ("a mark beside it", "stored", a_mark_beside_it),
    ("drops errors", "errors", drops_errors),
    ("drops lost replies", "errors", drops_lost_replies),
    ("another error", "errors", another_error),
    ("tries again, and says nothing", "errors", twice_and_silent),
    ("in the background", "stored", in_the_background),
    ("at least a second", "life", at_least_a_second),
    ("at most a day", "life", at_most_a_day),
    ("to the hundredth", "life", to_the_hundredth),
    ("ten ms more", "life", ten_ms_more),
    ("a wrong life first", "one-step", by_a_wrong_life_first),
    ("the life first", "one-step", life_first),
    ("a copy swapped in", "one-step", swaps_a_copy_in),
    ("tries again, and forgets", "one-step", tries_again_and_forgets),
    ("not the same page again", "stored", not_the_same_again),
    ("not what stands there", "life", not_what_stands_there),
    ("one at a time", "stored", one_at_a_time),
    ("at most 24 days", "life", at_most_24_days),
    ("blanks are no page", "stored", blanks_are_no_page),
    ("large pages are left", "stored", large_pages_are_left),
]
