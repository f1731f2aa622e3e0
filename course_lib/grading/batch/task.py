"""One notebook of one student, judged: what a worker does. Whatever it is given, each exercise gets a result."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from course_lib.grading.batch.answers import submission
from course_lib.grading.batch.handout import Lesson, lesson
from course_lib.grading.batch.judge_interface import Cell, Judge, Judgment, Limits
from course_lib.grading.batch.notebook_file import Unreadable, notebook
from course_lib.grading.batch.results import UNANSWERED, Result, of_judgment, unjudged
from course_lib.grading.bounds import at_most, bounded
from course_lib.wire.pipe import Silent

READING, SPACE = 10.0, 1 << 30
"""Seconds and bytes in which a notebook is to be read: one with 100 MB of outputs takes two, and 800 MB."""
FAILED = "The grader itself failed on this answer. That is not your fault; your instructor can read what went wrong."
DIED = "The process that judged this notebook ended before it had judged it, twice. Your instructor was told."


@dataclass(frozen=True)
class Task:
    """What a worker is sent: the bytes of a notebook, not a path, so that what is judged is what was read. `known` are
    results of an earlier run, `key` the name under which the new ones are kept with them."""

    student: str
    lesson: str
    key: str
    data: bytes | str | None
    exercises: tuple[str, ...]
    judge: Judge
    secret: bytes
    limits: Limits
    unsafe: bool = False
    remarks: tuple[str, ...] = ()
    known: Mapping[str, Result] | None = None

    @property
    def light(self) -> Task:
        """The same task without the bytes, to be kept until the result is there."""
        return replace(self, data=None)


@dataclass(frozen=True)
class Judged:
    """A result for each exercise of the task; remarks for the student; `trouble` is for the instructor alone."""

    results: tuple[Result, ...]
    remarks: tuple[str, ...] = ()
    trouble: str = ""


def judged(task: Task) -> Judged:
    """Read the notebook, and judge the answers in it. `data` is a text where the file could not be read: why."""
    its = lesson(task.lesson)
    if task.data is None:
        return all_alike(task, "missing", f"No notebook of lesson {its.number} was handed in.")
    if isinstance(task.data, str):
        return all_alike(task, "unreadable", task.data)
    try:
        with at_most(READING), bounded(SPACE):
            found = submission(notebook(task.data), its)
    except Unreadable as error:
        return all_alike(task, "unreadable", str(error))
    except (MemoryError, Silent):
        return all_alike(task, "unreadable", "The file takes too much time or memory to read.")
    asked = {one.exercise: one for one in its.asked if one.exercise in task.exercises}
    answers = {id: one.answer for id, one in asked.items() if id in found.found and id not in found.untouched}
    judgments, trouble = _asked(task, found.cells, answers)
    results = [
        of_judgment(one, judgments[id]) if id in judgments
        else unjudged(one, "error", FAILED) if id in answers
        else unjudged(one, "unanswered", UNANSWERED) if id in found.untouched
        else unjudged(one, "missing", f"No cell of the notebook answers {id}: none defines `{one.answer}`.")
        for id, one in asked.items()
    ]  # fmt: skip
    return Judged(tuple(results), found.remarks, trouble)


def _asked(task: Task, cells: tuple[Cell, ...], answers: dict[str, str]) -> tuple[Mapping[str, Judgment], str]:
    """The judge's answer; and what went wrong, if it has none."""
    if not answers:
        return {}, ""
    options: dict[str, Any] = {"secret": task.secret, "student": task.student, "limits": task.limits}
    try:
        found = task.judge(cells, answers, **options, unsafe=task.unsafe)
        absent = sorted(set(answers) - set(found))
        return found, f"The judge said nothing of {', '.join(absent)}." if absent else ""
    except BaseException as error:  # whatever it is, also an exit: the other students are graded
        if isinstance(error, KeyboardInterrupt) and multiprocessing.parent_process() is None:
            raise
        return {}, traceback.format_exc(limit=-6)


def all_alike(task: Task, status: str, sentence: str, trouble: str = "") -> Judged:
    """The same result for all exercises of the task."""
    its: Lesson = lesson(task.lesson)
    results = [unjudged(one, status, sentence) for one in its.asked if one.exercise in task.exercises]
    return Judged(tuple(results), (), trouble)
