"""The scene of the failure deck: readers of one page, two workers that share a lock, and a till that takes orders.

Each program stands here twice: as most people write it first, and mended. The shop runs them on any ground; the
servers are a primary with two replicas.
"""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from course_lib.errors import CourseError
from course_lib.patterns.stampede import lock_and_wait
from course_lib.sim import Draws
from course_lib.stage.ledger import SLOTS, Ledger
from course_lib.stage.presses import Press, Scene
from course_lib.stage.shop_world import ShopWorld

LENGTH = 5.0
"""Seconds of the run in which something can be pressed."""
PAGE_TTL, LOCK_TTL, PAUSE, SKEW, CUT = 10.0, 0.4, 0.8, 10.0, 2.5
"""Seconds: how long page and lock live, how long the holder stands still, how far the clock jumps, and for how long
the primary is cut off."""
CROWD = 100
LOAD = 0.12
"""Seconds that a load takes."""
TIMEOUT = 0.25
"""Seconds until a client gives up on a reply."""
WORKERS = ("w1", "w2")
FAILS = (RedisError, OSError, CourseError, TimeoutError)

# KEYS: the result, the fence of the newest write. ARGV: this writer's fence, its result. Returns 1 if it was written.
# Atomic, because a newer writer may come between the look at the fence and the write.
FENCED = """
if tonumber(ARGV[1]) < tonumber(redis.call('GET', KEYS[2]) or '0') then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
# KEYS: the lock. ARGV: our token. Returns 1 if the lock was ours and is free now. Atomic, because the lock may pass to
# another one between the look and the DEL.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
# KEYS: those with a TTL. ARGV: ms. What a clock that jumps ahead does to keys: their TTL is shorter by as much.
SHORTEN = """
for _, key in ipairs(KEYS) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, math.max(left - ARGV[1], 1)) end
end
return 1
"""


class Known:
    """The primary as one client knows it: it asks the Sentinels at first, and again after an error."""

    def __init__(self, ground: ShopWorld, who: str) -> None:
        self.ground, self.who = ground, who
        self.node: int | None = None

    async def redis(self) -> Redis:
        """A client of the primary."""
        if self.node is None:
            self.node = await self.ground.primary()
        return self.ground.redis(self.node, self.who)

    def forget(self) -> None:
        """Ask anew the next time."""
        self.node = None


class Shop:
    """Everything of one run. It adds its clients to the ground, those who press included."""

    def __init__(self, ground: ShopWorld, scene: Scene) -> None:
        self.ground, self.scene, self.ledger = ground, scene, Ledger()
        self.holder, self.armed, self.turns, self.loading, self.sent = "", 0, 0, 0, 0
        for number in range(1, scene.readers + 1):
            ground.client(f"r{number}", self.read_on, f"r{number}", start=0.4 * (number > 1) + 0.01 * number)
        for number, name in enumerate(WORKERS):
            ground.client(name, self.work_on, name, start=0.05 + 0.02 * number)
        ground.client("till", self.sell_on, start=0.1)
        for number, press in enumerate(scene.presses):
            ground.client(f"you{number + 1}", self.strike, f"you{number + 1}", press, start=press.seconds)
            if press.fault.name == "+100 clients":
                self._crowd(number, press.seconds)

    # -- readers ------------------------------------------------------------------------------------------------------

    def _crowd(self, number: int, start: float) -> None:
        draw = self.ground.draws(f"crowd {number}")
        for one in range(CROWD * number + 1, CROWD * (number + 1) + 1):
            self.ground.client(f"c{one}", self.read_on, f"c{one}", start=start + 0.03 * draw())

    async def read_on(self, who: str) -> None:
        """Ask for the page again and again."""
        known, draw, copy = Known(self.ground, who), self.ground.draws(who), ""
        while self.ground.now() < LENGTH:
            try:
                copy = await self._page(await known.redis(), who, draw)
                self.ledger.shown += 1
            except FAILS:
                known.forget()
                if self.scene.mended and copy:  # an old copy is better than none
                    self.ledger.shown += 1
                else:
                    self.ledger.failed.append(self.ground.now())
            await self.ground.work(who, (0.3 if who.startswith("c") else 0.1) + 0.1 * draw())

    async def _page(self, redis: Redis, who: str, draw: Draws) -> str:
        if self.scene.mended:
            own = {"token": lambda: f"{who}/{self.ground.now():.3f}", "draw": draw}
            times = {"ttl": PAGE_TTL, "lock_ttl": 1.0, "wait": 2.0}
            return await lock_and_wait(redis, "page", lambda: self._load(who), **times, **own) or ""  # type: ignore[arg-type]
        page = await redis.get("page")
        if page is None:
            page = await self._load(who)
            await redis.set("page", page, px=round(PAGE_TTL * 1000))
        return str(page)

    async def _load(self, who: str) -> str:
        note = self.ground.note(who, "load")
        self.loading += 1
        if self.loading == SLOTS + 1:
            self._broken(who, f"more than {SLOTS} loads at once")
        await self.ground.work(who, LOAD)
        self.loading -= 1
        note.t_end = self.ground.now()
        return "a page"

    # -- workers ------------------------------------------------------------------------------------------------------

    async def work_on(self, who: str) -> None:
        """Take the lock, work, write the result, give the lock back; again and again."""
        known, draw = Known(self.ground, who), self.ground.draws(who)
        while self.ground.now() < LENGTH:
            try:
                await self._turn(await known.redis(), who)
            except FAILS:
                known.forget()
            await self.ground.work(who, 0.04 + 0.04 * draw())

    async def _turn(self, redis: Redis, who: str) -> None:
        token = f"{who}/{self.turns}"
        if not await redis.set("lock:job", token, nx=True, px=round(LOCK_TTL * 1000)):
            return
        self.turns += 1
        turn, note = self.turns, self.ground.note(who, "hold")
        try:
            await self._hold(redis, who, token, turn)
        finally:
            note.t_end = self.ground.now()
            if self.holder == who:
                self.holder = ""

    async def _hold(self, redis: Redis, who: str, token: str, turn: int) -> None:
        self.holder = who
        fence = await redis.incr("fence") if self.scene.mended else 0
        if self.armed:
            self.armed -= 1
            await self.ground.pause(who, PAUSE)
        await self.ground.work(who, 0.15)
        if self.scene.mended:
            accepted = bool(await redis.eval(FENCED, 2, "result", "result:fence", str(fence), f"job {turn}"))
            late = self.ledger.writes(turn, accepted=accepted)
            await redis.eval(RELEASE, 1, "lock:job", token)
        else:
            late = self.ledger.writes(turn, accepted=bool(await redis.set("result", f"job {turn}")))
            await redis.delete("lock:job")
        if late:
            self._broken(who, f"{who} overwrites a newer result")

    # -- the till -----------------------------------------------------------------------------------------------------

    async def sell_on(self) -> None:
        """Store one order after another, each until it is acknowledged."""
        known, number = Known(self.ground, "till"), 1
        while self.ground.now() < LENGTH:
            order = f"order {number}"
            try:
                if await self._store(await known.redis(), order):
                    self.ledger.acknowledged.append(order)
                    number += 1
                else:
                    known.forget()
            except FAILS:
                known.forget()
            await self.ground.work("till", 0.1)

    async def _store(self, redis: Redis, order: str) -> bool:
        """May the customer be told OK? Mended: by its number, so that it can be stored again; and a replica has it."""
        self.sent += 1
        if not self.scene.mended:
            return bool(await redis.rpush("orders", order))
        async with redis.pipeline(transaction=False) as pipe:
            pipe.hset("orders", order, "1")
            pipe.execute_command("WAIT", "1", "100")
            _, replicas = await pipe.execute()
        return int(replicas) >= 1

    async def look(self, redis: Redis) -> None:
        """Read back what is stored at the end."""
        stored: Any = redis.hkeys("orders") if self.scene.mended else redis.lrange("orders", 0, -1)
        self.ledger.stored = list(await stored)

    def close(self) -> None:
        """What came to light by that."""
        told = self.ledger.account(self.ground.trace)
        if told.gone or told.twice:
            self._broken("till", "; ".join(sentence for sentence in told.broken if "order" in sentence))

    # -- the one who presses
    # ----------------------------------------------------------------------------------------------

    async def strike(self, who: str, press: Press) -> None:
        """Have a failure strike. What cannot strike any more, as there is no primary left, does not."""
        act = {"K": self._kill, "P": self.ground.partition, "R": self.ground.lose_reply}.get(press.letter)
        try:
            if act is not None:
                await act()
            elif press.letter == "H" and self.holder:
                await self.ground.pause(self.holder, PAUSE)
            elif press.letter == "H":
                self.armed += 1
            elif press.letter == "C":
                await self.ground.skew(SKEW)
            elif press.letter == "E":
                await (await Known(self.ground, who).redis()).pexpire("page", 1)
        except FAILS:
            self.ground.note(who, "refused", "no server takes it")

    async def _kill(self) -> None:
        """Just after the next order has reached the primary; if none comes, soon."""
        sent, late = self.sent, self.ground.now() + 0.4
        while self.sent == sent and self.ground.now() < late:
            await self.ground.work("", 0.001)
        await self.ground.work("", 0.004)  # by now it has been stored, and has not reached a slow replica
        await self.ground.kill()

    def _broken(self, who: str, text: str) -> None:
        self.ground.note(who, "violation", text)
