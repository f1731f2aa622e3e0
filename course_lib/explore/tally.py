"""What playing many orders of the same clients' commands has shown, and which of two failing orders is the simpler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from course_lib.explore.trial import Play, Trial

Who = tuple[str, str, int]  # a client, the node and the connection: what a turn keeps while it waits
Progress = Callable[[int], object]
"""Told before each run how many were played. What it raises ends the search."""


@dataclass
class Orders:
    """How many orders were played, how many break each promise, and the simplest that does.

    `faults` is how many strike in each. `turns` is the length of the longest. Of sampled orders, `depth` is what they
    were drawn for, `commands` the turns among which priorities fell, and `drawn` counts the orders in which faults
    struck at each send. `expected` is about how many there will be. `what` names what was counted. `redundant` counts
    orders that a reduction began and gave up as played already. `complete` is False if a budget ended it. `outcomes`
    counts the orders by the promises that they broke.
    """

    trial: Trial
    clients: int
    what: str = "schedules"
    faults: int = 0
    schedules: int = 0
    steps: int = 0
    turns: int = 0
    depth: int = 0
    commands: int = 1
    expected: int = 0
    drawn: int = 0
    redundant: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    failing: dict[str, Play] = field(default_factory=dict)
    outcomes: Counter[tuple[str, ...]] = field(default_factory=Counter)
    complete: bool = True

    @property
    def failures(self) -> int:
        """How many orders break at least one promise."""
        return self.schedules - self.outcomes[()]

    @property
    def text(self) -> str:
        """`12 of 16 schedules of 2 clients break a promise`."""
        so_far = "" if self.complete else " played so far"
        struck = "" if not self.faults else " with one fault" if self.faults == 1 else f" with {self.faults} faults"
        who = f"{self.clients} client{'s' * (self.clients != 1)}"
        return f"{self.failures:,} of {self.schedules:,} {self.what} of {who}{struck}{so_far} break a promise"

    def add(self, run: Play) -> None:
        """Count an order that was played, and keep it for each promise that it breaks most simply."""
        broken = tuple(sorted({violation.promise for violation in run.violations}))
        self.schedules += 1
        self.steps += run.steps
        self.turns = max(self.turns, len(run.schedule.turns or ()))
        self.outcomes[broken] += 1
        for promise in broken:
            self.broken[promise] += 1
            self.keep(promise, run)

    def keep(self, promise: str, run: Play) -> None:
        """Keep a failing run if no simpler one is known."""
        known = self.failing.get(promise)
        if known is None or simplicity(run) < simplicity(known):
            self.failing[promise] = run


def simplicity(run: Play) -> tuple[int, int, int, int, str]:
    """What makes one failing order simpler: fewer clients, faults, commands, changes from client to client."""
    order = clients_in_order(run)
    switches = sum(one != other for one, other in pairwise(order))
    return run.schedule.clients, run.schedule.faults, len(order), switches, run.schedule.text


def clients_in_order(run: Play) -> list[str]:
    """Whose command ran on a server, command by command."""
    ran = [(event.t_server, event.client) for event in run.trace if event.t_server is not None]
    return [client for _, client in sorted(ran, key=lambda pair: pair[0])]
