"""Other right answers: nothing but the contract is common to them. Each must pass as the solutions do."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import compress
from typing import Any

from grading.programs import module
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoReply

with_the_blanks: Any = module("00.2").with_the_blanks
recipe: Any = module("00.3").recipe

# -- 00.1: other ways to store a text with a life ---------------------------------------------------------------------


async def by_psetex(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    return await redis.psetex(key, round(ttl * 1000), page)


async def by_timedelta(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    await redis.set(key, page, px=timedelta(seconds=ttl))


async def in_a_transaction(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set(key, page)
        pipe.pexpire(key, int(Fraction(str(ttl)) * 1000))
        await pipe.execute()


async def replaced_in_a_transaction(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    async with redis.pipeline() as pipe:
        await pipe.delete(key).setnx(key, page).pexpire(key, math.ceil(ttl * 1000)).execute()


async def until_a_moment(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    await redis.set(key, page, pxat=round((time.time() + ttl) * 1000))  # noqa: TID251


async def until_a_date(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    await redis.set(key, page, pxat=datetime.now(UTC) + timedelta(seconds=ttl))


async def by_command(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    await redis.execute_command("set", key, page, "px", str(round(ttl * 1000)))


async def by_script(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    await redis.eval("return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])", 1, key, page, round(ttl * 1000))


async def twice(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    """Once more does no harm; and what was lost the first time is there now."""
    try:
        await redis.set(key, page, px=round(ttl * 1000))
    except RedisError:
        await redis.set(key, page, px=round(ttl * 1000))


async def as_bytes(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    await redis.set(key.encode(), page.encode(), px=round(ttl * 1000))


async def in_whole_seconds_where_it_is_one(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    if ttl == int(ttl):
        await redis.setex(key, int(ttl), page)
    else:
        await redis.set(key, page, px=round(ttl * 1000))


async def in_a_task(redis: Any, key: str, page: str, *, ttl: float) -> Any:
    async with asyncio.timeout(None):
        await asyncio.create_task(redis.set(key, page, px=round(ttl * 1000)))


# -- 00.2: other ways to read through ---------------------------------------------------------------------------------


async def in_an_early_return(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    if (page := await redis.get(key)) is not None:
        return page
    if (page := await load()) is None:
        return None
    await redis.psetex(key, round(ttl * 1000), page)
    return page


async def by_mget(redis: Any, key: str) -> Any:
    (page,) = await redis.mget([key])
    return page


async def with_its_life(redis: Any, key: str) -> Any:
    """Two questions in one round trip."""
    async with redis.pipeline(transaction=False) as pipe:
        page, left = await pipe.get(key).pttl(key).execute()
    return page if left != -2 else None


async def with_strlen(redis: Any, key: str) -> Any:
    async with redis.pipeline() as pipe:
        there, page = await pipe.exists(key).get(key).execute()
    return page if there else None


async def kept_in_a_transaction(redis: Any, key: str, page: Any, ttl: float) -> None:
    if isinstance(page, str):
        async with redis.pipeline() as pipe:
            await pipe.set(key, page).pexpire(key, round(ttl * 1000)).execute()


async def kept_if_missing(redis: Any, key: str, page: Any, ttl: float) -> None:
    """Whoever stored one meanwhile has the newer one."""
    if page is not None:
        await redis.set(key, page, px=round(ttl * 1000), nx=True)


async def kept_until_a_moment(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None:
        await redis.set(key, page, pxat=int((time.time() + ttl) * 1000))  # noqa: TID251


async def kept_by_task_group(redis: Any, key: str, page: Any, ttl: float) -> None:
    if page is not None:
        async with asyncio.TaskGroup() as group:
            group.create_task(redis.set(key, page, px=round(ttl * 1000)))


FLIGHTS: dict[str, asyncio.Task[Any]] = {}


async def one_load_a_process(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    """Tasks of one process share what they load."""
    if (page := await redis.get(key)) is not None:
        return page
    if key not in FLIGHTS:
        FLIGHTS[key] = asyncio.create_task(load())
        FLIGHTS[key].add_done_callback(lambda _: FLIGHTS.pop(key))
        if (page := await FLIGHTS[key]) is not None:
            await redis.set(key, page, px=round(ttl * 1000))
        return page
    return await FLIGHTS[key]


class Cache:
    def __init__(self, redis: Any, ttl: float) -> None:
        self.redis, self.ms = redis, round(ttl * 1000)

    async def page(self, key: str, load: Any) -> Any:
        page = await self.redis.get(key)
        if page is None:
            page = await load()
            if page is not None:
                await self.redis.set(key, page, px=self.ms)
        return page


async def by_a_class(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    return await Cache(redis, ttl).page(key, load)


async def raising_again(redis: Any, key: str, load: Any, *, ttl: float) -> Any:
    try:
        page = await redis.get(key)
        if page is None:
            page = await load()
            if page is not None:
                await redis.set(key, page, px=round(ttl * 1000))
    except:
        raise
    return page


async def asking_again(redis: Any, key: str) -> Any:
    """To ask a second time does no harm."""
    try:
        return await redis.get(key)
    except (NoReply, NoConnection):
        return await redis.get(key)


# -- 00.3: other ways to read many ------------------------------------------------------------------------------------

KEY = "app:product:{}"


async def asks_in_a_pipeline(redis: Any, ids: Sequence[str]) -> list[Any]:
    async with redis.pipeline(transaction=False) as pipe:
        for one in ids:
            pipe.get(KEY.format(one))
        return list(await pipe.execute())


async def asks_in_a_transaction(redis: Any, ids: Sequence[str]) -> list[Any]:
    async with redis.pipeline() as pipe:
        for one in ids:
            pipe.get(KEY.format(one))
        return list(await pipe.execute())


async def asks_at_once(redis: Any, ids: Sequence[str]) -> list[Any]:
    """Each on a connection of its own, all at the same time."""
    return list(await asyncio.gather(*(redis.get(KEY.format(one)) for one in ids)))


async def stores_in_a_transaction(redis: Any, pages: dict[str, str], ttl: float) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        for one, page in pages.items():
            pipe.psetex(KEY.format(one), round(ttl * 1000), page)
        await pipe.execute()


async def stores_all_then_lives(redis: Any, pages: dict[str, str], ttl: float) -> None:
    """MSET and its lives, in one transaction."""
    if pages:
        async with redis.pipeline() as pipe:
            pipe.mset({KEY.format(one): page for one, page in pages.items()})
            for one in pages:
                pipe.pexpire(KEY.format(one), round(ttl * 1000))
            await pipe.execute()


async def stores_by_script(redis: Any, pages: dict[str, str], ttl: float) -> None:
    if pages:
        script = "for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1]) end"
        keys = [KEY.format(one) for one in pages]
        await redis.eval(script, len(keys), *keys, round(ttl * 1000), *pages.values())


async def stores_at_once(redis: Any, pages: dict[str, str], ttl: float) -> None:
    await asyncio.gather(*(redis.set(KEY.format(one), page, px=round(ttl * 1000)) for one, page in pages.items()))


async def stores_the_errors_too(redis: Any, pages: dict[str, str], ttl: float) -> None:
    """Of a pipeline that raises nothing by itself."""
    async with redis.pipeline(transaction=False) as pipe:
        for one, page in pages.items():
            pipe.set(KEY.format(one), page, px=round(ttl * 1000))
        for reply in await pipe.execute(raise_on_error=False):
            if isinstance(reply, Exception):
                raise reply


async def with_repetitions(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    """It asks the cache for each place in the list, and the database for each product."""
    if len(ids) == 0:
        return []
    found = await redis.mget(*(KEY.format(one) for one in ids))
    missing = list({one for one, page in zip(ids, found, strict=True) if page is None})
    loaded = {}
    if missing:
        loaded = await load(sorted(missing))
        await stores_in_a_transaction(redis, loaded, ttl)
    return [loaded.get(one) if page is None else page for one, page in zip(ids, found, strict=True)]


async def place_by_place(redis: Any, ids: list[str], load: Any, *, ttl: float) -> Any:
    pages: list[Any] = [None] * len(ids)
    if ids:
        pages = await asks_in_a_pipeline(redis, ids)
    gaps = list(compress(range(len(ids)), [page is None for page in pages]))
    if gaps:
        loaded = await load(list(dict.fromkeys(ids[at] for at in gaps)))
        await stores_at_once(redis, loaded, ttl)
        for at in gaps:
            pages[at] = loaded.get(ids[at])
    return pages


# -- 00.4: other ways to write, then delete ---------------------------------------------------------------------------


async def in_two_tries(redis: Any, key: str, page: str, save: Any) -> Any:
    async def delete() -> bool:
        try:
            await redis.unlink(key)
        except RedisError:
            return False
        return True

    try:
        await save(page)
    except BaseException:
        await delete() or await delete()
        raise
    return await delete() or await delete()


async def with_the_error_kept(redis: Any, key: str, page: str, save: Any) -> Any:
    failure: Exception | None = None
    try:
        await save(page)
    except Exception as error:
        failure = error
    gone, tries = False, 0
    while not gone and tries < 2:
        tries += 1
        try:
            await redis.execute_command("DEL", key)
        except (RedisError, OSError):
            continue
        gone = True
    if failure is not None:
        raise failure
    return gone


async def in_a_transaction_of_one(redis: Any, key: str, page: str, save: Any) -> Any:
    gone = False
    try:
        await save(page)
    finally:
        for _ in "12":
            try:
                async with redis.pipeline() as pipe:
                    await pipe.delete(key).execute()
            except RedisError:
                continue
            gone = True
            break
    return gone


async def by_getdel(redis: Any, key: str, page: str, save: Any) -> Any:
    async def delete(tries: int) -> bool:
        try:
            await redis.getdel(key)
        except Exception:
            return tries > 1 and await delete(tries - 1)
        return True

    gone = False
    try:
        await save(page)
    finally:
        gone = await delete(2)
    return gone


async def by_expiring_at_once(redis: Any, key: str, page: str, save: Any) -> Any:
    """A life of no time at all deletes."""
    gone = False
    try:
        await save(page)
    finally:
        try:
            await redis.pexpire(key, 0)
            gone = True
        except RedisError:
            try:
                await redis.pexpire(key, 0)
                gone = True
            except RedisError:
                gone = False
    return gone


class Deleted:
    """Whatever becomes of its body, the page is deleted at its end."""

    def __init__(self, redis: Any, key: str) -> None:
        self.redis, self.key, self.gone = redis, key, False

    async def __aenter__(self) -> Deleted:
        return self

    async def __aexit__(self, *_: object) -> None:
        for _ in range(2):
            if not self.gone:
                try:
                    await self.redis.delete(self.key)
                    self.gone = True
                except RedisError:
                    self.gone = False


async def in_a_context(redis: Any, key: str, page: str, save: Any) -> Any:
    async with Deleted(redis, key) as deleted:
        await save(page)
    return deleted.gone


async def by_gather(redis: Any, key: str, page: str, save: Any) -> Any:
    (saved,) = await asyncio.gather(save(page), return_exceptions=True)
    (gone,) = await asyncio.gather(redis.delete(key), return_exceptions=True)
    if isinstance(gone, RedisError):
        (gone,) = await asyncio.gather(redis.delete(key), return_exceptions=True)
    if isinstance(saved, BaseException):
        raise saved
    return not isinstance(gone, RedisError)


async def by_tasks(redis: Any, key: str, page: str, save: Any) -> Any:
    saving = asyncio.create_task(save(page))
    await asyncio.wait([saving])
    for _ in range(2):
        deleting = asyncio.create_task(redis.delete(key))
        await asyncio.wait([deleting])
        if deleting.exception() is None:
            break
    saving.result()
    return deleting.exception() is None


async def by_script_of_its_own(redis: Any, key: str, page: str, save: Any) -> Any:
    gone = False
    try:
        await save(page)
    finally:
        for _ in range(2):
            try:
                await redis.eval("return redis.call('DEL', KEYS[1])", 1, key)
                gone = True
                break
            except RedisError:
                await asyncio.sleep(0)
    return gone


RIGHT: dict[str, dict[str, Any]] = {
    "00.1": {
        "PSETEX": by_psetex,
        "timedelta": by_timedelta,
        "a transaction": in_a_transaction,
        "DEL, SETNX, PEXPIRE in a transaction": replaced_in_a_transaction,
        "PXAT": until_a_moment,
        "PXAT, a date": until_a_date,
        "by command": by_command,
        "a script": by_script,
        "twice": twice,
        "bytes": as_bytes,
        "EX where it is whole": in_whole_seconds_where_it_is_one,
        "a task": in_a_task,
    },
    "00.2": {
        "early returns": in_an_early_return,
        "MGET": with_the_blanks(by_mget),
        "GET and PTTL in a pipeline": with_the_blanks(with_its_life),
        "EXISTS and GET in a transaction": with_the_blanks(with_strlen),
        "kept in a transaction": with_the_blanks(keep=kept_in_a_transaction),
        "kept if still missing": with_the_blanks(keep=kept_if_missing),
        "PXAT": with_the_blanks(keep=kept_until_a_moment),
        "a task group": with_the_blanks(keep=kept_by_task_group),
        "one load a process": one_load_a_process,
        "a class": by_a_class,
        "a bare except that raises again": raising_again,
        "asks again": with_the_blanks(asking_again),
        "a type is a hit": with_the_blanks(hit=lambda page: isinstance(page, str)),
    },
    "00.3": {
        "a pipeline of GETs": recipe(ask=asks_in_a_pipeline),
        "a transaction of GETs": recipe(ask=asks_in_a_transaction),
        "GETs at once": recipe(ask=asks_at_once),
        "PSETEX in a transaction": recipe(store=stores_in_a_transaction),
        "MSET and PEXPIRE in a transaction": recipe(store=stores_all_then_lives),
        "a script": recipe(store=stores_by_script),
        "SETs at once": recipe(store=stores_at_once),
        "errors raised by hand": recipe(store=stores_the_errors_too),
        "repetitions asked for": with_repetitions,
        "place by place": place_by_place,
        "backwards": recipe(unique=lambda ids: sorted(set(ids), reverse=True)),
        "a set of what is missing": recipe(wanted=lambda missing, ids: set(missing)),
    },
    "00.4": {
        "UNLINK, in two tries": in_two_tries,
        "the error kept": with_the_error_kept,
        "a transaction of one": in_a_transaction_of_one,
        "GETDEL": by_getdel,
        "PEXPIRE 0": by_expiring_at_once,
        "a context": in_a_context,
        "gather": by_gather,
        "tasks": by_tasks,
        "a script": by_script_of_its_own,
    },
    "00.5": {
        "four steps": ["reader", "reader", "writer", "writer"],
        "a tuple": ("reader", "reader", "writer", "writer", "reader"),
        "more than there are": ["reader", "reader", "writer", "writer", "writer", "reader", "reader"],
    },
}  # fmt: skip
