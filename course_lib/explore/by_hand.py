"""What `explore` has played, to be played by hand: your own code as a puzzle, one move after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from course_lib.explore import Play, Trial, Violation
from course_lib.explore.exploration import Exploration, code_name
from course_lib.explore.puzzles import Puzzle
from course_lib.explore.trial import HeldBack


def by_hand(found: Exploration) -> Puzzle:
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

    return replace(trial, name=code_name(trial), judge=judge)
