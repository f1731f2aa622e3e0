"""Play a trial under many schedules, and keep the smallest one that breaks each promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf
from time import monotonic

from course_lib.explore.ordering import Allowance, by_order, stages
from course_lib.explore.shrink import shrink
from course_lib.explore.tally import Orders
from course_lib.explore.trial import Play, Schedule, Trial, play
from course_lib.sim import KINDS, Simulation, kept_random

Progress = Callable[[int, int], object]
"""Told before each run how many were played and about how many there will be. What it raises ends the search."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop early: after so many schedules, or so many steps of the clock, or so many seconds.

    Seconds depend on the machine, so a verdict that must not leaves them unlimited. What a trial plays by order has an
    allowance of its own: `orders` schedules for each number of clients and of faults, beyond which they are drawn.
    """

    schedules: int = 5_000
    steps: int = 1_000_000
    seconds: float = inf
    orders: int = 2_000


@dataclass
class Findings:
    """What a search saw: how many schedules of each kind, and for each broken promise the smallest schedule.

    `kinds` counts "no fault" and each kind of fault. `sent` is, for each number of clients and seed, how many commands
    left in the run without a fault; up to a fault, the run with it is the same. `orders` has what was played by order.
    `complete` is False if the budget ended the search.
    """

    trial: Trial
    kinds: Counter[str] = field(default_factory=Counter)
    sent: dict[tuple[int, int], int] = field(default_factory=dict)
    steps: int = 0
    complete: bool = True
    failing: dict[str, Play] = field(default_factory=dict)
    orders: list[Orders] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """How many schedules were played."""
        return self.kinds.total() + sum(one.schedules for one in self.orders)

    @property
    def sends(self) -> int:
        """The largest number of sends that a fault was tried at."""
        if not self.trial.faults:
            return 0
        sizes = self.trial.fault_sizes or self.trial.sizes
        return max((n for (clients, _), n in self.sent.items() if clients in sizes), default=0)

    def settled(self) -> bool:
        """Is every promise of the trial broken, so that no further run can tell anything new?"""
        return all(promise in self.failing for promise in self.trial.promises)

    def add(self, run: Play) -> None:
        """Count a run, and keep it for each promise that it breaks in fewer clients or fewer events."""
        schedule = run.schedule
        self.kinds[schedule.kind or "no fault"] += 1
        self.steps += run.steps
        if schedule.kind is None:
            self.sent[schedule.clients, schedule.seed] = sum(event.name != "PUSH" for event in run.trace)
        for promise in {violation.promise for violation in run.violations}:
            known = self.failing.get(promise)
            if known is None or size(run) < size(known):
                self.failing[promise] = run

    def take(self, orders: Orders) -> None:
        """Count what was played by order, and keep what failed where nothing smaller is known."""
        self.orders.append(orders)
        self.complete = self.complete and orders.complete
        for promise, run in orders.failing.items():
            known = self.failing.get(promise)
            if known is None or size(run) < size(known):
                self.failing[promise] = run


def size(run: Play) -> tuple[int, int, int, int, str, int]:
    """What makes one failing run smaller than another: clients, then events, then faults; then a fixed order."""
    s = run.schedule
    return s.clients, len(run.trace), s.faults, s.seed, s.kind or "", s.at


@kept_random()
def search(trial: Trial, budget: Budget | None = None, progress: Progress | None = None) -> Findings:
    """Play the trial's schedules, fewest clients first, until all are played, all is settled or the budget is spent.

    The same trial and budget give the same findings, unless `budget.seconds` ends the search.
    """
    budget = budget or Budget()
    deadline = monotonic() + budget.seconds
    found, world = Findings(trial), trial.world()
    for clients in trial.sizes:
        if clients in trial.orders:
            _play_orders(clients, budget, deadline, found, progress)
        else:
            _play_seeds(clients, budget, deadline, found, world, progress)
        if not found.complete or found.settled():
            break
    return found


def _play_seeds(
    clients: int, budget: Budget, deadline: float, found: Findings, world: Simulation, progress: Progress | None
) -> None:
    for schedule in _schedules(found.trial, clients, found):
        if found.kinds.total() >= budget.schedules or found.steps >= budget.steps or monotonic() >= deadline:
            found.complete = False
            return
        if progress is not None:
            progress(found.tried, _expected(found.trial, found))
        found.add(play(found.trial, schedule, world))


def _play_orders(clients: int, budget: Budget, deadline: float, found: Findings, progress: Progress | None) -> None:
    for faults in stages(found.trial, clients):
        if found.settled():
            return
        done = found.tried

        def tell(played: int, done: int = done) -> None:
            if progress is not None:
                progress(done + played, done + max(played + 1, budget.orders))

        allowance = Allowance(budget.orders, 4 * budget.steps, deadline - monotonic())
        found.take(by_order(found.trial, clients, faults, allowance, progress=tell))


def smaller(trial: Trial, promise: str, failing: Play, begin: Callable[[], object] | None = None) -> Play:
    """The same failure with fewer clients, if one of a few likely schedules has it; else the run as it was.

    A run whose turns were chosen is made as simple as `shrink` can. Else these are tried: each smaller number of
    clients that the search left out, with the same seed and the next nine, and the same kind of fault at each send up
    to the one that it hit. `begin` is called now and then, when a run begins.
    """
    if failing.schedule.turns is not None:
        return shrink(trial, promise, failing, progress=None if begin is None else lambda _: begin())
    world, schedule = trial.world(), failing.schedule
    for clients in range(trial.least, schedule.clients):
        if clients not in trial.sizes:
            found = [run for run in _likely(trial, schedule, clients, world) if run.violation(promise)]
            if found:
                return min(found, key=size)
    return failing


def _likely(trial: Trial, schedule: Schedule, clients: int, world: Simulation) -> Iterator[Play]:
    for seed in range(schedule.seed, schedule.seed + 10):
        for at in range(1, schedule.at + 1) if schedule.kind else (0,):
            yield play(trial, replace(schedule, clients=clients, seed=seed, at=at), world)
        if schedule.kind:
            return


def _schedules(trial: Trial, clients: int, found: Findings) -> Iterator[Schedule]:
    for seed in range(trial.seeds):
        yield Schedule(clients, seed)
    if trial.fault_sizes and clients not in trial.fault_sizes:
        return
    kinds = [kind for kind in KINDS if kind in trial.faults]
    for seed, kind in product(range(min(trial.fault_seeds, trial.seeds)), kinds):
        for at in range(1, found.sent[clients, seed] + 1):
            yield Schedule(clients, seed, kind, at, trial.faults[kind])


def _expected(trial: Trial, found: Findings) -> int:
    faults = len(trial.faults) * trial.fault_seeds * (found.sends or 20) * len(trial.fault_sizes or trial.sizes)
    return max(trial.seeds * len(trial.sizes) + faults, found.tried + 1)
