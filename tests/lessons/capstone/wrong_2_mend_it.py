"""Wrong programs for 08.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, ResponseError

Load = Callable[[], Awaitable[str | None]]
LOOK = """
local held = redis.call('GET', KEYS[1])
if {there} or not {take} then return {{held, 0}} end
return {{false, 1}}"""
TAKE = "redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])"
STORE = """
if {refuse} then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return redis.call('DEL', KEYS[2])"""
REFUSE = "redis.call('GET', KEYS[2]) ~= ARGV[1]"
FREE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Right:
    """The answer in small steps; each wrong one does one of them otherwise."""

    there, take, refuse, lock_name = "held", TAKE, REFUSE, "lock:{}"

    def __init__(self, redis: Any, *, ttl: float, absent_ttl: float, lock_ttl: float, new_token: Any) -> None:
        self.redis, self.ttl, self.absent_ttl, self.lock_ttl, self.new_token = (
            redis, ttl, absent_ttl, lock_ttl, new_token,
        )  # fmt: skip

    async def get(self, key: str, load: Load) -> Any:
        token = self.new_token()
        while True:
            held, ours = await self.look(key, token)
            if held is not None:
                return self.read(held)
            if ours:
                return await self.loads(key, token, load)
            await self.rest()

    async def look(self, key: str, token: str) -> Any:
        script = LOOK.format(there=self.there, take=self.take)
        return await self.redis.eval(script, 2, key, self.lock(key), token, self.lock_ms())

    async def loads(self, key: str, token: str, load: Load) -> Any:
        try:
            row = await load()
        except BaseException:
            await self.free(key, token)
            raise
        await self.keep(key, token, row)
        return row

    async def keep(self, key: str, token: str, row: Any) -> None:
        await self.store(key, token, self.written(row), self.life(row))

    async def store(self, key: str, token: str, text: str, life: int) -> Any:
        return await self.redis.eval(STORE.format(refuse=self.refuse), 2, key, self.lock(key), token, text, life)

    async def free(self, key: str, token: str) -> Any:
        return await self.redis.eval(FREE, 1, self.lock(key), token)

    async def rest(self) -> None:
        await asyncio.sleep(0.03)

    async def invalidate(self, key: str) -> Any:
        await self.redis.delete(key, self.lock(key))

    def lock(self, key: str) -> str:
        return self.lock_name.format(key)

    def lock_ms(self) -> int:
        return round(self.lock_ttl * 1000)

    def life(self, row: Any) -> int:
        return round((self.absent_ttl if row is None else self.ttl) * 1000)

    def written(self, row: Any) -> str:
        return json.dumps(row)

    def read(self, held: str) -> Any:
        return json.loads(held)


class AbsentNotCached(Right):
    async def keep(self, key: str, token: str, row: Any) -> None:
        if row is None:
            await self.free(key, token)
        else:
            await super().keep(key, token, row)


class AbsentIsAText(Right):
    def written(self, row: Any) -> str:
        return str(row)

    def read(self, held: str) -> Any:
        return held


class MarkIsARow(Right):
    def written(self, row: Any) -> str:
        return "None" if row is None else row

    def read(self, held: str) -> Any:
        return None if held == "None" else held


class RareMark(MarkIsARow):
    def written(self, row: Any) -> str:
        return "\0absent\0" if row is None else row

    def read(self, held: str) -> Any:
        return None if held == "\0absent\0" else held


class EmptyIsAMiss(Right):
    there = "held and held ~= ''"

    def written(self, row: Any) -> str:
        return "!none" if row is None else row

    def read(self, held: str) -> Any:
        return None if held == "!none" else held


class KeepsTheLock(Right):
    async def loads(self, key: str, token: str, load: Load) -> Any:
        row = await load()
        await self.keep(key, token, row)
        return row


class NeverExpires(Right):
    take = "redis.call('SETNX', KEYS[2], ARGV[1]) == 1"


class RowNeverExpires(Right):
    async def store(self, key: str, token: str, text: str, life: int) -> Any:
        script = STORE.replace(", 'PX', ARGV[3]", "").format(refuse=self.refuse)
        return await self.redis.eval(script, 2, key, self.lock(key), token, text)


class WrongUnit(Right):
    def lock_ms(self) -> int:
        return round(self.lock_ttl * 1_000_000)


class WholeSeconds(Right):
    def life(self, row: Any) -> int:
        return max(1, int(self.absent_ttl if row is None else self.ttl)) * 1000


class OneTtl(Right):
    def life(self, row: Any) -> int:
        return round(self.ttl * 1000)


class LoadsAtTheDeadline(Right):
    """As the published example does."""

    async def get(self, key: str, load: Load) -> Any:
        token, clock = self.new_token(), asyncio.get_running_loop().time
        deadline = clock() + self.lock_ttl
        while True:
            held, ours = await self.look(key, token)
            if held is not None:
                return self.read(held)
            if ours:
                return await self.loads(key, token, load)
            if clock() >= deadline:
                return await load()
            await self.rest()


class NeverAgain(LoadsAtTheDeadline):
    """It asks once for the lock, waits for the row, and loads when it has waited for lock_ttl."""

    async def get(self, key: str, load: Load) -> Any:
        token, clock = self.new_token(), asyncio.get_running_loop().time
        held, ours = await self.look(key, token)
        deadline = clock() + self.lock_ttl
        while held is None and not ours and clock() < deadline:
            await self.rest()
            held = await self.redis.get(key)
        if held is not None:
            return self.read(held)
        return await self.loads(key, token, load) if ours else await load()


class InvalidateKeepsTheLock(Right):
    async def invalidate(self, key: str) -> Any:
        await self.redis.delete(key)


class LooksThenStores(Right):
    async def store(self, key: str, token: str, text: str, life: int) -> Any:
        if await self.redis.get(self.lock(key)) == token:
            await self.redis.set(key, text, px=life)
            await self.free(key, token)


WRONG = [
    ("absent-not-cached", AbsentNotCached),
    ("absent-is-a-text", AbsentIsAText),
    ("mark-is-a-row", MarkIsARow),
    ("mark-is-a-row", RareMark),
    ("empty-is-a-miss", EmptyIsAMiss),
    ("keeps-the-lock", KeepsTheLock),
    ("never-expires", NeverExpires),
    ("never-expires", RowNeverExpires),
    ("wrong-unit", WrongUnit),
    ("whole-seconds", WholeSeconds),
    ("one-ttl-for-both", OneTtl),
    ("loads-without-the-lock", LoadsAtTheDeadline),
    ("loads-without-the-lock", NeverAgain),
    ("invalidate-keeps-the-lock", InvalidateKeepsTheLock),
    ("looks-then-stores", LooksThenStores),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


class StoresAnyway(Right):
    """It frees its own lock alone, and stores whatever it loaded."""

    async def store(self, key: str, token: str, text: str, life: int) -> Any:
        await self.redis.set(key, text, px=life)
        await self.free(key, token)


class StoresUnlessAnother(Right):
    """It stores too where the lock is gone."""

    refuse = "(redis.call('GET', KEYS[2]) or ARGV[1]) ~= ARGV[1]"


class FreesAnyLock(Right):
    async def loads(self, key: str, token: str, load: Load) -> Any:
        try:
            row = await load()
            text, life = self.written(row), self.life(row)
            script = STORE.replace("return redis.call('DEL', KEYS[2])", "return 1").format(refuse=self.refuse)
            await self.redis.eval(script, 2, key, self.lock(key), token, text, life)
            return row
        finally:
            await self.redis.delete(self.lock(key))


class TakesWithoutALook(Right):
    """Between the look and the lock, another has stored the row."""

    async def look(self, key: str, token: str) -> Any:
        held = await self.redis.get(key)
        if held is not None:
            return held, 0
        return None, bool(await self.redis.set(self.lock(key), token, nx=True, px=self.lock_ms()))


class DeletesTheRowAlone(Right):
    """The lock goes first, and a reader stores between the two? No: the lock is taken anew between the two."""

    async def invalidate(self, key: str) -> Any:
        if await self.redis.delete(key):
            await self.redis.delete(self.lock(key))


class JoinsAnOldFlight(Right):
    """The tasks of a process share one load, also when the row was invalidated since it began."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.flights: dict[str, asyncio.Future[Any]] = {}

    async def get(self, key: str, load: Load) -> Any:
        flight = self.flights.get(key)
        if flight is not None:
            return await asyncio.shield(flight)
        flight = self.flights[key] = asyncio.ensure_future(super().get(key, load))
        try:
            return await asyncio.shield(flight)
        finally:
            if flight.done():
                self.flights.pop(key, None)


class NearCopy(Right):
    """Each process keeps what it has seen, for absent_ttl."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.near: dict[str, tuple[float, Any]] = {}

    async def get(self, key: str, load: Load) -> Any:
        now = asyncio.get_running_loop().time()
        if key in self.near and self.near[key][0] > now:
            return self.near[key][1]
        row = await super().get(key, load)
        self.near[key] = now + self.absent_ttl, row
        return row

    async def invalidate(self, key: str) -> Any:
        self.near.pop(key, None)
        await super().invalidate(key)


class OneLockForAll(Right):
    def lock(self, key: str) -> str:
        return "lock:"


class AnotherName(Right):
    lock_name = "{}:lock"


class SleepsForLockTtl(Right):
    async def rest(self) -> None:
        await asyncio.sleep(self.lock_ttl)


class SleepsLonger(Right):
    pause = 0.02

    async def rest(self) -> None:
        self.pause *= 2
        await asyncio.sleep(self.pause)


class GivesUp(Right):
    async def get(self, key: str, load: Load) -> Any:
        try:
            return await asyncio.wait_for(super().get(key, load), self.lock_ttl)
        except TimeoutError:
            return None


class NeverRests(Right):
    async def rest(self) -> None:
        await asyncio.sleep(0)


class RestsTooLittle(Right):
    async def rest(self) -> None:
        await asyncio.sleep(0.003)


class LoadsTwice(Right):
    async def loads(self, key: str, token: str, load: Load) -> Any:
        try:
            row = await load()
        except Exception:
            row = await load()
        await self.keep(key, token, row)
        return row


class FailureIsAbsent(Right):
    async def loads(self, key: str, token: str, load: Load) -> Any:
        try:
            row = await load()
        except Exception:
            row = None
        await self.keep(key, token, row)
        return row


class SwallowsStoreErrors(Right):
    async def store(self, key: str, token: str, text: str, life: int) -> Any:
        with suppress(RedisError):
            await super().store(key, token, text, life)


class SwallowsInvalidateErrors(Right):
    async def invalidate(self, key: str) -> Any:
        with suppress(RedisError):
            await super().invalidate(key)


class LoadsWhenRedisFails(Right):
    async def get(self, key: str, load: Load) -> Any:
        try:
            return await super().get(key, load)
        except RedisError:
            return await load()


class ExpiresInASecondStep(Right):
    async def store(self, key: str, token: str, text: str, life: int) -> Any:
        script = STORE.replace(", 'PX', ARGV[3]", "").format(refuse=self.refuse)
        await self.redis.eval(script, 2, key, self.lock(key), token, text)
        await self.redis.pexpire(key, life)


class LooksAtBothInTurn(Right):
    """A hit costs two round trips."""

    async def look(self, key: str, token: str) -> Any:
        await self.redis.exists(key)
        return await super().look(key, token)


class SlidingLife(Right):
    async def look(self, key: str, token: str) -> Any:
        held, ours = await super().look(key, token)
        if held is not None:
            await self.redis.pexpire(key, self.life(self.read(held)))
        return held, ours


class AbsentIsEmpty(Right):
    def written(self, row: Any) -> str:
        return row or ""

    def read(self, held: str) -> Any:
        return held or None


class RefreshesTheLock(Right):
    """Who waits makes another's lock last longer."""

    take = f"{TAKE} or (redis.call('PEXPIRE', KEYS[2], ARGV[2]) == 0)"

    async def look(self, key: str, token: str) -> Any:
        script = """
        local held = redis.call('GET', KEYS[1])
        if held then return {held, 0} end
        if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {false, 1} end
        redis.call('PEXPIRE', KEYS[2], ARGV[2])
        return {false, 0}"""
        return await self.redis.eval(script, 2, key, self.lock(key), token, self.lock_ms())


class TokenOfTheProcess(Right):
    """One token for all tasks of a process."""

    def __init__(self, redis: Any, **options: Any) -> None:
        super().__init__(redis, **options)
        token = options["new_token"]()
        self.new_token = lambda: token


class LockOfTheProcess(Right):
    """An asyncio.Lock, and no lock in Redis."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.mutex = asyncio.Lock()

    async def get(self, key: str, load: Load) -> Any:
        async with self.mutex:
            held = await self.redis.get(key)
            if held is not None:
                return self.read(held)
            row = await load()
            await self.redis.set(key, self.written(row), px=self.life(row))
            return row


class MarkEscaped(MarkIsARow):
    """What is the mark is escaped, and what is that escape is not."""

    def written(self, row: Any) -> str:
        return "-" if row is None else "\\-" if row == "-" else row

    def read(self, held: str) -> Any:
        return None if held == "-" else "-" if held == "\\-" else held


class StripsTheSign(Right):
    """It takes off every sign in front, and not the first alone."""

    def written(self, row: Any) -> str:
        return "-" if row is None else "+" + row

    def read(self, held: str) -> Any:
        return None if held == "-" else held.lstrip("+")


class KeyThenLock(Right):
    """Between the two, who loaded the old row stores it."""

    async def invalidate(self, key: str) -> Any:
        await self.redis.delete(key)
        await self.redis.delete(self.lock(key))


class FreesAnyLockWhenItFails(Right):
    async def free(self, key: str, token: str) -> Any:
        return await self.redis.delete(self.lock(key))


class LooksThenFrees(Right):
    async def free(self, key: str, token: str) -> Any:
        if await self.redis.get(self.lock(key)) == token:
            await self.redis.delete(self.lock(key))


class FreesAfterSomeErrors(Right):
    async def loads(self, key: str, token: str, load: Load) -> Any:
        try:
            row = await load()
        except (RuntimeError, LookupError, ValueError, OSError):
            await self.free(key, token)
            raise
        await self.keep(key, token, row)
        return row


class RepeatsWhatWasTooSlow(Right):
    async def loads(self, key: str, token: str, load: Load) -> Any:
        async def patient() -> Any:
            try:
                return await load()
            except TimeoutError:
                return await load()

        return await super().loads(key, token, patient)


class NotFoundIsAbsent(Right):
    async def loads(self, key: str, token: str, load: Load) -> Any:
        async def found() -> Any:
            try:
                return await load()
            except LookupError:
                return None

        return await super().loads(key, token, found)


class AtMostADay(Right):
    def life(self, row: Any) -> int:
        return min(86_400_000, super().life(row))


class AtLeastTenMs(Right):
    def life(self, row: Any) -> int:
        return max(10, super().life(row))


class RenewsWhatEndsSoon(Right):
    async def look(self, key: str, token: str) -> Any:
        held, ours = await super().look(key, token)
        if held is not None:
            script = """
            if redis.call('PTTL', KEYS[1]) < ARGV[1] / 10 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
            return redis.call('GET', KEYS[1])"""
            await self.redis.eval(script, 1, key, self.life(self.read(held)))
        return held, ours


class HoldsOn(Right):
    """It renews its lock while it loads."""

    async def loads(self, key: str, token: str, load: Load) -> Any:
        script = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"

        async def renewing() -> Any:
            loading = asyncio.ensure_future(load())
            while not (await asyncio.wait([loading], timeout=self.lock_ttl / 3))[0]:
                await self.redis.eval(script, 1, self.lock(key), token, self.lock_ms())
            return loading.result()

        return await super().loads(key, token, renewing)


class GivesUpAfterManyLooks(Right):
    async def get(self, key: str, load: Load) -> Any:
        token = self.new_token()
        for _ in range(400):
            held, ours = await self.look(key, token)
            if held is not None:
                return self.read(held)
            if ours:
                return await self.loads(key, token, load)
            await asyncio.sleep(0.05)
        return None


class LoadsAfterThreeLocks(Right):
    async def get(self, key: str, load: Load) -> Any:
        try:
            return await asyncio.wait_for(super().get(key, load), 3 * self.lock_ttl)
        except TimeoutError:
            return await load()


class SleepsALittleLonger(SleepsLonger):
    async def rest(self) -> None:
        self.pause *= 1.02
        await asyncio.sleep(self.pause)


class EightLoadsAtOnce(Right):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.few = asyncio.Semaphore(8)

    async def loads(self, key: str, token: str, load: Load) -> Any:
        async def one_of_few() -> Any:
            async with self.few:
                return await load()

        return await super().loads(key, token, one_of_few)


class RestsMoreAndMore(Right):
    """In the end for longer than 0.1 s."""

    async def rest(self) -> None:
        self.rested = min(0.2, vars(self).get("rested", 0.0) + 0.02)
        await asyncio.sleep(self.rested)


class NoRestAtFirst(Right):
    async def rest(self) -> None:
        await asyncio.sleep(0.05 if vars(self).setdefault("looked", False) else 0.0)
        self.looked = True


class InLowerCase(Right):
    def lock(self, key: str) -> str:
        return super().lock(key.lower())


class GoneInAMoment(Right):
    """After an invalidation the row is there for five milliseconds more."""

    async def invalidate(self, key: str) -> Any:
        async with self.redis.pipeline() as pipe:
            await pipe.delete(self.lock(key)).pexpire(key, 5).execute()


class RefusedIsDone(Right):
    async def invalidate(self, key: str) -> Any:
        with suppress(ResponseError):
            await super().invalidate(key)


class RefusedIsNotYet(Right):
    """Whom the server refuses a look looks again."""

    async def look(self, key: str, token: str) -> Any:
        try:
            return await super().look(key, token)
        except ResponseError:
            return None, 0


class NameOfTheTask(Right):
    """Two processes have tasks of the same name."""

    def __init__(self, redis: Any, **options: Any) -> None:
        super().__init__(redis, **options)
        self.new_token = lambda: str(getattr(asyncio.current_task(), "get_name", str)())


SUBTLE = [
    ("an escape that is not escaped", "any-text", MarkEscaped),
    ("strips all signs", "any-text", StripsTheSign),
    ("the key, then the lock", "stale", KeyThenLock),
    ("frees any lock when it fails", "one", FreesAnyLockWhenItFails),
    ("looks, then frees", "one", LooksThenFrees),
    ("frees after some errors only", "fails", FreesAfterSomeErrors, "keeps-the-lock"),
    ("loads again what was too slow", "fails", RepeatsWhatWasTooSlow),
    ("not found is absent", "fails", NotFoundIsAbsent),
    ("rests more and more", "waits", RestsMoreAndMore),
    ("no rest at first", "waits", NoRestAtFirst),
    ("a lock in lower case", "one", InLowerCase, "loads-without-the-lock"),
    ("gone in a moment", "stale", GoneInAMoment),
    ("what is refused is done", "errors", RefusedIsDone),
    ("what is refused is tried again", "errors", RefusedIsNotYet),
    ("at most a day", "lives", AtMostADay),
    ("at least 10 ms", "lives", AtLeastTenMs),
    ("renews what ends soon", "lives", RenewsWhatEndsSoon),
    ("renews its lock", "lives", HoldsOn),
    ("gives up after 400 looks", "rows", GivesUpAfterManyLooks),
    ("loads after three locks", "one", LoadsAfterThreeLocks, "loads-without-the-lock"),
    ("sleeps 2 % longer", "waits", SleepsALittleLonger),
    ("eight loads at once", "waits", EightLoadsAtOnce),
    ("the name of the task", "one", NameOfTheTask),
    ("stores anyway", "stale", StoresAnyway),
    ("stores where the lock is gone", "stale", StoresUnlessAnother),
    ("frees any lock", "one", FreesAnyLock),
    ("takes without a second look", "one", TakesWithoutALook),
    ("lock goes only with a row", "stale", DeletesTheRowAlone, "invalidate-keeps-the-lock"),
    ("joins an old flight", "stale", JoinsAnOldFlight),
    ("a near copy", "stale", NearCopy),
    ("one lock for all", "rows", OneLockForAll),
    ("another name", "rows", AnotherName),
    ("sleeps for lock_ttl", "waits", SleepsForLockTtl),
    ("sleeps longer and longer", "waits", SleepsLonger),
    ("never rests", "waits", NeverRests),
    ("rests too little", "waits", RestsTooLittle),
    ("gives up", "rows", GivesUp),
    ("loads twice", "fails", LoadsTwice),
    ("failure is absent", "fails", FailureIsAbsent),
    ("swallows errors of the store", "errors", SwallowsStoreErrors),
    ("swallows errors of invalidate", "errors", SwallowsInvalidateErrors),
    ("loads when redis fails", "errors", LoadsWhenRedisFails, "loads-without-the-lock"),
    ("expires in a second step", "lives", ExpiresInASecondStep, "never-expires"),
    ("two looks", "hit", LooksAtBothInTurn),
    ("a sliding life", "lives", SlidingLife),
    ("absent is empty", "any-text", AbsentIsEmpty),
    ("refreshes another's lock", "waits", RefreshesTheLock),
    ("token of the process", "one", TokenOfTheProcess),
    ("lock of the process", "one", LockOfTheProcess, "loads-without-the-lock"),
]
