"""The one loop that plays schedules: a strategy says which, a budget when to stop, a tally keeps what was found."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import inf
from time import monotonic

from course_lib.explore.tally import Tally
from course_lib.explore.trial import Play, Redundant, Schedule, play
from course_lib.sim import Choose, Simulation, kept_random

Strategy = Generator[tuple[Schedule, Choose | None], Play, None]
"""A generator that yields the next schedule to play, and what chooses its turns where the schedule does not say. It is
sent the run, to learn from it, or None if the run was given up as redundant."""

Progress = Callable[[Tally], object]
"""Told before each run what has been played of its stage. What it raises ends the search."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop early: after a number of schedules, of steps of the clock, or of seconds.

    Seconds depend on the machine, so a verdict that must not leaves them unlimited. In a search, `orders` is how many
    schedules each stage of what is played by order may have, beyond which they are drawn. `broken`: of steps of one
    stage, once a run of it has broken a promise.
    """

    schedules: float = 5_000
    steps: float = 1_000_000
    seconds: float = inf
    orders: int = 2_000
    broken: float = inf


UNLIMITED = Budget(1_000_000, inf)


@kept_random()
def play_all(
    strategy: Strategy, found: Tally, world: Simulation, budget: Budget = UNLIMITED, progress: Progress | None = None
) -> Tally:
    """Play what the strategy yields until it ends or the budget is spent, and count the runs that belong to the stage.
    If something raises, `found` keeps what was found until then, and is not complete.
    """
    deadline = monotonic() + budget.seconds
    found.complete = False  # until nothing is left to play, however this ends
    run: Play | None = None
    while True:
        try:
            schedule, choose = next(strategy) if run is None else strategy.send(run)
        except StopIteration:
            found.complete = True
            return found
        played = found.schedules + found.redundant
        steps = min(budget.steps, budget.broken) if found.failing else budget.steps
        if played >= budget.schedules or found.steps >= steps or monotonic() >= deadline:
            return found
        if progress is not None:
            progress(found)
        try:
            run = play(found.trial, schedule, world, choose=choose)
        except Redundant:
            run = None
            found.redundant += 1
        else:
            if found.counts(run):
                found.add(run)
