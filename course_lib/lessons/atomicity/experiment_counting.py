"""Lesson 03: clients that count the same thing at once, a counter that has lost its TTL, and a reply that is lost.

The bodies are the lesson's own: `async def body(redis, me)` counts once; here several run at once, and meet faults.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from course_lib.sim import OneFault, steady
from course_lib.sim.faults import Kind
from course_lib.trace import Trace
from course_lib.worlds import Simulated, World, run_or_raise

Body = Callable[[Redis, str], Awaitable[Any]]
Hit = Callable[[Redis], Awaitable[bool]]
REDIS_PY_RETRIES = 10
"""How often redis-py 8 repeats a command by default; the tests compare it with what is installed."""


@dataclass(frozen=True, repr=False)
class Contention:
    """What became of `wanted` updates of one counter. `failed` counts transactions that WATCH made fail.

    `said_yes` counts the calls that returned something true, for bodies that return a decision.

    Units: `took` in seconds, until the last client was done.
    """

    clients: int
    wanted: int
    kept: int
    failed: int
    said_yes: int
    commands: int
    took: float
    trace: Trace

    @property
    def lost(self) -> int:
        """Updates that left no mark."""
        return self.wanted - self.kept

    def __repr__(self) -> str:
        return f"{self.clients} clients, {self.trace.world}: {self.kept} of {self.wanted} updates kept"


def contend(
    body: Body, *, clients: int = 20, each: int = 1, key: str = "visits", seed: int = 1, world: World | None = None
) -> Contention:
    """Let clients run `body(redis, name)` at the same moment, `each` times, and read what `key` counts afterwards.

    In a simulation, or in `world`, where nothing has run yet and nothing is stored at `key`. Raises: what a body
    raises.
    """
    world = Simulated(seed) if world is None else world
    names = [f"c{number}" for number in range(1, clients + 1)]

    async def count(name: str) -> int:
        return sum([bool(await body(world.redis(), name)) for _ in range(each)])

    for name in names:
        world.client(name, count, name)
    said_yes = sum(run_or_raise(world).values())
    took, events = world.now(), list(world.trace)
    world.client("reader", world.redis().get, key)
    kept = int(run_or_raise(world)["reader"] or 0)
    failed = sum(event.name == "EXEC" and event.reply is None for event in events)
    return Contention(clients, clients * each, kept, failed, said_yes, len(events), took, world.trace)


def admitted_in_an_hour(hit: Hit, *, every: float = 11.0, key: str = "hits", forever: int | None = None) -> int:
    """How often `hit(redis)` said yes to a client that asks every `every` seconds for one hour of virtual time.

    With `forever`, the key holds that count beforehand, and has no TTL.
    """
    world = Simulated(latency=steady(0.0))

    async def ask() -> int:
        if forever is not None:
            await world.redis().set(key, forever)
        admitted = 0
        for _ in range(int(3600 / every)):
            admitted += bool(await hit(world.redis()))
            await asyncio.sleep(every)
        return admitted

    world.client("steady", ask)
    admitted: int = run_or_raise(world)["steady"]
    return admitted


@dataclass(frozen=True, repr=False)
class Disturbed:
    """One client alone, one fault: what the client got, and the trace, in which the fault is marked."""

    result: Any
    trace: Trace

    def __repr__(self) -> str:
        sent = ", ".join(f"{event.text} ({event.fault or event.reply_text})" for event in self.trace)
        return f"{sent}: {self.result!r}"


def disturbed(body: Body, kind: Kind | None, *, at: int = 1, retries: int = REDIS_PY_RETRIES) -> Disturbed:
    """Run `body(redis, "ann")` alone; its `at`-th command meets a fault, and the client retries as redis-py does."""
    fault = OneFault(kind, at) if kind is not None else None
    world = Simulated(faults=fault, retry=Retry(ExponentialBackoff(), retries), socket_timeout=0.05)
    world.client("ann", body, world.redis(), "ann")
    return Disturbed(world.run()["ann"], world.trace)
