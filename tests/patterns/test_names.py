"""Different things never share a key: limiters, locks, queues, leaderboards, sessions; whatever they are called."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.crc import key_slot

from course_lib.errors import BadArgument, LockTimeout
from course_lib.patterns.basics import beside, hash_tagged
from course_lib.patterns.leaderboards import Leaderboard
from course_lib.patterns.locks import Lock
from course_lib.patterns.queues import WorkQueue
from course_lib.patterns.ratelimit import GCRA, FixedWindow, SlidingLog
from course_lib.patterns.sessions import Sessions
from course_lib.worlds import Simulated, World

from .crowd import alone

NAMES = ["a", "{a}", "{a}~", "a:b", "{a}:b", "b:a", "{a:b}", "a%3Ab", "b{a}", "{a}b", "a~"]
Use = Callable[[Redis, str], Any]


def refused(name: str) -> bool:
    try:
        hash_tagged(name)
    except BadArgument:
        return True
    return False


@settings(deadline=None, derandomize=True, max_examples=500)
@example(["a", "{a}:b", "b:c", "c"])
@example(["a", "{a}:b", "b%3Ac", "b:c", "c"])
@given(st.lists(st.text("a:{}%~", min_size=1, max_size=6), min_size=2, max_size=5, unique=True))
def test_every_name_gives_keys_of_its_own(names: list[str]) -> None:
    """As the key, or as what follows it; and in the slot of the key itself."""
    keys = [name for name in names if not refused(name)]
    made = [beside("lock", key) for key in keys] + [beside("sent", key, more) for key in keys for more in names]
    assert len(set(made)) == len(made)
    assert all(key_slot(beside("sent", key, names[0]).encode()) == key_slot(key.encode()) for key in keys)


async def use_lock(redis: Redis, name: str) -> bool:
    return await Lock(redis, name, ttl=60).acquire() is not None


async def use_queue(redis: Redis, name: str) -> bool:
    """Is a message new? And an id that looks like the rest of another queue's mark."""
    queue = WorkQueue(redis, name, claim_after=60)
    return all([(await queue.send("text", message_id=id)).new for id in NAMES])


async def use_board(redis: Redis, name: str) -> bool:
    """Are all events counted?"""
    board = Leaderboard(redis, name)
    return [await board.add("ann", 1, event=event) for event in NAMES] == list(range(1, len(NAMES) + 1))


async def use_sessions(redis: Redis, name: str) -> bool:
    """Is the log-in of another site none here?"""
    if "{" in name:
        return True  # refused
    here, there = Sessions(redis, name, idle=60, lifetime=60), Sessions(redis, f"not {name}", idle=60, lifetime=60)
    return await here.use(await there.log_in(user="ann")) is None


def use_limiter(make: Callable[..., Any]) -> Use:
    async def use(redis: Redis, name: str) -> bool:
        """One for each subject, and each request of it counts."""
        limiters = [make(redis, one, limit=len(NAMES)) for one in NAMES]
        asked = [[await limiter.hit(name, request_id=id) for id in NAMES] for limiter in limiters]
        return all(decision.allowed and decision.remaining == len(NAMES) - 1 - at
                   for each in asked for at, decision in enumerate(each))  # fmt: skip

    return use


USES: dict[str, Use] = {
    "locks": use_lock,
    "queues": use_queue,
    "leaderboards": use_board,
    "sessions": use_sessions,
    "fixed windows": use_limiter(lambda *args, **more: FixedWindow(*args, **more, period=86400)),
    "sliding logs": use_limiter(lambda *args, **more: SlidingLog(*args, **more, period=86400)),
    "GCRA": use_limiter(lambda *args, **more: GCRA(*args, **more, period=86400, burst=len(NAMES))),
}


@pytest.mark.parametrize("what", USES)
def test_things_of_different_names_do_not_meet(what: str, world: World) -> None:
    """Each is used for the first time, though all others were used before."""

    async def body(redis: Redis) -> list[str]:
        return [name for name in NAMES if not await USES[what](redis, name)]

    assert alone(world, body) == []


def test_limiters_of_the_same_name_count_together_and_of_another_kind_apart() -> None:
    """Two processes make the same limiter. A control for the test above: the names matter."""

    async def body(redis: Redis) -> list[bool]:
        same = [FixedWindow(redis, "log-ins", limit=1, period=86400) for _ in range(2)]
        others = [SlidingLog(redis, "log-ins", limit=1, period=86400), FixedWindow(redis, "api", limit=1, period=86400)]
        return [(await limiter.hit("ann")).allowed for limiter in [*same, *others]]

    assert alone(Simulated(), body) == [True, False, True, True]


def test_no_two_kinds_share_a_key() -> None:
    """Each pattern used under one name: the keys that it makes beside the one that it was given are its own."""

    def keys_of(use: Use) -> set[str]:
        async def body(redis: Redis) -> set[str]:
            await use(redis, "a")
            return set(await redis.keys("*")) - {"a"}

        keys: set[str] = alone(Simulated(), body)
        return keys

    kinds = [keys_of(use) for use in USES.values()]
    assert all(kinds)
    assert all(not one & other for one, other in combinations(kinds, 2))


def test_a_lock_says_that_its_own_task_waits_for_itself() -> None:
    async def body(redis: Redis) -> list[str]:
        lock, said = Lock(redis, "job", ttl=60), list[str]()

        async def again(name: str) -> None:
            with pytest.raises(LockTimeout) as caught:
                async with lock.hold(wait=0.1):
                    pass
            said.append(str(caught.value))

        async with lock.hold(wait=0):
            await again("nested")
            await asyncio.create_task(again("other"))
        with pytest.raises(LockTimeout) as caught:
            async with lock.hold(wait=1), Lock(redis, "job", ttl=60).hold(wait=0.1):
                pass
        return [*said, str(caught.value)]

    here, other, elsewhere = alone(Simulated(), body)
    assert here == "'job' was not free within 0.1 s; this very task holds it, through this same Lock"
    assert re.fullmatch(r"'job' was not free within 0.1 s; the task '.+' holds it, through this same Lock", other)
    assert elsewhere == "'job' was not free within 0.1 s"
