"""Wrong programs for 07.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError, WatchError

OVER, TTL = "not finish or tonumber(finish) <= now", "math.min(idle_ms, finish - now)"
STORE = "if #ARGV > 1 then redis.call('HSET', KEYS[1], unpack(ARGV, 2)) end"
RENEW = "redis.call('PEXPIRE', KEYS[1], life)"
CLOCK = "time[1] * 1000 + math.floor(time[2] / 1000)"


def without_end(held: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in held.items() if name != "end"}


def pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def with_the_blanks(
    over: str = OVER, life: str = TTL, write: str = f"{STORE}\n{RENEW}", *, clock: str = CLOCK, before: str = "",
    reply: str = "redis.call('HGETALL', KEYS[1])", told: Any = lambda held: without_end(pairs(held)),
    words: Any = lambda changes: changes, key: Any = lambda id: f"app:session:{id}", gone: Any = None,
    ms: Any = lambda idle: round(idle * 1000),
) -> Any:  # fmt: skip
    """The answer with these in its blanks, and with one more thing done otherwise; by default as it should be."""
    script = f"""
    local finish, time = redis.call('HGET', KEYS[1], 'end'), redis.call('TIME')
    local now, idle_ms = {clock}, tonumber(ARGV[1])
    if {over} then return false end
    {before}
    local life = {life}
    {write}
    return {reply}"""

    async def use(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
        flat = [word for change in words(changes).items() for word in change]
        held = await redis.eval(script, 1, key(id), ms(idle), *flat)
        return gone if held is None else told(held)

    return use


async def looks_then_writes(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    key = f"app:session:{id}"
    held, (seconds, micros) = await redis.hgetall(key), await redis.time()
    now = seconds * 1000 + micros // 1000
    if not held or int(held["end"]) <= now:
        return None
    async with redis.pipeline() as pipe:
        if changes:
            pipe.hset(key, mapping=changes)
        pipe.pexpire(key, min(round(idle * 1000), int(held["end"]) - now))
        await pipe.execute()
    return without_end(held | changes)


WRONG = [
    ("no-changes", with_the_blanks(write=f"redis.call('HSET', KEYS[1], unpack(ARGV, 2))\n{RENEW}")),
    ("brings-back", with_the_blanks("finish and tonumber(finish) <= now", f"finish and {TTL} or idle_ms")),
    ("past-its-end", with_the_blanks("not finish", "math.min(idle_ms, math.max(finish - now, idle_ms))")),
    ("past-its-end", with_the_blanks("not finish", "math.max(1000, math.min(idle_ms, finish - now))")),
    ("slides-forever", with_the_blanks(life="idle_ms")),
    ("never-slides", with_the_blanks(life="finish - now")),
    ("does-not-renew", with_the_blanks(write=f"if #ARGV > 1 then {STORE[18:-4]} {RENEW} end")),
    ("wrong-unit", with_the_blanks(write=f"{STORE}\nredis.call('EXPIRE', KEYS[1], life)")),
    ("looks-then-writes", looks_then_writes),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def by_its_own_clock(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    now = datetime.now(UTC).timestamp() * 1000
    return await with_the_blanks(clock=str(round(now)))(redis, id, changes, idle=idle)


async def rewrites_it(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    """It writes back what it has read, so that it undoes what others have stored meanwhile."""
    held = await with_the_blanks()(redis, id, {}, idle=idle)
    return None if held is None else await with_the_blanks()(redis, id, held | changes, idle=idle)


def tries(times: int) -> Any:
    """With WATCH, and so many tries."""

    async def use(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
        key = f"app:session:{id}"
        for _ in range(times):
            async with redis.pipeline() as pipe:
                with suppress(WatchError):
                    await pipe.watch(key)
                    held, (seconds, micros) = await pipe.hgetall(key), await pipe.time()
                    now = seconds * 1000 + micros // 1000
                    if not held or int(held["end"]) <= now:
                        return None
                    pipe.multi()
                    if changes:
                        pipe.hset(key, mapping=changes)
                    pipe.pexpireat(key, min(now + round(idle * 1000), int(held["end"])))
                    await pipe.execute()
                    return without_end(held | changes)
        return None

    return use


async def says_none(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    try:
        return await with_the_blanks()(redis, id, changes, idle=idle)
    except RedisError:
        return None


async def twice_and_none(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    for _ in range(2):
        with suppress(RedisError):
            return await with_the_blanks()(redis, id, changes, idle=idle)
    return None


async def in_two_scripts(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    """Each of the two is one step, and a log-out comes in between."""
    if await with_the_blanks()(redis, id, {}, idle=idle) is None:
        return None
    if changes:
        await redis.hset(f"app:session:{id}", mapping=changes)
    return await with_the_blanks()(redis, id, {}, idle=idle)


CACHE: dict[str, Any] = {}


async def remembers_for_a_while(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    """What has not changed need not be asked for: says who has not heard of a log-out."""
    if not changes and id in CACHE:
        return dict(CACHE[id])
    held = await with_the_blanks()(redis, id, changes, idle=idle)
    if held is not None:
        CACHE[id] = held
    return held


NONE = set[str]()


async def remembers_who_had_none(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    held = None if id in NONE else await with_the_blanks()(redis, id, changes, idle=idle)
    if held is None:
        NONE.add(id)
    return held


async def unless_nothing_is_new(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    """What is stored already is not stored again, and the session is not renewed."""
    held, (seconds, micros) = await redis.hgetall(f"app:session:{id}"), await redis.time()
    there = int(held.get("end", 0)) > seconds * 1000 + micros // 1000
    if there and changes and changes.items() <= held.items():
        return without_end(held)
    return await with_the_blanks()(redis, id, changes, idle=idle)


async def reads_before(redis: Any, id: str, changes: dict[str, str], *, idle: float) -> Any:
    """It returns what it has read before, and its changes: nothing of what others store in between."""
    held = await redis.hgetall(f"app:session:{id}")
    if await with_the_blanks()(redis, id, changes, idle=idle) is None:
        return None
    return without_end(held | changes)


SUBTLE = [
    ("with its end", "fields", with_the_blanks(told=pairs)),
    ("as it was before", "fields", with_the_blanks(before="local held = redis.call('HGETALL', KEYS[1])", reply="held")),
    ("a list", "fields", with_the_blanks(told=lambda held: [held])),
    ("only the changes", "fields", with_the_blanks(reply="{unpack(ARGV, 2)}")),
    ("nothing empty", "fields", with_the_blanks(words=lambda new: {name: text for name, text in new.items() if text})),
    ("no ends", "fields", with_the_blanks(told=lambda held: {n: t for n, t in pairs(held).items() if "end" not in n})),
    ("ten changes at most", "fields", with_the_blanks(words=lambda new: dict(list(new.items())[:10]))),
    ("only new fields", "fields", with_the_blanks(
        write=f"for at = 2, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1]) end {RENEW}")),
    ("clears it", "fields", with_the_blanks(
        write=f"redis.call('DEL', KEYS[1]) redis.call('HSET', KEYS[1], 'end', finish) {STORE} {RENEW}")),
    ("counts the uses", "fields", with_the_blanks(write=f"redis.call('HINCRBY', KEYS[1], 'uses', 1) {STORE} {RENEW}")),
    ("counts beside it", "fields", with_the_blanks(write=f"redis.call('INCR', KEYS[1] .. ':uses') {STORE} {RENEW}")),
    ("no prefix", "fields", with_the_blanks(key=str)),
    ("None for an empty one", "fields", with_the_blanks(told=lambda held: without_end(pairs(held)) or None)),
    ("remembers who had none", "fields", remembers_who_had_none),
    ("until its last millisecond", "over", with_the_blanks("not finish or tonumber(finish) < now")),
    ("an empty dict", "over", with_the_blanks(gone={})),
    ("False", "over", with_the_blanks(gone=False)),
    ("in seconds", "fields", with_the_blanks(
        "not finish or tonumber(finish) / 1000 <= now", "math.max(1, finish - now)")),
    ("a minute more", "over", with_the_blanks(
        "not finish or tonumber(finish) + 60000 <= now", f"math.max(1, {TTL})"), "past-its-end"),
    ("its own clock", "over", by_its_own_clock),
    ("only when it is late", "life", with_the_blanks(
        write=f"{STORE} if redis.call('PTTL', KEYS[1]) < idle_ms / 2 then {RENEW} end")),
    ("only longer", "life", with_the_blanks(write=f"{STORE} redis.call('PEXPIRE', KEYS[1], life, 'GT')")),
    ("only shorter", "life", with_the_blanks(write=f"{STORE} redis.call('PEXPIRE', KEYS[1], life, 'LT')")),
    ("a thousandth", "life", with_the_blanks(life="math.ceil(math.min(idle_ms, finish - now) / 1000)")),
    ("a thousand times", "life", with_the_blanks(ms=lambda idle: round(idle * 1_000_000)), "never-slides"),
    ("whole seconds", "life", with_the_blanks(ms=lambda idle: max(1, int(idle)) * 1000)),
    ("rounded up", "life", with_the_blanks(write=f"{STORE} redis.call('EXPIRE', KEYS[1], math.ceil(life / 1000))")),
    ("the larger", "life", with_the_blanks(life="math.max(idle_ms, finish - now)")),
    ("an hour at least", "life", with_the_blanks(life="math.max(3600000, math.min(idle_ms, finish - now))")),
    ("moves its end", "fields", with_the_blanks(
        before="redis.call('HSET', KEYS[1], 'end', string.format('%.0f', math.max(finish, now + idle_ms)))")),
    ("writes back what it read", "race", rewrites_it),
    ("one try", "race", tries(1)),
    ("three tries", "race", tries(3)),
    ("ten tries", "race", tries(10)),
    ("reads before", "race", reads_before),
    ("unless nothing is new", "life", unless_nothing_is_new),
    ("compares texts", "fields", with_the_blanks("not finish or finish <= string.format('%.0f', now)")),
    ("as numbers", "fields", with_the_blanks(
        write="for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], tonumber(ARGV[at + 1]) or ARGV[at + 1])"
              f" end {RENEW}")),
    ("in two scripts", "race", in_two_scripts),
    ("remembers for a while", "over", remembers_for_a_while),
    ("says None", "errors", says_none),
    ("tries again, and says None", "errors", twice_and_none),
]  # fmt: skip
