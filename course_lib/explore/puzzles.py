"""Small races to be broken by hand: a promise, code that does not keep it, and code that does.

Source of the limiter: redis-py, pull request #4248 (a notebook that was not accepted), its asynchronous version.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis

from course_lib.explore.bodies import Body, Me, clients_running
from course_lib.explore.invariants import Invariant, one_holder
from course_lib.explore.livelock import Watch, no_livelock
from course_lib.explore.puzzle import Puzzle
from course_lib.explore.trial import Fact, Play, Trial, Violation
from course_lib.sim import Simulation

__all__ = ["PUZZLES", "Puzzle"]


def _puzzle(
    name: str, promise: str, won: str, bodies: tuple[Body, Body], judge: Invariant, clients: int, *helpers: Any,
    loops: bool = False,
) -> Puzzle:  # fmt: skip
    def trial(version: str, body: Body) -> Trial:
        build = clients_running(body)

        def watched(world: Simulation, clients: int) -> Watch:
            return Watch(build(world, clients))

        made = watched if loops else build
        return Trial(f"{name}.{version}", (promise,), made, judge, sizes=(clients,), least=2)

    sources = tuple(inspect.getsource(shown).strip() for shown in (*bodies, *helpers))
    return Puzzle(name, promise, won, trial("naive", bodies[0]), trial("mended", bodies[1]), clients, sources=sources)


# -- a counter --------------------------------------------------------------------------------------------------------


async def get_then_set(redis: Redis, me: Me) -> int:
    value = int(await redis.get("visits") or 0) + 1
    await redis.set("visits", value)
    return value


async def incr(redis: Redis, me: Me) -> int:
    value: int = await redis.incr("visits")
    return value


def _no_update_is_lost(run: Play) -> Iterable[Violation]:
    counted = {who: value for who, value in run.results.items() if isinstance(value, int)}
    for one, value in counted.items():
        others = [who for who in counted if who != one and counted[who] == value]
        if others:
            said = f"{one} and {others[0]} both counted to {value}: a visit is lost"
            facts = _told(run, one, f"has counted to {value}"), _told(run, others[0], f"has counted to {value} too")
            yield Violation("no visit is lost", said, others[0], _last(run, others[0]), f"{value} again", facts)
            return


# -- a rate limiter ---------------------------------------------------------------------------------------------------


async def look_then_add(redis: Redis, me: Me) -> bool:
    async with redis.pipeline() as pipe:
        pipe.zremrangebyscore("hits", "-inf", 90)
        pipe.zcard("hits")
        _, count = await pipe.execute()
    if count >= 1:
        return False
    await redis.zadd("hits", {me: 100})
    await redis.expire("hits", 20)
    return True


async def look_and_add(redis: Redis, me: Me) -> bool:
    # KEYS: the hits. ARGV: who asks. Returns 1 if admitted. Atomic, as nobody may add between the look and the add.
    script = """
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', 90)
        if redis.call('ZCARD', KEYS[1]) >= 1 then return 0 end
        redis.call('ZADD', KEYS[1], 100, ARGV[1])
        return redis.call('EXPIRE', KEYS[1], 20)"""
    return bool(await redis.eval(script, 1, "hits", me))


def _at_most_one(run: Play) -> Iterable[Violation]:
    admitted = [who for who, value in run.results.items() if value is True]
    if len(admitted) > 1:
        said = f"{' and '.join(admitted)} were admitted; the limit is 1"
        facts = tuple(_told(run, who, "is admitted") for who in admitted)
        yield Violation("at most one is admitted", said, admitted[-1], _last(run, admitted[-1]), "admitted too", facts)


# -- a lock -----------------------------------------------------------------------------------------------------------

LOCK_TTL = 0.8
"""Seconds."""


async def frees_any_lock(redis: Redis, me: Me) -> bool:
    if not await redis.set("lock", me, nx=True, px=800):
        return False
    with me.holding(LOCK_TTL):
        await redis.incr("work")
    await redis.delete("lock")
    return True


async def frees_its_own_lock(redis: Redis, me: Me) -> bool:
    if not await redis.set("lock", me, nx=True, px=800):
        return False
    with me.holding(LOCK_TTL):
        await redis.incr("work")
    # KEYS: the lock. ARGV: our token. Returns 1 if it was ours. Atomic: it may become another's after the look.
    release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
    await redis.eval(release, 1, "lock", me)
    return True


# -- two locks --------------------------------------------------------------------------------------------------------


async def take_your_own_first(redis: Redis, me: Me) -> bool:
    first, second = ("a", "b") if me == "alice" else ("b", "a")
    return await with_both_locks(redis, me, first, second)


async def take_in_one_order(redis: Redis, me: Me) -> bool:
    return await with_both_locks(redis, me, "a", "b")


async def with_both_locks(redis: Redis, me: Me, first: str, second: str) -> bool:
    while True:
        if await redis.set(first, me, nx=True, px=5_000):
            if await redis.set(second, me, nx=True, px=5_000):
                break
            await redis.delete(first)  # give way, and try again at once
    with me.holding(5.0):
        await redis.delete(second, first)
    return True


def _told(run: Play, who: str, text: str) -> Fact:
    return Fact(_last(run, who), who, text)


def _last(run: Play, who: str) -> float:
    return max((event.t_end or 0.0 for event in run.trace if event.client == who), default=0.0)


PUZZLES: dict[str, Puzzle] = {
    puzzle.name: puzzle
    for puzzle in (
        _puzzle(
            "counter",
            "No visit is lost: each client counts to a number of its own.",
            "two clients count to the same number",
            (get_then_set, incr), _no_update_is_lost, 2,
        ),
        _puzzle(
            "limiter",
            "At most one client is admitted.",
            "two clients are admitted",
            (look_then_add, look_and_add), _at_most_one, 2,
        ),
        _puzzle(
            "lock",
            f"At most one client holds the lock, which ends after {LOCK_TTL:g} s or when its holder frees it.",
            "a client gets the lock while another one holds it and its time is not up",
            (frees_any_lock, frees_its_own_lock), one_holder(LOCK_TTL), 3,
        ),
        _puzzle(
            "transfer",
            "Both clients get what they need: nobody goes round in circles.",
            "both have moved, neither has got anywhere, and everything is as it was before",
            (take_your_own_first, take_in_one_order), no_livelock(), 2, with_both_locks, loops=True,
        ),
    )
}  # fmt: skip
"""The puzzles by name."""
