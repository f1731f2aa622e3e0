"""Orders drawn at random, where there are too many to play: every bug with a chance that can be stated.

A bug that needs `depth` turns to come in one certain order is met by one draw with a probability of at least
1 / (clients × commands ** (depth − 1)), however rare it is among all orders. Source: Burckhardt, Kothari, Musuvathi,
Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010,
doi:10.1145/1736020.1736040.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from math import inf
from time import monotonic

from course_lib.explore.tally import Orders, Progress
from course_lib.explore.trial import Play, Schedule, Trial, play
from course_lib.sim import KINDS, Draws, Move, Simulation, Turn, kept_random
from course_lib.sim.faults import Kind

SAMPLED = "sampled schedules"
PROBES = 30
"""Drawn orders whose length decides among how many turns a priority may fall in those that come after them."""


class ByPriority:
    """Probabilistic concurrency testing: of the clients that can go, the one with the highest priority goes.

    Priorities are drawn at the start. At `depth` − 1 moments, drawn among the first `commands` turns, the client that
    goes falls below all others. Every turn has one, also where there is no choice.
    """

    def __init__(self, draw: Draws, commands: int, depth: int) -> None:
        self._turn = 0
        self._priority: defaultdict[str, float] = defaultdict(draw)  # drawn when a client is first seen
        self._falls = {int(draw() * commands): -place - 1.0 for place in range(depth - 1)}

    def __call__(self, turns: Sequence[Turn]) -> int:
        chosen = self._highest(turns)
        if self._turn in self._falls:
            self._priority[turns[chosen].client] = self._falls[self._turn]
            chosen = self._highest(turns)
        self._turn += 1
        return chosen

    def _highest(self, turns: Sequence[Turn]) -> int:
        ranks = [self._priority[turn.client] for turn in turns]
        return ranks.index(max(ranks))


@kept_random()
def sample(
    trial: Trial, clients: int, schedules: int = 1_000, *, depth: int = 3, seed: int = 0, seconds: float = inf,
    steps: float = inf, progress: Progress | None = None, into: Orders | None = None,
) -> Orders:  # fmt: skip
    """Play so many orders, drawn by priority; `found.failing` keeps the simplest failure, which replays by its turns.

    Units: `depth` 1 and more: how many turns must come in one certain order for the bug to show; two writers that lose
    an update need 2, most lock bugs 3. `seconds` of real time, `steps` of the clock. `into` is gone on with.
    """
    _check(depth, schedules)
    found, world, deadline = into or Orders(trial, clients, SAMPLED), trial.world(), monotonic() + seconds
    found.depth, found.complete = depth, False  # until all are played, however this ends
    for number in range(found.schedules, schedules):
        if found.steps >= steps or monotonic() >= deadline:
            return found
        if progress is not None:
            progress(found.schedules)
        found.add(play(trial, Schedule(clients, seed), world, choose=_drawn(seed, number, found.commands, depth)))
        if number < PROBES:
            found.commands = max(found.commands, found.turns)
    found.complete = True
    return found


@kept_random()
def strike_sampled(
    trial: Trial, clients: int, schedules: int = 1_000, *, faults: int = 1, depth: int = 3, seed: int = 0,
    seconds: float = inf, steps: float = inf, progress: Progress | None = None, into: Orders | None = None,
) -> Orders:  # fmt: skip
    """Draw orders one after another, and let each kind of fault strike at each send of each, until so many are played.

    An order that was begun is finished; `found.drawn` counts them. With two faults, the second one strikes at a later
    send that is drawn, as its kind is. Options are those of `sample`.
    """
    _check(depth, schedules)
    found, world, deadline = into or Orders(trial, clients, SAMPLED, faults), trial.world(), monotonic() + seconds
    kinds = [kind for kind in KINDS if kind in trial.faults]
    found.depth, found.complete, commands = depth, False, 1
    for number in range(schedules):
        order, draws = partial(_drawn, seed, number, commands, depth), Draws(seed, "struck", number)
        turns = len(play(trial, Schedule(clients, seed), world, choose=order()).schedule.turns or ())
        for fate in product(range(turns), kinds):
            if found.steps >= steps or monotonic() >= deadline:
                return found
            if progress is not None:
                progress(found.schedules)
            run = _struck(trial, Schedule(clients, seed), world, order, dict([fate]), faults, draws)
            if run.schedule.faults == faults:
                found.add(run)
        found.drawn, commands = number + 1, max(commands, turns)
        if found.schedules >= schedules:
            break
    found.complete = True
    return found


def _drawn(seed: int, number: int, commands: int, depth: int) -> ByPriority:
    return ByPriority(Draws(seed, "order", number), commands, depth)


def _struck(
    trial: Trial, schedule: Schedule, world: Simulation, order: Callable[[], ByPriority], fates: dict[int, Kind],
    faults: int, draws: Draws,
) -> Play:  # fmt: skip
    """The order with these faults; and with more, each at a turn that is drawn from those that were left after it."""
    kinds = [kind for kind in KINDS if kind in trial.faults]
    while True:
        run = play(trial, schedule, world, choose=Struck(order(), fates, trial))
        last, turns = max(fates), len(run.schedule.turns or ())
        if len(fates) == faults or last + 1 >= turns:
            return run
        fates[last + 1 + int(draws() * (turns - last - 1))] = kinds[int(draws() * len(kinds))]


class Struck:
    """As another chooses; but at the turns with these numbers, a fault strikes whoever was chosen."""

    def __init__(self, choose: Callable[[Sequence[Turn]], int], fates: Mapping[int, Kind], trial: Trial) -> None:
        self._choose, self._fates, self._trial, self._turn = choose, fates, trial, 0

    def __call__(self, turns: Sequence[Turn]) -> int | Move:
        at, kind = self._choose(turns), self._fates.get(self._turn)
        self._turn += 1
        if kind is None or turns[at].client.startswith(self._trial.spared):
            return at
        return Move(kind, at, self._trial.faults[kind])


def _check(depth: int, schedules: int) -> None:
    if depth < 1 or schedules < 1:
        raise ValueError(f"depth is {depth} and schedules is {schedules}; each must be at least 1")


def chance(clients: int, commands: int, depth: int, schedules: int) -> float:
    """The least probability with which so many sampled schedules meet a bug of that depth."""
    one: float = 1 / (clients * commands ** (depth - 1))
    missed: float = (1 - one) ** schedules
    return 1 - missed
