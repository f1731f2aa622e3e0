"""Wrong programs for 02.4, each with one mistake, named as the check must name it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

NAME = "app:user:profile"
Old = Callable[[str, int], object]


def older(key: str, live: int) -> bool:
    found = re.fullmatch(rf"{NAME}:v(\d+):.*", key, re.DOTALL)
    return found is not None and int(found[1]) < live


def cleaning(
    *, old: Old = older, match: str = f"{NAME}:v*", remove: str = "unlink", step: int = 50, rest: bool = True
) -> Callable[..., Awaitable[int]]:
    """The clean-up, with one part of it replaced; by default as it should be."""

    async def clean_up(redis: Any, *, live: int) -> int:
        removed, batch = 0, list[str]()
        send = getattr(redis, remove)
        async for key in redis.scan_iter(match=match, count=500):
            if old(key, live):
                batch.append(key)
            if len(batch) == step:
                removed += await send(*batch)
                batch.clear()
        if batch and rest:
            removed += await send(*batch)
        return removed

    return clean_up


async def keys(redis: Any, *, live: int) -> int:
    removed, old = 0, [key for key in await redis.keys(f"{NAME}:v*") if older(key, live)]
    for start in range(0, len(old), 50):
        removed += await redis.unlink(*old[start : start + 50])
    return removed


async def one_scan(redis: Any, *, live: int) -> int:
    _, found = await redis.scan(match=f"{NAME}:v*", count=20)
    old = [key for key in found if older(key, live)]
    return int(await redis.unlink(*old)) if old else 0


async def by_globs(redis: Any, *, live: int) -> int:
    """One glob for each version, and none of them ends where the version does."""
    removed = 0
    for version in range(1, live):
        found = [key async for key in redis.scan_iter(match=f"{NAME}:v{version}*", count=500)]
        for start in range(0, len(found), 50):
            removed += await redis.unlink(*found[start : start + 50])
    return removed


def as_texts(key: str, live: int) -> bool:
    found = re.match(rf"{NAME}:v(\d+):", key)
    return found is not None and found[1] < str(live)


def anywhere(key: str, live: int) -> bool:
    return any(int(version) < live for version in re.findall(r":v(\d+):", key))


WRONG = [
    ("keys", keys),
    ("v1-is-v10", by_globs),
    ("all-but-live", cleaning(old=lambda key, live: re.match(rf"{NAME}:v\d+:", key) and f":v{live}:" not in key)),
    ("matches-anywhere", cleaning(old=anywhere, match="*")),
    ("matches-anywhere", cleaning(match="*", old=lambda key, live: older(key[key.find(NAME) :], live))),
    ("ignores-live", cleaning(old=lambda key, live: older(key, 10))),
    ("compares-texts", cleaning(old=as_texts)),
    ("first-step-only", one_scan),
    ("first-step-only", cleaning(step=49, rest=False)),
    ("del", cleaning(remove="delete")),
    ("one-by-one", cleaning(step=1)),
    ("one-giant-step", cleaning(step=10_000)),
]

# -- one sentence of the contract broken, in a program that looks right ------------------------------------------------


async def all_old(redis: Any, live: int, **options: Any) -> list[str]:
    return [key async for key in redis.scan_iter(match=f"{NAME}:v*", **{"count": 500, **options}) if older(key, live)]


async def in_batches(redis: Any, old: list[str]) -> int:
    return sum([await redis.unlink(*old[n : n + 50]) for n in range(0, len(old), 50)])


def stops(end: Callable[[int, list[str]], bool], count: int = 100) -> Callable[..., Awaitable[int]]:
    """It scans by hand, and stops when it thinks that it has come to the end."""

    async def clean_up(redis: Any, *, live: int) -> int:
        removed, cursor = 0, 0
        while True:
            cursor, found = await redis.scan(cursor, match=f"{NAME}:v*", count=count)
            removed += await in_batches(redis, [key for key in found if older(key, live)])
            if end(cursor, found):
                return removed

    return clean_up


def swallows(*errors: type[Exception]) -> Callable[..., Awaitable[int]]:
    async def clean_up(redis: Any, *, live: int) -> int:
        try:
            return await in_batches(redis, await all_old(redis, live))
        except errors:
            return 0

    return clean_up


async def pipeline_of_all(redis: Any, *, live: int) -> int:
    old = await all_old(redis, live)
    async with redis.pipeline(transaction=True) as pipe:
        for key in old:
            pipe.unlink(key)
        return sum(await pipe.execute()) if old else 0


async def all_in_a_script(redis: Any, *, live: int) -> int:
    old = await all_old(redis, live)
    return await redis.eval("return redis.call('UNLINK', unpack(KEYS))", len(old), *old) if old else 0


SCANS = """
local cursor, removed = '0', 0
repeat
    local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1] .. ':v*', 'COUNT', 100)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
        local version = string.match(key, '^' .. ARGV[1] .. ':v(%d+):')
        if version and tonumber(version) < tonumber(ARGV[2]) then removed = removed + redis.call('UNLINK', key) end
    end
until cursor == '0'
return removed
"""


async def scans_in_a_script(redis: Any, *, live: int) -> int:
    return int(await redis.eval(SCANS, 0, NAME, live))


async def keys_in_a_script(redis: Any, *, live: int) -> int:
    found = await redis.eval("return redis.call('keys', ARGV[1])", 0, f"{NAME}:v*")
    return await in_batches(redis, [key for key in found if older(key, live)])


async def deletes_in_a_script(redis: Any, *, live: int) -> int:
    old, removed = await all_old(redis, live), 0
    for n in range(0, len(old), 50):
        batch = old[n : n + 50]
        removed += await redis.eval("return redis.call('DEL', unpack(KEYS))", len(batch), *batch)
    return removed


async def lets_them_expire(redis: Any, *, live: int) -> int:
    old = await all_old(redis, live)
    async with redis.pipeline(transaction=False) as pipe:
        for key in old:
            pipe.pexpire(key, 1)
        return sum(await pipe.execute())


def type_of_each(only: bool) -> Callable[..., Awaitable[int]]:
    """It asks for the type of each key, and removes texts only; or all, so that it asked for nothing."""

    async def clean_up(redis: Any, *, live: int) -> int:
        old = await all_old(redis, live)
        async with redis.pipeline(transaction=False) as pipe:
            for key in old:
                pipe.type(key)
            kinds = await pipe.execute()
        return await in_batches(redis, [k for k, kind in zip(old, kinds, strict=True) if kind == "string" or not only])

    return clean_up


async def texts_of_a_scan(redis: Any, *, live: int) -> int:
    return await in_batches(redis, await all_old(redis, live, _type="string"))


async def in_large_pages(redis: Any, *, live: int) -> int:
    return await in_batches(redis, await all_old(redis, live, count=2_000))


async def counts_what_it_sends(redis: Any, *, live: int) -> int:
    old = await all_old(redis, live)
    await in_batches(redis, old)
    return len(old)


async def says_the_last_batch(redis: Any, *, live: int) -> int:
    old, removed = await all_old(redis, live), 0
    for n in range(0, len(old), 50):
        removed = await redis.unlink(*old[n : n + 50])
    return removed


async def says_nothing(redis: Any, *, live: int) -> None:
    await in_batches(redis, await all_old(redis, live))


async def once_for_all(redis: Any, *, live: int) -> int:
    """It notes that it was here before it begins, and never comes again."""
    if not await redis.set(f"cleaned:{NAME}:{live}", 1, nx=True):
        return 0
    return await in_batches(redis, await all_old(redis, live))


async def one_at_a_time(redis: Any, *, live: int) -> int:
    """A lock for five minutes, which a clean-up that dies leaves behind."""
    if not await redis.set("cleaning", 1, nx=True, ex=300):
        return 0
    removed = await in_batches(redis, await all_old(redis, live))
    await redis.unlink("cleaning")
    return removed


async def goes_on_where_it_was(redis: Any, *, live: int) -> int:
    """It notes how far it is before it has removed what it was told of."""
    cursor, removed = int(await redis.get("cursor") or 0), 0
    while True:
        cursor, found = await redis.scan(cursor, match=f"{NAME}:v*", count=500)
        await redis.set("cursor", cursor)
        removed += await in_batches(redis, [key for key in found if older(key, live)])
        if not cursor:
            return removed


def once_a_process() -> Callable[..., Awaitable[int]]:
    done = set[int]()

    async def clean_up(redis: Any, *, live: int) -> int:
        if live in done:
            return 0
        removed = await in_batches(redis, await all_old(redis, live))
        done.add(live)
        return removed

    return clean_up


async def sends_again(redis: Any, *, live: int) -> int:
    """What an UNLINK removed whose reply was lost, the second does not count."""
    old, removed = await all_old(redis, live), 0
    for n in range(0, len(old), 50):
        try:
            removed += await redis.unlink(*old[n : n + 50])
        except (RedisConnectionError, RedisTimeoutError):
            removed += await redis.unlink(*old[n : n + 50])
    return removed


async def another_error(redis: Any, *, live: int) -> int:
    try:
        return await in_batches(redis, await all_old(redis, live))
    except RedisError as error:
        raise RuntimeError("not cleaned") from error


def two_parts(key: str, live: int) -> bool:
    return older(key, live) and key.count(":") == 4


SUBTLE = [
    ("a lock that outlives a crash", "clean", one_at_a_time),
    ("goes on where it was", "clean", goes_on_where_it_was),
    ("once a process", "clean", once_a_process()),
    ("one part only", "clean", cleaning(old=two_parts)),
    ("versions below 100", "clean", cleaning(old=lambda key, live: older(key, min(live, 100)))),
    ("an error of the server's", "says", swallows(ResponseError)),
    ("sends again", "says", sends_again),
    ("another error", "says", another_error),
    ("one SCAN of 1,000", "clean", stops(lambda cursor, found: True, 1_000), "first-step-only"),
    ("stops at an empty page", "clean", stops(lambda cursor, found: not cursor or not found), "first-step-only"),
    ("stops at a short page", "clean", stops(lambda cursor, found: len(found) < 100), "first-step-only"),
    ("versions of one digit", "clean", cleaning(match=f"{NAME}:v[1-9]:*")),
    ("the version before only", "clean", cleaning(old=lambda key, live: key.startswith(f"{NAME}:v{live - 1}:"))),
    ("texts only", "clean", type_of_each(True)),
    ("SCAN with TYPE", "clean", texts_of_a_scan),
    ("comes once", "clean", once_for_all),
    ("the live one too", "live", cleaning(old=lambda key, live: older(key, live + 1))),
    (
        "no colon behind the version",
        "live",
        cleaning(old=lambda key, live: (m := re.match(rf"{NAME}:v(\d+)", key)) and int(m[1]) < live),
    ),
    (
        "any first name",
        "live",
        cleaning(match="*", old=lambda key, live: older(key.removeprefix("old:"), live)),
        "matches-anywhere",
    ),
    ("KEYS in a script", "never-keys", keys_in_a_script),
    ("SCAN in a script to the end", "never-keys", scans_in_a_script, "one-giant-step"),
    ("a transaction of all", "steps", pipeline_of_all, "one-giant-step"),
    ("all in a script", "steps", all_in_a_script, "one-giant-step"),
    ("COUNT 2,000", "steps", in_large_pages, "one-giant-step"),
    ("three a wait", "steps", cleaning(step=3), "one-by-one"),
    ("a TYPE of each", "steps", type_of_each(False)),
    ("DEL in a script", "unlink", deletes_in_a_script),
    ("PEXPIRE for UNLINK", "unlink", lets_them_expire),
    ("counts what it sends", "says", counts_what_it_sends),
    ("says the last batch", "says", says_the_last_batch),
    ("says nothing", "says", says_nothing),
    ("no error of Redis", "says", swallows(RedisError)),
    ("no connection", "says", swallows(RedisConnectionError)),
    ("no reply in time", "says", swallows(RedisTimeoutError)),
]
