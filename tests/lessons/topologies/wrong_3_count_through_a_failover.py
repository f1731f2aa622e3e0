"""Wrong programs for 01.3, each with one mistake, and the promises that subtle ones break."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import ceil
from typing import Any
from zlib import crc32

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.lessons.topologies.programs import count_once

Step = Callable[[Any, str], Awaitable[Any]]


async def increments(redis: Any, event: str) -> None:
    await redis.incr("visits")


async def marks_then_counts(redis: Any, event: str) -> None:
    if await redis.sadd("visits:seen", event):
        await redis.incr("visits")


async def one_replica(redis: Any, event: str) -> bool:
    return bool(await redis.wait(1, 50) >= 1)


async def both_replicas(redis: Any, event: str) -> bool:
    return bool(await redis.wait(2, 50) >= 2)


async def waits_and_does_not_look(redis: Any, event: str) -> bool:
    await redis.wait(1, 50)
    return True


async def ok_is_enough(redis: Any, event: str) -> bool:
    return True


async def reads_back(redis: Any, event: str) -> bool:
    return bool(await redis.sismember("visits:seen", event))


def counting(
    *, add: Step = count_once, sure: Step = one_replica, errors: Any = RedisError, share: float = 1.0,
    ends: bool = True, rest: float = 0.02, most: float = 0.2, again: bool = True, seconds: Any = float,
    keeps: bool = False, free: int = 0, tries: int = 1_000, last: Any = False,
) -> Any:  # fmt: skip
    """A loop that counts, with one part of it replaced; by default as it should be."""

    async def count(find_primary: Any, event: str, *, patience: float) -> bool:
        clock = asyncio.get_running_loop().time
        deadline, pause, redis, number = clock() + share * seconds(patience), rest, None, 0
        while (clock() < deadline or not ends) and number < tries:
            number += 1
            try:
                redis = redis if redis is not None and not again else await find_primary()
                await add(redis, event)
                if await sure(redis, event):
                    return True
            except errors:
                redis = None if keeps else redis
            if number > free:
                await asyncio.sleep(pause)
            pause = min(2 * pause, most)
        return last

    return count


async def tries_once(find_primary: Any, event: str, *, patience: float) -> bool:
    try:
        redis = await find_primary()
        await count_once(redis, event)
        return bool(await redis.wait(1, 50) >= 1)
    except RedisError:
        return False


async def claims(find_primary: Any, event: str, *, patience: float) -> bool:
    """It swallows the error and says True."""
    for _ in range(5):
        try:
            await count_once(await find_primary(), event)
            break
        except RedisError:
            await asyncio.sleep(0.2)
    return True


WRONG = [
    ("counts-twice", counting(add=increments)),
    ("marks-then-counts", counting(add=marks_then_counts)),
    ("trusts-the-primary", counting(sure=ok_is_enough)),
    ("trusts-the-primary", counting(sure=reads_back)),
    ("trusts-the-primary", claims),
    ("ignores-wait", counting(sure=waits_and_does_not_look)),
    ("lets-errors-out", counting(errors=())),
    ("lets-errors-out", counting(errors=RedisTimeoutError)),
    ("gives-up", tries_once),
    ("gives-up", counting(share=0.1)),
    ("keeps-the-old", counting(again=False)),
    ("asks-too-many", counting(sure=both_replicas)),
    ("never-ends", counting(ends=False)),
    ("never-rests", counting(rest=0.0)),
]


def script(text: str, *keys: str) -> Step:
    """Counts with a script; in the names of its keys, {} is the event."""

    async def add(redis: Any, event: str) -> Any:
        return await redis.eval(text, len(keys), *(key.format(event) for key in keys), event)

    return add


ONCE = "if redis.call('SADD', KEYS[2], ARGV[1]) == 1 then redis.call('INCR', KEYS[1]) end return 1"
CUT = ONCE.replace("ARGV[1]", "ARGV[1]:sub(1, 12)")
TTL = "if redis.call('SET', KEYS[2], 1, 'NX', 'EX', {}) then redis.call('INCR', KEYS[1]) end return 1"


async def counts_then_marks(redis: Any, event: str) -> None:
    if not await redis.sismember("visits:seen", event):
        await redis.incr("visits")
        await redis.sadd("visits:seen", event)


async def reads_and_writes(redis: Any, event: str) -> None:
    if await redis.set(f"visits:{event}", 1, nx=True):
        await redis.set("visits", int(await redis.get("visits") or 0) + 1)


async def in_one_transaction(redis: Any, event: str) -> None:
    """Both in one step, and the second one whatever the first one says."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.sadd("visits:seen", event)
        pipe.incr("visits")
        await pipe.execute()


async def locked(redis: Any, event: str) -> None:
    if await redis.set("visits:lock", event, nx=True, ex=1):
        if await redis.sadd("visits:seen", event):
            await redis.incr("visits")
        await redis.delete("visits:lock")


async def a_set(redis: Any, event: str) -> None:
    await redis.sadd("visits", event)


async def nothing(redis: Any, event: str) -> None:
    pass


async def in_the_transaction(redis: Any, event: str) -> bool:
    """WAIT inside MULTI waits for nobody."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.eval(ONCE, 2, "visits", "visits:seen", event)
        pipe.execute_command("WAIT", 1, 50)
        return bool((await pipe.execute())[-1] >= 1)


async def at_once(redis: Any, event: str) -> bool:
    """On two connections: the second one has written nothing."""
    replies = await asyncio.gather(count_once(redis, event), redis.wait(1, 50))
    return bool(replies[1] >= 1)


async def waits_then_counts(redis: Any, event: str) -> bool:
    if await redis.wait(1, 50) < 1:
        return False
    await count_once(redis, event)
    return True


async def any_number(redis: Any, event: str) -> bool:
    return bool(await redis.wait(1, 50) >= 0)


async def sees_it_there(redis: Any, event: str) -> bool:
    """What was counted by an earlier try, or by another process, is taken for confirmed."""
    there = await redis.sismember("visits:seen", event)
    await count_once(redis, event)
    return bool(there or await redis.wait(1, 50) >= 1)


async def six_trips(redis: Any, event: str) -> bool:
    for _ in range(4):
        await redis.ping()
    return bool(await redis.wait(1, 50) >= 1)


async def ten_commands(redis: Any, event: str) -> bool:
    async with redis.pipeline(transaction=False) as pipe:
        for _ in range(12):
            pipe.get("visits")
        await pipe.execute()
    return await one_replica(redis, event)


async def asks_the_new_one(find_primary: Any, event: str, *, patience: float) -> bool:
    """It counts once, and then asks whoever is the primary whether it is confirmed."""
    counted, deadline = False, asyncio.get_running_loop().time() + patience
    while asyncio.get_running_loop().time() < deadline:
        try:
            redis = await find_primary()
            if not counted:
                await count_once(redis, event)
                counted = True
            if await redis.wait(1, 50) >= 1:
                return True
        except RedisError:
            pass
        await asyncio.sleep(0.05)
    return False


async def asks_twice(find_primary: Any, event: str, *, patience: float) -> Any:
    await asyncio.gather(find_primary(), return_exceptions=True)
    return await counting()(find_primary, event, patience=patience)


async def as_a_number(find_primary: Any, event: str, *, patience: float) -> Any:
    return int(await counting()(find_primary, event, patience=patience))


async def event_as_a_number(find_primary: Any, event: str, **policy: Any) -> Any:
    return await counting()(find_primary, str(crc32(event.encode()) % 1_000), **policy)


async def event_in_small_letters(find_primary: Any, event: str, *, patience: float) -> Any:
    return await counting()(find_primary, event.lower(), patience=patience)


async def raises_at_the_end(find_primary: Any, event: str, *, patience: float) -> bool:
    if await counting()(find_primary, event, patience=patience):
        return True
    raise TimeoutError("not confirmed")


async def event_without_blanks(find_primary: Any, event: str, *, patience: float) -> Any:
    return await counting()(find_primary, event.strip(), patience=patience)


LAST = """
for _, one in ipairs(redis.call('LRANGE', KEYS[2], 0, 19)) do if one == ARGV[1] then return 0 end end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('LTRIM', KEYS[2], 0, 19)
return redis.call('INCR', KEYS[1])
"""
UNDO = "if redis.call('SREM', KEYS[2], ARGV[1]) == 1 then return redis.call('DECR', KEYS[1]) end"


async def undoes(redis: Any, event: str) -> None:
    await redis.eval(UNDO, 2, "visits", "visits:seen", event)


async def undone_at_the_end(find_primary: Any, event: str, *, patience: float) -> Any:
    """It was not confirmed now; another call may have said True."""
    if await counting()(find_primary, event, patience=patience):
        return True
    with suppress(RedisError):
        await undoes(await find_primary(), event)
    return False


async def undone_without_replicas(redis: Any, event: str) -> bool:
    if await one_replica(redis, event):
        return True
    await undoes(redis, event)
    return False


async def in_bursts(find_primary: Any, event: str, *, patience: float) -> bool:
    """It rests, and not often enough."""
    deadline, tries = asyncio.get_running_loop().time() + patience, 0
    while asyncio.get_running_loop().time() < deadline:
        try:
            redis = await find_primary()
            await count_once(redis, event)
            if await one_replica(redis, event):
                return True
        except RedisError:
            pass
        tries += 1
        if tries % 4 == 0:
            await asyncio.sleep(0.05)
    return False


NETWORK = (RedisConnectionError, RedisTimeoutError, ReadOnlyError)

SUBTLE: list[tuple[Any, ...]] = [
    ("keeps its client while WAIT says 0", "confirms", counting(again=False, keeps=True), "keeps-the-old"),
    ("a mark of one second", "once", counting(add=script(TTL.format(1), "visits", "visits:{}"))),
    ("a mark of one minute", "once", counting(add=script(TTL.format(60), "visits", "visits:{}"))),
    ("a mark of half an hour", "once", counting(add=script(TTL.format(1_800), "visits", "visits:{}"))),
    ("a mark of almost an hour", "once", counting(add=script(TTL.format(3_590), "visits", "visits:{}"))),
    ("the last twenty", "once", counting(add=script(LAST, "visits", "visits:last"))),
    ("counts, then marks", "once", counting(add=counts_then_marks), "counts-twice"),
    ("reads, then writes", "kept", counting(add=reads_and_writes)),
    ("a transaction without a condition", "once", counting(add=in_one_transaction), "counts-twice"),
    ("under a lock", "kept", counting(add=locked), "marks-then-counts"),
    ("a set for a number", "names", counting(add=a_set)),
    ("a key of its own", "names", counting(add=script(ONCE, "visits", "seen"))),
    ("a key that begins like it", "names", counting(add=script(ONCE, "visits", "visits-of:{}"))),
    ("a hash tag around it", "names", counting(add=script(ONCE, "visits", "{{visits}}:seen"))),
    ("the first letters of an event", "kept", counting(add=script(CUT, "visits", "visits:seen"))),
    ("a thousand marks", "kept", event_as_a_number),
    ("events in small letters", "kept", event_in_small_letters),
    ("events without blanks around", "kept", event_without_blanks),
    ("undone at the end", "kept", undone_at_the_end),
    ("undone without replicas", "kept", counting(sure=undone_without_replicas)),
    ("four tries without a rest", "rests", in_bursts),
    ("WAIT inside MULTI", "kept", counting(add=nothing, sure=in_the_transaction)),
    ("WAIT on another connection", "kept", counting(add=nothing, sure=at_once)),
    ("WAIT before it counts", "kept", counting(add=nothing, sure=waits_then_counts)),
    ("0 replicas are enough", "kept", counting(sure=any_number), "ignores-wait"),
    ("what is there already is confirmed", "kept", counting(sure=sees_it_there), "trusts-the-primary"),
    ("asks the new primary about the old one's write", "kept", asks_the_new_one),
    ("only errors of the network", "confirms", counting(errors=NETWORK), "lets-errors-out"),
    ("only ResponseError", "confirms", counting(errors=ResponseError), "lets-errors-out"),
    ("whole seconds", "ends", counting(seconds=int), "gives-up"),
    ("whole seconds, rounded up", "ends", counting(seconds=ceil), "never-ends"),
    ("milliseconds", "confirms", counting(share=0.001), "gives-up"),
    ("ten tries", "ends", counting(tries=10, most=0.05), "gives-up"),
    ("a hundred tries", "ends", counting(tries=100, ends=False), "never-ends"),
    ("pauses that grow without end", "ends", counting(most=60.0), "never-ends"),
    ("None at the end", "ends", counting(last=None)),
    ("an error at the end", "ends", raises_at_the_end),
    ("1 for True", "confirms", as_a_number),
    ("no pause in the first hundred tries", "rests", counting(free=100), "never-rests"),
    ("twelve commands more in each try", "rests", counting(sure=ten_commands, rest=0.01, most=0.01)),
    ("asks Sentinel twice", "cost", asks_twice),
    ("six round trips", "cost", counting(sure=six_trips)),
]  # fmt: skip
