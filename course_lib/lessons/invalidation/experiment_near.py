"""One near cache whose connection breaks just before a price changes: for how long does it show the old price?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.patterns.basics import ended
from course_lib.patterns.invalidation import INVALIDATE, invalidate
from course_lib.sim import Process, Simulation
from course_lib.trace import Trace

PAGE, OLD = "app:product:42", "12 dollars"
BREAKS, CHANGES, OFF = 1.0, 1.1, 0.3
"""Seconds: when the connection breaks, when the price changes, and for how long no new connection can be opened."""

HEARS = "app hears"
"""As what the listening connection of the app stands in the trace."""


@dataclass(repr=False)
class NearRun:
    """What a reader was shown, as (seconds, price); the rest is counted."""

    shown: list[tuple[float, str]] = field(default_factory=list)
    fetches: int = 0
    trace: Trace = field(default_factory=Trace)

    @property
    def stale_for(self) -> float:
        """Seconds from the change to the last answer with the old price."""
        return max((t - CHANGES for t, price in self.shown if price == OLD and t > CHANGES), default=0.0)

    def __repr__(self) -> str:
        return f"the old price for {self.stale_for:.2f} s; {len(self.shown)} answers, {self.fetches} fetches"


def break_connection(make: Callable[[Redis], Any], *, silently: bool = False, until: float = 8.0) -> NearRun:
    """A reader asks the near cache that `make(redis)` makes, every 20 ms.

    Its connection breaks at 1.0 s: with a reset, and then for 0.3 s nothing can be opened; or `silently`, so that
    nobody notices. The price changes at 1.1 s, and the writer says so. A near cache has a `listen()` to be run in the
    background, or is an `async with` block. Units: `until`, when the run ends, in seconds.
    """
    world = Simulation(seed=1, retry=Retry(NoBackoff(), 1))
    run, price, redis, app = NearRun(trace=world.trace), [OLD], world.redis(), Process("app")
    near: asyncio.Future[Any] = asyncio.Future(loop=world.loop)

    async def fetch() -> str:
        run.fetches += 1
        kept: Any = await redis.get(PAGE)
        if kept is None:
            kept = price[0]
            await redis.set(PAGE, kept, ex=60)
        return str(kept)

    async def hear() -> None:
        async with AsyncExitStack() as opened:
            cache = make(redis)
            if hasattr(cache, "listen"):
                opened.push_async_callback(ended, asyncio.create_task(cache.listen()))
            else:
                cache = await opened.enter_async_context(cache)
            near.set_result(cache)
            await asyncio.sleep(until)

    async def read() -> None:
        cache = await near
        while world.now() < until:
            run.shown.append((world.now(), str(await cache.get(PAGE, fetch))))
            await asyncio.sleep(0.02)

    async def write() -> None:
        price[0] = "15 dollars"
        await invalidate(redis, PAGE)

    world.given(("SCRIPT", "LOAD", INVALIDATE))
    world.client(HEARS, hear, process=app)
    world.client("app", read, process=app)
    world.client("writer", write, start=CHANGES)
    world.at(BREAKS, lambda: world.sever(HEARS, OFF, silently=silently))
    for result in world.run().values():
        if isinstance(result, BaseException):
            raise result
    ends = until if silently else BREAKS + OFF
    world.trace.note(HEARS, "down", BREAKS, ends, "silent" if silently else "cut off")
    if run.stale_for:
        world.trace.note("app", "stale", CHANGES + run.stale_for, text="the last old price")
    return run
