"""Wrong programs for 04.5, each with one mistake, named as the check must name it."""

from __future__ import annotations

from typing import Any

from redis.exceptions import RedisError, ResponseError, WatchError

PUT = """
local seen = redis.call('HGET', KEYS[1], 'fence')
if tonumber(ARGV[2]) < tonumber(seen or 0) then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'fence', ARGV[2])
return 1
"""


def scripted(script: str) -> Any:
    """The store by that script."""

    async def put(redis: Any, key: str, fence: int, value: str) -> Any:
        return await redis.eval(script, 1, key, value, fence)

    return put


async def takes_everything(redis: Any, key: str, fence: int, value: str) -> bool:
    await redis.hset(key, mapping={"value": value, "fence": fence})
    return True


async def looks_then_writes(redis: Any, key: str, fence: int, value: str) -> bool:
    if fence < int(await redis.hget(key, "fence") or 0):
        return False
    await redis.hset(key, mapping={"value": value, "fence": fence})
    return True


async def splits_the_write(redis: Any, key: str, fence: int, value: str) -> bool:
    """The fence is compared and stored in one step, and the value in another."""
    script = PUT.replace("'value', ARGV[1], ", "")
    if not await redis.eval(script, 1, key, value, fence):
        return False
    await redis.hset(key, "value", value)
    return True


async def watches_in_vain(redis: Any, key: str, fence: int, value: str) -> bool:
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch(key)
        if fence < int(await pipe.hget(key, "fence") or 0):
            return False
        await pipe.hset(key, mapping={"value": value, "fence": fence})
    return True


async def gives_up_on_watch(redis: Any, key: str, fence: int, value: str) -> bool:
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch(key)
        if fence < int(await pipe.hget(key, "fence") or 0):
            return False
        pipe.multi()
        pipe.hset(key, mapping={"value": value, "fence": fence})
        await pipe.execute()
    return True


async def refuses_the_first(redis: Any, key: str, fence: int, value: str) -> bool:
    return bool(await redis.eval(PUT.replace("seen or 0", "seen or 1e308"), 1, key, value, fence))


ONE_FENCE = """
if tonumber(ARGV[2]) < tonumber(redis.call('GET', 'fence') or 0) then return 0 end
redis.call('SET', 'fence', ARGV[2])
redis.call('HSET', KEYS[1], 'value', ARGV[1])
return 1
"""
WITH_TTL = PUT.replace("return 1", "redis.call('EXPIRE', KEYS[1], 600)\nreturn 1")
FENCE_WITH_TTL = """
if tonumber(ARGV[2]) < tonumber(redis.call('GET', KEYS[1] .. ':fence') or 0) then return 0 end
redis.call('SET', KEYS[1] .. ':fence', ARGV[2], 'EX', 600)
redis.call('HSET', KEYS[1], 'value', ARGV[1])
return 1
"""

WRONG = [
    ("takes-everything", takes_everything),
    ("looks-then-writes", looks_then_writes),
    ("looks-then-writes", splits_the_write),
    ("watches-in-vain", watches_in_vain),
    ("gives-up-on-watch", gives_up_on_watch),
    ("compares-text", scripted(PUT.replace("tonumber(ARGV[2]) < tonumber(seen or 0)", "ARGV[2] < (seen or '')"))),
    ("refuses-the-first", refuses_the_first),
    ("refuses-its-own", scripted(PUT.replace("<", "<=").replace("seen or 0", "seen or -1"))),
    ("keeps-what-it-refused", scripted("redis.call('HSET', KEYS[1], 'value', ARGV[1])" + PUT)),
    ("forgets-the-fence", scripted(WITH_TTL)),
    ("forgets-the-fence", scripted(FENCE_WITH_TTL)),
    ("one-fence-for-all", scripted(ONE_FENCE)),
    ("fence-elsewhere", scripted(FENCE_WITH_TTL.replace(", 'EX', 600", ""))),
]


# -- each breaks one sentence of the contract -------------------------------------------------------------------------


def swallows(error: type[Exception], again: bool = False) -> Any:
    """It says False, or it writes once more."""

    async def put(redis: Any, key: str, fence: int, value: str) -> bool:
        try:
            return bool(await redis.eval(PUT, 1, key, value, fence))
        except error:
            return again and bool(await redis.eval(PUT, 1, key, value, fence))

    return put


def tries(number: int) -> Any:
    """WATCH, so often; then False."""

    async def put(redis: Any, key: str, fence: int, value: str) -> bool:
        async with redis.pipeline() as pipe:
            for _ in range(number):
                try:
                    await pipe.watch(key)
                    if fence < int(await pipe.hget(key, "fence") or 0):
                        return False
                    pipe.multi()
                    pipe.hset(key, mapping={"value": value, "fence": fence})
                    await pipe.execute()
                    return True
                except WatchError:
                    continue
        return False

    return put


async def the_fence_last(redis: Any, key: str, fence: int, value: str) -> bool:
    if not await redis.eval(PUT.replace(", 'fence', ARGV[2])", ")"), 1, key, value, fence):
        return False
    await redis.hset(key, "fence", fence)
    return True


async def skips_the_empty(redis: Any, key: str, fence: int, value: str) -> bool:
    return not value or bool(await redis.eval(PUT, 1, key, value, fence))


async def asks_five_times(redis: Any, key: str, fence: int, value: str) -> bool:
    for _ in range(4):
        await redis.hget(key, "fence")
    return bool(await redis.eval(PUT, 1, key, value, fence))


WROTE: dict[str, tuple[int, str]] = {}


async def remembers_what_it_wrote(redis: Any, key: str, fence: int, value: str) -> bool:
    if WROTE.get(key) != (fence, value) and not await redis.eval(PUT, 1, key, value, fence):
        return False
    WROTE[key] = fence, value
    return True


def refusing(deed: str) -> Any:
    """The store that does something as it refuses."""
    return scripted(PUT.replace("then return 0 end", f"then redis.call({deed}) return 0 end"))


HSET = "redis.call('HSET', KEYS[1], 'value', ARGV[1], 'fence', ARGV[2])"
SUBTLE = [
    ("skips the empty", "takes", skips_the_empty),
    ("tries once", "takes", tries(1)),
    ("tries thrice", "takes", tries(3)),
    ("tries a hundred times", "takes", tries(100)),
    ("returns how many fields", "takes", scripted(PUT.replace("return 1", "return redis.call('HLEN', KEYS[1])"))),
    ("counts new fields", "takes", scripted(PUT.replace(f"{HSET}\nreturn 1", f"return {HSET}"))),
    ("for a day", "refuses", scripted(WITH_TTL.replace("600", "86400")), "forgets-the-fence"),
    ("for two years", "refuses", scripted(WITH_TTL.replace("600", "63072000")), "forgets-the-fence"),
    (
        "the same value",
        "refuses",
        scripted("if redis.call('HGET', KEYS[1], 'value') == ARGV[1] then return 1 end" + PUT),
    ),
    ("remembers what it wrote", "refuses", remembers_what_it_wrote),
    ("keeps the refused fence", "refuses", refusing("'HSET', KEYS[1], 'fence', ARGV[2]")),
    ("counts refusals", "refuses", refusing("'HINCRBY', KEYS[1], 'n', 1")),
    ("the fence last", "in-order", the_fence_last, "looks-then-writes"),
    ("swallows errors", "in-order", swallows(RedisError)),
    ("swallows errors of the server", "in-order", swallows(ResponseError)),
    ("writes once more", "in-order", swallows(RedisError, again=True)),
    ("asks five times", "cost", asks_five_times),
]
