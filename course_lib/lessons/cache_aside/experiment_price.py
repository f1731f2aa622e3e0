"""A price changes in the database: for how long do readers of a cached page see the old one?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from course_lib.patterns import Load
from course_lib.sim import Simulation
from course_lib.trace import Trace
from course_lib.words import counted

OLD, NEW = "$12", "$15"
LOAD_TIME = 0.05
"""Seconds that the database takes for the page."""

Get = Callable[[Redis, Load], Awaitable[Any]]
Save = Callable[[], Awaitable[None]]
Change = Callable[[Redis, Save], Awaitable[None]]


@dataclass(repr=False)
class PricesSeen:
    """Each read as (seconds, the price that was shown); when the price changed; how often the database was asked."""

    changed: float
    until: float
    reads: list[tuple[float, str]] = field(default_factory=list)
    loads: int = 0
    trace: Trace = field(default_factory=Trace)

    @property
    def stale(self) -> list[float]:
        """When somebody was shown the old price after it had changed, in seconds after the change."""
        return [t - self.changed for t, price in self.reads if t > self.changed and price == OLD]

    @property
    def corrected(self) -> float | None:
        """Seconds from the change to the first reader who saw the new price; None if nobody has."""
        return next((t - self.changed for t, price in self.reads if price == NEW), None)

    def __repr__(self) -> str:
        when = "is never seen" if self.corrected is None else f"is seen after {self.corrected:.1f} s"
        old, loads = counted(len(self.stale), "read"), counted(self.loads, "load")
        return f"the new price {when}; {old} of the old one; {loads} in all"


async def only_save(redis: Redis, save: Save) -> None:
    """Change the database, and leave the cache as it is."""
    await save()


def price_change(get: Get, change: Change = only_save, *, changed: float = 20.5, until: float = 300.0) -> PricesSeen:
    """Alice opens the page once a second by `get(redis, load)`; at `changed`, Mira runs `change(redis, save)`.

    Units: `changed` and `until`, when the run ends, in seconds.
    """
    world, row = Simulation(seed=1), [OLD]
    seen = PricesSeen(changed, until, trace=world.trace)

    async def load() -> str:
        price = row[0]  # what the database knows when the question reaches it
        seen.loads += 1
        note = world.note("alice", "load")
        await asyncio.sleep(LOAD_TIME)
        note.t_end = world.now()
        return price

    async def save() -> None:
        row[0] = NEW

    async def alice() -> None:
        while world.now() < until:
            seen.reads.append((world.now(), str(await get(world.redis(), load))))
            await asyncio.sleep(1.0)

    world.client("alice", alice)
    world.client("mira", change, world.redis(), save, start=changed)
    for result in world.run().values():
        if isinstance(result, BaseException):
            raise result
    return seen
