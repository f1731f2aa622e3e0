"""The run that a verdict shows, opened: what Redis held at each step, and where each client stood in the answer."""

from __future__ import annotations

from typing import Any

from course_lib.errors import CourseError
from course_lib.explore import schedule_of
from course_lib.explore.moment import Opened, reopened
from course_lib.grading.checker import STUCK, located_in
from course_lib.grading.evidence import JUDGE
from course_lib.grading.exercise import find
from course_lib.grading.facts import witnessed
from course_lib.grading.guard import LIMIT, Guard, Stuck
from course_lib.grading.verdict import Shown


def opened_again(id: str, shown: Shown, answer: Any) -> Opened:
    """Play the shown run of a verdict on this answer again, slowly and under the same guard as `check` does, and open
    it. The judge's own clients are left out.

    Cost: some 60 µs for each callback; a run of 200 commands takes about 0.3 s.
    Raises: UnknownExercise; Refused for what is no answer; CourseError if it cannot be played again.
    """
    exercise = find(id)
    number, schedule = schedule_of(shown.code, id, exercise.words.revision)
    guard = Guard()
    try:
        with guard.up():
            trials = exercise.rules.trials(exercise.rules.accept(answer))
            trial, _ = located_in(trials, number, schedule, shown.code)
            guard.begin()
            return reopened(witnessed(trial), shown.run, hide=JUDGE)
    except Stuck:
        raise CourseError(STUCK.format(LIMIT)) from None
