"""Wrong programs for 03.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

from typing import Any

from redis.exceptions import WatchError


def with_the_blanks(*, late: bool = False, multi: bool = True, overtaken: Any = None) -> Any:
    """The exercise's loop, with one of its blanks filled otherwise; by default as it should be."""

    async def take(redis: Any, key: str, n: int) -> Any:
        async with redis.pipeline() as pipe:
            while True:
                if not late:
                    await pipe.watch(key)
                left = int(await (redis if late else pipe).get(key) or 0)
                if late:
                    await pipe.watch(key)
                if left < n:
                    return False
                if multi:
                    pipe.multi()
                    pipe.decrby(key, n)
                try:
                    await (pipe.execute() if multi else redis.decrby(key, n))
                    return True
                except WatchError:
                    if overtaken is not None:
                        return overtaken()

    return take


async def reads_and_writes(redis: Any, key: str, n: int) -> Any:
    left = int(await redis.get(key) or 0)
    if left < n:
        return False
    await redis.set(key, left - n, keepttl=True)
    return True


async def reads_and_decrements(redis: Any, key: str, n: int) -> Any:
    if int(await redis.get(key) or 0) < n:
        return False
    await redis.decrby(key, n)
    return True


async def in_multi(redis: Any, key: str, n: int) -> Any:
    if int(await redis.get(key) or 0) < n:
        return False
    async with redis.pipeline(transaction=True) as pipe:
        pipe.decrby(key, n)
        await pipe.execute()
    return True


async def gives_back(redis: Any, key: str, n: int) -> Any:
    if await redis.decrby(key, n) >= 0:
        return True
    await redis.incrby(key, n)
    return False


def scripted(enough: str = ">=", change: str = "'DECRBY', KEYS[1], ARGV[1]") -> Any:
    """One script, with a part replaced; by default as it should be."""
    script = f"""
        local left = tonumber(redis.call('GET', KEYS[1]) or '0')
        if not (left {enough} tonumber(ARGV[1])) then return 0 end
        redis.call({change})
        return 1"""

    async def take(redis: Any, key: str, n: int) -> Any:
        return await redis.eval(script, 1, key, n) == 1

    return take


def again() -> Any:
    raise WatchError("Watched variable changed.")


WRONG = [
    ("loses-updates", reads_and_writes),
    ("looks-first", reads_and_decrements),
    ("multi-alone", in_multi),
    ("watches-too-late", with_the_blanks(late=True)),
    ("watched-and-lost", with_the_blanks(multi=False)),
    ("gives-back", gives_back),
    ("lets-it-out", with_the_blanks(overtaken=again)),
    ("gives-up", with_the_blanks(overtaken=lambda: False)),
    ("drops-the-ttl", scripted(change="'SET', KEYS[1], left - ARGV[1]")),
    ("forgets-the-edges", scripted(enough=">")),
]
