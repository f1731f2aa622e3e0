"""What the tests of this folder share: a database that counts, a crowd that asks, and what a trace tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any

from redis.asyncio import Redis

from course_lib.grading.evidence import round_trips as round_trips
from course_lib.patterns import lock_and_wait
from course_lib.worlds import Simulated, World

Ask = Callable[[], Awaitable[Any]]
LONGEST_TRIP = 0.05  # seconds; more than any round trip of the simulated network takes
LOCKED: dict[str, Any] = {"ttl": 60.0, "lock_ttl": 2.0, "wait": 10.0}


class Down(Exception):
    """What a failing database raises."""


@dataclass
class Database:
    """One row. A load takes `seconds`; the first `failing` loads raise Down. `spans` are the loads' times."""

    row: str | None = "page"
    seconds: float = 0.05
    failing: int = 0
    spans: list[list[float]] = field(default_factory=list)

    @property
    def loads(self) -> int:
        return len(self.spans)

    async def load(self) -> str | None:
        now = asyncio.get_running_loop().time
        span = [now(), inf]
        self.spans.append(span)
        number = len(self.spans)
        await asyncio.sleep(self.seconds)
        span[1] = now()
        if number <= self.failing:
            raise Down(f"load {number}")
        return self.row

    def overlaps(self) -> bool:
        """Did two loads ever run at once?"""
        spans = sorted(self.spans)
        return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def alone(world: World, body: Callable[[Redis], Awaitable[Any]]) -> Any:
    """Run one client in a world; return what it returned, or raise what it raised."""
    world.client("a", body, world.redis())
    result = world.run()["a"]
    if isinstance(result, BaseException):
        raise result
    return result


def crowd(world: Simulated, size: int, ask: Ask, *, within: float = 0.01) -> dict[str, Any]:
    """Let `size` processes ask, each once, all within some seconds; return what each got."""
    start = world.draws("start")
    for number in range(size):
        world.client(f"c{number}", ask, start=start() * within)
    return world.run()


def asker(world: Simulated, database: Database, **policy: Any) -> Ask:
    """What one client of a crowd does: ask for the page through the lock."""
    draw = world.draws("poll")
    return partial(lock_and_wait, world.redis(), "page", database.load, **({"draw": draw} | LOCKED | policy))


async def wait_until_gone(redis: Redis, key: str) -> None:
    """Ask until the server says that the key is no more."""
    async with asyncio.timeout(10):
        while await redis.exists(key):
            await asyncio.sleep(0.01)


class CancelledAt:
    """Awaits `work`, and cancels the task at some of the awaits that suspend it, counted from 1 in `awaits`."""

    def __init__(self, work: Coroutine[Any, Any, Any], *at: int) -> None:
        self.work, self.at, self.awaits = work, at, 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps, error = self.work.__await__(), None
        while True:
            try:
                waiting = steps.send(None) if error is None else steps.throw(error)
            except StopIteration as done:
                return done.value
            error = None
            self.awaits += 1
            if self.awaits in self.at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waiting
            except BaseException as thrown:  # the loop's CancelledError, on its way in
                error = thrown


async def awaited(work: Awaitable[Any]) -> Any:
    """Any awaitable as a coroutine, which is what makes a task."""
    return await work


async def timed(world: Simulated, ask: Any) -> tuple[Any, float]:
    """What came, and after how many seconds."""
    start = world.now()
    value = await ask
    return value, world.now() - start


class Clock(Database):
    """A row that changes all the time: its value is the moment at which its load began."""

    async def load(self) -> str | None:
        began = asyncio.get_running_loop().time()
        await super().load()
        return repr(began)
