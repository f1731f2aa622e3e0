"""Every order in which the commands of a few clients can run, each exactly once.

Plain enumeration counts all of them. Reduced, it plays one order of each class that differs only in the order of
commands that commute: sleep sets, as in Patrice Godefroid, "Partial-Order Methods for the Verification of Concurrent
Systems", Springer LNCS 1032, 1996, chapter 5. Tests hold the two to the same verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

from course_lib.errors import CourseError
from course_lib.explore.footprint import Footprint, commute, footprint
from course_lib.explore.orders import Orders, Progress, Who
from course_lib.explore.trial import Play, Schedule, Trial, play
from course_lib.sim import Turn


def enumerate_all(
    trial: Trial, clients: int, *, reduce: bool = False, seed: int = 0, most: int = 1_000_000, seconds: float = inf,
    progress: Progress | None = None,
) -> Orders:  # fmt: skip
    """Play every order of the commands that `clients` clients send, or, reduced, one of each class.

    A command is a step, and so is a transaction from MULTI to EXEC. Time passes only when nobody has a command waiting.
    `progress` is told how many were played; what it raises ends the enumeration. The reduction is sound for judges that
    look at results, keys and the trace's notes; not for one that compares the times of two clients' commands.

    Units: `most` in schedules, `seconds` of real time: where it stops, incomplete.
    """
    found = Orders(trial, clients, "classes of schedules" if reduce else "schedules")
    deadline, path = monotonic() + seconds, Path(trial, clients, seed, reduce=reduce)
    while path.open:
        if found.schedules >= most or monotonic() >= deadline:
            found.complete = False
            break
        if progress is not None:
            progress(found.schedules)
        if (run := path.play()) is None:
            found.redundant += 1
        else:
            found.add(run)
        path.turn_back()
    return found


class Redundant(CourseError):
    """This order has been played, but for the order of commands that commute."""


@dataclass(slots=True)
class Fork:
    """A moment of a run at which a turn is chosen, and which was. `asleep`: those whose going first is covered."""

    able: list[Who]
    footprints: list[Footprint]
    asleep: dict[Who, Footprint]
    chosen: int

    def awake(self, start: int) -> int | None:
        """The first turn from `start` on that is still to be tried."""
        return next((at for at in range(start, len(self.able)) if self.able[at] not in self.asleep), None)


class Path:
    """The order that is being played, fork by fork. `open` until every other one has been played too."""

    def __init__(self, trial: Trial, clients: int, seed: int, *, reduce: bool) -> None:
        self._trial, self._clients, self._seed, self._reduce = trial, clients, seed, reduce
        self._world = trial.world()
        self._forks: list[Fork] = []
        self._depth = self._notes = 0
        self.open = True

    def play(self) -> Play | None:
        """Play this order to its end, first come first where nothing is settled; None if that turns out redundant."""
        self._depth = self._notes = 0
        try:
            return play(self._trial, Schedule(self._clients, self._seed), self._world, choose=self._choose)
        except Redundant:
            return None

    def turn_back(self) -> None:
        """Go back to the last fork with a turn to try, and take it next time."""
        while self._forks:
            fork = self._forks[-1]
            if self._reduce:
                fork.asleep[fork.able[fork.chosen]] = fork.footprints[fork.chosen]
            if (other := fork.awake(fork.chosen + 1)) is not None:
                fork.chosen = other
                return
            self._forks.pop()
        self.open = False

    def _choose(self, turns: Sequence[Turn]) -> int:
        if self._depth and self._reduce:
            self._look_back(self._forks[self._depth - 1])
        if self._depth == len(self._forks):
            self._forks.append(self._fork(turns))
        fork = self._forks[self._depth]
        self._depth += 1
        return fork.chosen

    def _look_back(self, last: Fork) -> None:
        """Did the turn before this one let its client do what others may observe?"""
        noted = len(self._world.trace.notes)
        if noted > self._notes:
            last.footprints[last.chosen] = last.footprints[last.chosen]._replace(seen=True)
        self._notes = noted

    def _fork(self, turns: Sequence[Turn]) -> Fork:
        able = [turn[:3] for turn in turns]
        if not self._reduce:
            return Fork(able, [], {}, 0)
        asleep: dict[Who, Footprint] = {}
        if self._forks:
            last = self._forks[-1]
            went = last.footprints[last.chosen]
            asleep = {who: its for who, its in last.asleep.items() if commute(its, went)}
        fork = Fork(able, [footprint(turn.node, turn.commands) for turn in turns], asleep, 0)
        if (first := fork.awake(0)) is None:
            raise Redundant
        fork.chosen = first
        return fork
