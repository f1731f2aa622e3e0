"""Other right answers to lesson 04's exercises: nothing but the contract is common to them."""

from __future__ import annotations

import asyncio
import random
from math import inf
from typing import Any

from grading.programs import module
from redis.exceptions import RedisError, WatchError

from course_lib.lessons.locks.exercises.e4_break_it import Finding
from course_lib.sim import OneFault
from course_lib.trace import Trace

with_the_blanks: Any = module("04.2").with_the_blanks
redlock: Any = module("04.3").redlock
two_leases: Any = module("04.6").two_leases
FREE: str = module("04.1").FREE

# -- 04.1 -------------------------------------------------------------------------------------------------------------


async def released_under_watch(redis: Any, key: str, token: str) -> bool:
    """WATCH and MULTI in place of a script; an answer in numbers."""
    async with redis.pipeline(transaction=True) as pipe:
        while True:
            try:
                await pipe.watch(key)
                if await pipe.get(key) != token:
                    return False
                pipe.multi()
                pipe.unlink(key)
                (removed,) = await pipe.execute()
                return bool(removed)
            except WatchError:
                continue


async def released_by_a_loaded_script(redis: Any, key: str, token: str) -> int:
    number: int = await redis.register_script(FREE)(keys=[key], args=[token])
    return number


# -- 04.2 -------------------------------------------------------------------------------------------------------------

TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


async def taken_by_script(redis: Any, key: str, token: str, ttl: float) -> Any:
    """The look and the SET in one step; its own token is renewed."""
    return await redis.eval(TAKE, 1, key, token, round(ttl * 1000))


async def what_the_script_said(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(taken == 1)


async def always_looks(redis: Any, key: str, token: str, taken: Any) -> bool:
    return bool(await redis.get(key) == token)


async def with_get(redis: Any, key: str, token: str, ttl: float) -> Any:
    """SET NX GET, since Redis 7.0: the reply is who had it before."""
    before = await redis.set(key, token, nx=True, px=round(ttl * 1000), get=True)
    return before in (None, token)


async def in_a_time_limit(redis: Any, key: str, token: str, *, ttl: float, wait: float, draw: Any) -> bool:
    """Another loop: under asyncio's time limit."""
    try:
        async with asyncio.timeout(wait):
            while True:
                try:
                    if await redis.eval(TAKE, 1, key, token, round(ttl * 1000)):
                        return True
                except RedisError:
                    continue
                await asyncio.sleep(random.uniform(0.01, 0.08))
    except TimeoutError:
        return False


# -- 04.3 -------------------------------------------------------------------------------------------------------------


async def with_tasks(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> float | None:
    """Tasks and asyncio.wait; it goes on as soon as enough have said yes, or too many no."""
    clock = asyncio.get_running_loop().time
    start, yes, need = clock(), 0, len(nodes) // 2 + 1
    left = {asyncio.create_task(node.set(key, token, nx=True, px=round(ttl * 1000))) for node in nodes}
    while left and yes < need <= yes + len(left) and clock() < start + timeout:
        done, left = await asyncio.wait(left, timeout=start + timeout - clock(), return_when="FIRST_COMPLETED")
        yes += sum(task.exception() is None and bool(task.result()) for task in done)
    validity = start + ttl - clock() - 0.01 * ttl - 0.002
    if yes >= need and validity > 0:
        return validity
    await asyncio.wait({asyncio.create_task(node.eval(FREE, 1, key, token)) for node in nodes}, timeout=timeout)
    for task in left:
        task.cancel()
    return None


async def by_script(node: Any, key: str, token: str, ttl: float) -> bool:
    return bool(await node.eval(TAKE, 1, key, token, round(ttl * 1000)))


# -- 04.5 -------------------------------------------------------------------------------------------------------------


async def put_under_watch(redis: Any, key: str, fence: int, value: str) -> bool:
    async with redis.pipeline(transaction=True) as pipe:
        while True:
            try:
                await pipe.watch(key)
                if fence < int(await pipe.hget(key, "seen") or 0):
                    return False
                pipe.multi()
                pipe.hset(key, mapping={"value": value, "seen": fence})
                await pipe.execute()
                return True
            except WatchError:
                continue


ANOTHER_PUT = """
local seen = redis.call('HMGET', KEYS[1], 'value', 'n')
if seen[2] and tonumber(seen[2]) > tonumber(ARGV[1]) then return 0 end
redis.call('HMSET', KEYS[1], 'n', ARGV[1], 'value', ARGV[2])
return 1
"""


async def put_by_a_loaded_script(redis: Any, key: str, fence: int, value: str) -> int:
    taken: int = await redis.register_script(ANOTHER_PUT)(keys=[key], args=[fence, value])
    return taken


# -- 04.6 -------------------------------------------------------------------------------------------------------------


def as_time_goes_by(trace: Trace) -> str | None:
    """It goes through beginnings and ends in order, and counts the leases of each client."""
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    moments: list[tuple[float, int, str]] = []
    for note in trace.notes:
        if note.kind == "hold":
            end = died.get(note.who, inf) if note.t_end is None else note.t_end
            moments += [(note.t_start, 1, note.who), (max(end, note.t_start), -1, note.who)]
    having: dict[str, int] = {}
    for when, step, who in sorted(moments):
        having[who] = having.get(who, 0) + step
        if sum(count > 0 for count in having.values()) > 1:
            return f"at {when:.3f} s {who} is not alone"
    return None


RIGHT: dict[str, dict[str, Any]] = {
    "04.1": {"watch": released_under_watch, "loaded script": released_by_a_loaded_script},
    "04.2": {
        "as taught": with_the_blanks(),
        "script": with_the_blanks(take=taken_by_script, own=what_the_script_said),
        "always looks": with_the_blanks(own=always_looks),
        "SET GET": with_the_blanks(take=with_get),
        "time limit": in_a_time_limit,
    },
    "04.3": {"as taught": redlock(), "tasks": with_tasks, "script": redlock(take=by_script)},
    "04.4": {
        "c1, for long": Finding(OneFault("pause", at=2, seconds=3.0, client="c1"), refused="c1"),
        "c2": Finding(OneFault("pause", at=4, seconds=0.7, client="c2"), refused="c2"),
        "of anybody's": Finding(OneFault("pause", at=6, seconds=0.7), refused="c1"),
    },
    "04.5": {"watch": put_under_watch, "another script": put_by_a_loaded_script},
    "04.6": {"as taught": two_leases(), "as time goes by": as_time_goes_by},
}
