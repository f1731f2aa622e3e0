"""A few clients on a simulated Redis: small enough to draw every command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.sim import Faults, Simulation
from course_lib.trace import Trace
from course_lib.words import counted, ms

NAMES = ("alice", "bob", "carol", "dave", "erin")

Body = Callable[[Redis, str], Awaitable[Any]]


@dataclass(repr=False)
class Toy:
    """What became of each client, and what was sent. Units: `took` seconds of virtual time, `real` of real time."""

    trace: Trace
    results: dict[str, Any]
    took: float
    real: float

    def __repr__(self) -> str:
        ended = ", ".join(f"{who}: {_said(result)}" for who, result in self.results.items())
        return f"{ended}; {counted(len(self.trace.events), 'command')} in {ms(self.took)} of virtual time"


def simulate(
    *clients: Body,
    seed: int = 1,
    given: Sequence[tuple[object, ...]] = (),
    faults: Faults | None = None,
    retries: int = 0,
) -> Toy:
    """Simulate one client for each `async def client(redis, me)`: alice, bob, carol, dave, erin, who begin together.

    `given` is what the server runs before they begin: `[("SET", "app:stock:42", 1)]`. `retries` is how often
    redis-py repeats a command whose reply does not come within 0.5 s.
    """
    retry = Retry(NoBackoff(), retries) if retries else None
    world = Simulation(seed, faults=faults, socket_timeout=0.5, retry=retry)
    world.given(*given)
    for name, client in zip(NAMES, clients, strict=False):
        world.client(name, client, world.redis(), name)
    began = perf_counter()
    results = world.run()
    return Toy(world.trace, results, world.now(), perf_counter() - began)


def _said(result: Any) -> str:
    return type(result).__name__ if isinstance(result, BaseException) else repr(result)
