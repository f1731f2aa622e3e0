"""Wrong programs for 08.4, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

TAKE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return redis.call('INCR', KEYS[2])"""


class Right:
    """The answer in small steps; each wrong one does one of them otherwise."""

    take = TAKE
    rest: float = 0.04

    def __init__(self, redis: Any, name: str, *, timeout: float, new_token: Any) -> None:
        self.redis, self.name, self.timeout, self.new_token = redis, name, timeout, new_token

    def life(self) -> int:
        return round(self.timeout * 1000)

    def fence(self) -> str:
        return f"fence:{self.name}"

    async def acquire(self, wait: float) -> Any:
        token, clock = self.new_token(), asyncio.get_running_loop().time
        give_up = clock() + wait
        while True:
            fence = await self.tries(token)
            if fence:
                return token, fence
            if clock() + self.rest > give_up:
                return None
            await asyncio.sleep(self.rest)

    async def tries(self, token: str) -> Any:
        try:
            return await self.once(token)
        except RedisError:
            await self.release(token)
            raise

    async def once(self, token: str) -> Any:
        return await self.redis.eval(self.take, 2, self.name, self.fence(), token, self.life())

    async def extend(self, token: str) -> Any:
        return await self.ours(token, f"redis.call('PEXPIRE', KEYS[1], {self.life()})")

    async def release(self, token: str) -> Any:
        return await self.ours(token, "redis.call('DEL', KEYS[1])")

    async def ours(self, token: str, then: str) -> Any:
        script = f"if redis.call('GET', KEYS[1]) == ARGV[1] then return {then} end return 0"
        return await self.redis.eval(script, 1, self.name, token) == 1


class TokenAlone(Right):
    async def acquire(self, wait: float) -> Any:
        found = await super().acquire(wait)
        return found and found[0]


class TrueAlone(Right):
    async def acquire(self, wait: float) -> Any:
        return bool(await super().acquire(wait))


class OneToken(Right):
    """As redis-py's Lock keeps it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.token = ""

    async def acquire(self, wait: float) -> Any:
        found = await super().acquire(wait)
        if found:
            self.token = found[0]
        return found

    async def extend(self, token: str) -> Any:
        return await super().extend(self.token)

    async def release(self, token: str) -> Any:
        return await super().release(self.token)


class Reenters(Right):
    """A process that has the lock is given it again."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.held: Any = None

    async def acquire(self, wait: float) -> Any:
        if self.held is not None and await self.redis.get(self.name) == self.held[0]:
            return self.held
        self.held = await super().acquire(wait)
        return self.held


class OverAnother(Right):
    take = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return redis.call('INCR', KEYS[2])"


class FreesAny(Right):
    async def release(self, token: str) -> Any:
        return bool(await self.redis.delete(self.name))


class Revives(Right):
    async def extend(self, token: str) -> Any:
        script = """
        local held = redis.call('GET', KEYS[1])
        if held and held ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return 1"""
        return await self.redis.eval(script, 1, self.name, token, self.life()) == 1


class AddsToTheRest(Right):
    """As redis-py's `extend` does by default."""

    async def extend(self, token: str) -> Any:
        return await self.ours(token, f"redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[1]) + {self.life()})")


class NeverExpires(Right):
    take = "if redis.call('SETNX', KEYS[1], ARGV[1]) == 0 then return 0 end return redis.call('INCR', KEYS[2])"


class WholeSeconds(Right):
    def life(self) -> int:
        return max(1, int(self.timeout)) * 1000


class FenceAfter(Right):
    async def once(self, token: str) -> Any:
        if not await self.redis.set(self.name, token, nx=True, px=self.life()):
            return 0
        return await self.redis.incr(self.fence())


class FenceBefore(Right):
    async def once(self, token: str) -> Any:
        fence = await self.redis.incr(self.fence())
        return fence if await self.redis.set(self.name, token, nx=True, px=self.life()) else 0


class LeavesItsLock(Right):
    tries = Right.once


class Swallows(Right):
    async def tries(self, token: str) -> Any:
        try:
            return await self.once(token)
        except RedisError:
            with suppress(RedisError):
                await self.release(token)
            return 0


WRONG = [
    ("not-a-pair", TokenAlone),
    ("not-a-pair", TrueAlone),
    ("one-token-for-all", OneToken),
    ("takes-it-twice", Reenters),
    ("frees-any-lock", FreesAny),
    ("revives", Revives),
    ("adds-to-the-rest", AddsToTheRest),
    ("never-expires", NeverExpires),
    ("whole-seconds", WholeSeconds),
    ("fence-in-two-steps", FenceAfter),
    ("fence-in-two-steps", FenceBefore),
    ("leaves-its-lock", LeavesItsLock),
    ("swallows-errors", Swallows),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


class LooksThenFrees(Right):
    async def release(self, token: str) -> Any:
        return await self.redis.get(self.name) == token and bool(await self.redis.delete(self.name))


class LooksThenExtends(Right):
    async def extend(self, token: str) -> Any:
        return await self.redis.get(self.name) == token and bool(await self.redis.pexpire(self.name, self.life()))


class ExtendsAny(Right):
    async def extend(self, token: str) -> Any:
        return bool(await self.redis.pexpire(self.name, self.life()))


class FreesItsLastAlone(Right):
    """A token that another process was given says nothing to it, once it has had the lock itself."""

    last: Any = None

    async def acquire(self, wait: float) -> Any:
        self.last = await super().acquire(wait)
        return self.last

    async def release(self, token: str) -> Any:
        return False if self.last is not None and token != self.last[0] else await super().release(token)


class FenceByClock(Right):
    async def once(self, token: str) -> Any:
        taken = await self.redis.set(self.name, token, nx=True, px=self.life())
        return int(asyncio.get_running_loop().time() * 1e6) if taken else 0


class FenceByServerClock(Right):
    take = """
    if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
    local fence = redis.call('TIME')[1]
    redis.call('SET', KEYS[2], fence)
    return tonumber(fence)"""


class FenceOfTheProcess(Right):
    """It remembers the highest fence that this process gave."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.last = 0

    async def once(self, token: str) -> Any:
        if not await self.redis.set(self.name, token, nx=True, px=self.life()):
            return 0
        self.last = max(self.last, int(await self.redis.get(self.fence()) or 0)) + 1
        await self.redis.set(self.fence(), self.last)
        return self.last


class FenceExpires(Right):
    take = f"{TAKE.rpartition('return')[0]}redis.call('INCR', KEYS[2]) redis.call('PEXPIRE', KEYS[2], 86400000)\n" \
           "return tonumber(redis.call('GET', KEYS[2]))"  # fmt: skip


class FenceGoesWithTheLock(Right):
    async def release(self, token: str) -> Any:
        return await self.ours(token, "redis.call('DEL', KEYS[1], 'fence:' .. KEYS[1]) > 0 and 1")


class FenceElsewhere(Right):
    def fence(self) -> str:
        return f"{self.name}:fence"


class OneFenceForAll(Right):
    def fence(self) -> str:
        return "fence:"


class OneTry(Right):
    async def acquire(self, wait: float) -> Any:
        token = self.new_token()
        fence = await self.tries(token)
        if not fence:
            await asyncio.sleep(wait)
            fence = await self.tries(token)
        return (token, fence) if fence else None


class NoTryWithoutAWait(Right):
    async def acquire(self, wait: float) -> Any:
        return await super().acquire(wait) if wait > 0 else None


class WaitsForEver(Right):
    async def acquire(self, wait: float) -> Any:
        return await super().acquire(3_600.0 if wait else 0.0)


class NeverWaits(Right):
    async def acquire(self, wait: float) -> Any:
        return await super().acquire(0.0)


class NeverRests(Right):
    rest = 0.0


class RestsTooLittle(Right):
    rest = 0.004


class LooksSeldom(Right):
    rest = 0.3


class RestsTooLong(Right):
    rest = 0.12


class AnHourAtMost(Right):
    def life(self) -> int:
        return min(3_600_000, super().life())


class SleepsLonger(Right):
    async def acquire(self, wait: float) -> Any:
        token, clock, rest = self.new_token(), asyncio.get_running_loop().time, 0.02
        give_up = clock() + wait
        while not (fence := await self.tries(token)):
            if clock() >= give_up:
                return None
            await asyncio.sleep(min(rest, give_up - clock()))
            rest *= 2
        return token, fence


class Threefold(Right):
    """It gives up after three tries."""

    async def acquire(self, wait: float) -> Any:
        token = self.new_token()
        for _ in range(3):
            if fence := await self.tries(token):
                return token, fence
            await asyncio.sleep(min(self.rest, wait))
        return None


class SendsAgain(Right):
    """After a lost reply it sends the same again, and believes the answer."""

    async def tries(self, token: str) -> Any:
        try:
            return await self.once(token)
        except RedisError:
            return await self.once(token)


class CleansUpAnyLock(Right):
    async def tries(self, token: str) -> Any:
        try:
            return await self.once(token)
        except RedisError:
            await self.redis.delete(self.name)
            raise


class SaysTrue(Right):
    async def release(self, token: str) -> Any:
        await super().release(token)
        return True


class SaysNothing(Right):
    async def extend(self, token: str) -> Any:
        await super().extend(token)


class ReleaseSwallows(Right):
    async def release(self, token: str) -> Any:
        try:
            return await super().release(token)
        except RedisError:
            return False


class ReleaseTriesAgainAndSwallows(Right):
    async def release(self, token: str) -> Any:
        for _ in range(2):
            try:
                return await super().release(token)
            except RedisError:
                pass
        return False


class InTwoCommands(Right):
    async def once(self, token: str) -> Any:
        if not await self.redis.setnx(self.name, token):
            return 0
        await self.redis.pexpire(self.name, self.life())
        return await self.redis.incr(self.fence())


class RedisPys(Right):
    """redis-py's lock, and then a fence: by then the lock may be another's."""

    async def once(self, token: str) -> Any:
        lock = Lock(self.redis, self.name, timeout=self.timeout, thread_local=False)
        if not await lock.acquire(blocking=False, token=token):
            return 0
        return await self.redis.incr(self.fence())

    async def release(self, token: str) -> Any:
        lock = Lock(self.redis, self.name, timeout=self.timeout, thread_local=False)
        lock.local.token = token.encode()
        try:
            await lock.release()
        except LockError:
            return False
        return True


class LooksFirst(Right):
    """It sees that the lock is free, and takes it with a plain SET."""

    async def once(self, token: str) -> Any:
        if await self.redis.exists(self.name):
            return 0
        pipe = self.redis.pipeline(transaction=True)
        await pipe.set(self.name, token, px=self.life()).incr(self.fence()).execute()
        return int(await self.redis.get(self.fence()))


class MutexOfTheProcess(Right):
    """Tasks of one process wait for each other, however long."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.mutex = asyncio.Lock()

    async def acquire(self, wait: float) -> Any:
        async with self.mutex:
            return await super().acquire(wait)


class RenewsWhatItWaitsFor(Right):
    """Who waits keeps alive the lock of whoever holds it."""

    take = TAKE.replace("return 0 end", "redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 0 end")


class AMinuteAtMost(Right):
    async def acquire(self, wait: float) -> Any:
        return await super().acquire(min(wait, 60.0))


class AsManyTriesAsFit(Right):
    """It forgets that a try takes time, too."""

    async def acquire(self, wait: float) -> Any:
        token = self.new_token()
        for rest in [self.rest] * int(wait / self.rest) + [0.0]:
            if fence := await self.tries(token):
                return token, fence
            await asyncio.sleep(rest)
        return None


class RestsFirst(Right):
    async def acquire(self, wait: float) -> Any:
        if wait:
            await asyncio.sleep(self.rest)
        return await super().acquire(wait)


class LooksThenGivesBack(Right):
    async def tries(self, token: str) -> Any:
        try:
            return await self.once(token)
        except RedisError:
            if await self.redis.get(self.name) == token:
                await self.redis.delete(self.name)
            raise


class KeepsItsToken(Right):
    """What a call that failed has left, the next one takes: a token that has been in the lock."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept: list[str] = []
        made = self.new_token
        self.new_token = lambda: self.kept.pop() if self.kept else made()

    async def tries(self, token: str) -> Any:
        try:
            return await super().tries(token)
        except RedisError:
            self.kept.append(token)
            raise


SUBTLE = [
    ("rests for 0.12 s", "waits", RestsTooLong),
    ("an hour at most", "lives", AnHourAtMost),
    ("over another", "alone", OverAnother),
    ("looks, then frees", "own", LooksThenFrees),
    ("looks, then extends", "alone", LooksThenExtends),
    ("extends any lock", "own", ExtendsAny),
    ("frees its last lock alone", "own", FreesItsLastAlone),
    ("fence by the clock", "fences", FenceByClock),
    ("fence by the server's clock", "fences", FenceByServerClock),
    ("fence of the process", "fences", FenceOfTheProcess),
    ("a fence that expires", "lives", FenceExpires),
    ("fence goes with the lock", "fences", FenceGoesWithTheLock),
    ("fence under another name", "alone", FenceElsewhere),
    ("one fence for all", "alone", OneFenceForAll),
    ("one try, and one at the end", "waits", OneTry),
    ("no try without a wait", "alone", NoTryWithoutAWait),
    ("waits forever", "waits", WaitsForEver),
    ("never waits", "waits", NeverWaits),
    ("never rests", "waits", NeverRests),
    ("rests too little", "waits", RestsTooLittle),
    ("looks seldom", "waits", LooksSeldom),
    ("sleeps longer and longer", "waits", SleepsLonger),
    ("three tries", "waits", Threefold),
    ("sends again", "clean", SendsAgain, "leaves-its-lock"),
    ("cleans up any lock", "own", CleansUpAnyLock),
    ("always says True", "own", SaysTrue),
    ("says nothing", "own", SaysNothing),
    ("release swallows", "errors", ReleaseSwallows, "swallows-errors"),
    ("release tries again, and swallows", "errors", ReleaseTriesAgainAndSwallows, "swallows-errors"),
    ("in two commands", "lives", InTwoCommands, "never-expires"),
    ("redis-py's, then a fence", "fences", RedisPys, "fence-in-two-steps"),
    ("looks first", "alone", LooksFirst),
    ("a minute at most", "waits", AMinuteAtMost),
    ("as many tries as fit", "waits", AsManyTriesAsFit),
    ("rests first", "waits", RestsFirst),
    ("looks, then gives back", "own", LooksThenGivesBack),
    ("keeps its token", "alone", KeepsItsToken),
    ("a mutex of the process", "waits", MutexOfTheProcess),
    ("renews what it waits for", "alone", RenewsWhatItWaitsFor),
]
