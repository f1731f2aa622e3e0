"""A trial by order of commands: every order where they can be counted, else drawn ones with a stated chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import comb, factorial, inf, prod

from course_lib.explore.shrink import steps_of
from course_lib.explore.strategies.exhaustive import enumerate_all
from course_lib.explore.strategies.pct import sample, strike_sampled
from course_lib.explore.tally import Orders, Progress
from course_lib.explore.trial import Play, Schedule, Trial

Keep = Callable[[Orders], object]
"""Handed each result before it is filled, so that an interrupt leaves what was found."""

HOPELESS = 1_000
"""Where plain orders are so many times what is allowed, one of each class of them is not tried either."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much one stage may play: one number of clients, with no fault, with one or with two.

    Units: schedules; `steps` of the clock; `seconds` of real time.
    """

    schedules: int = 2_000
    steps: float = 4_000_000
    seconds: float = inf


def stages(trial: Trial, clients: int) -> tuple[int, ...]:
    """With how many faults the orders of so many clients are played, one stage after another."""
    struck = bool(trial.faults) and (not trial.fault_sizes or clients in trial.fault_sizes)
    return (0, *((1,) if struck else ()), *((2,) if trial.faults and clients in trial.pairs else ()))


def by_order(
    trial: Trial, clients: int, faults: int = 0, allowance: Allowance | None = None, *,
    progress: Progress | None = None, keep: Keep | None = None,
) -> Orders:  # fmt: skip
    """Every order with so many faults; one of each class of them if all are too many; drawn ones if those are as well.

    What an attempt found before it was given up is kept as failing, and not counted.
    """
    allowance = allowance or Allowance()
    expected, most = estimated(trial, clients, faults), allowance.schedules
    failing: dict[str, Play] = {}
    for what in ("schedules", "classes of schedules"):
        if expected > most * (1 if what == "schedules" else HOPELESS):
            continue
        found = _begun(Orders(trial, clients, what, faults, failing=failing, expected=min(expected, most)), keep)
        enumerate_all(
            trial, clients, reduce=what != "schedules", faults=faults, most=2 * most if what == "schedules" else most,
            seconds=allowance.seconds, steps=allowance.steps, progress=progress, into=found,
        )  # fmt: skip
        if found.complete or found.schedules + found.redundant < most:  # out of time, which no other way has either
            return found
        failing = found.failing
    found = _begun(Orders(trial, clients, "sampled schedules", faults, failing=failing, expected=most), keep)
    if faults:
        strike_sampled(trial, clients, most, faults=faults, seconds=allowance.seconds, steps=allowance.steps,
                       progress=progress, into=found)  # fmt: skip
    else:
        sample(trial, clients, most, seconds=allowance.seconds, steps=allowance.steps, progress=progress, into=found)
    return found


def estimated(trial: Trial, clients: int, faults: int = 0) -> int:
    """About how many orders there are: exactly, if every client sends as many commands in each as in the first."""
    steps = steps_of(trial, Schedule(clients))
    orders = factorial(len(steps)) // prod(factorial(n) for n in Counter(step.client for step in steps).values())
    struck = [step for step in steps if not step.client.startswith(trial.spared)]
    return orders * comb(len(struck), faults) * int(len(trial.faults) ** faults)


def _begun(found: Orders, keep: Keep | None) -> Orders:
    if keep is not None:
        keep(found)
    return found
