"""Faults of published caches, and ours in the same scenario. A crowd is two processes of eight callers."""

from __future__ import annotations

import asyncio
import secrets

from redis.asyncio import Redis

from course_lib.patterns import cache_aside, lock_and_wait

from .conftest import Node
from .environment import Script, heard_from


def crowd(node: Node, name: str, *arguments: str, group: str = "peers") -> list[int]:
    """How often each of two processes loaded a page that neither found."""
    (fault, *more) = arguments
    with (
        Script(name, fault, node.server.url, *more, group=group) as one,
        Script(name, fault, node.server.url, *more, group=group) as other,
    ):
        for script in (one, other):
            assert script.hear() == "ready"
        for script in (one, other):
            script.tell("go")
        return sorted(script.hear() for script in (one, other))


def test_aiocache_lets_every_caller_of_a_second_process_load(node: Node) -> None:
    """0.12.3: its lock is in Redis, but its waiters wait for an event of their own process, which has none."""
    assert sum(crowd(node, "caches", "aiocache_crowd")) > 2


def test_dogpile_loads_once_in_each_process(node: Node) -> None:
    """1.5.0: the mutex is the process's own by default."""
    assert crowd(node, "caches", "dogpile_crowd", "no") == [1, 1]


def test_dogpile_loads_once_with_a_distributed_lock(node: Node) -> None:
    """The control, as its documentation says to do."""
    assert crowd(node, "caches", "dogpile_crowd", "yes") == [0, 1]


def test_ours_loads_once_in_all_processes(node: Node) -> None:
    assert crowd(node, "ours", "crowd", group="") == [0, 1]


def test_aiocache_does_not_keep_an_absent_row(node: Node) -> None:
    """Asked three times, one after another."""
    assert heard_from("caches", "aiocache_absent", node.server.url) == 3


def test_ours_keeps_an_absent_row(node: Node) -> None:
    assert asyncio.run(loads_of_an_absent_row(node, at_once=False, recipe=False)) == 1


def test_cashews_counts_for_ever_when_it_counts_by_more_than_one(node: Node) -> None:
    """7.6.0: `incr(value=2, expire=60)` sets no TTL; by one, the control, it does."""
    said = heard_from("caches", "cashews_incr", node.server.url)
    assert said["two"] == -1
    assert 0 < said["one"] <= 60


# -- a lock, and nothing for an absent row ----------------------------------------------------------------------------

LOCK_TTL, CALLERS = 0.5, 16


async def lock_without_negative_caching(redis: Redis, key: str, load: object) -> str | None:
    """_broken: lock and wait as redis.io's "Redis cache-aside with redis-py" describes it, in our words.

    Who gets the lock loads and stores what it found; the others look again until the lock must have expired, and then
    load for themselves. Nothing is stored for a row that is absent.
    """
    assert callable(load)
    if (value := await redis.get(key)) is not None:
        return str(value)
    if await redis.set(f"lock:{key}", token := secrets.token_hex(8), nx=True, px=round(LOCK_TTL * 1000)):
        value = await load()
        if value is not None:
            await redis.set(key, value, ex=60)
        if await redis.get(f"lock:{key}") == token:
            await redis.delete(f"lock:{key}")
        return None if value is None else str(value)
    deadline = asyncio.get_running_loop().time() + LOCK_TTL
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.025)
        if (value := await redis.get(key)) is not None:
            return str(value)
    found: str | None = await load()
    return found


async def loads_of_an_absent_row(node: Node, *, at_once: bool, recipe: bool) -> int:
    loads = []
    async with Redis.from_url(node.server.url, decode_responses=True) as redis:

        async def load() -> str | None:
            loads.append(1)
            await asyncio.sleep(0.1)
            return None

        async def ask() -> None:
            if recipe:
                assert await lock_without_negative_caching(redis, "page", load) is None
            else:
                assert await lock_and_wait(redis, "page", load, ttl=60, lock_ttl=10, wait=30, absent_ttl=60) is None

        if at_once:
            await asyncio.gather(*(ask() for _ in range(CALLERS)))
        else:
            for _ in range(3):
                await ask()
    return len(loads)


def test_a_lock_does_not_help_when_the_row_is_absent(node: Node) -> None:
    """Every waiter waits out the lock, in vain, and then loads."""
    assert asyncio.run(loads_of_an_absent_row(node, at_once=True, recipe=True)) == CALLERS


def test_ours_loads_an_absent_row_once(node: Node) -> None:
    assert asyncio.run(loads_of_an_absent_row(node, at_once=True, recipe=False)) == 1


def test_what_redis_io_describes_stores_a_row_that_has_changed_meanwhile(node: Node) -> None:
    """The stale-set race: load the old row, a writer commits and deletes, store the old row. Plain cache-aside too."""

    async def main() -> None:
        async with Redis.from_url(node.server.url, decode_responses=True) as redis:
            row = "old"

            async def load() -> str:
                nonlocal row
                read, row = row, "new"  # a writer commits …
                await redis.delete("page")  # … and deletes, before this reader stores
                return read

            await lock_without_negative_caching(redis, "page", load)
            assert await redis.get("page") == "old"
            await redis.delete("page")
            row = "old"
            await cache_aside(redis, "page", load, ttl=60)
            assert await redis.get("page") == "old"

    asyncio.run(main())
