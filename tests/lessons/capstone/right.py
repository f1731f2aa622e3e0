"""Other right answers to lesson 08's exercises, of other kinds than the solutions."""

from __future__ import annotations

import asyncio
import json
from math import inf
from typing import Any
from uuid import uuid4

from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError, WatchError

from course_lib.explore import OneFault
from course_lib.lessons.capstone.answers import Case, Scene

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

# -- 08.1 and 08.3 -----------------------------------------------------------------------------------------------------

RIGHT["08.1"] = {
    "all at once": Scene((0, 0, 0, 0, 0, 2), load=3, write=1),
    "the crowd comes later": Scene([0.0, 0.51, 0.52, 0.55, 0.9], load=2.9, write=0.1),
    "any order": Scene([1.0, 0.05, 0.04, 0.03, 0.02, 0.0], load=2.3, write=0.5),
}
RIGHT["08.3"] = {
    "pauses": {
        "alone": Case(fault=OneFault("pause", at=3, seconds=1.0, client="c1")),
        "tasks": Case(fault=OneFault("pause", at=2, seconds=1.0, client="c1")),
        "processes": None, "knows": Case(fault=OneFault("lose reply", at=5, client="c2")), "expires": None,
    },
    "without c3": {
        "alone": Case(work=2.5),
        "tasks": Case(work=0.6, fault=OneFault("crash", at=1, client="c3")),
        "processes": None, "knows": Case(work=0.6, fault=OneFault("lose reply", at=5, client="c3")), "expires": None,
    },
}  # fmt: skip


# -- 08.4 --------------------------------------------------------------------------------------------------------------


class Watches:
    """No script: MULTI and WATCH."""

    def __init__(self, redis: Any, name: str, *, timeout: float, new_token: Any) -> None:
        self.redis, self.name, self.new_token = redis, name, new_token
        self.timeout, self.ms = timeout, int(timeout * 1000 + 0.5)

    async def acquire(self, wait: float) -> Any:
        token, clock = self.new_token(), asyncio.get_running_loop().time
        give_up = clock() + wait
        while True:
            try:
                fence = await self.take(token)
            except RedisError as error:
                await self.release(token)
                raise error
            if fence:
                return [token, fence]
            left = give_up - clock()
            if left <= 0:
                return None
            await asyncio.sleep(min(left, 0.06))

    async def take(self, token: str) -> int:
        async with self.redis.pipeline() as pipe:
            await pipe.watch(self.name)
            if await pipe.exists(self.name):
                return 0
            pipe.multi()
            pipe.set(self.name, token, px=self.ms).incr(f"fence:{self.name}")
            try:
                return int((await pipe.execute())[1])
            except WatchError as error:
                if "Watched variable changed" in str(error):
                    return 0
                raise

    async def extend(self, token: str) -> bool:
        return await self.if_ours(token, lambda pipe: pipe.pexpire(self.name, self.ms))

    async def release(self, token: str) -> bool:
        return await self.if_ours(token, lambda pipe: pipe.delete(self.name))

    async def if_ours(self, token: str, then: Any) -> bool:
        async with self.redis.pipeline() as pipe:
            await pipe.watch(self.name)
            if await pipe.get(self.name) != token:
                return False
            pipe.multi()
            then(pipe)
            try:
                return bool((await pipe.execute())[0])
            except WatchError as error:
                if "Watched variable changed" in str(error):
                    return False
                raise


class Registered(Watches):
    """Scripts that are registered."""

    def __init__(self, redis: Any, *args: Any, **options: Any) -> None:
        super().__init__(redis, *args, **options)
        self.take_it = redis.register_script(
            "if redis.call('EXISTS', KEYS[1]) == 1 then return false end "
            "redis.call('PSETEX', KEYS[1], ARGV[2], ARGV[1]) return redis.call('INCR', KEYS[2])"
        )
        ours = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return "
        self.free_it = redis.register_script(f"{ours}redis.call('DEL', KEYS[1])")
        self.extend_it = redis.register_script(f"{ours}redis.call('PEXPIRE', KEYS[1], ARGV[2])")

    async def take(self, token: str) -> Any:
        return await self.take_it(keys=[self.name, f"fence:{self.name}"], args=[token, self.ms])

    async def extend(self, token: str) -> Any:
        return await self.extend_it(keys=[self.name], args=[token, self.ms])

    async def release(self, token: str) -> Any:
        return await self.free_it(keys=[self.name], args=[token])


class RedisPys(Registered):
    """redis-py's lock, one for each call; the fence counts only if the lock is still there once it is drawn."""

    async def take(self, token: str) -> int:
        lock = self.lock(token)
        if not await lock.acquire(blocking=False, token=token):
            return 0
        fence = await self.redis.incr(f"fence:{self.name}")
        return int(fence) if await self.redis.get(self.name) == token else 0

    def lock(self, token: str) -> Lock:
        lock = Lock(self.redis, self.name, timeout=self.ms / 1000 + 1e-6)
        lock.local.token = token.encode()
        return lock

    async def release(self, token: str) -> bool:
        try:
            await self.lock(token).release()
        except LockError:
            return False
        return True


RIGHT["08.4"] = {"WATCH": Watches, "registered": Registered, "redis-py's": RedisPys}


# -- 08.5 --------------------------------------------------------------------------------------------------------------


def in_one_pass(trace: Any) -> dict[str, float]:
    """Sorted by kind first; percentile in whole numbers."""
    kinds: dict[str, list[Any]] = {kind: [] for kind in ("read", "load", "write", "keep", "kept")}
    for note in trace.notes:
        kinds.get(note.kind, []).append(note)
    took, shares, newest = [], [], [(*write.text.rsplit(" ", 1), write.t_end) for write in kinds["write"]]
    for read in kinds["read"]:
        if read.t_end is None or read.text == "failed":
            took.append(inf)
            continue
        took.append(read.t_end - read.t_start)
        key, version = read.text.rsplit(" ", 1)
        known = [int(v) for k, v, end in newest if k == key and end is not None and end <= read.t_start]
        shares.append(max(known, default=-1) > int(version))
    took.sort()
    place = -(-99 * len(took) // 100)
    found = {note.text for note in kinds["kept"]}
    gone = {note.text for note in kinds["keep"] if note.t_end is not None and note.text not in found}
    stale = sum(shares) / len(shares) if shares else 0
    return {"lost": len(gone), "stale": stale, "p99": took[place - 1] if took else 0, "loads": len(kinds["load"])}


RIGHT["08.5"] = {"one pass": in_one_pass}
