"""Other right answers: nothing but the contract is common to them. Each must pass as the solutions do."""

from __future__ import annotations

import asyncio
from typing import Any

# -- 06.1: other ways to make pages go away ----------------------------------------------------------------------------


async def by_unlink(redis: Any, keys: list[str]) -> None:
    await redis.unlink(*keys)


async def in_a_pipeline(redis: Any, keys: list[str]) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.delete(key)
        await pipe.execute()


async def in_a_transaction(redis: Any, keys: list[str]) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.delete(*keys).execute()


async def by_script(redis: Any, keys: list[str]) -> None:
    await redis.eval("for _, key in ipairs(KEYS) do redis.call('DEL', key) end", len(keys), *keys)


async def by_a_life_of_nothing(redis: Any, keys: list[str]) -> None:
    async with redis.pipeline() as pipe:
        for key in keys:
            pipe.pexpire(key, 0)
        await pipe.execute()


async def all_at_once(redis: Any, keys: list[str]) -> None:
    """Many commands, sent at one moment: one round trip."""
    await asyncio.gather(*map(redis.delete, keys))


async def by_command(redis: Any, keys: list[str]) -> None:
    await redis.execute_command("del", *(key.encode() for key in reversed(keys)))


async def tries_twice(redis: Any, keys: list[str]) -> None:
    try:
        await redis.delete(*keys)
    except Exception:
        await redis.delete(*keys)


def sale_by(deletes: Any, *, always: bool = False) -> Any:
    """An answer that deletes that way; `always`, when the commit fails too."""

    async def sale(redis: Any, ids: list[str], commit: Any) -> Any:
        keys = [f"app:product:{id}" for id in ids]
        try:
            result = await commit()
        except Exception:
            if keys and always:
                await asyncio.gather(redis.delete(*keys), return_exceptions=True)
            raise
        if keys:
            await deletes(redis, keys)
        return result

    return sale


RIGHT: dict[str, dict[str, Any]] = {
    "06.1": {
        "unlink": sale_by(by_unlink),
        "a pipeline": sale_by(in_a_pipeline),
        "a transaction": sale_by(in_a_transaction),
        "a script": sale_by(by_script),
        "a life of nothing": sale_by(by_a_life_of_nothing),
        "all at once": sale_by(all_at_once),
        "a command": sale_by(by_command),
        "twice": sale_by(tries_twice),
        "after a failure too": sale_by(by_unlink, always=True),
    },
}
