"""Other right answers to lesson 04's exercises: nothing but the contract is common to them."""

from __future__ import annotations

import asyncio
import math
import random
import time
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any

from grading.programs import module
from redis.exceptions import RedisError, WatchError

from course_lib.lessons.locks.answers import Finding
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


async def released_unless_changed(redis: Any, key: str, token: str) -> bool:
    """A conflict says that the lock is another's by now."""
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        if await pipe.get(key) != token:
            return False
        pipe.multi()
        pipe.delete(key)
        with suppress(WatchError):
            await pipe.execute()
            return True
    return False


async def released_by_expiry(redis: Any, key: str, token: str) -> bool:
    script = FREE.replace("'DEL', KEYS[1]", "'PEXPIRE', KEYS[1], 0")
    try:
        return bool(await redis.eval(script, 1, key, token) > 0)
    except BaseException:
        raise


async def released_in_a_group(redis: Any, key: str, token: str) -> bool:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(released_by_a_loaded_script(redis, key, token))
    return task.result() == 1


async def released_in_a_transaction(redis: Any, key: str, token: str) -> Any:
    async def free(pipe: Any) -> bool:
        own = await pipe.get(key) == token
        pipe.multi()
        if own:
            pipe.delete(key)
        return bool(own)

    return await redis.transaction(free, key, value_from_callable=True)


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


async def taken_under_watch(redis: Any, key: str, token: str, ttl: float) -> Any:
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        if await pipe.get(key) is not None:
            return False
        pipe.multi()
        pipe.psetex(key, round(ttl * 1000), token)
        return (await pipe.execute())[0]


async def truncated(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.set(key, token, nx=True, px=int(ttl * 1000))


async def in_a_transaction(redis: Any, key: str, token: str, ttl: float) -> Any:
    async with redis.pipeline() as pipe:
        pipe.setnx(key, token)
        pipe.pexpire(key, round(ttl * 1000), nx=True)
        return (await pipe.execute())[0]


class TakesUntilTheEnd:
    """It tries a last time when the time is over, by another clock."""

    async def __call__(self, redis: Any, key: str, token: str, *, ttl: float, wait: float, draw: Any) -> int:
        end = time.monotonic() + wait
        while True:
            with suppress(RedisError):
                if await redis.register_script(TAKE)(keys=[key], args=[token, round(ttl * 1000)]):
                    return 1
            if (left := end - time.monotonic()) <= 0:
                return 0
            await asyncio.sleep(min(left, random.randint(10, 100) / 1000))


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


async def freed_under_watch(node: Any, key: str, token: str) -> None:
    async with node.pipeline() as pipe:
        await pipe.watch(key)
        if await pipe.get(key) == token:
            pipe.multi()
            pipe.delete(key)
            with suppress(WatchError):
                await pipe.execute()


async def set_and_seen(node: Any, key: str, token: str, ttl: float) -> bool:
    """In one transaction: SET, and who has it."""
    async with node.pipeline() as pipe:
        pipe.set(key, token, nx=True, px=round(ttl * 1000))
        pipe.get(key)
        return bool((await pipe.execute())[1] == token)


async def in_whole_milliseconds(*args: Any, **options: Any) -> float | None:
    """Rounded down, never up; by another clock, in nanoseconds."""
    start = time.monotonic_ns()
    left = await redlock(drift=0.0, ms=0.0, late=True)(*args, **options)
    if left is None:
        return None
    ms = math.floor(options["ttl"] * 990 - 2 - (time.monotonic_ns() - start) / 1e6)
    if ms > 0:
        return ms / 1000
    nodes, key, token = args
    await asyncio.gather(
        *(asyncio.wait_for(node.eval(FREE, 1, key, token), options["timeout"]) for node in nodes),
        return_exceptions=True,
    )
    return None


async def in_a_group(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> float | None:
    async def asked(request: Any) -> Any:
        with suppress(RedisError, TimeoutError):
            async with asyncio.timeout(timeout):
                return await request

    async def on_all(command: Any) -> list[Any]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asked(command(node))) for node in nodes]
        return [task.result() for task in tasks]

    clock = asyncio.get_running_loop().time
    start = clock()
    yes = (await on_all(lambda node: node.set(key, token, nx=True, px=round(ttl * 1000)))).count(True)
    left = ttl - (clock() - start) - 0.01 * ttl - 0.002
    if 2 * yes > len(nodes) and left > 0:
        return left
    await on_all(lambda node: node.eval(FREE, 1, key, token))
    return None


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


NUMBER_IN_LUA = ANOTHER_PUT.replace("'n', ARGV[1]", "'n', tonumber(ARGV[1])")
AS_JSON = """
local old = redis.call('HGET', KEYS[1], 'meta')
if old and tonumber(cjson.decode(old).fence) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[2], 'meta', cjson.encode({fence = ARGV[1]}))
return 1
"""


class Store:
    """By a script; `digits` makes texts of fences that come in their order."""

    def __init__(self, script: str, digits: int = 0) -> None:
        self.script, self.digits = script, digits

    async def __call__(self, redis: Any, key: str, fence: int, value: str) -> Any:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(redis.eval(self.script, 1, key, f"{fence:0{self.digits}d}", value))
        return task.result()


async def put_in_a_transaction(redis: Any, key: str, fence: int, value: str) -> Any:
    async def write(pipe: Any) -> bool:
        taken = fence >= int((await pipe.hgetall(key)).get("fence", 0))
        pipe.multi()
        if taken:
            pipe.hset(key, "value", value)
            pipe.hset(key, "fence", str(fence))
        return bool(taken)

    return await redis.transaction(write, key, value_from_callable=True)


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
    "04.1": {
        "watch": released_under_watch,
        "loaded script": released_by_a_loaded_script,
        "unless changed": released_unless_changed,
        "expiry": released_by_expiry,
        "group": released_in_a_group,
        "transaction": released_in_a_transaction,
    },
    "04.2": {
        "as taught": with_the_blanks(),
        "script": with_the_blanks(take=taken_by_script, own=what_the_script_said),
        "always looks": with_the_blanks(own=always_looks),
        "SET GET": with_the_blanks(take=with_get),
        "time limit": in_a_time_limit,
        "watch": with_the_blanks(take=taken_under_watch),
        "transaction": with_the_blanks(take=in_a_transaction),
        "truncated": with_the_blanks(take=truncated),
        "uniform": with_the_blanks(pause=lambda draw: random.uniform(0.02, 0.06)),
        "until the end": TakesUntilTheEnd(),
    },
    "04.3": {
        "as taught": redlock(),
        "tasks": with_tasks,
        "script": redlock(take=by_script),
        "partial, frees under watch": partial(redlock(give=freed_under_watch, need=lambda n: 3)),
        "set and seen": redlock(take=set_and_seen),
        "whole milliseconds": in_whole_milliseconds,
        "group": in_a_group,
    },
    "04.4": {
        "c1, for long": Finding(OneFault("pause", at=2, seconds=3.0, client="c1"), refused="c1"),
        "c2": Finding(OneFault("pause", at=4, seconds=0.7, client="c2"), refused="c2"),
        "of anybody's": Finding(OneFault("pause", at=6, seconds=0.7), refused="c1"),
    },
    "04.5": {
        "watch": put_under_watch,
        "another script": put_by_a_loaded_script,
        "numbers": Store(NUMBER_IN_LUA),
        "as json": Store(AS_JSON),
        "padded": Store(ANOTHER_PUT.replace("tonumber", ""), digits=20),
        "transaction": put_in_a_transaction,
    },
    "04.6": {"as taught": two_leases(), "as time goes by": as_time_goes_by},
}
