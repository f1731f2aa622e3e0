"""Other right answers to lesson 08's exercises, of other kinds than the solutions."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

from redis.exceptions import WatchError

RIGHT: dict[str, dict[str, Any]] = {}

# -- 08.2 --------------------------------------------------------------------------------------------------------------

FREE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
STORE = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('PSETEX', KEYS[1], ARGV[3], ARGV[2]) end
return 0"""


class Commands:
    """Commands one by one; two scripts only where a look and a write must be one step."""

    def __init__(self, redis: Any, *, ttl: float, absent_ttl: float, lock_ttl: float, new_token: Any) -> None:
        self.redis, self.new_token = redis, new_token
        self.ttl, self.absent_ttl, self.lock_ms = ttl, absent_ttl, int(lock_ttl * 1000 + 0.5)

    async def get(self, key: str, load: Any) -> Any:
        lock, token = f"lock:{key}", self.new_token()
        while (held := await self.redis.get(key)) is None:
            if await self.redis.set(lock, token, nx=True, px=self.lock_ms):
                try:
                    if (held := await self.redis.get(key)) is None:
                        return await self.keep(key, lock, token, await load())
                finally:
                    await self.free(lock, token)
            else:
                await asyncio.sleep(0.08)
        return self.read(held)

    async def keep(self, key: str, lock: str, token: str, row: Any) -> Any:
        ms = round((self.absent_ttl if row is None else self.ttl) * 1000)
        await self.redis.eval(STORE, 2, key, lock, token, self.written(row), ms)
        return row

    async def free(self, lock: str, token: str) -> None:
        await self.redis.eval(FREE, 1, lock, token)

    def written(self, row: Any) -> str:
        return "-" if row is None else "+" + row

    def read(self, held: str) -> Any:
        return None if held == "-" else held[1:]

    async def invalidate(self, key: str) -> None:
        await self.redis.delete(f"lock:{key}")
        await self.redis.delete(key)


class WithWatch(Commands):
    """No script: what it stores, and the lock that it frees, is watched."""

    async def keep(self, key: str, lock: str, token: str, row: Any) -> Any:
        ms = round((self.absent_ttl if row is None else self.ttl) * 1000)
        async with self.redis.pipeline() as pipe:
            try:
                await pipe.watch(lock)
                if await pipe.get(lock) == token:
                    pipe.multi()
                    await pipe.set(key, self.written(row), px=ms).delete(lock).execute()
            except WatchError:
                pass
        return row

    async def free(self, lock: str, token: str) -> None:
        async with self.redis.pipeline() as pipe:
            try:
                await pipe.watch(lock)
                if await pipe.get(lock) == token:
                    pipe.multi()
                    await pipe.delete(lock).execute()
            except WatchError:
                pass


class AHash(Commands):
    """What is cached is a hash, which has no field where there is no row."""

    LOOK = """
    local held = redis.call('HMGET', KEYS[1], 'known', 'row')
    if held[1] then return {1, held[2]} end
    if redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then return {2} end
    return {3}"""
    PUT = """
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then return end
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[1], 'known', 1)
    if ARGV[3] then redis.call('HSET', KEYS[1], 'row', ARGV[3]) end
    redis.call('PEXPIRE', KEYS[1], ARGV[2])"""

    async def get(self, key: str, load: Any) -> Any:
        lock, token = f"lock:{key}", uuid4().hex
        while True:
            kind, *row = await self.redis.eval(self.LOOK, 2, key, lock, token, self.lock_ms)
            if kind == 1:
                return row[0] if row else None
            if kind == 2:
                try:
                    loaded = await load()
                except BaseException:
                    await self.free(lock, token)
                    raise
                ms = round((self.absent_ttl if loaded is None else self.ttl) * 1000)
                words = [] if loaded is None else [loaded]
                await self.redis.eval(self.PUT, 2, key, lock, token, ms, *words)
                return loaded
            await asyncio.sleep(0.1)


class Registered(Commands):
    """A script that is registered; and both keys in one command of a transaction."""

    def __init__(self, redis: Any, **options: Any) -> None:
        super().__init__(redis, **options)
        self.store = redis.register_script(STORE)

    async def keep(self, key: str, lock: str, token: str, row: Any) -> Any:
        ms = round((self.absent_ttl if row is None else self.ttl) * 1000)
        await self.store(keys=[key, lock], args=[token, json.dumps([row]), ms])
        return row

    def read(self, held: str) -> Any:
        return json.loads(held)[0]

    async def invalidate(self, key: str) -> None:
        async with self.redis.pipeline() as pipe:
            await pipe.unlink(key).unlink(f"lock:{key}").execute()


class LooksAtBoth(Commands):
    """Who waits sees in one round trip whether the row is there and whether the lock is free."""

    async def get(self, key: str, load: Any) -> Any:
        lock, token = f"lock:{key}", self.new_token()
        while True:
            held, holder = await self.redis.mget(key, lock)
            if held is not None:
                return self.read(held)
            if holder is None and await self.redis.set(lock, token, nx=True, px=self.lock_ms):
                held = await self.redis.get(key)
                if held is None:
                    try:
                        row = await load()
                    except Exception as error:
                        await self.free(lock, token)
                        raise error
                    await self.keep(key, lock, token, row)
                    await self.free(lock, token)
                    return row
                await self.free(lock, token)
                return self.read(held)
            await asyncio.sleep(0.01)


RIGHT["08.2"] = {
    "commands": Commands,
    "WATCH": WithWatch,
    "a hash": AHash,
    "registered": Registered,
    "looks at both": LooksAtBoth,
}
