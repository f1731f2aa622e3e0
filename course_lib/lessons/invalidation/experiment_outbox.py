"""A writer that crashes at each of its sends in turn, and the relay as well: is the old price left in the cache?

The database is SQLite, in a file; Redis is simulated.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis.asyncio import Redis

from course_lib.patterns.outbox import TABLE, relay
from course_lib.sim import OneFault, Simulation
from course_lib.trace import Trace
from course_lib.words import counted

PAGE, OLD = "app:product:42", "12 dollars"
Save = Callable[[Redis, sqlite3.Connection], Awaitable[None]]


@dataclass(repr=False)
class Crashes:
    """For each crash that was tried: who crashed, at which send, and whether the old price stayed. `invalidations` is
    how often one reached Redis in the run without a crash; `trace` is that of the first run in which it stayed."""

    tried: list[tuple[str, int, bool]] = field(default_factory=list)
    invalidations: int = 0
    trace: Trace | None = None

    @property
    def stays(self) -> int:
        """In how many of them the old price stayed."""
        return sum(stayed for _, _, stayed in self.tried)

    def __repr__(self) -> str:
        crashes = counted(len(self.tried), "crash", "crashes")
        told = counted(self.invalidations, "invalidation")
        return f"{crashes} tried, and the old price stays after {self.stays}; {told} without a crash"


def crashes(save: Save) -> Crashes:
    """Run `save(redis, database)` with a crash at each send of the writer, and then at each send of the relay.

    The table `product` has the price of book 42, and the old page is in the cache. A relay passes every 50 ms; where it
    crashes, another one starts at 1 s. What is left in the cache is looked at after two seconds.
    """
    found = Crashes()
    with TemporaryDirectory() as folder:
        stays, world, sends = _run(save, Path(folder) / "shop.db", None)
        assert not stays, "without a crash the old price must go"
        found.invalidations = _told(world.trace)
        for who, count in sends.items():
            for at in range(1, count + 1):
                stays, world, _ = _run(save, Path(folder) / "shop.db", OneFault("crash", at, client=who))
                found.tried.append((who, at, stays))
                if stays and found.trace is None:
                    found.trace = world.trace
    return found


def _run(save: Save, place: Path, fault: OneFault | None) -> tuple[bool, Simulation, dict[str, int]]:
    place.unlink(missing_ok=True)
    world = Simulation(seed=1, faults=fault, socket_timeout=0.2)
    world.given(("SET", PAGE, OLD))

    async def passes(until: float) -> None:
        while world.now() < until:
            if not await relay(world.redis(), relays):
                await asyncio.sleep(0.05)

    async def later() -> Any:
        return await world.redis().get(PAGE)

    with closing(sqlite3.connect(place)) as database, closing(sqlite3.connect(place)) as relays:
        with database:
            database.execute(TABLE)
            database.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, price TEXT)")
            database.execute("INSERT INTO product VALUES (42, ?)", [OLD])
        world.client("writer", save, world.redis(), database, start=0.01)
        world.client("relay", passes, 0.9)
        world.client("second relay", passes, 1.9, start=1.0)
        world.client("later", later, start=2.0)
        results = world.run()
        sends = {who: sum(event.client == who for event in world.trace) for who in ("writer", "relay")}
    return results["later"] == OLD, world, sends


def _told(trace: Trace) -> int:
    """Deletes and invalidations that ran."""
    names = ("DEL", "EVALSHA")
    return sum(e.name in names and e.t_server is not None and not isinstance(e.reply, Exception) for e in trace)
