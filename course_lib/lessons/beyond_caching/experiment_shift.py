"""Four workers of one group pack twelve parcels, and two of them die: how often was each parcel packed?

`shift(work, pack)` plays that scene. `die_everywhere(work, pack)` lets a worker die at each of its commands in turn.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from course_lib.explore.server_state import ask
from course_lib.lessons.beyond_caching.programs import GROUP, PACKED, PARCELS, Pack, counts
from course_lib.sim import OneFault, Process, Simulation
from course_lib.trace import Trace
from course_lib.words import counted

EVERY = 0.05
"""Seconds between two parcels."""

Work = Callable[[Redis, str, Pack], Awaitable[object]]
"""A worker's program: the client, the worker's name, and what it does with a parcel."""
Effect = Callable[[Redis, str], Awaitable[object]]
"""What packing a parcel leaves behind."""


class NoSuchStreet(Exception):
    """The address of a parcel makes no sense."""


@dataclass(repr=False)
class Shift:
    """How often each parcel was packed, and begun; what is still pending, as (entry's parcel, worker); the trace."""

    packed: dict[str, int]
    begun: Counter[str] = field(default_factory=Counter)
    pending: list[tuple[str, str]] = field(default_factory=list)
    deaths: list[tuple[float, str, str]] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)

    def parcels(self, times: int) -> list[str]:
        """Those that were packed so often; 2 stands for twice and more often."""
        return [parcel for parcel, n in self.packed.items() if min(n, 2) == times]

    def __repr__(self) -> str:
        never, once, twice = (self.parcels(times) for times in range(3))
        held = f", pending: {', '.join(f'{p} of {w}' for p, w in self.pending)}" if self.pending else ""
        return f"never packed: {_names(never)}; once: {len(once)}; twice or more often: {_names(twice)}{held}"


def _names(parcels: Collection[str]) -> str:
    return ", ".join(parcels) or "none"


def shift(
    work: Work, effect: Effect = counts, *, parcels: int = 12, workers: int = 4, handle: float = 0.1,
    dies_in: str = "4", dies_after: str = "8", poison: Collection[str] = (), until: float = 8.0,
    fault: OneFault | None = None,
) -> Shift:  # fmt: skip
    """Parcels "1" to "12" come, one every 50 ms, and the workers run `work(redis, name, pack)`.

    The worker that first packs `dies_in` dies in the middle of it; the one that first packs `dies_after`, right after
    it has done so and before its program goes on. A parcel in `poison` cannot be packed: `pack` raises, and the worker
    starts anew. Units: `handle`, what packing takes, and `until`, when everybody stops, in seconds.
    """
    world = Simulation(seed=1, faults=fault)
    redis, found = world.redis(), Shift({})
    doomed = {parcel for parcel in (dies_in, dies_after) if parcel}
    found.trace = world.trace

    async def sends() -> None:
        for number in range(1, parcels + 1):
            await redis.xadd(PARCELS, {"parcel": str(number)})
            await asyncio.sleep(EVERY)

    async def works(process: Process) -> None:
        async def pack(parcel: str) -> None:
            found.begun[parcel] += 1
            dies = parcel in doomed
            doomed.discard(parcel)
            if dies and parcel == dies_in:
                world.at(world.now() + handle / 2, dying, process, parcel)
            note = world.note(process.name, "compute", f"packs {parcel}")
            await asyncio.sleep(handle)
            if parcel in poison:
                raise NoSuchStreet(parcel)
            await effect(redis, parcel)
            note.t_end = world.now()
            if dies and parcel == dies_after:
                dying(process, parcel)
                await asyncio.sleep(0)

        with suppress(TimeoutError):
            async with asyncio.timeout(until - world.now()):
                while True:
                    with suppress(NoSuchStreet):
                        await work(redis, process.name, pack)

    def dying(process: Process, parcel: str) -> None:
        found.deaths.append((world.now(), process.name, parcel))
        world.crash(process)

    world.given(("XGROUP", "CREATE", PARCELS, GROUP, "0", "MKSTREAM"))
    world.client("shop", sends)
    for number in range(1, workers + 1):
        process = Process(f"w{number}")
        world.client(process.name, works, process, process=process)
    for result in world.run().values():
        if isinstance(result, BaseException):
            raise result
    _count(world, found, parcels)
    return found


def _count(world: Simulation, found: Shift, parcels: int) -> None:
    """Ask the server what was packed and what is pending."""
    node = world.nodes[0]
    for number in range(1, parcels + 1):
        found.packed[str(number)] = int(ask(node, b"HGET", PACKED.encode(), b"%d" % number) or 0)
    for entry, worker, *_ in ask(node, b"XPENDING", PARCELS.encode(), GROUP.encode(), b"-", b"+", b"100"):
        kept = ask(node, b"XRANGE", PARCELS.encode(), entry, entry)
        found.pending.append((kept[0][1][1].decode() if kept else "?", worker.decode()))


@dataclass(repr=False)
class Deaths:
    """How many deaths were tried, and of all parcels in those runs how many were packed never, once, twice or more."""

    tried: int = 0
    times: Counter[int] = field(default_factory=Counter)

    def __repr__(self) -> str:
        never, once, twice = (self.times[times] for times in range(3))
        return f"{counted(self.tried, 'death')} tried; parcels packed never {never}, once {once}, twice {twice}"


def die_everywhere(work: Work, effect: Effect = counts) -> Deaths:
    """Two workers and four parcels: worker w1 dies at each of its commands in turn, in a run for each."""
    found = Deaths()
    setting: dict[str, Any] = {"parcels": 4, "workers": 2, "dies_in": "", "dies_after": "", "until": 4.0}
    without = shift(work, effect, **setting)
    sends = sum(event.client == "w1" for event in without.trace)
    for at in range(1, sends + 1):
        run = shift(work, effect, fault=OneFault("crash", at, client="w1"), **setting)
        found.tried += 1
        found.times.update(min(n, 2) for n in run.packed.values())
    return found
