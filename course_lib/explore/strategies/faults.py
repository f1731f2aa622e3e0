"""Fault injection: one fault, of each kind, at every send.

Here of runs in time; `exhaustive` does it to every order, and `pct` to those that it draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from course_lib.explore.loop import Strategy
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Schedule, Trial
from course_lib.sim import Choose, Move, Turn
from course_lib.sim.faults import Kind


def struck_seeds(found: Tally, sent: Mapping[int, int]) -> Strategy:
    """One fault, of each kind, at each command that a seed's run without a fault has `sent`, up to `most_sends`."""
    trial = found.trial
    for seed, kind in product(range(min(trial.fault_seeds, trial.seeds)), trial.kinds):
        for at in range(1, min(sent[seed], trial.most_sends) + 1):
            yield Schedule(found.clients, seed, kind, at, trial.faults[kind]), None


class Struck:
    """Chooses as another does, but at the turns with these numbers a fault strikes the chosen client."""

    def __init__(self, choose: Choose, fates: Mapping[int, Kind], trial: Trial) -> None:
        self._choose, self._fates, self._trial, self._turn = choose, dict(fates), trial, 0

    def __call__(self, turns: Sequence[Turn]) -> int | Move:
        at, kind = self._choose(turns), self._fates.get(self._turn)
        self._turn += 1
        if kind is None or isinstance(at, Move) or turns[at].client.startswith(self._trial.spared):
            return at
        return Move(kind, at, self._trial.faults[kind])
