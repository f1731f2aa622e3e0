"""Other right answers: nothing but the contract is common to them. Each must pass as the solutions do."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable
from datetime import timedelta
from fractions import Fraction
from functools import partial
from itertools import combinations, pairwise
from typing import Any

from grading.programs import module
from redis.exceptions import WatchError

from course_lib.patterns import lock_and_wait
from course_lib.sim import OneFault
from course_lib.trace import Trace

with_the_blank: Any = module("05.1").with_the_blank
with_the_blanks: Any = module("05.2").with_the_blanks
recipe: Any = module("05.3").recipe
FREE: str = module("05.3").FREE

# -- 05.1: other ways to take a lock ----------------------------------------------------------------------------------

TAKE = "return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0"


async def by_script(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.eval(TAKE, 1, lock, token, round(lock_ttl * 1000))


async def in_a_transaction(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """PEXPIRE NX gives a life only to a key that has none, so a loser does not lengthen the winner's."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.setnx(lock, token)
        pipe.pexpire(lock, round(lock_ttl * 1000), nx=True)
        taken, _ = await pipe.execute()
    return taken


async def optimistically(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """WATCH: the transaction fails if anybody else touched the lock meanwhile."""
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch(lock)
        if await pipe.get(lock) is not None:
            return False
        pipe.multi()
        pipe.psetex(lock, round(lock_ttl * 1000), token)
        try:
            await pipe.execute()
        except WatchError:
            return False
    return True


async def by_its_own_token(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """Whoever finds its token in the lock holds it, whatever the reply to SET said."""
    await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
    return await redis.get(lock) == token


async def by_setnx_in_a_script(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    script = redis.register_script(
        "if redis.call('SETNX', KEYS[1], ARGV[1]) == 1 then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
    )
    return await script(keys=[lock], args=[token, math.ceil(lock_ttl * 1000)])


async def by_timedelta(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.set(lock, token, px=timedelta(milliseconds=round(lock_ttl * 1000)), nx=True) is not None


async def by_command(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return await redis.execute_command("set", lock, token, "px", round(lock_ttl * 1000), "nx")


async def by_what_was_there(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    """SET … NX GET answers what holds the lock: nothing, if it is ours now."""
    return await redis.set(lock, token, nx=True, get=True, px=round(lock_ttl * 1000)) is None


async def looks_first(redis: Any, lock: str, token: str, lock_ttl: float) -> Any:
    return not await redis.exists(lock) and await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))


# -- 05.2: other ways to store δ and to draw --------------------------------------------------------------------------


async def as_json(redis: Any, key: str, load: Any, *, ttl: float, beta: float, draw: Any) -> Any:
    """One string, with its own expiry inside, and the other logarithm: of u, kept away from 0."""
    now = asyncio.get_running_loop().time
    text = await redis.get(key)
    if text is not None:
        kept = json.loads(text)
        if now() + kept["delta"] * beta * -math.log(max(draw(), 1e-300)) < kept["expiry"]:
            return kept["value"]
    start = now()
    value = await load()
    kept = {"value": value, "delta": now() - start, "expiry": now() + ttl}
    await redis.set(key, json.dumps(kept), px=round(ttl * 1000))
    return value


STORE = """
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'delta', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""
LOOK = (
    "return {redis.call('HGET', KEYS[1], 'value'), redis.call('HGET', KEYS[1], 'delta'), redis.call('PTTL', KEYS[1])}"
)


async def by_a_script(redis: Any, key: str, load: Any, *, ttl: float, beta: float, draw: Any) -> Any:
    """One script looks and another stores."""
    value, delta, left_ms = await redis.eval(LOOK, 1, key)
    if value is not None and left_ms / 1000 > float(delta) * beta * -math.log(1 - draw()):
        return value
    loop = asyncio.get_running_loop()
    start = loop.time()
    value = await load()
    await redis.eval(STORE, 1, key, value, loop.time() - start, math.ceil(ttl * 1000))
    return value


# -- 05.3: other ways to wait and to free -----------------------------------------------------------------------------

LOOK_OR_TAKE = """
local stored = redis.call('GET', KEYS[1])
if stored then return {stored, 0} end
local taken = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
return {false, taken and 1 or 0}
"""


async def one_script(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    """It looks and takes in one script, so there is no moment between in which to be late."""
    lock = f"{{{key}}}:lock"
    while True:
        stored, taken = await redis.eval(LOOK_OR_TAKE, 2, key, lock, token, round(lock_ttl * 1000))
        if stored is not None:
            return json.loads(stored)
        if taken:
            try:
                value = await load()
                await redis.set(key, json.dumps(value), px=round(ttl * 1000))
                return value
            finally:
                await redis.eval(FREE, 1, lock, token)
        await asyncio.sleep(0.01)


async def looks_again_and_loads(redis: Any, key: str, lock: str, load: Any, *, ttl: float, token: str) -> Any:
    """What whoever holds the lock does, and frees it."""
    try:
        if (stored := await redis.get(key)) is not None:
            return json.loads(stored)
        value = await load()
        await redis.set(key, json.dumps(value), px=round(ttl * 1000))
        return value
    finally:
        await redis.eval(FREE, 1, lock, token)


async def woken_by_pubsub(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    """Waiters listen rather than poll; as a message may be lost, they look again after 50 ms all the same."""
    lock, channel = f"lock:{key}", f"done:{key}"
    while True:
        if (stored := await redis.get(key)) is not None:
            return json.loads(stored)
        if await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000)):
            try:
                return await looks_again_and_loads(redis, key, lock, load, ttl=ttl, token=token)
            finally:
                await redis.publish(channel, "go on")
        async with redis.pubsub() as listener:
            await listener.subscribe(channel)
            await listener.get_message(ignore_subscribe_messages=False, timeout=0.05)
            await listener.get_message(ignore_subscribe_messages=True, timeout=0.03)


async def frees_by_watch(redis: Any, lock: str, token: str) -> None:
    """The release without Lua: DEL in a transaction that fails if the lock changed since we looked."""
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch(lock)
        if await pipe.get(lock) == token:
            pipe.multi()
            pipe.delete(lock)
            try:
                await pipe.execute()
            except WatchError:
                pass


async def backing_off(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    """It polls ever more slowly, up to every 40 ms, and tries for the lock only when the lock may be free."""
    lock, pause = f"lock:{key}", 0.005
    while True:
        if (stored := await redis.get(key)) is not None:
            return json.loads(stored)
        if await redis.exists(lock) == 0 and await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000)):
            return await looks_again_and_loads(redis, key, lock, load, ttl=ttl, token=token)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.04)


async def the_courses_own(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    return await lock_and_wait(
        redis, key, load, ttl=ttl, lock_ttl=lock_ttl, wait=86_400, poll=0.003, absent_ttl=ttl, token=lambda: token
    )


# -- 05.5: other ways to find an overlap ------------------------------------------------------------------------------


def by_pairs(trace: Trace) -> str | None:
    paused = {note.who for note in trace.notes if note.kind == "pause"}
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    spans = []
    for note in trace.notes:
        if note.kind == "load" and note.who not in paused:
            end = note.t_end if note.t_end is not None else died.get(note.who, math.inf)
            spans.append((note.t_start, end, note.who))
    for (start, end, who), (begin, until, other) in combinations(spans, 2):
        if max(start, begin) < min(end, until):
            return f"{who} and {other}"
    return None


def by_counting(trace: Trace) -> str | None:
    """A sweep: +1 where a load begins, −1 where it ends, ends first."""
    excused = {note.who for note in trace.notes if note.kind == "pause"}
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    steps = []
    for note in trace.notes:
        if note.kind == "load" and note.who not in excused:
            end = note.t_end if note.t_end is not None else died.get(note.who, math.inf)
            steps += [(note.t_start, 1, note.who), (end, -1, note.who)]
    running: list[str] = []
    for t, step, who in sorted(steps, key=lambda entry: entry[:2]):
        if step < 0:
            running.remove(who)
        elif running:
            return f"at {t} s, {who} loads, and so does {running[0]}"
        else:
            running.append(who)
    return None


def by_removing(trace: Trace) -> str | None:
    """Whoever is left of the loads that begin before this one ends, and end after it began."""
    kinds = {kind: [note for note in trace.notes if note.kind == kind] for kind in ("load", "crash", "pause")}
    excused = [note.who for note in kinds["pause"]]

    def end(note: Any) -> float:
        return min([c.t_start for c in kinds["crash"] if c.who == note.who], default=math.inf)

    for note in kinds["load"]:
        until = end(note) if note.t_end is None else note.t_end
        for other in kinds["load"]:
            begun = note.t_start <= other.t_start < until
            if begun and other is not note and not {note.who, other.who} & set(excused):
                return f"{other.who} began to load at {other.t_start * 1000:.0f} ms, and {note.who} had not ended"
    return None


def by_neighbors(trace: Trace) -> str | None:
    """If any two loads overlap, then some load overlaps the next one, by their beginnings."""
    paused = {note.who for note in trace.notes if note.kind == "pause"}
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    found = sorted(
        (note.t_start, died.get(note.who, math.inf) if note.t_end is None else note.t_end, note.who)
        for note in trace.notes if note.kind == "load" and note.who not in paused
    )  # fmt: skip
    return next((f"{one[2]} and {other[2]}" for one, other in pairwise(found) if other[0] < one[1]), None)


class Violated:
    """An object that keeps what it has seen while it reads one trace."""

    def __call__(self, trace: Trace) -> str | None:
        paused = [note.who for note in trace.notes if note.kind == "pause"]
        found = [span for span in trace.spans("load") if span.who not in paused]
        longest = None
        for span in found:
            if longest is not None and span.start < longest.end:
                return f"{longest.who}, {span.who}"
            if longest is None or span.end > longest.end:
                longest = span
        return None


class Called:
    """An answer need not be a function: an object that is called like one will do."""

    async def __call__(self, redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
        return await one_script(redis, key, load, ttl=ttl, lock_ttl=lock_ttl, token=token)


def passed_on(redis: Any, key: str, load: Any, **policy: Any) -> Awaitable[Any]:
    """Nor need it be async itself, if what it returns can be awaited."""
    return one_script(redis, key, load, **policy)


async def of_a_hash(redis: Any, key: str, ttl: float) -> Any:
    return await redis.hgetall(key)


async def in_a_hash(redis: Any, key: str, packed: tuple[str | None], ms: int) -> None:
    (row,) = packed
    async with redis.pipeline() as pipe:
        pipe.hset(key, mapping={"is": 1, "row": row} if row is not None else {"is": 0})
        pipe.pexpire(key, ms)
        await pipe.execute()


def unhashed(read: dict[str, str]) -> str | None:
    return read.get("row")


async def by_psetex(redis: Any, key: str, packed: str, ms: int) -> None:
    await redis.psetex(key, ms, packed)


RIGHT: dict[str, dict[str, Any]] = {
    "05.1": {
        "script": with_the_blank(by_script),
        "transaction": with_the_blank(in_a_transaction),
        "watch": with_the_blank(optimistically),
        "own token": with_the_blank(by_its_own_token),
        "SETNX in a script": with_the_blank(by_setnx_in_a_script),
        "timedelta": with_the_blank(by_timedelta),
        "command": with_the_blank(by_command),
        "what was there": with_the_blank(by_what_was_there),
        "looks first": with_the_blank(looks_first),
    },
    "05.2": {
        "JSON": as_json,
        "ceil": with_the_blanks(left=lambda left_ms: math.ceil(left_ms) / 1e3),
        "of u": with_the_blanks(early=lambda delta, beta, u: -delta * beta * math.log(u or 1e-300)),
        "in milliseconds": with_the_blanks(
            left=lambda ms: ms, early=lambda delta, beta, u: -1e3 * delta * beta * math.log1p(-u)
        ),
        "exponential": with_the_blanks(early=lambda delta, beta, u: math.log(1 / (1 - u)) * beta * delta),
        "by its chance": with_the_blanks(
            early=lambda delta, beta, u: math.inf if beta == math.inf else delta * beta * -math.log(1.0 - u)
        ),
        "fractions": with_the_blanks(left=lambda ms: float(Fraction(ms, 1000))),
        "rounded to µs": with_the_blanks(measured=lambda start, end: round(end - start, 6)),
        "nobody if β is 0": with_the_blanks(early=lambda d, beta, u: -d * beta * math.log(1 - u) if beta else -1.0),
        "by a script": by_a_script,
    },
    "05.3": {
        "as taught": recipe(),
        "rounded up": recipe(life=lambda ttl, value: math.ceil(ttl * 1000), lock_life=lambda t: math.ceil(t * 1000)),
        "every 50 ms": recipe(poll=0.05),
        "very often": recipe(poll=0.001),
        "a tagged name": recipe(name=lambda key: f"{{{key}}}/busy"),
        "JSON": recipe(pack=json.dumps, unpack=json.loads),
        "a hash": recipe(
            read=of_a_hash, store=in_a_hash, pack=lambda value: (value,), miss=lambda read: not read, unpack=unhashed
        ),
        "a longer token": recipe(held=lambda token: f"held by {token}"),
        "PSETEX": recipe(store=by_psetex),
        "a sign where it is needed": recipe(
            pack=lambda value: (
                "none" if value is None else "=" + value if value[:1] == "=" or value == "none" else value
            ),
            unpack=lambda stored: None if stored == "none" else stored.removeprefix("="),
        ),
        "one script": one_script,
        "Pub/Sub": woken_by_pubsub,
        "WATCH": recipe(free=frees_by_watch),
        "back off": backing_off,
        "the course's own": the_courses_own,
        "callable": Called(),
        "not async itself": passed_on,
        "partial": partial(one_script),
    },
    "05.4": {
        "a little longer": OneFault("pause", at=3, seconds=0.11, client="c2"),
        "counted among all": OneFault("pause", at=21, seconds=0.1),
    },
    "05.5": {
        "pairs": by_pairs,
        "a sweep": by_counting,
        "each with each": by_removing,
        "neighbors": by_neighbors,
        "the longest": Violated(),
    },
}
