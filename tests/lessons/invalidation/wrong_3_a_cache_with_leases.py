"""Wrong programs for 06.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

GET = """
local page = redis.call('GET', KEYS[1])
if {there} then return {{page, false}} end
if {take} then return {{false, ARGV[1]}} end
return {{false, false}}"""
TAKE = "redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])"
PUT = """
if {refuse} then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
{use}
return 1"""
REFUSE, USE = "redis.call('GET', KEYS[2]) ~= ARGV[1]", "redis.call('DEL', KEYS[2])"


def in_ms(seconds: float) -> int:
    return round(seconds * 1000)


async def deletes_both(redis: Any, key: str, lease: str) -> Any:
    return await redis.delete(key, lease)


def leases(
    get: str = GET, put: str = PUT, delete: Callable[..., Any] = deletes_both, *, there: str = "page", take: str = TAKE,
    refuse: str = REFUSE, use: str = USE, name: str = "lease:{}", lease_life: Any = in_ms, page_life: Any = in_ms,
    gives: Callable[[Any], Any] = tuple, told: Callable[[Any], Any] = lambda reply: reply == 1,
    token: Callable[[Any, str], Any] = lambda self, key: self.new_token(),
) -> type:  # fmt: skip
    """The answer with one thing done otherwise; by default as it should be."""

    class Leases:
        def __init__(self, redis: Any, *, ttl: float, lease_ttl: float, new_token: Any) -> None:
            self.redis, self.ttl, self.lease_ttl, self.new_token = redis, ttl, lease_ttl, new_token

        async def get(self, key: str) -> Any:
            script = get.format(there=there, take=take)
            life = lease_life(self.lease_ttl)
            return gives(await self.redis.eval(script, 2, key, name.format(key), token(self, key), life))

        async def put(self, key: str, page: str, lease: str) -> Any:
            script = put.format(refuse=refuse, use=use)
            return told(await self.redis.eval(script, 2, key, name.format(key), lease, page, page_life(self.ttl)))

        async def delete(self, key: str) -> Any:
            return await delete(self.redis, key, name.format(key))

    return Leases


Right: Any = leases()


class InMemory(Right):
    """Each process keeps the leases that it gave, and gives each key's away once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.given: dict[str, str] = {}

    async def get(self, key: str) -> Any:
        page = await self.redis.get(key)
        if page is not None or key in self.given:
            return page, None
        self.given[key] = self.new_token()
        return None, self.given[key]

    async def put(self, key: str, page: str, lease: str) -> Any:
        if self.given.pop(key, None) != lease:
            return False
        return await self.redis.set(key, page, px=round(self.ttl * 1000))

    async def delete(self, key: str) -> Any:
        self.given.pop(key, None)
        await self.redis.delete(key)


class LooksThenPuts(Right):
    async def put(self, key: str, page: str, lease: str) -> Any:
        if await self.redis.get(f"lease:{key}") != lease:
            return False
        await self.redis.set(key, page, px=round(self.ttl * 1000))
        await self.redis.delete(f"lease:{key}")
        return True


class EmptyIsAMiss(Right):
    async def get(self, key: str) -> Any:
        page, lease = await super().get(key)
        if page == "":
            return None, None
        return page, lease


async def deletes_the_page(redis: Any, key: str, lease: str) -> Any:
    return await redis.delete(key)


WRONG = [
    ("not-a-pair", leases(gives=lambda reply: reply[0] if reply[0] is not None else reply[1])),
    ("in-memory", InMemory),
    ("everybody-loads", leases(take="redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])")),
    ("stores-without-a-lease", leases(refuse="false")),
    ("stores-without-a-lease", leases(refuse="redis.call('EXISTS', KEYS[2]) == 0")),
    ("keeps-the-lease", leases(use="")),
    ("delete-keeps-the-lease", leases(delete=deletes_the_page)),
    ("empty-is-a-miss", leases(there="page and page ~= ''")),
    ("empty-is-a-miss", EmptyIsAMiss),
    ("never-expires", leases(take="redis.call('SETNX', KEYS[2], ARGV[1]) == 1")),
    ("wrong-unit", leases(lease_life=lambda seconds: round(seconds * 1_000_000))),
    ("whole-seconds", leases(lease_life=lambda seconds: max(1, int(seconds)) * 1000)),
    ("looks-then-puts", LooksThenPuts),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


class TakesInTwoSteps(Right):
    """Between the look for the page and the lease, another reader has put it."""

    async def get(self, key: str) -> Any:
        page = await self.redis.get(key)
        if page is not None:
            return page, None
        token = self.new_token()
        took = await self.redis.set(f"lease:{key}", token, nx=True, px=round(self.lease_ttl * 1000))
        return None, token if took else None


class LeaseThenPage(Right):
    async def put(self, key: str, page: str, lease: str) -> Any:
        script = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('DEL', KEYS[1])"
        if not await self.redis.eval(script, 1, f"lease:{key}", lease):
            return False
        return await self.redis.set(key, page, px=round(self.ttl * 1000))


class PageThenLease(Right):
    """A reader that still has its lease may store between the two."""

    async def delete(self, key: str) -> Any:
        await self.redis.delete(key)
        await self.redis.delete(f"lease:{key}")


Endless: Any = leases(take="redis.call('SETNX', KEYS[2], ARGV[1]) == 1")


class LeaseLater(Endless):
    async def get(self, key: str) -> Any:
        page, lease = await super().get(key)
        if lease is not None:
            await self.redis.pexpire(f"lease:{key}", round(self.lease_ttl * 1000))
        return page, lease


class AsksTwice(Right):
    async def get(self, key: str) -> Any:
        if await self.redis.exists(key):
            return await self.redis.get(key), None
        return await super().get(key)


class SwallowsErrors(Right):
    async def get(self, key: str) -> Any:
        with suppress(RedisError):
            return await super().get(key)
        return None, None


class SwallowsThePut(Right):
    async def put(self, key: str, page: str, lease: str) -> Any:
        with suppress(RedisError):
            return await super().put(key, page, lease)
        return False


class SwallowsTheDelete(Right):
    async def delete(self, key: str) -> Any:
        with suppress(RedisError):
            await super().delete(key)


class TriesAgainAndSwallows(Right):
    async def delete(self, key: str) -> Any:
        for _ in range(2):
            with suppress(RedisError):
                await super().delete(key)
                return


class DeletesInTheBackground(Right):
    async def delete(self, key: str) -> Any:
        self.task = asyncio.ensure_future(super().delete(key))


class WaitsItself(Right):
    """The caller is to ask again, and not get."""

    async def get(self, key: str) -> Any:
        while True:
            page, lease = await super().get(key)
            if page is not None or lease is not None:
                return page, lease
            await asyncio.sleep(0.02)


class AsksForItsNeighbor(Right):
    """Tasks of one process that ask at once share an answer, and so the lease."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asking: dict[str, asyncio.Task[Any]] = {}

    async def get(self, key: str) -> Any:
        if key not in self.asking:
            self.asking[key] = asyncio.create_task(super().get(key))
            self.asking[key].add_done_callback(lambda _: self.asking.pop(key))
        return await asyncio.shield(self.asking[key])


class KeepsItNear(Right):
    """What a process was given, it gives again for 20 ms."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.near: dict[str, tuple[str, float]] = {}

    async def get(self, key: str) -> Any:
        now = asyncio.get_running_loop().time()
        page, until = self.near.get(key, ("", 0.0))
        if now < until:
            return page, None
        page, lease = await super().get(key)
        if page is not None:
            self.near[key] = page, now + 0.02
        return page, lease


class KnowsItsLease(Right):
    """Whoever was given a lease here asks no more until it expires, or is used here."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.until: dict[str, float] = {}

    async def get(self, key: str) -> Any:
        now = asyncio.get_running_loop().time()
        if now < self.until.get(key, 0.0):
            return None, None
        page, lease = await super().get(key)
        if lease is not None:
            self.until[key] = now + self.lease_ttl
        return page, lease

    async def put(self, key: str, page: str, lease: str) -> Any:
        self.until.pop(key, None)
        return await super().put(key, page, lease)


SLIDES = "page and redis.call('PEXPIRE', KEYS[1], 60000)"
AGAIN = f"{TAKE} or (redis.call('PEXPIRE', KEYS[2], ARGV[2]) == 0)"
EVEN = "redis.call('PTTL', KEYS[2]) < 100 and redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])"
WRITES = "redis.call('SET', KEYS[1], '', 'PX', 1)"


async def expires_soon(redis: Any, key: str, lease: str) -> Any:
    async with redis.pipeline() as pipe:
        await pipe.pexpire(key, 20).delete(lease).execute()


async def leaves_an_empty_page(redis: Any, key: str, lease: str) -> Any:
    async with redis.pipeline() as pipe:
        await pipe.set(key, "", px=10).delete(lease).execute()


SUBTLE: list[tuple[Any, ...]] = [
    ("takes in two steps", "lease", TakesInTwoSteps),
    ("the lease, then the page", "race", LeaseThenPage),
    ("deletes the page, then the lease", "race", PageThenLease),
    ("a lease's TTL later", "lives", LeaseLater, "never-expires"),
    ("asks twice", "hit", AsksTwice),
    ("knows its lease", "any-text", KnowsItsLease),
    ("swallows errors of get", "errors", SwallowsErrors),
    ("swallows errors of put", "errors", SwallowsThePut),
    ("swallows errors of delete", "errors", SwallowsTheDelete),
    ("tries a delete again, and swallows", "errors", TriesAgainAndSwallows),
    ("deletes in the background", "race", DeletesInTheBackground),
    ("waits itself", "lease", WaitsItself),
    ("a hit lengthens", "lives", leases(there=SLIDES)),
    ("a wait lengthens", "lives", leases(take=AGAIN)),
    ("takes what is nearly over", "lives", leases(take=EVEN)),
    ("one lease for all", "lease", leases(name="lease:all")),
    ("another name", "pages", leases(name="{}:lease")),
    ("one token for a key", "lease", leases(token=lambda self, key: f"token of {key}")),
    ("a lease of any key", "stale", leases(refuse="#ARGV[1] < 12")),
    ("compares the beginning", "stale",
     leases(refuse="string.sub(redis.call('GET', KEYS[2]) or '', 1, 6) ~= string.sub(ARGV[1], 1, 6)")),
    ("uses the lease when refused", "stale",
     leases(refuse=f"{REFUSE} and {USE} < 2")),
    ("clears the page when refused", "stale", leases(refuse=f"{REFUSE} and redis.call('DEL', KEYS[1]) < 2")),
    ("one answer for all its tasks", "lease", AsksForItsNeighbor),
    ("no lease is the empty lease", "stale", leases(refuse="(redis.call('GET', KEYS[2]) or '') ~= ARGV[1]")),
    ("a lease for ever", "stale", leases(refuse="(redis.call('GET', KEYS[2]) or ARGV[1]) ~= ARGV[1]")),
    ("page whole seconds", "lives", leases(page_life=lambda ttl: max(1, round(ttl)) * 1000), "whole-seconds"),
    ("keeps it near", "pages", KeepsItNear),
    ("a lease of 10 ms at least", "lives", leases(lease_life=lambda seconds: max(10, in_ms(seconds)))),
    ("a page of 10 ms at least", "lives", leases(page_life=lambda seconds: max(10, in_ms(seconds)))),
    ("a page of 32 bits", "lives", leases(page_life=lambda seconds: min(2**31 - 1, in_ms(seconds)))),
    ("the page as long as the lease", "lives", leases(page_life=lambda ttl: 500)),
    ("nothing is told", "stale", leases(told=lambda reply: None)),
    ("always true", "stale", leases(told=lambda reply: True)),
    ("expires soon", "lives", leases(delete=expires_soon)),
    ("leaves an empty page", "lives", leases(delete=leaves_an_empty_page)),
    ("gives both", "pages", leases("local page = redis.call('GET', KEYS[1])\n"
                                   "if page then return {{page, ARGV[1]}} end" + GET.partition("end")[2])),
    ("strips", "any-text", leases(put=PUT.replace("ARGV[2], 'PX'", "(string.gsub(ARGV[2], '%s', '')), 'PX'"))),
    ("none is no page", "any-text", leases(there="page and page ~= 'None'")),
]  # fmt: skip
