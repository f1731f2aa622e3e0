"""Lesson 05: a crowd reads one key that expires, under each remedy, in any world.

`play(Crowd(strategy="lock"))` simulates; `set_up(world, crowd)` puts the same crowd into another world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

from redis.exceptions import RedisError

from course_lib.errors import LoadTimeout
from course_lib.lessons.stampedes.experiment_crowd import WIRE_ALLOWANCE, Crowd, CrowdResult, Request
from course_lib.lessons.stampedes.experiment_remedies import STRATEGIES, Get
from course_lib.patterns.basics import require
from course_lib.sim import Process
from course_lib.worlds import Simulated, World

WARM_UP = 0.1
"""Seconds after the first load within which its value has surely been stored; then the crowd comes."""


def play(crowd: Crowd) -> CrowdResult:
    """Simulate the crowd."""
    *_, (_, result) = in_slices(crowd)
    return result


def in_slices(crowd: Crowd, *, steps: int = 4_000) -> Iterator[tuple[float, CrowdResult]]:
    """The same in slices of `steps` callbacks, some 40 ms: yields (share of the virtual time that is over, result)."""
    world = Simulated(crowd.seed)
    result = set_up(world, crowd)
    total = crowd.load_time + WARM_UP + crowd.end
    try:
        for now in world.slices(steps):
            yield min(now / total, 1.0), result
    finally:
        world.rewind(crowd.seed)  # what a run leaves in cycles would make later runs pause for the collector


def set_up(world: World, crowd: Crowd, *, share: tuple[int, int] = (0, 1)) -> CrowdResult:
    """Put the crowd into a world that has not run yet. The result fills while the world runs.

    `share` is (which, of how many): (1, 4) is the second quarter of the clients, so that four processes make one crowd.
    Raises: BadArgument for a strategy that does not exist.
    """
    require(crowd.strategy in STRATEGIES, "strategy", crowd.strategy, ", ".join(STRATEGIES))
    result = CrowdResult(crowd, world.trace.world)
    which, parts = share
    database = _Database(world, crowd, result)
    if which == 0:
        world.client("first", _App(database, "first", 1).first)
    members: dict[int, list[int]] = {}
    for number in range(which, crowd.clients, parts):
        members.setdefault(number % crowd.processes, []).append(number)
    for name, numbers in members.items():
        process = Process(f"app{name + which}")  # one of several real processes makes only one, with its own number
        app = _App(database, process.name, len(numbers))
        for number in numbers:
            world.client(f"c{number}", app.member, number, process=process)
    return result


class _Database:
    """A row that changes all the time: its value says when it was read. Time zero is when it was first stored."""

    def __init__(self, world: World, crowd: Crowd, result: CrowdResult) -> None:
        self.world, self.crowd, self.result = world, crowd, result
        self.zero = crowd.load_time
        self._slots: asyncio.Semaphore | None = None

    async def load(self) -> str | None:
        """Take load_time, and longer while the database has no slot free. None for an absent row."""
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.crowd.slots or 10**9)
        note = self.world.note("database", "load")
        try:
            async with self._slots:
                await asyncio.sleep(self.crowd.load_time)
        finally:
            note.t_end = self.world.now()
            self.result.loads.append((note.t_start - self.zero, note.t_end - self.zero))
        return None if self.crowd.absent else f"{self.world.now():.6f}"


class _App:
    """One process: what its clients share is opened by the first of them and closed by the last."""

    def __init__(self, database: _Database, name: str, members: int) -> None:
        self.world, self.crowd, self.result = database.world, database.crowd, database.result
        self.database, self._name, self._members = database, name, members
        self._get: Get | None = None
        self._open = AsyncExitStack()

    async def open(self, opened: AsyncExitStack) -> Get:
        """Set the remedy up, until `opened` is closed."""
        strategy = STRATEGIES[self.crowd.strategy]
        return await strategy.open(self.world.redis(), self.crowd, self.world.draws(self._name), opened)

    async def first(self) -> None:
        """Write the key, before the crowd comes. This load is not counted."""
        async with AsyncExitStack() as opened:
            await (await self.open(opened))(self.database.load)
        self.result.loads.clear()

    async def member(self, number: int) -> None:
        """One client: think, ask, and begin again, until the end."""
        world, crowd, draw = self.world, self.crowd, self.world.draws(f"client {number}")
        zero = self.database.zero
        await asyncio.sleep(zero + WARM_UP - world.now())
        if self._get is None:
            self._get = await self.open(self._open)
        try:
            while (pause := draw.exponential(1 / crowd.rate)) < zero + crowd.end - world.now():
                await asyncio.sleep(pause)
                self.result.requests.append(await self._ask(self._get))
        finally:
            self._members -= 1
            if self._members == 0:
                await self._open.aclose()

    async def _ask(self, get: Get) -> Request:
        start, zero, own = self.world.now(), self.database.zero, False

        async def load() -> str | None:
            nonlocal own
            own = True
            return await self.database.load()

        try:
            value = await get(load)
        except (RedisError, LoadTimeout):
            return Request(start - zero, self.world.now() - zero, "error", None)
        now = self.world.now()
        read = None if value is None else float(value)
        waited = now - start > WIRE_ALLOWANCE and (read is None or read > start)
        kind = "load" if own else "wait" if waited else "hit"
        return Request(start - zero, now - zero, kind, None if read is None else now - read)
