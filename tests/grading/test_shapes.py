"""Right answers in shapes that nobody thought of: redis-py's own helpers, classes, groups of tasks. All must pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from math import inf
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from redis.exceptions import LockError, NoScriptError, RedisError, WatchError

from course_lib.grading import check
from course_lib.lessons.topologies import programs
from course_lib.trace import Trace

from .programs import answers

SOLUTIONS = answers("solutions")
FREE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def retrying(*errors: type[Exception]) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
    """A decorator that leaves nothing of what it decorates but the arguments."""

    def decorate(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapper(*args: Any, **options: Any) -> Any:
            while True:
                try:
                    return await function(*args, **options)
                except errors:
                    await asyncio.sleep(0)

        return wrapper

    return decorate


# -- 01 ---------------------------------------------------------------------------------------------------------------


def slot_bit_by_bit(key: str) -> int:
    """CRC16 by hand, and the tag by partition."""
    _, brace, rest = key.partition("{")
    tag, closing, _ = rest.partition("}")
    crc = 0
    for byte in (tag if brace and closing and tag else key).encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1
    return crc & 0x3FFF


class Keys:
    """Static methods, of which one calls another."""

    @staticmethod
    def of(kind: str, id: str, what: str) -> str:
        return f"{kind}:{{{id}}}:{what}"

    user = staticmethod(lambda user, what: Keys.of("u", user, what))
    product = staticmethod(lambda product, what: Keys.of("p", product, what))
    visitors = staticmethod(lambda day, hour: Keys.of("v", day, hour))


@dataclass
class Counting:
    """An object for each event, with a time limit of its own."""

    find_primary: Any
    event: str

    async def once(self) -> bool:
        redis = await self.find_primary()
        await redis.register_script(programs.ONCE)(keys=["visits", "visits:seen"], args=[self.event])
        return bool(await redis.wait(1, 60) > 0)

    async def until(self, deadline: float) -> bool:
        while time.monotonic() < deadline:  # in a run this is the run's own time
            try:
                if await asyncio.wait_for(self.once(), deadline - time.monotonic()):
                    return True
            except (RedisError, TimeoutError):
                pass
            await asyncio.sleep(0.05)
        return False


async def count_with_an_object(find_primary: Any, event: str, *, patience: float) -> bool:
    return await Counting(find_primary, event).until(time.monotonic() + patience)


def unconfirmed_by_match(trace: Trace) -> str | None:
    for note in (note for note in trace.notes if note.kind == "reported"):
        sure, written = False, dict[str, float]()
        for event in sorted(trace, key=lambda event: event.t_start):
            if event.client != note.who or event.t_end is None or event.t_end > note.t_start:
                continue
            match event.command, event.reply:
                case (b"SADD", _, name), int() if name.decode() == note.text:
                    written.setdefault(event.node, event.t_end)
                case (b"WAIT", *_), int(replicas) if replicas > 0:
                    sure = sure or written.get(event.node, inf) <= event.t_start
        if not sure:
            return f"{note.who}: {note.text}"
    return None


# -- 03 ---------------------------------------------------------------------------------------------------------------


async def count_in_a_pipeline(redis: Any, key: str, *, window: float) -> Any:
    """A script in a pipeline that is no transaction; a registered one would cost it SCRIPT EXISTS."""
    script = "local n = redis.call('INCR', KEYS[1]) redis.call('PEXPIRE', KEYS[1], ARGV[1], 'NX') return n"
    async with redis.pipeline(transaction=False) as pipe:
        return (await pipe.eval(script, 1, key, round(window * 1000)).execute())[-1]


async def count_by_timedelta(redis: Any, key: str, *, window: float) -> Any:
    async with redis.pipeline() as pipe:
        return (await pipe.incr(key).pexpire(key, timedelta(seconds=window), nx=True).execute())[0]


@retrying(WatchError)
async def take_under_watch(redis: Any, key: str, n: int) -> bool:
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        match int(await pipe.get(key) or 0):
            case left if left < n:
                return False
            case _:
                pipe.multi()
                await pipe.incrby(key, -n).execute()
                return True


async def take_or_nil(redis: Any, key: str, n: int) -> bool:
    """A script that says nothing where it takes nothing."""
    script = "if tonumber(redis.call('GET', KEYS[1]) or 0) < tonumber(ARGV[1]) then return end "
    return await redis.eval(script + "return redis.call('DECRBY', KEYS[1], ARGV[1])", 1, key, n) is not None


class Decision(NamedTuple):
    """What a limiter says, with names."""

    allowed: bool
    remaining: int
    retry_after: float


class Limiter:
    """A class with one script for all; the answer is a bound method."""

    SCRIPT = """
    local time, limit, window = redis.call('TIME'), tonumber(ARGV[1]), tonumber(ARGV[2])
    local now = time[1] * 1000000 + time[2]
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - window)) do
      redis.call('ZREM', KEYS[1], id)
    end
    local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
    for at = 1, #all, 2 do if all[at] == ARGV[3] then return {1, limit - #all / 2, '0'} end end
    if #all / 2 >= limit then return {0, 0, tostring(all[2] + window - now)} end
    redis.call('ZADD', KEYS[1], now, ARGV[3])
    redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
    return {1, limit - #all / 2 - 1, '0'}
    """

    async def hit(self, redis: Any, user: str, *, limit: int, window: float, request: str) -> Decision:
        script = redis.register_script(self.SCRIPT)
        allowed, left, wait = await script([f"limiter:{{{user}}}"], [limit, int(window * 1e6), request])
        return Decision(bool(allowed), left, float(wait) / 1e6)


async def hit_by_sha(redis: Any, user: str, *, limit: int, window: float, request: str) -> list[Any]:
    """EVALSHA first; on NOSCRIPT, SCRIPT LOAD."""
    sha, call = redis.register_script(Limiter.SCRIPT).sha, (f"l:{user}", limit, round(window * 1e6), request)
    try:
        allowed, left, wait = await redis.evalsha(sha, 1, *call)
    except NoScriptError:
        allowed, left, wait = await redis.evalsha(await redis.script_load(Limiter.SCRIPT), 1, *call)
    return [allowed == 1, left, float(wait) / 1e6]


def invariant_by_windows(run: Any) -> Any:
    """It looks at each window that ends with a request; and yields what it finds."""
    notes = [note for note in run.trace.notes if note.kind in ("admitted", "refused", "unknown")]
    for last in notes:
        kinds = [note.kind for note in notes if -10 < note.t_start - last.t_start <= 0 and note is not last]
        if last.kind == "admitted" and kinds.count("admitted") > 1:
            yield f"{last.who} was the third"
        if last.kind == "refused":
            before = [note.kind for note in notes if last.t_start - 10 < note.t_start < last.t_start]
            if len(before) - before.count("refused") < 2:
                yield f"{last.who} could have been let in"


# -- 04 ---------------------------------------------------------------------------------------------------------------


async def release_in_a_transaction(redis: Any, key: str, token: str) -> bool:
    async def free(pipe: Any) -> bool:
        own: bool = await pipe.get(key) == token
        pipe.multi()
        if own:
            pipe.delete(key)
        return own

    return bool(await redis.transaction(free, key, value_from_callable=True))


async def release_by_redis_py(redis: Any, key: str, token: str) -> bool:
    """The lock of redis-py, which is told whose it is."""
    lock = redis.lock(key)
    lock.local.token = token.encode()
    try:
        await lock.release()
    except LockError:
        return False
    return True


async def acquire_with_a_clock(redis: Any, key: str, token: str, *, ttl: float, wait: float, draw: Any) -> bool:
    """The clock is time.monotonic's, the command's life a timedelta."""
    end = time.monotonic() + wait
    while (pause := 0.01 + 0.08 * draw()) + time.monotonic() <= end:
        try:
            if await redis.get(key) == token or await redis.set(key, token, nx=True, px=timedelta(seconds=ttl)):
                return True
        except RedisError:
            pass
        await asyncio.sleep(pause)
    try:
        return bool(await redis.get(key) == token)
    except RedisError:
        return False


async def redlock_in_a_group(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> float | None:
    """A TaskGroup, and a time limit in each task."""
    clock, said = asyncio.get_running_loop().time, list[Any]()

    async def one(request: Callable[[], Awaitable[Any]]) -> None:
        try:
            async with asyncio.timeout(timeout):
                said.append(await request())
        except (RedisError, TimeoutError):
            said.append(None)

    start = clock()
    async with asyncio.TaskGroup() as group:
        for node in nodes:
            group.create_task(one(lambda node=node: node.set(key, token, nx=True, px=round(ttl * 1000))))
    left = ttl * 0.99 - 0.002 - (clock() - start)
    if said.count(True) > len(nodes) / 2 and left > 0:
        return left
    async with asyncio.TaskGroup() as group:
        for node in nodes:
            group.create_task(one(lambda node=node: node.eval(FREE, 1, key, token)))
    return None


async def redlock_as_completed(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> float | None:
    """as_completed, and tasks that are cancelled and waited for."""
    clock = asyncio.get_running_loop().time
    start, yes = clock(), 0
    requests = [asyncio.create_task(node.set(key, token, nx=True, px=round(ttl * 1000))) for node in nodes]
    try:
        for next_one in asyncio.as_completed(requests, timeout=timeout):
            try:
                yes += bool(await next_one)
            except RedisError:
                continue
    except TimeoutError:
        pass
    for task in requests:
        task.cancel()
    await asyncio.wait(requests)
    left = ttl - (clock() - start) - 0.01 * ttl - 0.002
    if yes >= 3 and left > 0:
        return left
    await asyncio.wait([asyncio.create_task(node.eval(FREE, 1, key, token)) for node in nodes], timeout=timeout)
    return None


async def put_in_a_transaction(redis: Any, key: str, fence: int, value: str) -> bool:
    async def store(pipe: Any) -> bool:
        newest = max(fence, int(await pipe.hget(key, "fence") or 0))
        pipe.multi()
        if newest == fence:
            pipe.hset(key, items=["value", value, "fence", fence])
        return newest == fence

    return bool(await redis.transaction(store, key, value_from_callable=True))


def leases_by_neighbors(trace: Trace) -> str | None:
    """Who has the longest lease so far, against whoever begins next."""
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    holds = [(n.t_start, died.get(n.who, inf) if n.t_end is None else n.t_end, n.who)
             for n in trace.notes if n.kind == "hold"]  # fmt: skip
    for client in {who for *_, who in holds}:
        others = sorted((start, end) for start, end, who in holds if who != client)
        mine = [(start, end) for start, end, who in holds if who == client]
        if any(max(a, c) < min(b, d) for a, b in mine for c, d in others):
            return f"{client} is not alone"
    return None


def decorated(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(function)
    async def wrapper(*args: Any, **options: Any) -> Any:
        return await function(*args, **options)

    return wrapper


SHAPES: dict[str, list[Any]] = {
    "01.1": [slot_bit_by_bit],
    "01.2": [Keys, SimpleNamespace(user=Keys.user, product=Keys.product, visitors=Keys.visitors)],
    "01.3": [count_with_an_object, decorated(SOLUTIONS["01.3"])],
    "01.6": [unconfirmed_by_match],
    "03.1": [count_in_a_pipeline, count_by_timedelta],
    "03.2": [take_under_watch, take_or_nil],
    "03.3": [Limiter().hit, hit_by_sha],
    "03.6": [invariant_by_windows],
    "04.1": [release_in_a_transaction, release_by_redis_py, retrying()(SOLUTIONS["04.1"])],
    "04.2": [acquire_with_a_clock],
    "04.3": [redlock_in_a_group, redlock_as_completed],
    "04.5": [put_in_a_transaction],
    "04.6": [leases_by_neighbors],
}


@pytest.mark.parametrize(("id", "answer"), [(id, answer) for id, answers in SHAPES.items() for answer in answers])
def test_a_right_answer_passes_in_any_shape(id: str, answer: Any) -> None:
    verdict = check(id, answer)
    assert verdict.passed, str(verdict)
