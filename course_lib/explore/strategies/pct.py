"""Probabilistic concurrency testing: orders drawn at random, where there are too many to play.

A bug that needs `depth` turns to come in one certain order is met by one draw with a probability of at least
1 / (clients × commands ** (depth − 1)), however rare it is among all orders. Source: Burckhardt, Kothari, Musuvathi,
Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010,
doi:10.1145/1736020.1736040.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from math import inf

from course_lib.explore.loop import UNLIMITED, Budget, Progress, Strategy, play_all
from course_lib.explore.strategies.delays import late_orders
from course_lib.explore.strategies.faults import Struck
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Schedule, Trial
from course_lib.sim import Draws, Simulation, Turn

SAMPLED = "sampled schedules"
PROBES, STRUCK_PROBES = 30, 10
"""Random orders that are played first: the longest decides among how many turns a later order's priority can fall. The
second number is for orders at each of whose sends a fault strikes."""


def sample(
    trial: Trial, clients: int, schedules: int = 1_000, *, faults: int = 0, depth: int = 3, seed: int = 0,
    budget: Budget = UNLIMITED, progress: Progress | None = None, into: Tally | None = None,
) -> Tally:  # fmt: skip
    """Play a number of orders, drawn by priority; `failing` keeps the simplest failure, which replays by its turns.

    With `faults`, each kind of fault strikes at each send of the drawn orders. `into` is gone on with. The budget's
    schedules are not looked at.

    Units: `depth` 1 and more: how many turns must come in one certain order for the bug to show; two writers that lose
    an update need 2, most lock bugs 3.
    """
    if depth < 1 or schedules < 1:
        raise ValueError(f"depth is {depth} and schedules is {schedules}; each must be at least 1")
    found, world = into or Tally(trial, clients, SAMPLED, faults), trial.world()
    if faults:
        strategy = struck_orders(found, world, range(found.drawn, found.drawn + schedules), depth, seed, schedules)
    else:
        strategy = drawn_orders(found, range(found.schedules, schedules), depth, seed)
    return play_all(strategy, found, world, replace(budget, schedules=inf), progress)


class ByPriority:
    """Of the clients that can go, the one with the highest priority goes.

    Priorities are drawn at the start. At `depth` − 1 moments, drawn among the first `commands` turns, the client that
    goes falls below all others. Every turn has one, also where there is no choice.
    """

    def __init__(self, seed: int, number: int, commands: int, depth: int) -> None:
        draw = Draws(seed, "order", number)
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


def drawn_orders(found: Tally, numbers: Iterable[int], depth: int, seed: int) -> Strategy:
    """The random orders with these numbers. From the first ones it learns among how many turns priorities can fall."""
    found.depth = depth
    for number in numbers:
        yield Schedule(found.clients, seed), ByPriority(seed, number, found.commands, depth)
        if number < PROBES:
            found.commands = max(found.commands, found.turns)


def struck_orders(
    found: Tally, world: Simulation, numbers: Iterable[int], depth: int, seed: int, schedules: float = inf
) -> Strategy:
    """The orders with these numbers, and each kind of fault at each send of each, up to `schedules` in all; or each
    delay that can begin in it.

    An order that was begun is finished. Of the first orders it learns as `drawn_orders` does. With two faults, the
    second one strikes at a later send that is drawn, as its kind is.
    """
    trial, schedule, found.depth = found.trial, Schedule(found.clients, seed), depth
    for number in numbers:
        if found.schedules >= schedules:
            return
        order = partial(ByPriority, seed, number, found.commands, depth)
        draws = Draws(seed, "struck", number)
        run = yield from late_orders(order, trial, world, schedule)
        turns = len(run.schedule.turns or ())
        for fate in product(range(turns), trial.kinds):
            fates = dict([fate])
            while True:
                run = yield schedule, Struck(order(), fates, trial)
                last, left = max(fates), len(run.schedule.turns or ()) - max(fates) - 1
                if len(fates) == found.faults or left < 1:
                    break
                fates[last + 1 + int(draws() * left)] = trial.kinds[int(draws() * len(trial.kinds))]
        found.drawn += 1
        if number < STRUCK_PROBES:
            found.commands = max(found.commands, turns)


def chance(clients: int, commands: int, depth: int, schedules: int) -> float:
    """A lower bound of the probability that this many sampled schedules meet a bug of that depth."""
    one: float = 1 / (clients * commands ** (depth - 1))
    missed: float = (1 - one) ** schedules
    return 1 - missed
