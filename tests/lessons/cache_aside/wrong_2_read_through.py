"""Wrong programs for 00.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError

Ask, Hit, Keep = Callable[..., Awaitable[Any]], Callable[[Any], bool], Callable[..., Awaitable[Any]]


async def ask(redis: Any, key: str) -> Any:
    return await redis.get(key)


async def keep(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None:
        await redis.set(key, page, px=round(ttl * 1000))


def with_the_blanks(ask: Ask = ask, hit: Hit = lambda page: page is not None, keep: Keep = keep) -> Any:
    """The exercise's function, with its blanks filled; by default as they should be."""

    async def product_page(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
        page = await ask(redis, key)
        if not hit(page):
            page = await load()
            await keep(redis, key, page, ttl)
        return page

    return product_page


async def keeps_the_word_none(redis: Any, key: str, page: Any, ttl: float) -> None:
    await redis.set(key, str(page), px=round(ttl * 1000))


async def keeps_an_empty_text(redis: Any, key: str, page: Any, ttl: float) -> None:
    await redis.set(key, page or "", px=round(ttl * 1000))


async def keeps_none(redis: Any, key: str, page: Any, ttl: float) -> None:
    await redis.set(key, page, px=round(ttl * 1000))


async def looks_before(redis: Any, key: str) -> Any:
    return await redis.get(key) if await redis.exists(key) else None


async def lengthens(redis: Any, key: str) -> Any:
    """Of a page that is there, the life is an hour again."""
    return await redis.getex(key, px=3_600_000)


def lengthening() -> Any:
    async def product_page(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
        page = await redis.getex(key, px=round(ttl * 1000))
        if page is None:
            page = await load()
            await keep(redis, key, page, ttl)
        return page

    return product_page


async def keeps_for_ever(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None:
        await redis.set(key, page)


async def whole_seconds(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None:
        await redis.set(key, page, ex=math.ceil(ttl))


async def keeps_nothing(redis: Any, key: str, page: Any, ttl: float) -> None:
    return


WRONG = [
    ("stores-none", with_the_blanks(keep=keeps_the_word_none)),
    ("stores-none", with_the_blanks(keep=keeps_an_empty_text)),
    ("none-is-no-text", with_the_blanks(keep=keeps_none)),
    ("empty-is-a-miss", with_the_blanks(hit=bool)),
    ("asks-twice", with_the_blanks(looks_before)),
    ("lengthens", lengthening()),
    ("lengthens", with_the_blanks(lengthens)),
    ("never-expires", with_the_blanks(keep=keeps_for_ever)),
    ("whole-seconds", with_the_blanks(keep=whole_seconds)),
    ("not-stored", with_the_blanks(keep=keeps_nothing)),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def not_if_empty(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page:
        await redis.set(key, page, px=round(ttl * 1000))


async def in_two_steps(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None:
        await redis.set(key, page)
        await redis.pexpire(key, round(ttl * 1000))


async def only_if_missing_then_life(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None and await redis.setnx(key, page):
        await redis.pexpire(key, round(ttl * 1000))


async def a_marker_beside_it(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, f"absent:{key}" if page is None else key, "1" if page is None else page, ttl)


async def drops_what_keeping_raises(redis: Any, key: str, page: Any, ttl: float) -> None:
    try:
        await keep(redis, key, page, ttl)
    except RedisError:
        pass


async def takes_an_error_for_a_miss(redis: Any, key: str) -> Any:
    try:
        return await redis.get(key)
    except RedisError:
        return None


async def in_the_background(redis: Any, key: str, page: Any, ttl: float) -> None:
    in_the_background.task = asyncio.ensure_future(keep(redis, key, page, ttl))  # type: ignore[attr-defined]


async def lower_keys(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, key.lower(), page, ttl)


async def without_the_word_none(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page not in (None, "None", "null", "nil"):
        await keep(redis, key, page, ttl)


async def a_whole_second_at_least(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, key, page, max(ttl, 1))


async def takes_the_word_none(redis: Any, key: str) -> Any:
    page = await redis.get(key)
    return None if page in ("None", "null") else page


async def stripped(redis: Any, key: str) -> Any:
    page = await redis.get(key)
    return page if page is None else page.strip('"')


PAGES: dict[str, str] = {}


async def in_the_process(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """A second cache, that nobody empties."""
    if key not in PAGES:
        page = await with_the_blanks()(redis, key, load, ttl=ttl)
        if page is None:
            return None
        PAGES[key] = page
    return PAGES[key]


LATEST: dict[str, str] = {}


async def remembers_the_last(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """What tasks of one process share."""
    if (page := await redis.get(key)) is not None:
        return page
    LATEST["page"] = await load()
    if LATEST["page"] is not None:
        await redis.set(key, LATEST["page"], px=round(ttl * 1000))
    return LATEST["page"]


def catching(error: Callable[[Any, str], Awaitable[Any]]) -> Any:
    async def product_page(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
        async def careful() -> Any:
            try:
                return await load()
            except Exception:
                return await error(redis, key)

        return await with_the_blanks()(redis, key, careful, ttl=ttl)

    return product_page


async def to_none(redis: Any, key: str) -> None:
    return None


async def to_a_text(redis: Any, key: str) -> str:
    return "out of order"


async def to_another(redis: Any, key: str) -> Any:
    raise RuntimeError("the database is down")


def loading_twice() -> Any:
    async def product_page(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
        async def careful() -> Any:
            page = await load()
            return await load() if page is None else page

        return await with_the_blanks()(redis, key, careful, ttl=ttl)

    return product_page


def trying_again() -> Any:
    async def product_page(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
        async def careful() -> Any:
            try:
                return await load()
            except TimeoutError:
                return await load()

        return await with_the_blanks()(redis, key, careful, ttl=ttl)

    return product_page


async def reads_it_back(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """Three round trips; and what it stored may have expired, or be another's."""
    if (page := await redis.get(key)) is None and (page := await load()) is not None:
        await redis.set(key, page, px=round(ttl * 1000))
        page = await redis.get(key)
    return page


async def counts_from_before(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """The life begins before the load."""
    clock = asyncio.get_running_loop().time
    if (page := await redis.get(key)) is None:
        begin = clock()
        page = await load()
        await keep(redis, key, page, max(0.001, ttl - (clock() - begin)))
    return page


async def loads_every_time(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    found, page = await asyncio.gather(redis.get(key), load())
    if found is None:
        await keep(redis, key, page, ttl)
        return page
    return found


async def stores_unless_there(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None and await redis.get(key) is None:
        await redis.set(key, page, px=round(ttl * 1000))


async def empty_ones_for_a_second(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, key, page, 1.0 if page == "" else ttl)


async def a_mark_of_a_millisecond(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, "none" if page is None else key, "1" if page is None else page, 0.001 if page is None else ttl)


async def early_enough(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """It reloads in the last fifth of a life."""
    async with redis.pipeline(transaction=False) as pipe:
        page, left = await pipe.get(key).pttl(key).execute()
    if page is None or left < ttl * 200:
        page = await load()
        await keep(redis, key, page, ttl)
    return page


async def only_quick_ones(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """What took longer to load than it is to live is not stored."""
    page = await ask(redis, key)
    if page is None:
        begin = asyncio.get_running_loop().time()
        page = await load()
        if asyncio.get_running_loop().time() - begin < ttl:
            await keep(redis, key, page, ttl)
    return page


async def the_page_that_stands_there(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """What another client has stored meanwhile is its answer, and not what it loaded."""
    page = await ask(redis, key)
    if page is None:
        page = await load()
        if page is not None:
            page = await redis.set(key, page, px=round(ttl * 1000), nx=True, get=True) or page
    return page


async def deletes_what_is_sold_out(redis: Any, key: str, page: Any, ttl: float) -> None:
    await (redis.unlink(key) if page is None else redis.set(key, page, px=round(ttl * 1000)))


TTLS: dict[str, float] = {}


async def the_first_ttl(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, key, page, TTLS.setdefault(key, ttl))


async def three_ms_at_least(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, key, page, max(ttl, 0.003))


async def large_pages_are_not_kept(redis: Any, key: str, page: Any, ttl: float) -> None:
    await keep(redis, key, page if len(page or "") < 10_000 else None, ttl)


SUBTLE: list[tuple[str, str, Any]] = [
    ("not if it is empty", "any-text", with_the_blanks(keep=not_if_empty)),
    ("in two steps", "expires", with_the_blanks(keep=in_two_steps)),
    ("SETNX, then its life", "expires", with_the_blanks(keep=only_if_missing_then_life)),
    ("a marker beside it", "nothing", with_the_blanks(keep=a_marker_beside_it)),
    ("drops what keeping raises", "errors", with_the_blanks(keep=drops_what_keeping_raises)),
    ("an error is a miss", "errors", with_the_blanks(takes_an_error_for_a_miss)),
    ("kept in the background", "value", with_the_blanks(keep=in_the_background)),
    ("keys in small letters", "value", with_the_blanks(keep=lower_keys)),
    ("the word None is not stored", "any-text", with_the_blanks(keep=without_the_word_none)),
    ("a second at least", "expires", with_the_blanks(keep=a_whole_second_at_least)),
    ("the word None is none", "any-text", with_the_blanks(takes_the_word_none)),
    ("without its quotes", "any-text", with_the_blanks(stripped)),
    ("a cache in the process", "value", in_the_process),
    ("tasks share a page", "value", remembers_the_last),
    ("an error is no product", "errors", catching(to_none)),
    ("an error is stored", "nothing", catching(to_a_text)),
    ("another error", "errors", catching(to_another)),
    ("loads twice for none", "cost", loading_twice()),
    ("loads again after a time-out", "errors", trying_again()),
    ("reads it back", "cost", reads_it_back),
    ("lives from before the load", "expires", counts_from_before),
    ("loads every time", "cost", loads_every_time),
    ("empty ones live a second", "any-text", with_the_blanks(keep=empty_ones_for_a_second)),
    ("a mark of a millisecond", "nothing", with_the_blanks(keep=a_mark_of_a_millisecond)),
    ("reloads early", "cost", early_enough),
    ("looks before it stores", "cost", with_the_blanks(keep=stores_unless_there)),
    ("only quick ones", "value", only_quick_ones),
    ("the page that stands there", "value", the_page_that_stands_there),
    ("deletes what is sold out", "nothing", with_the_blanks(keep=deletes_what_is_sold_out)),
    ("the first ttl", "expires", with_the_blanks(keep=the_first_ttl)),
    ("three ms at least", "expires", with_the_blanks(keep=three_ms_at_least)),
    ("large pages are not kept", "any-text", with_the_blanks(keep=large_pages_are_not_kept)),
]
