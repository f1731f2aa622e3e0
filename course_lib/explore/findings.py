"""What a search has found: a tally for each of its stages, and the simplest failure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from course_lib.explore.activity import Activity, Clocks, delayed, missing, told, unended, untimed
from course_lib.explore.proof import Proof
from course_lib.explore.replay_code import encode, name_of
from course_lib.explore.tally import Tally, simplicity, size
from course_lib.explore.trial import Play, Trial, Violation
from course_lib.explore.verdict_words import how_many_orders, verdict
from course_lib.words import capital

MOST = 3
"""How many calls that were never awaited are named."""


@dataclass
class Findings:
    """What was `played`, stage by stage. `text` is the verdict.

    `shown` is the run to draw, where there is one: the simplest failure, or the one of a code. `interrupted` says that
    somebody ended it. With `clocks`, what there was to judge is looked at as well. `printed` is what code printed in
    the shown run. `delays`: where time matters, delays are tried too. `proof` says whether runs played twice were the
    same, and what of the code no run has reached.
    """

    trial: Trial
    played: list[Tally] = field(default_factory=list)
    interrupted: bool = False
    shown: Play | None = None
    clocks: Clocks | None = None
    printed: str = ""
    delays: bool = False
    proof: Proof | None = None

    def begin(self, tally: Tally) -> Tally:
        """Keep this tally, which is filled from now on. It replaces that of an earlier attempt at the same stage."""
        self.played = [one for one in self.played if one.stage != tally.stage] + [tally]
        if self.clocks is not None:
            tally.seen = Activity()
        return tally

    @property
    def holds(self) -> bool:
        """Was nothing found broken, and nothing left out or never seen?"""
        return self.complete and not self.failures and self.violation is None and not self.missing

    @property
    def complete(self) -> bool:
        """Was everything played that was to be played?"""
        return not self.interrupted and all(one.complete for one in self.played)

    @property
    def seen(self) -> Activity:
        """What there was to judge, in all stages."""
        return sum((one.seen for one in self.played if one.seen is not None), Activity())

    @property
    def missing(self) -> list[str]:
        """In sentences: what was never seen, whether a run that was played twice differed, what was never
        awaited. Empty where nobody looked."""
        if self.clocks is None or not self.schedules:
            return []
        told = missing(self.seen, self.trial)
        if self.proof is None:
            return list(told)
        differs = [self.proof.differs.rstrip(".")] if self.proof.differs else []
        return [*told, *differs, *self.proof.unawaited[:MOST]]

    @property
    def sampled(self) -> bool:
        """Was any of it drawn, rather than all played?"""
        return any(one.depth for one in self.played)

    @property
    def schedules(self) -> int:
        """How many schedules were played and judged."""
        return sum(one.schedules for one in self.played)

    @property
    def failures(self) -> int:
        """How many of them break a promise."""
        return sum(one.failures for one in self.played)

    @property
    def kinds(self) -> Counter[str]:
        """Of the runs in time: how many had "no fault", and how many had each kind of fault."""
        return sum((one.kinds for one in self.played), Counter[str]())

    @property
    def sends(self) -> int:
        """Of the runs in time: the largest number of sends at which a fault was tried."""
        sizes = self.trial.fault_sizes or self.trial.sizes if self.trial.faults else ()
        return max((one.turns for one in self.played if one.kinds["no fault"] and one.clients in sizes), default=0)

    @property
    def failing(self) -> dict[str, Play]:
        """For each broken promise the smallest run that breaks it."""
        found: dict[str, Play] = {}
        for promise, run in ((promise, run) for one in self.played for promise, run in one.failing.items()):
            if promise not in found or size(run) < size(found[promise]):
                found[promise] = run
        return found

    @property
    def settled(self) -> bool:
        """Is every promise of the trial broken, so that no further run can tell anything new?"""
        return set(self.trial.promises) <= self.failing.keys()

    @property
    def simplest(self) -> tuple[str, Play] | None:
        """The promise and the run: fewest clients, fewest faults, fewest commands and changes between clients."""
        failing = [(promise, run) for one in self.played for promise, run in one.failing.items()]
        return min(failing, key=lambda pair: (simplicity(pair[1]), pair[0]), default=None)

    @property
    def violation(self) -> Violation | None:
        """What the shown run violates."""
        return next(iter(self.shown.violations), None) if self.shown else None

    @property
    def code(self) -> str | None:
        """The replay code of the shown run."""
        return encode(name_of(self.trial), self.shown.schedule) if self.shown else None

    @property
    def _time(self) -> str:
        """What is to be said about time, where it matters."""
        if self.clocks is None:
            return ""
        return delayed(self.seen, self.clocks, self.trial) if self.delays else untimed(self.clocks, self.trial)

    @property
    def text(self) -> str:
        """The verdict, a sentence for each number of clients and of faults."""
        said = [verdict(one) for one in self.played if one.schedules]
        said += dict.fromkeys(filter(None, map(how_many_orders, self.played)))
        if self.clocks is not None and said:
            seen = self.seen
            said += [told(seen, (*self.trial.kinds, "delay"))] if seen.commands else []
            said += self.proof.text if self.proof is not None else []
            said += filter(None, [*self.missing, unended(seen, self.trial), self._time])
        if self.interrupted:
            said.append("interrupted: this is what was found until then")
        if not self.played and self.shown:
            said = [f"one schedule was played; {self.violation.text if self.violation else 'it breaks no promise'}"]
        return ". ".join(map(capital, said or ["nothing was played"])) + "."
