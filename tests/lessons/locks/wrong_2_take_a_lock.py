"""Wrong programs for 04.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Take = Callable[[Any, str, str, float], Awaitable[Any]]


async def set_nx_px(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True, px=round(ttl * 1000))


async def is_ours(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken) or await redis.get(key) == token


def ten_to_hundred(draw: Callable[[], float]) -> float:
    return 0.01 + 0.09 * draw()


def with_the_blanks(
    *, take: Take = set_nx_px, own: Any = is_ours, pause: Callable[[Callable[[], float]], float] = ten_to_hundred,
    errors: tuple[type[Exception], ...] = (RedisError,), tries: float = math.inf, late: float = 0.0, unit: float = 1.0,
    gives_up: Any = None,
) -> Any:  # fmt: skip
    """The function of 04.2 with its three blanks filled in, and some of the rest altered."""

    async def acquire(redis: Any, key: str, token: str, *, ttl: float, wait: float, draw: Any) -> bool:
        clock = asyncio.get_running_loop().time
        give_up, tried = clock() + wait * unit + late, 0
        while (tried := tried + 1) <= tries:
            try:
                taken = await take(redis, key, token, ttl)
                ours = await own(redis, key, token, taken)
            except errors:
                ours = False
            if ours:
                return True
            seconds = pause(draw)
            if clock() + seconds > give_up:
                break
            await asyncio.sleep(seconds)
        if gives_up is not None:
            await gives_up(redis, key, token)
        return False

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


# -- each breaks one sentence of the contract -------------------------------------------------------------------------


async def whole_seconds(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True, ex=max(1, int(ttl)))


async def rounds_up(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True, ex=math.ceil(ttl))


async def gives_life_to_any(redis: Any, key: str, token: str, ttl: float) -> Any:
    """A script, so in one step; and whoever has the lock keeps it for longer."""
    script = "local n = redis.call('SETNX', KEYS[1], ARGV[1]) redis.call('PEXPIRE', KEYS[1], ARGV[2]) return n"
    return await redis.eval(script, 1, key, token, round(ttl * 1000))


async def sets_after_a_look(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.get(key) is None and await redis.set(key, token, px=round(ttl * 1000))


async def same_prefix(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken) or (await redis.get(key) or "")[:3] == token[:3]


async def own_or_none(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken) or await redis.get(key) in (token, None)


async def within(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken) or token in (await redis.get(key) or "")


def renews(renew: Any) -> Any:
    """It looks, and then gives its lock a new life."""

    async def own(redis: Any, key: str, token: str, taken: Any) -> bool:
        if taken or await redis.get(key) != token:
            return bool(taken)
        return bool(await renew(redis, key, token))

    return own


async def deletes(redis: Any, key: str, token: str) -> None:
    await redis.delete(key)


async def looks_and_deletes(redis: Any, key: str, token: str) -> None:
    with suppress(RedisError):
        if await redis.get(key) == token:
            await redis.delete(key)


LOCKS: dict[str, asyncio.Lock] = {}


async def one_of_a_process(redis: Any, key: str, *args: Any, **policy: Any) -> Any:
    async with LOCKS.setdefault(key, asyncio.Lock()):
        return await with_the_blanks()(redis, key, *args, **policy)


async def rests_first(*args: Any, **policy: Any) -> Any:
    await asyncio.sleep(0.15)
    return await with_the_blanks()(*args, **policy)


def rests_every_other_time() -> Any:
    times = iter(range(10**9))
    return with_the_blanks(pause=lambda draw: ten_to_hundred(draw) if next(times) % 2 else 0.0)


def all_in_step() -> Any:
    """Each time another pause, and the same ones for everybody."""

    async def acquire(*args: Any, draw: Any, **policy: Any) -> Any:
        times = iter(range(10**9))
        return await with_the_blanks(pause=lambda _: 0.01 + next(times) * 37 % 90 / 1000)(*args, draw=draw, **policy)

    return acquire


def drawn_once() -> Any:
    async def acquire(*args: Any, draw: Any, **policy: Any) -> Any:
        seconds = ten_to_hundred(draw)
        return await with_the_blanks(pause=lambda _: seconds)(*args, draw=draw, **policy)

    return acquire


SUBTLE = [
    ("whole seconds", "one-holder", with_the_blanks(take=whole_seconds)),
    ("rounds up", "one-holder", with_the_blanks(take=rounds_up)),
    ("gives life to any", "one-holder", with_the_blanks(take=gives_life_to_any)),
    ("deletes as it gives up", "one-holder", with_the_blanks(gives_up=deletes)),
    ("looks and deletes as it gives up", "one-holder", with_the_blanks(gives_up=looks_and_deletes)),
    ("renews by PEXPIRE", "one-holder", with_the_blanks(own=renews(lambda redis, key, _: redis.pexpire(key, 1000)))),
    ("renews by SET", "one-holder", with_the_blanks(own=renews(lambda *it: it[0].set(*it[1:], xx=True, px=1000)))),
    ("sets after a look", "one-holder", with_the_blanks(take=sets_after_a_look), "no-nx"),
    ("the same prefix", "knows", with_the_blanks(own=same_prefix), "takes-anothers-for-its-own"),
    ("its own or none", "knows", with_the_blanks(own=own_or_none)),
    ("within another's", "knows", with_the_blanks(own=within), "takes-anothers-for-its-own"),
    ("rests first", "gets", rests_first),
    ("only time-outs", "gets", with_the_blanks(errors=(RedisTimeoutError,))),
    ("only connections", "gets", with_the_blanks(errors=(RedisTimeoutError, RedisConnectionError))),
    ("only replies", "gets", with_the_blanks(errors=(RedisTimeoutError, ResponseError))),
    ("a hundred tries", "gives-up", with_the_blanks(tries=100)),
    ("a thousand tries", "gives-up", with_the_blanks(tries=1000)),
    ("one of a process", "gives-up", one_of_a_process),
    ("a bit late", "gives-up", with_the_blanks(late=0.25)),
    ("milliseconds", "gives-up", with_the_blanks(unit=1000)),
    ("0 to 100 ms", "rests", with_the_blanks(pause=lambda draw: 0.1 * draw())),
    ("1 to 100 ms", "rests", with_the_blanks(pause=lambda draw: 0.001 + 0.099 * draw())),
    ("50 to 150 ms", "rests", with_the_blanks(pause=lambda draw: 0.05 + 0.1 * draw()), "sleeps-too-long"),
    ("hardly drawn", "rests", with_the_blanks(pause=lambda draw: 0.05 + 1e-7 * draw()), "same-pause-for-all"),
    ("drawn once", "rests", drawn_once(), "same-pause-for-all"),
    ("all in step", "rests", all_in_step()),
    ("every other time", "rests", rests_every_other_time()),
]
