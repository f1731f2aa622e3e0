"""A promise to be broken by hand: two programs, of which one keeps it; or the code that `explore` has played."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf
from time import monotonic
from typing import Any

from course_lib.errors import BadReplayCode
from course_lib.explore.findings import Findings
from course_lib.explore.game import Game
from course_lib.explore.livelock import Watch
from course_lib.explore.loop import UNLIMITED, Budget, play_all
from course_lib.explore.replay_code import decode, encode, is_of, name_of
from course_lib.explore.strategies.exhaustive import enumerate_all, waited_orders
from course_lib.explore.tally import Tally, simplicity
from course_lib.explore.trial import HeldBack, Play, Trial, Violation
from course_lib.sim import Simulation
from course_lib.sim.faults import Kind

FATES: dict[Kind, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
"""What else may become of a command, once in a schedule."""


@dataclass(frozen=True)
class Puzzle:
    """A promise and two programs: `naive` breaks it under some schedule, `mended` under none.

    `won` says how one sees that it is broken. `sources` is the programs as text, naive, mended, and what both call,
    where they are to be shown.
    Units: `pause` in seconds, what "time passes" means here.
    """

    name: str
    promise: str
    won: str
    naive: Trial
    mended: Trial
    clients: int = 2
    pause: float = 1.0
    sources: tuple[str, ...] = ()

    def game(self, *, mended: bool = False) -> Game:
        """A schedule to be chosen move by move."""
        return Game(self.mended if mended else self.naive, self.clients)

    def all_schedules(self, *, mended: bool = False, seconds: float = inf) -> Findings:
        """Every schedule that there is, and how many break the promise. Units: `seconds` of real time, at most."""
        return all_schedules(self.mended if mended else self.naive, self.clients, self.pause, seconds=seconds)

    def code(self, game: Game) -> str:
        """The replay code of what was chosen in a game."""
        return encode(game.trial.name, game.schedule)

    def code_of(self, run: Play, *, mended: bool = False) -> str:
        """The replay code of a run that a search found in one of the two trials, up to where it breaks the promise."""
        game = self.game(mended=mended)
        for move in run.schedule.turns or ():
            game.move(move)
            if game.violation is not None:
                break
        return self.code(game)

    def open(self, code: str) -> Game:
        """A game with the moves of a code made. Raises: BadReplayCode; ValueError for moves that are not there."""
        game = self.game(mended=is_of(code, self.mended.name))
        schedule = decode(code, game.trial.name)
        if schedule.clients != self.clients:
            raise BadReplayCode(f"{code!r} is a schedule of {schedule.clients} clients; here there are {self.clients}.")
        game.follow(schedule)
        return game


def by_hand(found: Findings) -> Puzzle:
    """The code that was explored, with as many clients as in the run that is shown, or else as at most.

    There is one program, so `naive` and `mended` are the same. An invariant of your own may speak of the end of a run,
    so a game is judged when all are done.
    """
    trial = _judged_at_the_end(found.trial)
    clients = found.shown.schedule.clients if found.shown is not None else max(trial.sizes)
    promise = "The one that you asked explore about; it is judged when all are done."
    return Puzzle(trial.name, promise, "it is broken then", trial, trial, clients)


def _judged_at_the_end(trial: Trial) -> Trial:
    def judge(run: Play) -> Iterable[Violation]:
        return () if isinstance(run.stopped, HeldBack) else trial.judge(run)

    return replace(trial, name=name_of(trial), judge=judge)


# -- every schedule of it ----------------------------------------------------------------------------------------------


def all_schedules(trial: Trial, clients: int, pause: float, *, seconds: float = inf) -> Findings:
    """Three stages: every order, every one with one message lost or one crash, every one in which time passes once.

    Each schedule ends where everybody has ended, or where it comes back, seen by a Watch.

    Units: `pause` in seconds of virtual time, what passes when time passes; `seconds` of real time, for all, of which
    the orders without a fault have half, and each of the others a quarter or more.
    """

    def build(world: Simulation, clients: int) -> Any:
        witness = trial.build(world, clients)
        if isinstance(witness, Watch):
            witness.cut = True
        return witness

    def left(share: float) -> Budget:
        return replace(UNLIMITED, seconds=(deadline - monotonic()) * share)

    deadline = monotonic() + seconds
    found = Findings(replace(trial, build=build, faults=FATES, fault_sizes=()))
    for faults in (0, 1):
        stage = found.begin(Tally(found.trial, clients, faults=faults))
        enumerate_all(found.trial, clients, faults=faults, budget=left(1 / 2), into=stage)
    stage, world = found.begin(Tally(found.trial, clients, waits=1)), trial.world()
    play_all(waited_orders(stage, world, pause), stage, world, left(1))
    return found


def fewest_moves(found: Findings) -> Play | None:
    """A run that breaks the promise by the fewest moves."""
    failing = [run for stage in found.played for run in stage.failing.values()]
    return min(failing, key=lambda run: (len(run.schedule.turns or ()), simplicity(run)), default=None)
