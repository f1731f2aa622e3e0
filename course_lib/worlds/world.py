"""What every world can do: the few verbs that an experiment may use, wherever it runs."""

from __future__ import annotations

from typing import Any, Protocol

import redis.asyncio as aioredis

from course_lib.sim import Body, Draws, Process
from course_lib.trace import Note, Trace


class World(Protocol):
    """What every world can do. A scenario that asks for no more than this runs in all three."""

    trace: Trace

    @property
    def results(self) -> dict[str, Any]:
        """What became of each client so far."""

    def redis(self, node: int = 0) -> aioredis.Redis:
        """A client of a node, by number from 0."""

    def client(self, name: str, body: Body, *args: Any, start: float = 0.0, process: Process | None = None) -> Any:
        """Run `await body(*args)` from `start` seconds on, in a process of its own or in `process`."""

    def draws(self, name: str) -> Draws:
        """A stream of random numbers that depends on the world's seed and the name only."""

    def now(self) -> float:
        """Seconds since the run began."""

    def note(self, who: str, kind: str, text: str = "") -> Note:
        """Mark this moment in the trace."""

    def run(self) -> dict[str, Any]:
        """Run until every client is done; return {client: result or exception}."""


def run_or_raise(world: World) -> dict[str, Any]:
    """`world.run()`; and if a client ended with an error, raise the first of those."""
    results = world.run()
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return results
