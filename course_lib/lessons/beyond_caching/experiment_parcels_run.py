"""The workers in virtual time, under each strategy. `in_slices` does it piece by piece, for the lab."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from course_lib.explore.server_state import ask
from course_lib.lessons.beyond_caching.experiment_parcels import SENT_UNTIL, STILL, Hold, Parcels, ParcelsSeen
from course_lib.lessons.beyond_caching.experiment_shift import NoSuchStreet
from course_lib.lessons.beyond_caching.experiment_strategies import STRATEGIES, App
from course_lib.lessons.beyond_caching.programs import GROUP, PACKED, PARCELS
from course_lib.patterns.basics import beside, require
from course_lib.sim import Process, Simulation

LOOK = 0.05
"""Seconds between two looks at what is pending."""


def pack_all(parcels: Parcels) -> ParcelsSeen:
    """Simulate."""
    *_, (_, seen) = in_slices(parcels)
    return seen


def in_slices(parcels: Parcels, *, steps: int = 4_000) -> Iterator[tuple[float, ParcelsSeen]]:
    """The same in slices of `steps` callbacks, some 40 ms: yields (share of the virtual time that is over, result)."""
    require(parcels.strategy in STRATEGIES, "strategy", parcels.strategy, ", ".join(STRATEGIES))
    world = Simulation(parcels.seed)
    seen = ParcelsSeen(parcels)
    room = _Room(world, seen)
    world.given(("XGROUP", "CREATE", PARCELS, GROUP, "0", "MKSTREAM"))
    world.client("shop", room.send)
    staff = [Process(f"w{number}") for number in range(1, parcels.workers + 1)]
    for process in staff:
        world.client(process.name, room.work, process, process=process)
    if 0 < parcels.dies < parcels.duration:
        world.at(parcels.dies, room.dies, staff[0])
    if parcels.pauses > 0 and len(staff) > 1:
        seen.still = STILL, STILL + parcels.pauses
        world.at(STILL, world.pause, staff[1], parcels.pauses)
    world.at(LOOK, room.look)
    try:
        for now in world.slices(steps):
            yield min(now / parcels.duration, 1.0), seen
        for result in world.results.values():
            if isinstance(result, BaseException):
                raise result
        room.close()
        yield 1.0, seen
    finally:
        world.rewind(parcels.seed)  # what a run leaves in cycles would make later runs pause for the collector


class _Room:
    """Shop and workers, and somebody who looks at the server from time to time."""

    def __init__(self, world: Simulation, seen: ParcelsSeen) -> None:
        self._world, self._seen, self._strategy = world, seen, STRATEGIES[seen.parcels.strategy]
        self._app = App(world.redis(), seen.parcels)
        self._parcel_of: dict[bytes, int] = {}
        self._held: dict[bytes, tuple[str, float]] = {}

    async def send(self) -> None:
        """Send parcels at random moments, for the first part of the run."""
        given, draw, number = self._seen.parcels, self._world.draws("shop"), 0
        while (pause := draw.exponential(1 / given.rate)) < given.duration * SENT_UNTIL - self._world.now():
            await asyncio.sleep(pause)
            number += 1
            self._seen.sent[number] = self._world.now()
            entry = await self._strategy.send(self._app, str(number))
            self._parcel_of[str(entry).encode()] = number

    async def work(self, process: Process) -> None:
        """One worker, which begins anew after each error, until the end."""
        given, draw = self._seen.parcels, self._world.draws(process.name)

        async def pack(parcel: str) -> None:
            await asyncio.sleep(given.handle * (0.5 + draw()))
            if int(parcel) <= given.poison:
                self._seen.errors.append((self._world.now(), int(parcel), process.name))
                raise NoSuchStreet(parcel)
            await self._strategy.effect(self._app.redis, parcel)
            self._seen.first.setdefault(int(parcel), self._world.now())

        with suppress(TimeoutError):
            async with asyncio.timeout(given.duration - self._world.now()):
                while True:
                    with suppress(NoSuchStreet):
                        await self._strategy.work(self._app, process.name, pack)

    def dies(self, process: Process) -> None:
        """The end of a worker."""
        self._seen.died = self._world.now()
        self._world.crash(process)

    def look(self) -> None:
        """Who holds which entry? Asked of the server, unseen by the trace."""
        now, held = self._world.now(), {}
        pending = (b"XPENDING", PARCELS.encode(), GROUP.encode(), b"-", b"+", b"1000")
        for entry, worker, *_ in ask(self._world.nodes[0], *pending):
            held[entry] = worker.decode()
        for entry, (worker, since) in list(self._held.items()):
            if held.get(entry) != worker:
                self._over(entry, worker, since, now)
        for entry, worker in held.items():
            self._held.setdefault(entry, (worker, now))
        if now + LOOK < self._seen.parcels.duration:
            self._world.at(now + LOOK, self.look)

    def close(self) -> None:
        """What is pending in the end, what was packed how often, what is a dead letter: as the server has it."""
        self._seen.pending = [self._parcel_of[entry] for entry in self._held]
        for entry, (worker, since) in list(self._held.items()):
            self._over(entry, worker, since, self._seen.parcels.duration)
        node = self._world.nodes[0]
        for number in self._seen.sent:
            self._seen.times[number] = int(ask(node, b"HGET", PACKED.encode(), b"%d" % number) or 0)
        letters = ask(node, b"XRANGE", beside("dead", PARCELS, GROUP).encode(), b"-", b"+")
        self._seen.letters = {int(fields[1]) for _, fields in letters or ()}

    def _over(self, entry: bytes, worker: str, since: float, now: float) -> None:
        self._seen.holds.append(Hold(self._parcel_of[entry], worker, since, now))
        del self._held[entry]
