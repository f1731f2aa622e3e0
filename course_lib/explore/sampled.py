"""Orders drawn at random, where there are too many to play: every bug with a chance that can be stated.

A bug that needs `depth` turns to come in one certain order is met by one draw with a probability of at least
1 / (clients × commands ** (depth − 1)), however rare it is among all orders. Source: Burckhardt, Kothari, Musuvathi,
Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010,
doi:10.1145/1736020.1736040.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from time import monotonic

from course_lib.explore.orders import Orders, Progress
from course_lib.explore.trial import Schedule, Trial, play
from course_lib.sim import Draws, Turn


class ByPriority:
    """Probabilistic concurrency testing: of the clients that can go, the one with the highest priority goes.

    Priorities are drawn at the start. At `depth` − 1 moments, drawn among the first `commands` turns, the client that
    goes falls below all others. Every turn has one, also where there is no choice.
    """

    def __init__(self, draw: Draws, commands: int, depth: int) -> None:
        self._draw, self._turn = draw, 0
        self._priority: dict[str, float] = {}
        self._falls = {int(draw() * commands): -place - 1.0 for place in range(depth - 1)}

    def __call__(self, turns: Sequence[Turn]) -> int:
        for turn in turns:
            self._priority.setdefault(turn.client, self._draw())
        chosen = max(range(len(turns)), key=lambda at: self._priority[turns[at].client])
        if self._turn in self._falls:
            self._priority[turns[chosen].client] = self._falls[self._turn]
            chosen = max(range(len(turns)), key=lambda at: self._priority[turns[at].client])
        self._turn += 1
        return chosen


def sample(
    trial: Trial, clients: int, schedules: int = 1_000, *, depth: int = 3, seed: int = 0, seconds: float = inf,
    progress: Progress | None = None,
) -> Orders:  # fmt: skip
    """Play so many orders, drawn by priority; `found.failing` keeps the simplest failure, which replays by its turns.

    Units: `depth` 1 and more: how many turns must come in one certain order for the bug to show; two writers that lose
    an update need 2, most lock bugs 3. `seconds` of real time.
    """
    if depth < 1 or schedules < 1:
        raise ValueError(f"depth is {depth} and schedules is {schedules}; each must be at least 1")
    found, world, deadline = Orders(trial, clients, "sampled schedules"), trial.world(), monotonic() + seconds
    commands = 1
    for number in range(schedules):
        if monotonic() >= deadline:
            found.complete = False
            break
        if progress is not None:
            progress(number)
        choose = ByPriority(Draws(seed, "order", number), commands, depth)
        run = play(trial, Schedule(clients, seed), world, choose=choose)
        commands = max(commands, len(run.trace))
        found.add(run)
    return found


def chance(clients: int, commands: int, depth: int, schedules: int) -> float:
    """The least probability with which so many sampled schedules meet a bug of that depth."""
    one: float = 1 / (clients * commands ** (depth - 1))
    missed: float = (1 - one) ** schedules
    return 1 - missed
