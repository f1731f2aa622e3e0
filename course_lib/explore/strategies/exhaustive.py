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

from course_lib.errors import CourseError, Unrepeatable
from course_lib.explore.commutativity import Footprint, commute, footprint, struck
from course_lib.explore.tally import Orders, Progress, Who
from course_lib.explore.trial import Play, Schedule, Trial, play
from course_lib.sim import KINDS, Move, Turn, kept_random
from course_lib.sim.faults import Kind


@kept_random()
def enumerate_all(
    trial: Trial, clients: int, *, reduce: bool = False, faults: int = 0, seed: int = 0, most: int = 1_000_000,
    seconds: float = inf, steps: float = inf, progress: Progress | None = None, into: Orders | None = None,
) -> Orders:  # fmt: skip
    """Play every order of the commands that `clients` clients send, or, reduced, one of each class.

    A command is a step, and so is a transaction from MULTI to EXEC. Time passes only when nobody has a command waiting.
    With `faults`, every order with so many of the trial's faults, each kind at each send, is played and counted, and
    those with fewer are played on the way. `progress` is told how many were counted; what it raises ends the
    enumeration, and `into` keeps what was found until then.

    The reduction is sound for judges that look at results, keys and the trace's notes; not for one that compares the
    times of two clients' commands, nor where timers of different lengths run out at the same moment.

    Units: `most` in schedules, those that a reduction gave up included; `seconds` of real time, `steps` of the clock:
    where it stops, incomplete.
    """
    found = into or Orders(trial, clients, "classes of schedules" if reduce else "schedules", faults)
    deadline, path = monotonic() + seconds, Path(trial, clients, seed, reduce=reduce, faults=faults)
    found.complete = False  # until nothing is left to play, however this ends
    while path.open:
        if found.schedules + found.redundant >= most or found.steps >= steps or monotonic() >= deadline:
            return found
        if progress is not None:
            progress(found.schedules)
        if (run := path.play()) is None:
            found.redundant += 1
        elif path.struck == faults:
            found.add(run)
        path.turn_back()
    found.complete = True
    return found


REPEATABLE = (
    "What a run does may depend on its seed and its schedule alone; so its clients must keep nothing from one run to "
    "the next (in a global variable, or in the default of an argument), and draw and tell the time as the world does."
)


class Redundant(CourseError):
    """This order has been played, but for the order of commands that commute."""


Step = tuple[Who, Kind | None]
"""A client's turn, and the fault that strikes it, if any."""


@dataclass(slots=True)
class Fork:
    """A moment of a run at which a turn is chosen, and which was. `asleep`: those whose going first is covered."""

    steps: list[Step]
    moves: list[int | Move]
    footprints: list[Footprint]
    asleep: dict[Step, Footprint]
    chosen: int = 0

    def awake(self, start: int) -> int | None:
        """The first step from `start` on that is still to be tried."""
        asleep = self.asleep
        return next((at for at in range(start, len(self.steps)) if self.steps[at] not in asleep), None)


class Path:
    """The order that is being played, fork by fork. `open` until every other one has been played too.

    `struck` is how many faults the order has had.
    """

    def __init__(self, trial: Trial, clients: int, seed: int, *, reduce: bool, faults: int) -> None:
        self._trial, self._clients, self._seed = trial, clients, seed
        self._reduce, self._faults = reduce, faults
        self._kinds = [kind for kind in KINDS if kind in trial.faults] if faults else []
        self._world = trial.world()
        self._forks: list[Fork] = []
        self._depth = self.struck = 0
        self._marks = (0, 0)
        self.open = True

    def play(self) -> Play | None:
        """Play this order to its end, first come first where nothing is settled; None if that turns out redundant."""
        self._depth = self.struck = 0
        self._marks = (0, 0)
        try:
            return play(self._trial, Schedule(self._clients, self._seed), self._world, choose=self._choose)
        except Redundant:
            return None

    def turn_back(self) -> None:
        """Go back to the last fork with a step to try, and take it next time."""
        while self._forks:
            fork = self._forks[-1]
            if self._reduce:
                fork.asleep[fork.steps[fork.chosen]] = fork.footprints[fork.chosen]
            if (other := fork.awake(fork.chosen + 1)) is not None:
                fork.chosen = other
                return
            self._forks.pop()
        self.open = False

    def _choose(self, turns: Sequence[Turn]) -> int | Move:
        if self._reduce:
            self._look_back()
        if self._depth == len(self._forks):
            self._forks.append(self._fork(turns))
        fork = self._forks[self._depth]
        self._depth += 1
        move = fork.moves[fork.chosen]
        at, who = (move.at if isinstance(move, Move) else move), fork.steps[fork.chosen][0]
        if at >= len(turns) or turns[at][:3] != who:
            raise Unrepeatable(f"{who[0]} did something else than before, in the same order of commands. {REPEATABLE}")
        self.struck += isinstance(move, Move)
        return move

    def _look_back(self) -> None:
        """Did the step before this one let its client do what others may observe, or wait for a time?"""
        marks = len(self._world.trace.notes), self._world.loop.timed
        if self._depth and marks != self._marks:
            last = self._forks[self._depth - 1]
            last.footprints[last.chosen] = last.footprints[last.chosen]._replace(seen=True)
        self._marks = marks

    def _fork(self, turns: Sequence[Turn]) -> Fork:
        fork = Fork([(turn[:3], None) for turn in turns], list(range(len(turns))), [], {})
        if self.struck < self._faults:
            self._add_faults(fork, turns)
        if not self._reduce:
            return fork
        fork.footprints[:0] = [footprint(turn.node, turn.commands) for turn in turns]
        if self._forks:
            last = self._forks[-1]
            went, who = last.footprints[last.chosen], last.steps[last.chosen][0][0]
            fork.asleep = {step: its for step, its in last.asleep.items() if step[0][0] != who and commute(its, went)}
        if (first := fork.awake(0)) is None:
            raise Redundant
        fork.chosen = first
        return fork

    def _add_faults(self, fork: Fork, turns: Sequence[Turn]) -> None:
        for at, turn in enumerate(turns):
            if turn.client.startswith(self._trial.spared):
                continue
            for kind in self._kinds:
                fork.steps.append((turn[:3], kind))
                fork.moves.append(Move(kind, at, self._trial.faults[kind]))
                if self._reduce:
                    fork.footprints.append(struck(kind, turn.node, turn.commands))
