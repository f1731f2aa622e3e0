"""What Redis would not give back as it was is refused, with a word about `Typed`, before anything has happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns import cache_aside, lock_and_wait, lock_or_stale, xfetch
from course_lib.patterns.invalidation import versioned
from course_lib.patterns.keys import Generation, KeySchema
from course_lib.patterns.leaderboards import Leaderboard
from course_lib.patterns.queues import WorkQueue
from course_lib.patterns.redlock import FencedStore
from course_lib.patterns.sessions import Sessions
from course_lib.patterns.through import Cache, WriteBehind
from course_lib.patterns.typed import Typed
from course_lib.worlds import Simulated, World

from .crowd import alone

LOCK: dict[str, Any] = {"ttl": 60, "lock_ttl": 5, "wait": 5}
saved: list[Any] = []


async def save(*row: Any) -> None:
    saved.append(row)


async def five() -> Any:
    return 5


async def first_version() -> Any:
    return 1, 5


def pages(redis: Redis) -> Cache[str]:
    return Cache(redis, "page:{}".format, lambda entity: five(), shape=Typed(str, version=1), ttl=60, save=save)


LOADS: dict[str, Callable[[Redis], Awaitable[Any]]] = {
    "cache_aside": lambda redis: cache_aside(redis, "key", five, ttl=60),
    "lock_and_wait": lambda redis: lock_and_wait(redis, "key", five, **LOCK),
    "lock_or_stale": lambda redis: lock_or_stale(redis, "key", five, **LOCK, stale=9),
    "xfetch": lambda redis: xfetch(redis, "key", five, ttl=60),
    "versioned": lambda redis: versioned(redis, "key", first_version, ttl=60),
    "Cache.get": lambda redis: pages(redis).get("7"),
}
WRITES: dict[str, Callable[[Redis, Any], Awaitable[Any]]] = {
    "Cache.put": lambda redis, value: pages(redis).put("7", value),
    "WriteBehind.put": lambda redis, value: WriteBehind(redis, "pages", redis.get, save).put("7", value),
    "WorkQueue.send": lambda redis, value: WorkQueue(redis, "jobs", claim_after=1).send(value),
    "WorkQueue.send, id": lambda redis, value: WorkQueue(redis, "jobs", claim_after=1).send("x", message_id=value),
    "Sessions.log_in": lambda redis, value: Sessions(redis, "shop", idle=9, lifetime=9).log_in(cart=value),
    "Leaderboard.add": lambda redis, value: Leaderboard(redis, "points").add(value, 1),
    "FencedStore.put": lambda redis, value: FencedStore(redis, "report").put(value, (1,)),
    "Generation.set": lambda redis, value: Generation(redis, KeySchema("app")).set(7, value=value, ttl=9, seen=0),
}


@pytest.mark.parametrize("how", LOADS)
def test_a_load_that_returns_something_else_is_refused(how: str, world: World) -> None:
    """The error names the value; nothing is stored, and no lock is left."""

    async def body(redis: Redis) -> tuple[str, list[str]]:
        with pytest.raises(BadArgument) as caught:
            await LOADS[how](redis)
        return str(caught.value), await redis.keys("*")

    said, keys = alone(world, body)
    assert "value is 5; accepted:" in said
    assert "Typed" in said or how == "Cache.get"
    assert keys == []


@pytest.mark.parametrize("value", [5, 1.5, b"text", ["text"]], ids=repr)
@pytest.mark.parametrize("how", WRITES)
def test_a_write_of_something_else_has_no_effect(how: str, value: Any) -> None:
    """Neither a command that writes nor a save has gone out."""
    world = Simulated()

    async def body(redis: Redis) -> tuple[str, list[str]]:
        with pytest.raises(BadArgument) as caught:
            await WRITES[how](redis, value)
        return str(caught.value), await redis.keys("*")

    saved.clear()
    said, keys = alone(world, body)
    assert f" is {value!r}; accepted: " in said
    assert keys == []
    assert saved == []
    assert [event.name for event in world.trace] == ["KEYS"]
