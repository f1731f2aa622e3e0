"""Wrong programs for 00.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError

KEY = "app:product:{}"


async def asks(redis: Any, ids: Sequence[str]) -> list[Any]:
    return list(await redis.mget([KEY.format(one) for one in ids]))


async def stores(redis: Any, pages: dict[str, str], ttl: float) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for one, page in pages.items():
            pipe.set(KEY.format(one), page, px=round(ttl * 1000))
        await pipe.execute()


def recipe(
    unique: Callable[[list[str]], list[str]] = lambda ids: list(dict.fromkeys(ids)),
    ask: Any = asks, store: Any = stores,
    there: Callable[[Any], bool] = lambda page: page is not None, empty: bool = True,
    wanted: Callable[[list[str], list[str]], list[str]] = lambda missing, ids: missing,
    told: Callable[[dict[str, Any], list[str]], Any] = lambda pages, ids: [pages.get(one) for one in ids],
) -> Any:  # fmt: skip
    """The right program, of which one part may be another."""

    async def products(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
        if empty and not ids:
            return []
        names = unique(ids)
        pages = dict(zip(names, await ask(redis, names), strict=True))
        missing = [one for one in names if not there(pages[one])]
        if missing:
            loaded = await load(wanted(missing, names))
            await store(redis, loaded, ttl)
            pages |= loaded
        return told(pages, ids)

    return products


async def asks_for_each(redis: Any, ids: Sequence[str]) -> list[Any]:
    return [await redis.get(KEY.format(one)) for one in ids]


async def stores_each(redis: Any, pages: dict[str, str], ttl: float) -> None:
    for one, page in pages.items():
        await redis.set(KEY.format(one), page, px=round(ttl * 1000))


async def all_at_once_then_lives(redis: Any, pages: dict[str, str], ttl: float) -> None:
    if pages:
        await redis.mset({KEY.format(one): page for one, page in pages.items()})
        for one in pages:
            await redis.pexpire(KEY.format(one), round(ttl * 1000))


async def all_at_once_then_lives_in_a_pipeline(redis: Any, pages: dict[str, str], ttl: float) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        if pages:
            pipe.mset({KEY.format(one): page for one, page in pages.items()})
        for one in pages:
            pipe.pexpire(KEY.format(one), round(ttl * 1000))
        await pipe.execute()


async def for_ever(redis: Any, pages: dict[str, str], ttl: float) -> None:
    if pages:
        await redis.mset({KEY.format(one): page for one, page in pages.items()})


async def hits_then_misses(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    """What was there first, then what was loaded."""
    if not ids:
        return []
    found = await asks(redis, ids)
    hits = [page for page in found if page is not None]
    missing = [one for one, page in zip(ids, found, strict=True) if page is None]
    if not missing:
        return hits
    loaded = await load(list(dict.fromkeys(missing)))
    await stores(redis, loaded, ttl)
    return hits + [loaded.get(one) for one in missing]


async def as_they_are_named(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    """An id that repeats is loaded as often."""
    if not ids:
        return []
    pages = dict(zip(ids, await asks(redis, ids), strict=True))
    missing = [one for one in ids if pages[one] is None]
    if missing:
        loaded = await load(missing)
        await stores(redis, loaded, ttl)
        pages |= loaded
    return [pages[one] for one in ids]


WRONG = [
    ("of-nothing", recipe(empty=False)),
    ("empty-is-missing", recipe(there=bool)),
    ("one-by-one", recipe(ask=asks_for_each)),
    ("one-by-one", recipe(store=stores_each)),
    ("loads-all", recipe(wanted=lambda missing, ids: ids)),
    ("loads-twice", as_they_are_named),
    ("two-steps", recipe(store=all_at_once_then_lives)),
    ("two-steps", recipe(store=all_at_once_then_lives_in_a_pipeline)),
    ("never-expires", recipe(store=for_ever)),
    ("order-lost", recipe(told=lambda pages, ids: [pages.get(one) for one in sorted(ids)])),
    ("order-lost", hits_then_misses),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def asks_at_once(redis: Any, ids: Sequence[str]) -> list[Any]:
    """Each in a message of its own, on a connection of its own; all at the same time."""
    return list(await asyncio.gather(*(redis.get(KEY.format(one)) for one in ids)))


async def asks_in_tens(redis: Any, ids: Sequence[str]) -> list[Any]:
    return [page for at in range(0, len(ids), 10) for page in await asks(redis, ids[at : at + 10])]


async def asks_who_is_there(redis: Any, ids: Sequence[str]) -> list[Any]:
    await redis.exists(*[KEY.format(one) for one in ids])
    return await asks(redis, ids)


async def asks_for_others(redis: Any, ids: Sequence[str]) -> list[Any]:
    return list(await redis.mget([f"app:product:{{{one}}}" for one in ids]))


async def asks_and_lengthens(redis: Any, ids: Sequence[str]) -> list[Any]:
    async with redis.pipeline(transaction=False) as pipe:
        for one in ids:
            pipe.getex(KEY.format(one), px=60_000)
        return list(await pipe.execute())


async def errors_are_misses(redis: Any, ids: Sequence[str]) -> list[Any]:
    try:
        return await asks(redis, ids)
    except RedisError:
        return [None] * len(ids)


async def stores_without_errors(redis: Any, pages: dict[str, str], ttl: float) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for one, page in pages.items():
            pipe.set(KEY.format(one), page, px=round(ttl * 1000))
        await pipe.execute(raise_on_error=False)


async def drops_errors(redis: Any, pages: dict[str, str], ttl: float) -> None:
    try:
        await stores(redis, pages, ttl)
    except RedisError:
        pass


async def whole_seconds(redis: Any, pages: dict[str, str], ttl: float) -> None:
    await stores(redis, pages, int(ttl) or 1)


async def lives_for_the_first(redis: Any, pages: dict[str, str], ttl: float) -> None:
    """All others live a millisecond longer each."""
    async with redis.pipeline(transaction=False) as pipe:
        for at, (one, page) in enumerate(pages.items()):
            pipe.set(KEY.format(one), page, px=round(ttl * 1000) + 5 * at)
        await pipe.execute()


async def not_the_empty(redis: Any, pages: dict[str, str], ttl: float) -> None:
    await stores(redis, {one: page for one, page in pages.items() if page}, ttl)


async def at_most_twenty(redis: Any, pages: dict[str, str], ttl: float) -> None:
    await stores(redis, dict(list(pages.items())[:20]), ttl)


async def at_most_a_hundred(redis: Any, pages: dict[str, str], ttl: float) -> None:
    await stores(redis, dict(list(pages.items())[:100]), ttl)


async def in_the_background(redis: Any, pages: dict[str, str], ttl: float) -> None:
    in_the_background.task = asyncio.ensure_future(stores(redis, pages, ttl))  # type: ignore[attr-defined]


async def markers_for_none(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    async def known(missing: list[str]) -> dict[str, str]:
        return dict.fromkeys(missing, "") | await load(missing)

    return [page or None for page in await recipe()(redis, ids, known, ttl=ttl)]


async def sorts_in_place(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    given = list(ids)
    ids.sort()
    pages = dict(zip(ids, await recipe()(redis, ids, load, ttl=ttl), strict=True))
    return [pages[one] for one in given]


async def errors_are_none(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    async def careful(missing: list[str]) -> Any:
        try:
            return await load(missing)
        except Exception:
            return {}

    return await recipe()(redis, ids, careful, ttl=ttl)


async def loads_each(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    async def one_by_one(missing: list[str]) -> Any:
        loaded: dict[str, str] = {}
        for one in missing:
            loaded |= await load([one])
        return loaded

    return await recipe()(redis, ids, one_by_one, ttl=ttl)


async def loads_none_too(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    """It asks the database although nothing is missing."""
    pages = dict(zip(ids, await asks(redis, ids), strict=True)) if ids else {}
    loaded = await load(list(dict.fromkeys(one for one in ids if pages[one] is None)))
    if loaded:
        await stores(redis, loaded, ttl)
    return [loaded.get(one, pages[one]) for one in ids]


CACHE: dict[str, str] = {}


async def in_the_process(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    if not set(ids) <= set(CACHE):
        pages = await recipe()(redis, ids, load, ttl=ttl)
        CACHE.update({one: page for one, page in zip(ids, pages, strict=True) if page is not None})
        return pages
    return [CACHE[one] for one in ids]


def whole_answers(wrapped: Callable[[list[str]], list[str]]) -> Any:
    """The right answer for these ids of a list; for others None."""

    async def products(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
        known = list(dict.fromkeys(wrapped(ids)))
        pages = dict(zip(known, await recipe()(redis, known, load, ttl=ttl), strict=True))
        return [pages.get(one) for one in ids]

    return products


SEEN: dict[str, Any] = {}


async def what_it_told_before(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    """When redis or the database fails, it serves what its process has told before."""
    try:
        pages = await recipe()(redis, ids, load, ttl=ttl)
        SEEN.update(zip(ids, pages, strict=True))
    except Exception:
        if not all(map(SEEN.get, ids)):
            raise
        return [SEEN[one] for one in ids]
    return pages


async def a_prefix_is_enough(redis: Any, ids: Sequence[str]) -> list[Any]:
    """An id that begins as keys do is taken for a key."""
    return list(await redis.mget([one if one.startswith("app:product:") else f"app:product:{one}" for one in ids]))


async def a_text_for_one(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    """Of a list of one, the database is asked for that one, and for no list."""
    return await recipe()(redis, ids, lambda missing: load(missing if len(missing) > 1 else missing[0]), ttl=ttl)


SUBTLE: list[tuple[str, str, Any]] = [
    ("a tuple", "rows", recipe(told=lambda pages, ids: tuple(pages.get(one) for one in ids))),
    ("each id once", "rows", recipe(told=lambda pages, ids: [pages.get(one) for one in dict.fromkeys(ids)])),
    (
        "what exists alone",
        "rows",
        recipe(told=lambda pages, ids: [pages[one] for one in ids if pages.get(one) is not None]),
    ),
    ("an empty text for none", "rows", recipe(told=lambda pages, ids: [pages.get(one) or "" for one in ids])),
    ("ten at a time", "any-text", recipe(ask=asks_in_tens)),
    ("EXISTS before it", "trips", recipe(ask=asks_who_is_there)),
    ("in braces", "rows", recipe(ask=asks_for_others)),
    ("a hit lengthens", "expires", recipe(ask=asks_and_lengthens)),
    ("errors are misses", "errors", recipe(ask=errors_are_misses)),
    ("errors in the pipeline", "errors", recipe(store=stores_without_errors)),
    ("drops errors", "errors", recipe(store=drops_errors)),
    ("whole seconds", "expires", recipe(store=whole_seconds)),
    ("later ones live longer", "expires", recipe(store=lives_for_the_first)),
    ("empty ones are not stored", "any-text", recipe(store=not_the_empty)),
    ("twenty are stored", "any-text", recipe(store=at_most_twenty)),
    ("a hundred are stored", "any-text", recipe(store=at_most_a_hundred)),
    ("in the background", "rows", recipe(store=in_the_background)),
    ("a marker for none", "absent", markers_for_none),
    ("sorts in place", "rows", sorts_in_place),
    ("a load that fails is none", "errors", errors_are_none),
    ("one load for each", "load", loads_each),
    ("a load of nothing", "load", loads_none_too),
    ("a cache in the process", "rows", in_the_process),
    ("no empty ids", "rows", whole_answers(lambda ids: [one for one in ids if one])),
    ("no blank ids", "rows", whole_answers(lambda ids: [one for one in ids if not one.isspace()])),
    ("what it told before", "errors", what_it_told_before),
    ("a prefix is enough", "rows", recipe(ask=a_prefix_is_enough)),
    ("a text for one", "load", a_text_for_one),
]
