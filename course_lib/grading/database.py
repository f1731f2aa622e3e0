"""The database behind the cache in a judged run: it counts loads, takes its time, and cannot be guessed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from redis.exceptions import ConnectionError as RedisConnectionError

from course_lib.explore import Simulation, until
from course_lib.trace import Note


class DatabaseDown(Exception):
    """What a load or a commit raises that is meant to fail. The classes below are errors of Python's or of redis-py's
    as well: an answer that handles those must not take the database's errors for its own."""


class DatabaseTimeout(DatabaseDown, TimeoutError):
    """The database did not answer in time."""


class DatabaseGone(DatabaseDown, ConnectionError):
    """The connection to the database was lost."""


class DatabaseLookup(DatabaseDown, KeyError):
    """The database has no such table."""


class DatabaseValue(DatabaseDown, ValueError):
    """The database could not read what it was sent."""


class DatabaseRedis(DatabaseDown, RedisConnectionError):
    """The data are in another Redis, which is down."""


ERRORS = (DatabaseDown, DatabaseTimeout, DatabaseGone, DatabaseLookup, DatabaseValue, DatabaseRedis)


async def load_takes(seconds: float, world: Simulation, client: str) -> Note:
    """Wait as long as a load takes, noted in the trace."""
    note = world.note(client, "load")
    await until(world, world.now() + seconds)
    note.t_end = world.now()
    return note


@dataclass
class Database:
    """One row. A load takes `seconds`; the first `failing` loads raise `error`.

    It sleeps by the world's clock alone, so that no patch of asyncio makes a load shorter. The row depends on the seed
    and on nothing that an answer can see before it loads.
    """

    world: Simulation
    seconds: float = 0.05
    failing: int = 0
    absent: bool = False
    text: str | None = None
    error: type[DatabaseDown] = DatabaseDown
    failed: set[str] = field(default_factory=set)
    """Whose load failed."""

    def __post_init__(self) -> None:
        self.begun = 0
        self.row = None if self.absent else self.text
        if not self.absent and self.text is None:
            self.row = f"page-{int(self.world.draws('row')() * 16**6):06x}"

    def load_for(self, client: str) -> Callable[[], Awaitable[str | None]]:
        """The load function that one client is given."""

        async def load() -> str | None:
            self.begun += 1
            fails = self.begun <= self.failing
            note = await load_takes(self.seconds, self.world, client)
            if fails:
                note.text = "failed"
                self.failed.add(client)
                raise self.error("the database is down")
            return self.row

        return load
