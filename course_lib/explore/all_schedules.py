"""Every schedule of a puzzle: all orders, all with one message lost or one crash, all in which time passes once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from time import monotonic
from typing import Any

from course_lib.explore import Move, Orders, Play, Simulation, Trial, enumerate_all
from course_lib.explore.livelock import Watch
from course_lib.explore.tally import simplicity
from course_lib.sim.faults import Kind

FATES: dict[Kind, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
"""What else may become of a command, once in a schedule."""


@dataclass
class Every:
    """How many schedules there are of each sort, and how many of them break the promise.

    `orders` are those without a fault, `struck` those with one message lost or one crash, `waited` those in which time
    passes once.
    """

    orders: Orders
    struck: Orders
    waited: Orders

    @property
    def complete(self) -> bool:
        """Did the time that was allowed suffice for all?"""
        return all(part.complete for part in self)

    @property
    def schedules(self) -> int:
        """How many were played."""
        return sum(part.schedules for part in self)

    @property
    def failures(self) -> int:
        """How many of them break the promise."""
        return sum(part.failures for part in self)

    @property
    def simplest(self) -> Play | None:
        """One with the fewest moves that breaks it."""
        failing = [run for part in self for run in part.failing.values()]
        return min(failing, key=lambda run: (len(run.schedule.turns or ()), simplicity(run)), default=None)

    def __iter__(self) -> Iterator[Orders]:
        return iter((self.orders, self.struck, self.waited))


@dataclass
class _Watched:
    """Builds what a trial builds, and watches the run: it ends where it comes back, and time passes once at `wait`."""

    trial: Trial
    wait: int | None = None
    seconds: float = 0.0
    watch: Watch | None = None

    def __call__(self, world: Simulation, clients: int) -> Any:
        witness = self.trial.build(world, clients)
        self.watch = witness if isinstance(witness, Watch) else Watch(world, looks=False)
        self.watch.cut, self.watch.wait, self.watch.seconds = True, self.wait, self.seconds
        return witness

    def made(self) -> Trial:
        """The trial, watched."""
        return replace(self.trial, build=self, faults=FATES, fault_sizes=())


class _Waited(Orders):
    """Counts the schedules in which time did pass, each with that move in its place."""

    watched: _Watched

    def add(self, run: Play) -> None:
        watched = self.watched
        if watched.watch is not None and watched.watch.waited and watched.wait is not None:
            turns, wait = run.schedule.turns or (), Move("wait", seconds=watched.seconds)
            run.schedule = replace(run.schedule, turns=(*turns[: watched.wait], wait, *turns[watched.wait :]))
            super().add(run)


def every(trial: Trial, clients: int, pause: float, *, seconds: float = inf) -> Every:
    """Play every schedule of a trial. Each ends where everybody has ended, or where it comes back, seen by a Watch.

    Units: `pause` in seconds of virtual time, what passes when time passes; `seconds` of real time, for all, of which
    the orders without a fault have half, and each of the others a quarter or more.
    """
    deadline = monotonic() + seconds
    orders = enumerate_all(_Watched(trial).made(), clients, seconds=seconds / 2)
    struck = enumerate_all(_Watched(trial).made(), clients, faults=1, seconds=(deadline - monotonic()) / 2)
    waited, at = _Waited(trial, clients), 0
    while at <= waited.turns and waited.complete:
        waited.watched = _Watched(trial, at, pause)
        enumerate_all(waited.watched.made(), clients, seconds=deadline - monotonic(), into=waited)
        at += 1
    return Every(orders, struck, waited)
