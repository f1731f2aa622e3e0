"""One schedule, chosen move by move by somebody who wants to break a promise: forward, back, and as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.explore.trial import HeldBack, Schedule, Trial, Violation, no_further, play
from course_lib.sim import Move, Turn


class Game:
    """You say who goes next. `able` lists the commands that wait; each move runs one of them, or makes a fault strike
    it.

    Every move plays the run again from the start, so any of them can be taken back. The trial's judge sees runs that
    are not over, so it must judge what has happened and not what is still to come.

    Units: `step` in seconds of virtual time that a command takes, so that a picture shows them apart.
    """

    def __init__(self, trial: Trial, clients: int, *, seed: int = 0, step: float = 0.001) -> None:
        self.trial, self.clients, self.seed, self.step = trial, clients, seed, step
        self._world = trial.world()
        self._play([])

    @property
    def over(self) -> bool:
        """Does nobody have a command waiting any more?"""
        return not self.able

    @property
    def violation(self) -> Violation | None:
        """What has been broken so far, the first of it."""
        return next(iter(self.play.violations), None)

    @property
    def schedule(self) -> Schedule:
        """What has been chosen, to be played again."""
        return Schedule(self.clients, self.seed, turns=tuple(self.moves))

    def move(self, move: int | Move) -> None:
        """Choose. Raises: ValueError for a turn that is not there; then nothing has happened."""
        self._play([*self.moves, move])

    def undo(self) -> None:
        """Take the last move back, if there is one."""
        self._play(self.moves[:-1])

    def reset(self) -> None:
        """Back to the start."""
        self._play([])

    def follow(self, schedule: Schedule) -> None:
        """Make the moves of a schedule, to its end. Raises: ValueError as `move` does."""
        if schedule.turns is None:
            raise ValueError(f"{schedule.text!r} has no turns to follow")
        self._play(list(schedule.turns))

    def _play(self, moves: list[int | Move]) -> None:
        left = iter(moves)
        made = no_further(left)

        def choose(turns: Sequence[Turn]) -> int | Move:
            chosen = made(turns)
            _check(chosen, len(turns))
            return chosen

        run = play(self.trial, Schedule(self.clients, self.seed), self._world, choose=choose, step=self.step)
        for unmade in left:
            _check(unmade, 0)
        self.moves, self.play = moves, run
        self.able: Sequence[Turn] = run.stopped.turns if isinstance(run.stopped, HeldBack) else ()


def _check(move: int | Move, waiting: int) -> None:
    at = move if isinstance(move, int) else move.at
    if not 0 <= at < waiting:
        raise ValueError(f"there is no turn {at}: {waiting} commands wait, counted from 0")
