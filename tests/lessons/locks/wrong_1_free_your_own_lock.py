"""Wrong programs for 04.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, RedisError, ResponseError, WatchError

FREE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


async def right(redis: Any, key: str, token: str) -> bool:
    return bool(await redis.eval(FREE, 1, key, token))


async def deletes_any(redis: Any, key: str, token: str) -> bool:
    return bool(await redis.delete(key))


async def deletes_any_by_script(redis: Any, key: str, token: str) -> bool:
    return bool(await redis.eval("return redis.call('DEL', KEYS[1])", 1, key, token))


async def deletes_what_it_had(redis: Any, key: str, token: str) -> bool:
    """It looks, and tells by that; and deletes whatever is there."""
    own = await redis.get(key) == token
    await redis.unlink(key)
    return bool(own)


async def looks_then_deletes(redis: Any, key: str, token: str) -> bool:
    if await redis.get(key) == token:
        return bool(await redis.delete(key))
    return False


async def looks_then_unlinks(redis: Any, key: str, token: str) -> bool:
    return await redis.get(key) == token and bool(await redis.unlink(key))


async def watches_in_vain(redis: Any, key: str, token: str) -> bool:
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch(key)
        if await pipe.get(key) != token:
            return False
        return bool(await pipe.delete(key))


async def compares_bytes(redis: Any, key: str, token: str) -> bool:
    if await redis.get(key) == token.encode():
        return bool(await redis.eval(FREE, 1, key, token))
    return False


async def the_wrong_way_round(redis: Any, key: str, token: str) -> bool:
    return bool(await redis.eval(FREE.replace("==", "~="), 1, key, token))


async def claims_success(redis: Any, key: str, token: str) -> bool:
    await right(redis, key, token)
    return True


async def says_nothing(redis: Any, key: str, token: str) -> None:
    await right(redis, key, token)


WRONG = [
    ("deletes-any", deletes_any),
    ("deletes-any", deletes_any_by_script),
    ("deletes-any", deletes_what_it_had),
    ("looks-then-deletes", looks_then_deletes),
    ("looks-then-deletes", looks_then_unlinks),
    ("watches-in-vain", watches_in_vain),
    ("keeps-its-own", compares_bytes),
    ("keeps-its-own", the_wrong_way_round),
    ("claims-success", claims_success),
    ("says-nothing", says_nothing),
]


# -- each breaks one sentence of the contract -------------------------------------------------------------------------


def if_own(own: str, *, do: str = "return redis.call('DEL', KEYS[1])", otherwise: str = "return 0") -> Any:
    """A script that does this where the lock's value `v` is its own, and that where it is not."""
    script = f"local v = redis.call('GET', KEYS[1]) or '' if {own} then {do} end {otherwise}"

    async def release(redis: Any, key: str, token: str) -> bool:
        return bool(await redis.eval(script, 1, key, token) == 1)

    return release


def swallows(*errors: type[Exception], again: bool = False) -> Any:
    """Without the lock, it says, or it tries again."""

    async def release(redis: Any, key: str, token: str) -> bool:
        while True:
            try:
                return await right(redis, key, token)
            except errors:
                if not again:
                    return False
            await asyncio.sleep(0.01)

    return release


async def another_key(redis: Any, key: str, token: str) -> bool:
    return await right(redis, "job", token)


async def strips_its_token(redis: Any, key: str, token: str) -> bool:
    return await right(redis, key, token.strip())


async def says_true_after_a_conflict(redis: Any, key: str, token: str) -> bool:
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        if await pipe.get(key) != token:
            return False
        pipe.multi()
        pipe.delete(key)
        try:
            await pipe.execute()
        except WatchError:
            pass
        return True


async def watches_after_the_look(redis: Any, key: str, token: str) -> bool:
    if await redis.get(key) != token:
        return False
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        pipe.multi()
        pipe.delete(key)
        return bool((await pipe.execute())[0])


async def returns_the_look(redis: Any, key: str, token: str) -> bool:
    own = await redis.get(key) == token
    await right(redis, key, token)
    return bool(own)


async def says_whether_it_is_gone(redis: Any, key: str, token: str) -> bool:
    await right(redis, key, token)
    return not await redis.exists(key)


OWN = "v == ARGV[1]"
SUBTLE = [
    ("another key", "frees", another_key, "keeps-its-own"),
    ("a prefix", "frees", if_own("string.sub(v, 1, #ARGV[1]) == ARGV[1]")),
    ("any case", "frees", if_own("string.lower(v) == string.lower(ARGV[1])")),
    ("as numbers", "frees", if_own(f"{OWN} or tonumber(v) and tonumber(v) == tonumber(ARGV[1])")),
    ("without blanks", "frees", if_own("string.gsub(v, ' ', '') == ARGV[1]"), "keeps-its-own"),
    ("strips its token", "frees", strips_its_token, "keeps-its-own"),
    ("while there is time", "frees", if_own(f"{OWN} and redis.call('PTTL', KEYS[1]) > 99"), "keeps-its-own"),
    ("in a moment", "frees", if_own(OWN, do="return redis.call('PEXPIRE', KEYS[1], 5)"), "keeps-its-own"),
    ("takes another's time", "frees", if_own(OWN, otherwise="redis.call('PEXPIRE', KEYS[1], 100, 'LT') return 0")),
    ("watches after the look", "spares", watches_after_the_look),
    ("swallows all errors", "tells", swallows(RedisError)),
    ("swallows errors of connections", "tells", swallows(RedisConnectionError)),
    ("swallows errors of the server", "tells", swallows(ResponseError)),
    ("swallows one error", "tells", swallows(NoPermissionError)),
    ("asks again", "tells", swallows(RedisError, again=True)),
    ("true after a conflict", "tells", says_true_after_a_conflict),
    ("returns the look", "tells", returns_the_look),
    ("says whether it is gone", "tells", says_whether_it_is_gone),
    ("true without a lock", "tells", if_own(OWN, otherwise="return v == '' and 1 or 0")),
]
