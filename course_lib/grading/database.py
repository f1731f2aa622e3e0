"""The database behind the cache in a judged run: it counts loads, takes its time, and cannot be guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from course_lib.explore import Simulation
from course_lib.trace import Note


class DatabaseDown(Exception):
    """What a load that is meant to fail raises."""


@dataclass
class Database:
    """One row. A load takes `seconds`; the first `failing` loads raise DatabaseDown. `loads` are notes in the trace.

    It sleeps by the world's clock alone, so that no patch of asyncio makes a load shorter. The row depends on the seed
    and on nothing that an answer can see before it loads.
    """

    world: Simulation
    seconds: float = 0.05
    failing: int = 0
    absent: bool = False
    text: str | None = None
    loads: list[Note] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.row = None if self.absent else self.text
        if not self.absent and self.text is None:
            self.row = f"page-{int(self.world.draws('row')() * 16**6):06x}"

    def load_for(self, client: str) -> Callable[[], Awaitable[str | None]]:
        """The load function that one client is given."""

        async def load() -> str | None:
            note = self.world.note(client, "load")
            self.loads.append(note)
            fails = len(self.loads) <= self.failing
            done = self.world.loop.create_future()
            self.world.loop.call_later(self.seconds, _finish, done)
            await done
            note.t_end = self.world.now()
            if fails:
                note.text = "failed"
                raise DatabaseDown("the database is down")
            return self.row

        return load


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():  # who waited may have been cancelled
        done.set_result(None)


async def until(world: Simulation, when: float) -> None:
    """Wait by the world's clock, which no patch of asyncio changes; if the time is over, not at all."""
    done = world.loop.create_future()
    world.loop.call_at(max(when, world.now()), _finish, done)
    await done
