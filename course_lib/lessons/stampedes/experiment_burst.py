"""A few callers ask for one missing key at nearly the same moment: small enough to draw every command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, NamedTuple

from redis.asyncio import Redis

from course_lib.explore import Play, Schedule, Trial, Violation
from course_lib.explore.moment import Fact, Opened, opened
from course_lib.patterns import Load
from course_lib.sim import Draws, Faults
from course_lib.trace import Note, Trace, most_at_once
from course_lib.words import counted
from course_lib.worlds import Simulated


class Caller(NamedTuple):
    """A client of the burst. `token()` is its name, so that a picture shows whose lock it is; `draw()` draws."""

    name: str
    draw: Draws

    def token(self) -> str:
        """The caller's name: unique here. Outside a picture a token must be random."""
        return self.name


ONE_LOAD = "one load"

Get = Callable[[Redis, Load, Caller], Awaitable[str | None]]


@dataclass(repr=False)
class Burst:
    """What happened: the trace, what each caller got, and how long each that survived took, in seconds."""

    trace: Trace
    results: dict[str, Any]
    took: dict[str, float]
    again: Callable[[], Opened] | None = None
    """Plays it again, for a look at each of its moments; None where a fault struck."""

    def __repr__(self) -> str:
        who, loads = counted(len(self.took), "caller"), counted(len(self.loads), "load")
        return f"{who}: {loads}, the longest wait {self.worst * 1000:,.0f} ms"

    @property
    def loads(self) -> list[Note]:
        """Every load, in order of its start."""
        return [note for note in self.trace.notes if note.kind == "load"]

    @property
    def most_at_once(self) -> int:
        """The largest number of loads that ran at the same moment."""
        return most_at_once((load.t_start, inf if load.t_end is None else load.t_end) for load in self.loads)

    @property
    def worst(self) -> float:
        """The longest time that a caller took, in seconds."""
        return max(self.took.values(), default=0.0)


def burst(
    get: Get,
    *,
    callers: int = 5,
    load_time: float = 0.05,
    spread: float = 0.01,
    absent: bool = False,
    seed: int = 1,
    faults: Faults | None = None,
) -> Burst:
    """Simulate callers c1, c2, … that each call `get(redis, load, caller)` once.

    Units: `load_time` seconds a load; callers come at random within `spread` seconds; `absent` makes the row not exist.
    """
    took: dict[str, float] = {}

    async def ask(world: Simulated, caller: Caller) -> str | None:
        async def load() -> str | None:
            note = world.note(caller.name, "load")
            try:
                await asyncio.sleep(load_time)
                return None if absent else f"page as of {world.now() * 1000:.0f} ms"
            finally:
                note.t_end = world.now()

        began = world.now()
        try:
            page = await get(world.redis(), load, caller)
        except Exception:
            took[caller.name] = world.now() - began
            raise
        took[caller.name] = world.now() - began
        return page

    def build(world: Simulated, callers: int) -> None:
        starts = world.draws("starts")
        for number in range(1, callers + 1):
            caller = Caller(f"c{number}", world.draws(f"c{number}"))
            world.client(caller.name, ask, world, caller, start=starts.between(0, spread))

    world = Simulated(seed, faults=faults)
    build(world, callers)
    results = world.run()
    trial = Trial("burst", (ONE_LOAD,), build, _loaded_once)
    again = None if faults else partial(opened, trial, Schedule(callers, seed), expected=world.trace)
    return Burst(world.trace, results, took, again)


def _loaded_once(play: Play) -> Iterator[Violation]:
    loads = [note for note in play.trace.notes if note.kind == "load"]
    if len(loads) > 1:
        first, second = loads[:2]
        said = f"{first.who} and {second.who} both load the page"
        facts = tuple(Fact(load.t_start, load.who, "begins to load") for load in (first, second))
        yield Violation(ONE_LOAD, said, second.who, second.t_start, said, facts)
