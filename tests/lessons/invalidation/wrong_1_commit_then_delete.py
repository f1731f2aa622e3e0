"""Wrong programs for 06.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError


def keys_of(ids: list[str]) -> list[str]:
    return [f"app:product:{id}" for id in ids]


async def deletes_first(redis: Any, ids: list[str], commit: Any) -> None:
    if ids:
        await redis.delete(*keys_of(ids))
    await commit()


async def meanwhile(redis: Any, ids: list[str], commit: Any) -> None:
    await asyncio.gather(commit(), *([redis.delete(*keys_of(ids))] if ids else []))


async def of_nothing(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    await redis.delete(*keys_of(ids))


async def stores_instead(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        async with redis.pipeline() as pipe:
            for id in ids:
                pipe.set(f"app:product:{id}", f"the new page of {id}", px=60_000)
            await pipe.execute()


async def without_prefix(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        await redis.delete(*ids)


async def one_by_one(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    for key in keys_of(ids):
        await redis.delete(key)


WRONG = [
    ("deletes-first", deletes_first),
    ("deletes-first", meanwhile),
    ("of-nothing", of_nothing),
    ("stores-instead", stores_instead),
    ("without-prefix", without_prefix),
    ("one-by-one", one_by_one),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def the_first_alone(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        await redis.delete(keys_of(ids)[0])


async def the_first_hundred(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        await redis.delete(*keys_of(ids)[:100])


async def the_first_ten(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        await redis.delete(*keys_of(ids)[:10])


async def nothing_to_commit(redis: Any, ids: list[str], commit: Any) -> None:
    if ids:
        await commit()
        await redis.delete(*keys_of(ids))


async def commits_each(redis: Any, ids: list[str], commit: Any) -> None:
    for _ in ids or [""]:
        await commit()
    if ids:
        await redis.delete(*keys_of(ids))


async def commits_again(redis: Any, ids: list[str], commit: Any) -> None:
    try:
        await commit()
    except Exception:
        await commit()
    if ids:
        await redis.delete(*keys_of(ids))


async def before_and_after(redis: Any, ids: list[str], commit: Any) -> None:
    if ids:
        await redis.delete(*keys_of(ids))
    await commit()
    if ids:
        await redis.delete(*keys_of(ids))


async def swallows_redis(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    with suppress(RedisError):
        if ids:
            await redis.delete(*keys_of(ids))


async def swallows_the_commit(redis: Any, ids: list[str], commit: Any) -> None:
    with suppress(Exception):
        await commit()
    if ids:
        await redis.delete(*keys_of(ids))


async def another_error(redis: Any, ids: list[str], commit: Any) -> None:
    try:
        await commit()
    except Exception as error:
        raise RuntimeError("not committed") from error
    if ids:
        await redis.delete(*keys_of(ids))


async def in_the_background(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        in_the_background.task = asyncio.ensure_future(redis.delete(*keys_of(ids)))  # type: ignore[attr-defined]


async def lets_them_expire(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    async with redis.pipeline() as pipe:
        for key in keys_of(ids):
            pipe.pexpire(key, 1000)
        await pipe.execute()


async def by_pattern(redis: Any, ids: list[str], commit: Any) -> None:
    """What begins like one of them goes too."""
    await commit()
    script = """
    for _, id in ipairs(ARGV) do
        for _, key in ipairs(redis.call('KEYS', 'app:product:' .. id .. '*')) do redis.call('DEL', key) end
    end"""
    if ids:
        await redis.eval(script, 0, *ids)


async def all_pages(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        await redis.flushdb()


async def empties(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        await redis.mset(dict.fromkeys(keys_of(ids), ""))


async def locks_too(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids:
        await redis.delete(*keys_of(ids), *(f"{key}:lock" for key in keys_of(ids)))


async def asks_first(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if ids and await redis.exists(*keys_of(ids)):
        await redis.delete(*keys_of(ids))


async def pings_for_nothing(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    await redis.delete(*keys_of(ids) or ["app:product:none"])


async def takes_ids_out(redis: Any, ids: list[str], commit: Any) -> None:
    keys = [f"app:product:{ids.pop()}" for _ in range(len(ids))]
    await commit()
    if keys:
        await redis.delete(*keys)


SOLD = set[str]()


async def each_product_once(redis: Any, ids: list[str], commit: Any) -> None:
    """The process remembers what it has deleted, though readers have stored it since."""
    await commit()
    if new := [id for id in ids if id not in SOLD]:
        await redis.delete(*keys_of(new))
        SOLD.update(new)


UNDER_WAY: dict[str, list[str]] = {}


async def one_sale_a_process(redis: Any, ids: list[str], commit: Any) -> None:
    """Another task's sale takes its place."""
    UNDER_WAY["ids"] = ids
    await commit()
    if UNDER_WAY["ids"]:
        await redis.delete(*keys_of(UNDER_WAY["ids"]))


async def no_empty_ids(redis: Any, ids: list[str], commit: Any) -> None:
    await commit()
    if known := [id for id in ids if id]:
        await redis.delete(*keys_of(known))


async def a_prefix_is_enough(redis: Any, ids: list[str], commit: Any) -> None:
    """An id that begins as keys do is taken for a key."""
    await commit()
    if ids:
        await redis.delete(*(id if id.startswith("app:product:") else f"app:product:{id}" for id in ids))


async def its_own_error_for_a_value(redis: Any, ids: list[str], commit: Any) -> None:
    try:
        await commit()
    except ValueError as error:
        raise RuntimeError("the prices are wrong") from error
    if ids:
        await redis.delete(*keys_of(ids))


SUBTLE: list[tuple[Any, ...]] = [
    ("the first alone", "gone", the_first_alone),
    ("the first ten", "gone", the_first_ten),
    ("the first hundred", "gone", the_first_hundred),
    ("nothing to commit", "gone", nothing_to_commit),
    ("commits for each", "errors", commits_each),
    ("commits again", "errors", commits_again),
    ("before and after", "cost", before_and_after),
    ("swallows errors of redis", "errors", swallows_redis),
    ("swallows the commit's error", "errors", swallows_the_commit),
    ("another error", "errors", another_error),
    ("in the background", "gone", in_the_background),
    ("lets them expire", "gone", lets_them_expire),
    ("by a pattern", "others", by_pattern),
    ("all pages", "others", all_pages),
    ("empties", "others", empties),
    ("locks too", "others", locks_too),
    ("asks first", "cost", asks_first),
    ("a key for nothing", "cost", pings_for_nothing),
    ("takes the ids out", "others", takes_ids_out),
    ("each product once", "gone", each_product_once),
    ("one sale a process", "gone", one_sale_a_process),
    ("no empty ids", "gone", no_empty_ids),
    ("a prefix is enough", "gone", a_prefix_is_enough),
    ("its own error for a value", "errors", its_own_error_for_a_value),
]
