"""Wrong programs for 02.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from redis.exceptions import RedisError, ResponseError

COUNTER = "app:user:profile:v2"
Ask = Callable[[Any, str], Awaitable[tuple[int, Any]]]
Flush = Callable[[Any], Awaitable[object]]


def keyed(generation: int, user: str) -> str:
    return f"{COUNTER}.{generation}:{user}"


async def together(cache: Any, user: str) -> tuple[int, Any]:
    """The generation and what is stored in it: as it should be."""
    while True:
        seen = cache.seen
        async with cache.redis.pipeline(transaction=False) as pipe:
            pipe.get(COUNTER)
            pipe.get(keyed(seen, user))
            counter, stored = await pipe.execute()
        cache.seen = int(counter or 0)
        if cache.seen == seen:
            return seen, stored


async def increments(cache: Any) -> None:
    cache.seen = await cache.redis.incr(COUNTER)


def flushable(
    *, ask: Ask = together, flush: Flush = increments, expiring: bool = True, stores_under: str = "seen before"
) -> type:
    """A cache that can be flushed, with one part of it replaced; by default as it should be."""

    class Flushable:
        def __init__(self, redis: Any, *, ttl: float) -> None:
            self.redis, self.ttl, self.seen = redis, ttl, 0

        async def read(self, user: str, load: Any) -> Any:
            generation, stored = await ask(self, user)
            if stored is None:
                stored = await load()
                if stores_under == "seen after":
                    generation = int(await self.redis.get(COUNTER) or 0)
                life = round(self.ttl * 1000) if expiring else None
                await self.redis.set(keyed(generation, user), stored, px=life)
            return stored

        async def flush(self) -> None:
            await flush(self)

    return Flushable


async def remembered(cache: Any, user: str) -> tuple[int, Any]:
    return cache.seen, await cache.redis.get(keyed(cache.seen, user))


async def one_after_the_other(cache: Any, user: str) -> tuple[int, Any]:
    generation = int(await cache.redis.get(COUNTER) or 0)
    return generation, await cache.redis.get(keyed(generation, user))


async def one_key(cache: Any, user: str) -> tuple[int, Any]:
    return 0, await cache.redis.get(keyed(0, user))


async def one_more(cache: Any) -> None:
    seen = int(await cache.redis.get(COUNTER) or 0)
    await cache.redis.set(COUNTER, seen + 1)


async def scans_and_deletes(cache: Any) -> None:
    keys = [key async for key in cache.redis.scan_iter(match=f"{COUNTER}.*")]
    if keys:
        await cache.redis.unlink(*keys)


async def keys_and_deletes(cache: Any) -> None:
    keys = await cache.redis.keys(f"{COUNTER}.*")
    if keys:
        await cache.redis.delete(*keys)


async def everything(cache: Any) -> None:
    await cache.redis.flushdb()


async def expiring_counter(cache: Any) -> None:
    async with cache.redis.pipeline() as pipe:
        cache.seen, _ = await pipe.incr(COUNTER).pexpire(COUNTER, round(cache.ttl * 1000)).execute()


async def renewing(cache: Any, user: str) -> tuple[int, Any]:
    """Each hit renews the life."""
    while True:
        seen = cache.seen
        async with cache.redis.pipeline(transaction=False) as pipe:
            pipe.get(COUNTER).getex(keyed(seen, user), px=round(cache.ttl * 1000))
            counter, stored = await pipe.execute()
        cache.seen = int(counter or 0)
        if cache.seen == seen:
            return seen, stored


async def keeps_errors(cache: Any) -> None:
    try:
        await increments(cache)
    except RedisError:
        pass  # the next flush will do


WRONG = [
    ("remembers", flushable(ask=remembered)),
    ("asks-again", flushable(stores_under="seen after")),
    ("goes-back", flushable(flush=one_more)),
    ("deletes-the-keys", flushable(ask=one_key, flush=scans_and_deletes)),
    ("deletes-the-keys", flushable(ask=one_key, flush=keys_and_deletes)),
    ("flushes-everything", flushable(ask=one_key, flush=everything)),
    ("never-expires", flushable(expiring=False)),
    ("counter-expires", flushable(flush=expiring_counter)),
    ("renews", flushable(ask=renewing)),
    ("keeps-errors", flushable(flush=keeps_errors)),
    ("asks-twice", flushable(ask=one_after_the_other)),
]

# -- one sentence of the contract broken, in a class that looks right --------------------------------------------------

Right: Any = flushable()


async def daily(cache: Any, seconds: int) -> None:
    async with cache.redis.pipeline() as pipe:
        cache.seen, _ = await pipe.incr(COUNTER).expire(COUNTER, seconds).execute()


class InAHash(Right):  # type: ignore[misc]
    """One hash for a generation: each row that is stored renews the life of all, or gives its own to none."""

    options: ClassVar[dict[str, Any]] = {}

    async def read(self, user: str, load: Any) -> Any:
        while True:
            seen = self.seen
            async with self.redis.pipeline(transaction=False) as pipe:
                counter, stored = await pipe.get(COUNTER).hget(f"{COUNTER}.{seen}", user).execute()
            self.seen = int(counter or 0)
            if self.seen == seen:
                break
        if stored is None:
            stored, key = await load(), f"{COUNTER}.{seen}"
            async with self.redis.pipeline() as pipe:
                pipe.hset(key, user, stored).pexpire(key, round(self.ttl * 1000), **self.options)
                await pipe.execute()
        return stored


class FirstLife(InAHash):
    options: ClassVar[dict[str, Any]] = {"nx": True}


class StoresUnder(Right):  # type: ignore[misc]
    """It stores under what the object has seen last, which another task of the process may have changed meanwhile."""

    async def read(self, user: str, load: Any) -> Any:
        _, stored = await together(self, user)
        if stored is None:
            stored = await load()
            await self.redis.set(keyed(self.seen, user), stored, px=round(self.ttl * 1000))
        return stored


class Named(Right):  # type: ignore[misc]
    """The keys of its rows are put together otherwise."""

    def key(self, seen: int, user: str) -> str:
        raise NotImplementedError

    life = staticmethod(lambda ttl: round(ttl * 1000))

    async def read(self, user: str, load: Any) -> Any:
        while True:
            seen = self.seen
            counter, stored = await self.redis.mget(COUNTER, self.key(seen, user))
            self.seen = int(counter or 0)
            if self.seen == seen:
                break
        if stored is None:
            stored = await load()
            await self.redis.set(self.key(seen, user), stored, px=self.life(self.ttl))
        return stored


class NoDot(Named):
    def key(self, seen: int, user: str) -> str:
        return f"{COUNTER}.{seen}{user}"


class NoPrefix(Named):
    def key(self, seen: int, user: str) -> str:
        return f"{seen}:{user}"


class NoUser(Named):
    def key(self, seen: int, user: str) -> str:
        return f"{COUNTER}.{seen}"


class ShortNames(Named):
    def key(self, seen: int, user: str) -> str:
        return f"{COUNTER}.{seen}:{user.lower()[:3]}"


class LastDigit(Named):
    def key(self, seen: int, user: str) -> str:
        return f"{COUNTER}.{seen % 10}:{user}"


class WholeSeconds(Named):
    key = staticmethod(keyed)
    life = staticmethod(lambda ttl: max(1, int(ttl)) * 1000)


class NoErrorOnRead(Right):  # type: ignore[misc]
    async def read(self, user: str, load: Any) -> Any:
        try:
            return await super().read(user, load)
        except RedisError:
            return await load()


class NoErrorOfLoad(Right):  # type: ignore[misc]
    async def read(self, user: str, load: Any) -> Any:
        try:
            return await super().read(user, load)
        except RedisError:
            raise
        except Exception:
            return ""


async def by_the_clock(cache: Any) -> None:
    """A second is long, and two flushes in it are one."""
    await cache.redis.set(COUNTER, int(asyncio.get_running_loop().time()) + 1)


async def in_the_background(cache: Any) -> None:
    cache.task = asyncio.create_task(increments(cache))


class LoadsAgain(Right):  # type: ignore[misc]
    async def read(self, user: str, load: Any) -> Any:
        async def twice() -> Any:
            try:
                return await load()
            except Exception:
                return await load()

        return await super().read(user, twice)


class Stripped(Right):  # type: ignore[misc]
    async def read(self, user: str, load: Any) -> Any:
        return (await super().read(user, load)).strip()


class InLowerCase(Right):  # type: ignore[misc]
    async def read(self, user: str, load: Any) -> Any:
        return await super().read(user.lower(), load)


class BesideItsRows(Right):  # type: ignore[misc]
    """The counter's key is a user's, if one is called so; each row says of which generation it is."""

    COUNTER = f"{COUNTER}:generation"

    async def read(self, user: str, load: Any) -> Any:
        async with self.redis.pipeline(transaction=False) as pipe:
            counter, stored = await pipe.get(self.COUNTER).get(f"{COUNTER}:{user}").execute()
        generation = counter or "0"
        if stored is None or stored.partition("|")[0] != generation:
            stored = f"{generation}|{await load()}"
            await self.redis.set(f"{COUNTER}:{user}", stored, px=round(self.ttl * 1000))
        return stored.partition("|")[2]

    async def flush(self) -> None:
        await self.redis.incr(self.COUNTER)


class NoColon(Named):
    def key(self, seen: int, user: str) -> str:
        return f"{COUNTER}.{user}{seen}"


class Words(Named):
    def key(self, seen: int, user: str) -> str:
        return f"{COUNTER}.{seen}:{user.translate(str.maketrans('@.-', '___'))}"


class NoEmptyRow(Right):  # type: ignore[misc]
    async def read(self, user: str, load: Any) -> Any:
        seen, stored = await together(self, user)
        if not stored:
            stored = await load()
            await self.redis.set(keyed(seen, user), stored, px=round(self.ttl * 1000))
        return stored


class FromWhenItWasAsked(Right):  # type: ignore[misc]
    async def read(self, user: str, load: Any) -> Any:
        until = time.time() + self.ttl  # noqa: TID251
        seen, stored = await together(self, user)
        if stored is None:
            stored = await load()
            await self.redis.set(keyed(seen, user), stored, pxat=round(until * 1000))
        return stored


class JoinsALoad(Right):  # type: ignore[misc]
    """Also one that began before a flush which has long returned."""

    async def read(self, user: str, load: Any) -> Any:
        running = vars(self).setdefault("running", {})
        if user not in running:
            running[user] = asyncio.ensure_future(super().read(user, load))
            running[user].add_done_callback(lambda _: running.pop(user))
        return await running[user]


class ForTenMilliseconds(Right):  # type: ignore[misc]
    """What it has asked for so lately, it trusts."""

    async def read(self, user: str, load: Any) -> Any:
        now = asyncio.get_running_loop().time()
        if now < vars(self).get("asked", -1.0) + 0.01:
            stored = await self.redis.get(keyed(self.seen, user))
            if stored is not None:
                return stored
        row = await super().read(user, load)
        self.asked = now
        return row


async def by_tenths(cache: Any) -> None:
    await cache.redis.set(COUNTER, int(asyncio.get_running_loop().time() * 10) + 1)


async def drawn(cache: Any) -> None:
    await cache.redis.set(COUNTER, random.randrange(1_000))


async def up_to_a_hundred(cache: Any) -> None:
    script = "return redis.call('SET', KEYS[1], ((redis.call('GET', KEYS[1]) or 0) + 1) % 100)"
    await cache.redis.eval(script, 1, COUNTER)


async def no_refusals(cache: Any) -> None:
    try:
        await increments(cache)
    except ResponseError:
        return


SUBTLE = [
    ("the generation behind the user", "value", NoColon),
    ("words alone", "value", Words),
    ("an empty row is none", "hit", NoEmptyRow),
    ("from when it was asked", "expires", FromWhenItWasAsked),
    ("joins a load", "overtaken", JoinsALoad),
    ("trusts what it has asked", "flushed", ForTenMilliseconds),
    ("by tenths of a second", "flushed", flushable(flush=by_tenths)),
    ("a number that is drawn", "flushed", flushable(flush=drawn)),
    ("a hundred generations", "flushed", flushable(flush=up_to_a_hundred)),
    ("no refusal comes out of a flush", "errors", flushable(flush=no_refusals), "keeps-errors"),
    ("a counter for a month", "flushed", flushable(flush=partial(daily, seconds=2_592_000)), "counter-expires"),
    ("a counter beside its rows", "value", BesideItsRows),
    ("loads again", "errors", LoadsAgain, "keeps-errors"),
    ("a row without its blanks", "value", Stripped),
    ("users in lower case", "value", InLowerCase),
    ("a counter for an hour", "flushed", flushable(flush=partial(daily, seconds=3_600)), "counter-expires"),
    ("a counter for a day", "flushed", flushable(flush=partial(daily, seconds=86_400)), "counter-expires"),
    ("a hash for a generation, renewed", "expires", InAHash, "renews"),
    ("a hash for a generation, the first row's life", "expires", FirstLife),
    ("stores under what it has seen last", "overtaken", StoresUnder),
    ("no dot behind the generation", "value", NoDot),
    ("no prefix", "others", NoPrefix),
    ("no user", "value", NoUser),
    ("short names", "value", ShortNames),
    ("the generation's last digit", "flushed", LastDigit),
    ("whole seconds", "expires", WholeSeconds),
    ("no error of Redis comes out of a read", "errors", NoErrorOnRead, "keeps-errors"),
    ("no error of load", "errors", NoErrorOfLoad, "keeps-errors"),
    ("by the clock", "flushed", flushable(flush=by_the_clock)),
    ("flushes in the background", "errors", flushable(flush=in_the_background), "keeps-errors"),
]
