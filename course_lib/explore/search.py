"""Play a trial stage by stage, fewest clients and faults first: in time by seeds, or by order of commands.

By order it is every order where they can be counted, else one order of each class, else a random sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from math import comb, factorial, inf, prod
from time import monotonic

from course_lib.explore.findings import Findings
from course_lib.explore.loop import Budget, Progress, Strategy, play_all
from course_lib.explore.shrink import shrink, steps_of
from course_lib.explore.strategies.delays import Late
from course_lib.explore.strategies.exhaustive import Probe, enumerate_all
from course_lib.explore.strategies.faults import struck_seeds
from course_lib.explore.strategies.pct import SAMPLED, sample
from course_lib.explore.strategies.seeds import each_seed
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Play, Redundant, Schedule, Trial, play
from course_lib.sim import Draws, Turn, kept_random

HOPELESS = 1_000
"""If there are more orders than this many times the budget, playing one of each class is not tried either, unless the
caller asks for it."""

TRIED, PROBED = 500, 40
"""After this many orders, the number of all orders is estimated from this many random ones."""

ONE_STAGE = Budget(2_000, 4_000_000)
"""What playing one stage by order may take, if nobody says otherwise."""

FEW_STEPS = Budget(inf, inf, broken=5_000)
"""Once a smaller failure is known, still smaller ones are sought among as many runs as take 5,000 steps."""


@kept_random()
def search(
    trial: Trial, budget: Budget | None = None, progress: Callable[[int, int], object] | None = None
) -> Findings:
    """Play the trial's schedules, fewest clients first, until all are played, all is settled or the budget is spent.

    `progress` is told before each run how many were played and about how many there will be. The same trial and budget
    give the same findings, unless `budget.seconds` ends the search.
    """
    budget, found, world = budget or Budget(), Findings(trial), trial.world()
    deadline = monotonic() + budget.seconds

    def tell(stage: Tally) -> None:
        if progress is not None:
            played = found.schedules
            of_stage = played - stage.schedules + budget.orders
            progress(played, max(played + 1, of_stage if clients in trial.orders else _expected_in_time(found)))

    for clients in trial.sizes:
        sent: dict[int, int] = {}
        for faults in stages(trial, clients):
            seconds = deadline - monotonic()
            if clients in trial.orders:
                if not found.settled:
                    of_one = Budget(budget.orders, 4 * budget.steps, seconds)
                    by_order(trial, clients, faults, of_one, progress=tell, keep=found.begin)
                continue
            in_time = [one for one in found.played if one.kinds]
            schedules = budget.schedules - sum(one.schedules for one in in_time)
            left = Budget(schedules, budget.steps - sum(one.steps for one in in_time), seconds)
            stage = found.begin(Tally(trial, clients, faults=faults))
            play_all(struck_seeds(stage, sent) if faults else each_seed(stage, sent), stage, world, left, tell)
            if not stage.complete:
                return found
        if not found.complete or found.settled:
            break
    return found


def _expected_in_time(found: Findings) -> int:
    trial = found.trial
    sends = (found.sends or 20) * len(trial.fault_sizes or trial.sizes)
    return trial.seeds * len(trial.sizes) + len(trial.faults) * trial.fault_seeds * sends


def stages(trial: Trial, clients: int) -> tuple[int, ...]:
    """The stages of that number of clients: how many faults strike in each schedule of it."""
    struck = bool(trial.faults) and (not trial.fault_sizes or clients in trial.fault_sizes)
    return (0, *((1,) if struck else ()), *((2,) if trial.faults and clients in trial.pairs else ()))


def by_order(
    trial: Trial, clients: int, faults: int = 0, budget: Budget = ONE_STAGE, *,
    progress: Progress | None = None, keep: Callable[[Tally], object] = lambda _: None,
    elsewhere: Callable[..., Tally] | None = None, persists: bool = False,
) -> Tally:  # fmt: skip
    """Every order; one order of each class if all are too many; if even those are too many, a random sample.

    With `persists`, one of each class is tried however many orders there are, until it is seen that these are too many.

    What an attempt found before it was given up is kept as failing, and not counted. `keep` is handed each tally before
    it is filled, so that an interrupt leaves what was found. `elsewhere` draws a sample in place of `sample`.
    """
    expected, most = estimated(trial, clients, faults), int(budget.schedules)
    covers = 0 if trial.delays else expected  # how many delays can begin, nobody knows before
    failing: dict[str, Play] = {}
    why = ""
    bounds = ("schedules", most, 2 * most), ("classes of schedules", inf if persists else HOPELESS * most, most)
    for what, bound, allowed in reversed(bounds) if trial.delays else bounds:
        if expected > bound:
            continue
        found = Tally(trial, clients, what, faults, failing=failing, expected=min(expected, most), covers=covers)
        keep(found)
        reduce = what != "schedules"
        ahead = _not_too_many(allowed, probed_classes if reduce else probed, progress or _nothing)
        try:
            enumerate_all(
                trial, clients, reduce=reduce, faults=faults, budget=replace(budget, schedules=allowed), into=found,
                progress=progress if reduce and not persists else ahead,
            )  # fmt: skip
        except TooMany:
            failing = found.failing
            continue
        out_of_time = found.schedules + found.redundant < most and not found.irreducible  # and so for any other search
        if found.complete or out_of_time:
            return found
        failing, why = found.failing, found.why
    found = Tally(trial, clients, SAMPLED, faults, failing=failing, expected=most, why=why, covers=covers)
    keep(found)
    if elsewhere is not None:
        return elsewhere(found, schedules=most, budget=budget, progress=progress)
    return sample(trial, clients, most, faults=faults, budget=budget, progress=progress, into=found)


class TooMany(Exception):
    """There are many more orders than the budget allows."""


def _nothing(tally: Tally) -> None:
    """The default `progress`: tells nobody."""


def _not_too_many(allowed: int, count: Callable[[Tally, Progress], float], progress: Progress) -> Progress:
    """What is told before each run. Raises: TooMany, once it is clear that not all of it will be played."""
    asked = False

    def told(found: Tally) -> None:
        nonlocal asked
        progress(found)
        if not asked and found.schedules + found.redundant == TRIED < allowed:
            asked = True
            if count(found, progress) > 2 * allowed:
                raise TooMany

    return told


def probed(found: Tally, progress: Progress = _nothing) -> float:
    """About how many orders there are, estimated from some random ones: for each, the product of how many clients could
    go at each turn. Right on average, but usually too small, because few orders have most of the choices. Source:
    Donald Knuth, "Estimating the Efficiency of Backtrack Programs", Mathematics of Computation 29, 1975,
    doi:10.1090/S0025-5718-1975-0373371-6.
    """
    trial, ways, world = found.trial, 0, found.trial.world()
    for number in range(PROBED):
        draw, factors = Draws("probe", number), list[int]()

        def choose(turns: Sequence[Turn], draw: Draws = draw, factors: list[int] = factors) -> int:
            factors.append(len(turns))
            return int(draw() * len(turns))

        progress(found)
        seen = Late(choose, trial, world)
        play(trial, Schedule(found.clients), world, choose=seen if trial.delays else choose)
        faults = found.faults or 0
        struck = (
            len(seen.able) if trial.delays and faults else comb(len(factors), faults) * int(len(trial.faults) ** faults)
        )
        ways += prod(factors) * struck
    return ways / PROBED


def probed_classes(found: Tally, progress: Progress = _nothing) -> float:
    """About how many orders a reduction plays, those included that it gives up. From some that are drawn, as above."""
    world, ways = found.trial.world(), 0
    for number in range(PROBED):
        probe = Probe(found.trial, world, Draws("probe", number), faults=found.faults or 0)
        progress(found)
        with suppress(Redundant):
            play(found.trial, Schedule(found.clients), world, choose=probe.choose)
        ways += probe.ways
    return ways / PROBED


def estimated(trial: Trial, clients: int, faults: int = 0) -> int:
    """About how many orders there are: exactly, if every client sends as many commands in each as in the first."""
    steps = steps_of(trial, Schedule(clients))
    orders = factorial(len(steps)) // prod(factorial(n) for n in Counter(step.client for step in steps).values())
    if trial.delays and faults:
        return orders  # few delays can begin in each
    struck = [step for step in steps if not step.client.startswith(trial.spared)]
    return orders * comb(len(struck), faults) * int(len(trial.faults) ** faults)


def smaller(trial: Trial, promise: str, failing: Play, begin: Callable[[], object] = lambda: None) -> Play:
    """The same failure with fewer clients, if one of a few likely schedules has it; else the run as it was.

    A run whose turns were chosen is made as simple as `shrink` can. Otherwise these are tried: each smaller number of
    clients that the search left out, with the same seed and the next nine, and the same kind of fault at each send up
    to the one that it hit. `begin` is called when a run begins.
    """
    schedule = failing.schedule
    if schedule.turns is not None:
        return shrink(trial, promise, failing, progress=lambda _: begin())
    for clients in range(trial.least, schedule.clients):
        if clients not in trial.sizes:
            stage = Tally(trial, clients, faults=schedule.faults)
            play_all(_likely(schedule, clients), stage, trial.world(), FEW_STEPS, lambda _: begin())
            if promise in stage.failing:
                return stage.failing[promise]
    return failing


def _likely(schedule: Schedule, clients: int) -> Strategy:
    for seed in range(schedule.seed, schedule.seed + 10):
        for at in range(1, schedule.at + 1) if schedule.kind else (0,):
            yield replace(schedule, clients=clients, seed=seed, at=at), None
        if schedule.kind:
            return
