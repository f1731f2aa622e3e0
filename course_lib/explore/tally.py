"""What playing one stage of a search has shown, and which of two failing runs is the simpler one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from course_lib.explore.activity import Activity
from course_lib.explore.trial import Play, Trial

Simplicity = tuple[int, int, int, int, str, int]


@dataclass
class Tally:
    """Of one stage: how many schedules were played, how many broke each promise, and the simplest one that did.

    A stage is a number of clients, and of `faults` and `waits` in each schedule; where `faults` is None, any number.
    `what` names what was counted. `outcomes` counts the schedules by the promises that they broke. `turns` is the most
    turns that one had; in time, the most commands that were sent in a run without a fault. `expected` is about how many
    schedules there will be. `complete` is False if a budget ended it.

    What strategies add: of sampled orders, `depth` is what they were drawn for, `commands` the turns among which
    priorities fell, and `drawn` counts the orders in which faults struck at each send. `redundant` counts orders that a
    reduction began and gave up as played already. `kinds` counts the runs in time by their fault, or "no fault".
    `irreducible` says that a reduction was given up, as it might have left out what matters, and `why` says why.
    `twins` counts the classes of which a second order was played; all of them stand for about `covers` orders;
    and a sample was drawn from about as many.
    `seen`, where somebody wants to know, has what there was to judge.
    """

    trial: Trial
    clients: int
    what: str = "schedules"
    faults: int | None = 0
    waits: int = 0
    steps: int = 0
    turns: int = 0
    depth: int = 0
    commands: int = 1
    expected: int = 0
    drawn: int = 0
    redundant: int = 0
    failing: dict[str, Play] = field(default_factory=dict)
    outcomes: Counter[tuple[str, ...]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    complete: bool = True
    irreducible: bool = False
    why: str = ""
    twins: int = 0
    covers: int = 0
    seen: Activity | None = None
    _simplicity: dict[str, tuple[Play, Simplicity]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def stage(self) -> tuple[object, ...]:
        """What tells it from the tallies of other stages."""
        return self.clients, self.faults, self.waits, self.trial.delays

    @property
    def schedules(self) -> int:
        """How many schedules were played and judged."""
        return self.outcomes.total()

    @property
    def failures(self) -> int:
        """How many of them break at least one promise."""
        return self.schedules - self.outcomes[()]

    @property
    def broken(self) -> Counter[str]:
        """How many of them break each promise."""
        return sum((Counter(dict.fromkeys(broken, n)) for broken, n in self.outcomes.items()), Counter[str]())

    @property
    def text(self) -> str:
        """`12 of 16 schedules of 2 clients break a promise`."""
        so_far = "" if self.complete else " played so far"
        one = "delay" if self.trial.delays else "fault"
        struck = "" if not self.faults else f" with one {one}" if self.faults == 1 else f" with {self.faults} faults"
        who = f"{self.clients} client{'s' * (self.clients != 1)}"
        return f"{self.failures:,} of {self.schedules:,} {self.what} of {who}{struck}{so_far} break a promise"

    def counts(self, run: Play) -> bool:
        """Does the run belong to this stage? Some runs are only played on the way to others."""
        return self.faults is None or (run.schedule.faults, run.schedule.waits) == (self.faults, self.waits)

    def add(self, run: Play) -> None:
        """Count a run, and keep it for each promise that it breaks, if it is the simplest such run."""
        broken = tuple(sorted({violation.promise for violation in run.violations}))
        self.steps += run.steps
        self.outcomes[broken] += 1
        if self.seen is not None:
            self.seen.add(run)
        if run.schedule.turns is None:
            self.kinds[run.schedule.kind or "no fault"] += 1
        else:
            self.turns = max(self.turns, len(run.schedule.turns))
        for promise in broken:
            self.keep(promise, run)

    def keep(self, promise: str, run: Play) -> None:
        """Keep a failing run if no simpler one is known."""
        known, its = self.failing.get(promise), simplicity(run)
        if known is not None:
            of, known_to_be = self._simplicity.get(promise, (None, its))
            if its >= (known_to_be if of is known else simplicity(known)):
                return
        self.failing[promise], self._simplicity[promise] = run, (run, its)


def simplicity(run: Play) -> Simplicity:
    """What makes one failing run simpler: fewer clients, faults, commands, changes from client to client.

    For runs in time it is `size`: how their clients take turns was not chosen.
    """
    if run.schedule.turns is None:
        return size(run)
    order = clients_in_order(run)
    switches = sum(one != other for one, other in pairwise(order))
    return run.schedule.clients, run.schedule.faults, len(order), switches, run.schedule.text, 0


def size(run: Play) -> Simplicity:
    """What makes one failing run smaller, however it was played: clients, events, faults; then a fixed order."""
    s = run.schedule
    return s.clients, len(run.trace), s.faults, s.seed, s.kind or "", s.at


def clients_in_order(run: Play) -> list[str]:
    """Whose command ran on a server, command by command."""
    ran = [(event.t_server, event.client) for event in run.trace if event.t_server is not None]
    return [client for _, client in sorted(ran, key=lambda pair: pair[0])]
