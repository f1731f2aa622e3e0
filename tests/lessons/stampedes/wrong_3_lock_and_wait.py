"""Wrong programs for 05.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any
from zlib import crc32

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

FREE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


async def take(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.set(lock, token, nx=True, px=lock_ms)


async def take_for_ever(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.set(lock, token, nx=True)


async def look_then_take(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.get(lock) is None and await redis.set(lock, token, px=lock_ms)


async def take_briefly(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return await redis.set(lock, token, nx=True, px=20)


async def take_nothing(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    return True


async def free(redis: Any, lock: str, token: str) -> Any:
    return await redis.eval(FREE, 1, lock, token)


async def free_any(redis: Any, lock: str, token: str) -> Any:
    return await redis.delete(lock)


async def read(redis: Any, key: str, ttl: float) -> Any:
    return await redis.get(key)


async def store(redis: Any, key: str, packed: str, ms: int | None) -> Any:
    return await redis.set(key, packed, px=ms)


NO_ROW = {"__none__": None}


def read_json(stored: str) -> Any:
    try:
        return json.loads(stored)
    except ValueError:
        return stored


def marked(value: str | None) -> str | None:
    return "none" if value is None else "=" + value


def unmarked(stored: str) -> str | None:
    return None if stored == "none" else stored[1:]


def recipe(
    *,
    take: Callable[..., Awaitable[Any]] = take,
    free: Callable[..., Awaitable[Any]] = free,
    look_again: bool = True,
    free_on_error: bool = True,
    pack: Callable[[str | None], Any] = marked,
    unpack: Callable[[Any], str | None] = unmarked,
    miss: Callable[[Any], bool] = lambda stored: stored is None,
    expiring: bool = True,
    poll: float = 0.02,
    life: Callable[[float, Any], int] = lambda ttl, value: round(ttl * 1000),
    lock_life: Callable[[float], int] = lambda lock_ttl: round(lock_ttl * 1000),
    name: Callable[[str], str] = lambda key: f"lock:{key}",
    read: Callable[..., Awaitable[Any]] = read,
    store: Callable[..., Awaitable[Any]] = store,
    held: Callable[[str], str] = lambda token: token,
) -> Callable[..., Awaitable[Any]]:
    """Lock and wait, with one part of it replaced; by default as it should be."""

    async def guarded(redis: Any, key: str, load: Any, ttl: float) -> str | None:
        stored = await read(redis, key, ttl) if look_again else None
        if not miss(stored):
            return unpack(stored)
        value: str | None = await load()
        if (packed := pack(value)) is not None:
            await store(redis, key, packed, life(ttl, value) if expiring else None)
        return value

    async def lock_and_wait(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
        lock, token = name(key), held(token)
        while True:
            stored = await read(redis, key, ttl)
            if not miss(stored):
                return unpack(stored)
            if await take(redis, lock, token, lock_life(lock_ttl)):
                try:
                    value = await guarded(redis, key, load, ttl)
                except Exception:
                    if free_on_error:
                        await free(redis, lock, token)
                    raise
                await free(redis, lock, token)
                return value
            await asyncio.sleep(poll)

    return lock_and_wait


async def no_lock(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    stored = await redis.get(key)
    if stored is None:
        stored = marked(await load())
        await redis.set(key, stored, px=round(ttl * 1000))
    return unmarked(stored)


async def stores_none(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    lock = f"lock:{key}"
    while (stored := await redis.get(key)) is None:
        if await take(redis, lock, token, round(lock_ttl * 1000)):
            try:
                stored = await redis.get(key)
                if stored is None:
                    stored = await load()
                    await redis.set(key, stored, px=round(ttl * 1000))
                return stored
            finally:
                await free(redis, lock, token)
        await asyncio.sleep(0.02)
    return stored


# -- subtly wrong: one sentence of the contract is broken -------------------------------------------------------------


def loading(change: Callable[[Any], Any]) -> Callable[..., Awaitable[Any]]:
    """The recipe, with another load."""

    async def lock_and_wait(redis: Any, key: str, load: Any, **policy: Any) -> Any:
        return await recipe()(redis, key, change(load), **policy)

    return lock_and_wait


def tried_twice(load: Any) -> Any:
    async def again() -> Any:
        try:
            return await load()
        except Exception:
            return await load()

    return again


def wrapped(load: Any) -> Any:
    async def fails() -> Any:
        try:
            return await load()
        except Exception as error:
            raise RuntimeError("the load failed") from error

    return fails


def none_if_it_fails(load: Any) -> Any:
    async def never_fails() -> Any:
        try:
            return await load()
        except Exception:
            return None

    return never_fails


def within(seconds: float) -> Any:
    def hurried(load: Any) -> Any:
        async def quick() -> Any:
            async with asyncio.timeout(seconds):
                return await load()

        return quick

    return hurried


def all_within(seconds: float) -> Callable[..., Awaitable[Any]]:
    async def lock_and_wait(*args: Any, **policy: Any) -> Any:
        async with asyncio.timeout(seconds):
            return await recipe()(*args, **policy)

    return lock_and_wait


def patient_for(seconds: float) -> Callable[..., Awaitable[Any]]:
    """Then it loads by itself."""

    async def lock_and_wait(redis: Any, key: str, load: Any, **policy: Any) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await recipe()(redis, key, load, **policy)
        except TimeoutError:
            return await load()

    return lock_and_wait


async def frees_any_after_an_error(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    lock = f"lock:{key}"
    while (stored := await redis.get(key)) is None:
        if await take(redis, lock, token, round(lock_ttl * 1000)):
            if (stored := await redis.get(key)) is None:
                try:
                    stored = marked(await load())
                except Exception:
                    await redis.delete(lock)
                    raise
                await redis.set(key, stored, px=round(ttl * 1000))
            await free(redis, lock, token)
            break
        await asyncio.sleep(0.02)
    return unmarked(stored)


async def looks_then_deletes(redis: Any, lock: str, token: str) -> Any:
    if await redis.get(lock) == token:
        await redis.delete(lock)


async def frees_in_any_case(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    """Its `finally` deletes the lock also where taking it failed."""
    lock = f"lock:{key}"
    while True:
        if (stored := await redis.get(key)) is not None:
            return unmarked(stored)
        done = False
        try:
            taken = await take(redis, lock, token, round(lock_ttl * 1000))
            done = not taken
            if taken:
                if (stored := await redis.get(key)) is None:
                    stored = marked(await load())
                    await redis.set(key, stored, px=round(ttl * 1000))
                await free(redis, lock, token)
                done = True
                return unmarked(stored)
        finally:
            if not done:
                await redis.delete(lock)
        await asyncio.sleep(0.02)


def tries(most: int) -> Callable[..., Awaitable[Any]]:
    """A fixed number of tries; then it loads by itself."""

    async def lock_and_wait(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
        lock = f"lock:{key}"
        for _ in range(most):
            if (stored := await redis.get(key)) is not None:
                return unmarked(stored)
            if await take(redis, lock, token, round(lock_ttl * 1000)):
                try:
                    if (stored := await redis.get(key)) is None:
                        stored = marked(await load())
                        await redis.set(key, stored, px=round(ttl * 1000))
                    return unmarked(stored)
                finally:
                    await free(redis, lock, token)
            await asyncio.sleep(0.02)
        return await load()

    return lock_and_wait


async def sliding(redis: Any, key: str, ttl: float) -> Any:
    return await redis.getex(key, px=round(ttl * 1000))


async def looks_twice(redis: Any, key: str, ttl: float) -> Any:
    return await redis.get(key) if await redis.exists(key) else None


async def kept_by_the_process(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    if key not in KEPT:
        KEPT[key] = await recipe()(redis, key, load, **policy)
    return KEPT[key]


KEPT: dict[str, Any] = {}


async def only_if_there_is_none(redis: Any, key: str, packed: str, ms: int) -> Any:
    """A value is stored, and lives by a second command."""
    await redis.set(key, packed)
    await redis.expire(key, math.ceil(ms / 1000))


async def to_live_soon(redis: Any, key: str, packed: str, ms: int) -> Any:
    await redis.set(key, packed)
    await redis.pexpire(key, ms)


async def frees_then_stores(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    """In one message, and not in one step."""

    async def store(redis: Any, key: str, packed: str, ms: int) -> None:
        async with redis.pipeline(transaction=False) as pipe:
            pipe.eval(FREE, 1, f"lock:{key}", token)
            pipe.set(key, packed, px=ms)
            await pipe.execute()

    return await recipe(store=store)(redis, key, load, ttl=ttl, lock_ttl=lock_ttl, token=token)


async def again_after_a_lost_reply(*args: Any, **policy: Any) -> Any:
    try:
        return await recipe()(*args, **policy)
    except RedisTimeoutError:
        return await recipe()(*args, **policy)


async def errors_mean_no(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    try:
        return await take(redis, lock, token, lock_ms)
    except (RedisError, TimeoutError):
        return False


async def not_stored_is_well(redis: Any, key: str, packed: str, ms: int) -> Any:
    try:
        await store(redis, key, packed, ms)
    except (RedisError, TimeoutError):
        pass


async def longer_with_every_try(redis: Any, lock: str, token: str, lock_ms: int) -> Any:
    taken = await take(redis, lock, token, lock_ms)
    if not taken:
        await redis.pexpire(lock, lock_ms)
    return taken


async def never_frees(redis: Any, lock: str, token: str) -> Any:
    return None


async def errors_mean_a_miss(redis: Any, key: str, ttl: float) -> Any:
    try:
        return await redis.get(key)
    except ResponseError:
        return None


def tried_twice_if_lost(load: Any) -> Any:
    async def again() -> Any:
        try:
            return await load()
        except RedisConnectionError:
            return await load()

    return again


async def marks_the_key(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    """No row is a text made of the key, and any text can be a row."""
    none = f"no {key}"
    made = recipe(pack=lambda value: none if value is None else value, unpack=lambda s: None if s == none else s)
    return await made(redis, key, load, **policy)


async def lengthens_its_own(redis: Any, key: str, load: Any, *, lock_ttl: float, **policy: Any) -> Any:
    async def kept() -> Any:
        task = asyncio.create_task(lengthen())
        try:
            return await load()
        finally:
            task.cancel()

    async def lengthen() -> None:
        while True:
            await asyncio.sleep(lock_ttl / 3)
            await redis.pexpire(f"lock:{key}", round(lock_ttl * 1000))

    return await recipe()(redis, key, kept, lock_ttl=lock_ttl, **policy)


FIRST: dict[str, int] = {}

WRONG = [
    ("no-lock", no_lock),
    ("takes-in-two-steps", recipe(take=look_then_take)),
    ("one-load", recipe(take=take_briefly)),
    ("never-expires", recipe(take=take_for_ever)),
    ("sleeps-too-long", recipe(poll=1.0)),
    ("sleeps-too-long", recipe(poll=0.1)),
    ("sleeps-too-long", recipe(poll=0.06)),
    ("one-lock-for-all", recipe(name=lambda key: "lock")),
    ("frees-anothers-lock", recipe(free=free_any)),
    ("frees-anothers-lock", frees_any_after_an_error),
    ("frees-anothers-lock", frees_in_any_case),
    ("no-second-look", recipe(look_again=False)),
    ("tries-again", loading(tried_twice)),
    ("keeps-lock-on-error", recipe(free_on_error=False)),
    ("cannot-store-none", stores_none),
    ("forgets-absence", recipe(pack=lambda value: value and "=" + value)),
    ("truth-of-text", recipe(pack=lambda value: value or "", unpack=lambda stored: stored or None)),
    ("truth-of-text", recipe(pack=str, unpack=lambda stored: None if stored == "None" else stored)),
    ("truth-of-text", recipe(pack=lambda value: value or "__none__", unpack=lambda stored: NO_ROW.get(stored, stored))),
    ("no-ttl", recipe(expiring=False)),
]

SUBTLE: list[tuple[Any, ...]] = [
    ("one lock for a prefix", "prompt", recipe(name=lambda key: f"lock:{key.partition(':')[0].lower()}"),
     "one-lock-for-all"),
    ("half a lock_ttl", "one-load", recipe(lock_life=lambda lock_ttl: round(lock_ttl * 500)), "one-load"),
    ("lock_ttl in whole seconds", "replaced", recipe(lock_life=lambda lock_ttl: math.ceil(lock_ttl) * 1000)),
    ("every try lengthens the lock", "replaced", recipe(take=longer_with_every_try)),
    ("a token of its own for all", "own-lock", recipe(held=lambda token: "held")),
    ("a token for each process", "own-lock", recipe(held=lambda token: token[:1])),
    ("looks, then deletes", "own-lock", recipe(free=looks_then_deletes), "frees-anothers-lock"),
    ("never frees", "freed", recipe(free=never_frees), "keeps-lock-on-error"),
    ("another error", "freed", loading(wrapped)),
    ("None if the load fails", "freed", loading(none_if_it_fails)),
    ("a second for the load", "value", loading(within(1.0)), "one-load"),
    ("100 tries", "value", tries(100), "one-load"),
    ("500 tries", "value", tries(500)),
    ("a jittered ttl", "expires", recipe(life=lambda ttl, value: round(ttl * random.uniform(667, 1333)) or 1)),
    ("None for a second only", "expires", recipe(life=lambda ttl, value: 1000 if value is None else round(ttl * 1000))),
    ("ttl in whole seconds", "expires", recipe(life=lambda ttl, value: math.ceil(ttl) * 1000)),
    ("seconds by a second command", "expires", recipe(store=only_if_there_is_none)),
    ("a life that slides", "expires", recipe(read=sliding)),
    ("EXISTS before GET", "hit", recipe(read=looks_twice)),
    ("kept by the process", "expires", kept_by_the_process),
    ("errors mean no", "value", recipe(take=errors_mean_no)),
    ("what is not stored is well", "value", recipe(store=not_stored_is_well)),
    ("stripped", "any-text", recipe(pack=lambda value: marked(value and value.strip()), free=free)),
    ("up to the first colon", "any-text", recipe(unpack=lambda stored: unmarked(stored.split(":")[0]))),
    ("a marker of the key", "any-text", marks_the_key, "truth-of-text"),
    ("line ends of its own", "any-text", recipe(pack=lambda value: marked(value and "\n".join(value.splitlines())))),
    ("1,024 locks", "prompt", recipe(name=lambda key: f"lock:{crc32(key.encode()) % 1024}")),
    ("a lock of 24 letters", "prompt", recipe(name=lambda key: f"lock:{key[:24]}")),
    ("a lock for 10 ms at least", "replaced", recipe(lock_life=lambda lock_ttl: max(10, round(lock_ttl * 1000)))),
    ("a lock for 30 s at most", "replaced", recipe(lock_life=lambda lock_ttl: min(30_000, round(lock_ttl * 1000))),
     "one-load"),
    ("a value for 10 ms at least", "expires", recipe(life=lambda ttl, value: max(10, round(ttl * 1000)))),
    ("a value for an hour at most", "expires", recipe(life=lambda ttl, value: min(3_600_000, round(ttl * 1000)))),
    ("None for 5 s at most", "expires",
     recipe(life=lambda ttl, value: round((ttl if value is not None else min(5, ttl)) * 1000))),
    ("the first ttl for all", "expires", recipe(life=lambda ttl, value: FIRST.setdefault("px", round(ttl * 1000)))),
    ("an error is a miss", "value", recipe(read=errors_mean_a_miss)),
    ("65,536 locks", "prompt", recipe(name=lambda key: f"lock:{crc32(key.encode()) % 65_536}")),
    ("a lock of 64 letters", "prompt", recipe(name=lambda key: f"lock:{key[:64]}")),
    ("a lock in ASCII", "prompt", recipe(name=lambda key: f"lock:{key.encode('ascii', 'ignore')!r}")),
    ("a lock for 4 ms at least", "replaced", recipe(lock_life=lambda lock_ttl: max(4, round(lock_ttl * 1000)))),
    ("a value for 30 days at most", "expires", recipe(life=lambda ttl, value: min(2_592_000_000, round(ttl * 1000)))),
    ("a TTL by a second command", "expires", recipe(store=to_live_soon)),
    ("frees, then stores", "once", frees_then_stores),
    ("again after a lost reply", "value", again_after_a_lost_reply),
    ("Latin letters", "any-text", recipe(pack=lambda v: marked(v and v.encode("latin-1", "ignore").decode("latin-1")))),
    ("1,200 tries", "value", tries(1_200)),
    ("20 s for the load", "value", loading(within(20.0)), "one-load"),
    ("a minute for the load", "value", loading(within(60.0)), "one-load"),
    ("a minute for all", "value", all_within(60.0)),
    ("an hour for all", "value", all_within(3_600.0)),
    ("after two minutes it loads itself", "one-load", patient_for(120.0), "one-load"),
    ("again after a lost connection", "freed", loading(tried_twice_if_lost), "tries-again"),
    ("a lock that its holder lengthens", "replaced", lengthens_its_own),
    ("JSON, or else a text", "any-text", recipe(pack=lambda value: value or "null", unpack=read_json), "truth-of-text"),
]  # fmt: skip
