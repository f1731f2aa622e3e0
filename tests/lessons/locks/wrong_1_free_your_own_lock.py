"""Wrong programs for 04.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

from typing import Any

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
