"""Wrong programs for 03.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import RedisError, WatchError


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


def looping(
    *, tries: int = 1_000_000, caught: Any = WatchError, overtaken: Any = None, change: Any = None, last: Any = False
) -> Any:
    """The right loop, with a part replaced; after so many tries it returns `last`."""

    async def take(redis: Any, key: str, n: int) -> Any:
        async with redis.pipeline() as pipe:
            for _ in range(tries):
                await pipe.watch(key)
                left = int(await pipe.get(key) or 0)
                if left < n:
                    return False
                pipe.multi()
                (change or (lambda pipe, key, n, left: pipe.decrby(key, n)))(pipe, key, n, left)
                try:
                    await pipe.execute()
                    return True
                except caught:
                    if overtaken is not None:
                        await overtaken()
        return last

    return take


async def takes_if_there_are_any(redis: Any, key: str, n: int) -> Any:
    async with redis.pipeline() as pipe:
        while True:
            await pipe.watch(key)
            if int(await pipe.get(key) or 0) < 1:
                return False
            pipe.multi()
            pipe.decrby(key, n)
            try:
                await pipe.execute()
                return True
            except WatchError:
                pass


async def compares_and_sets_thrice(redis: Any, key: str, n: int) -> Any:
    script = (
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end redis.call('DECRBY', KEYS[1], ARGV[2]) return 1"
    )
    for _ in range(3):
        seen = await redis.get(key)
        if int(seen or 0) < n:
            return False
        if await redis.eval(script, 1, key, seen, n):
            return True
    return False


def locking(**lease: int) -> Any:
    async def take(redis: Any, key: str, n: int) -> Any:
        while not await redis.set(key + ":lock", "x", nx=True, **lease):
            await asyncio.sleep(0.05)
        try:
            if int(await redis.get(key) or 0) < n:
                return False
            await redis.decrby(key, n)
            return True
        finally:
            await redis.delete(key + ":lock")

    return take


async def waits_for_enough(redis: Any, key: str, n: int) -> Any:
    while not await scripted()(redis, key, n):
        await asyncio.sleep(0.05)
    return True


async def returns_a_number(redis: Any, key: str, n: int) -> Any:
    return int(await scripted()(redis, key, n))


async def goes_on_while_it_loads(redis: Any, key: str, n: int) -> Any:
    while True:
        try:
            return await scripted()(redis, key, n)
        except (RedisError, OSError):
            await asyncio.sleep(0.05)


async def never_looks(redis: Any, key: str, n: int) -> Any:
    return await redis.decrby(key, n) >= 0


STRINGS = (
    "if (redis.call('GET', KEYS[1]) or '0') < ARGV[1] then return 0 end redis.call('DECRBY', KEYS[1], ARGV[1]) return 1"
)


async def compares_texts(redis: Any, key: str, n: int) -> Any:
    return bool(await redis.eval(STRINGS, 1, key, n))


SOLD_OUT: set[tuple[str, int]] = set()


async def remembers_that_it_was_sold_out(redis: Any, key: str, n: int) -> bool:
    """There may have been a delivery since."""
    if (key, n) not in SOLD_OUT:
        if await with_the_blanks()(redis, key, n):
            return True
        SOLD_OUT.add((key, n))
    return False


SUBTLE = [
    ("takes if there are any", "never-negative", takes_if_there_are_any),
    ("two tries", "refused", looping(tries=2), "gives-up"),
    ("three tries", "refused", looping(tries=3), "gives-up"),
    ("fifty tries", "refused", looping(tries=50), "gives-up"),
    ("a hundred tries", "refused", looping(tries=100), "gives-up"),
    ("five tries, and says neither", "exact", looping(tries=5, last=None)),
    ("compares and sets, three tries", "refused", compares_and_sets_thrice),
    ("deletes at zero", "ttl",
     looping(change=lambda pipe, key, n, left: pipe.delete(key) if left == n else pipe.decrby(key, n))),
    ("a TTL of its own", "ttl", looping(change=lambda pipe, key, n, left: pipe.set(key, left - n, px=600_000))),
    ("renews the TTL", "ttl", looping(change=lambda pipe, key, n, left: pipe.decrby(key, n).expire(key, 600))),
    ("catches all errors", "errors", looping(caught=Exception)),
    ("goes on while it loads", "errors", goes_on_while_it_loads),
    ("a lease of ten seconds", "never-negative", locking(px=10_000), "looks-first"),
    ("a lock without a TTL", "refused", locking()),
    ("waits for enough", "refused", waits_for_enough),
    ("returns a number", "exact", returns_a_number),
    ("compares texts", "refused", compares_texts),
    ("never looks", "never-negative", never_looks),
    ("takes one", "exact", scripted(change="'DECR', KEYS[1]")),
    ("takes what is left", "refused",
     scripted(enough=">= 1 or left >=", change="'DECRBY', KEYS[1], math.min(left, ARGV[1])")),
    ("remembers that it was sold out", "refused", remembers_that_it_was_sold_out),
]  # fmt: skip
