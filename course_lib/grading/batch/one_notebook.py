"""The class's judge on a notebook of one's own: what will count, before it is handed in."""

from __future__ import annotations

import re
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.grading.batch import folders
from course_lib.grading.batch.class_record import ClassRecord, Pupil, Score
from course_lib.grading.batch.handout import Lesson, lesson
from course_lib.grading.batch.judge_interface import Judge, Limits
from course_lib.grading.batch.notebook_file import Unreadable
from course_lib.grading.batch.records import write
from course_lib.grading.batch.results import Result
from course_lib.grading.batch.student_page import student_page
from course_lib.grading.batch.task import Judged, Task, judged
from course_lib.words import counted

NAME = "you"


class NotALesson(CourseError):
    """The notebook's name does not say which lesson it is."""


def attempt(path: Path, judge: Judge, limits: Limits, *, unsafe: bool) -> tuple[Lesson, Judged]:
    """Judge the notebook as one of a class, but without the secret, which only the instructor has. Raises:
    NotALesson."""
    match = re.match(r"(\d\d)", path.name)
    if match is None:
        raise NotALesson(f"{path.name} does not begin with the number of a lesson, as 04_redlock.ipynb does.")
    its = lesson(match[1])
    try:
        data: bytes | str = folders.content(path, path.parent)
    except Unreadable as error:
        data = str(error)
    task = Task(NAME, its.number, "", data, tuple(one.exercise for one in its.asked), judge, b"", limits, unsafe)
    return its, judged(task)


def said(its: Lesson, found: Judged) -> str:
    """As text for a terminal."""
    lines = [f"• {remark}" for remark in found.remarks]
    lines += [_text(result) for result in found.results]
    passed = sum(result.status == "passed" for result in found.results)
    points = sum(result.points for result in found.results)
    total = f"{passed} of {counted(len(found.results), 'exercise')} passed, {points} of {its.points} points."
    return "\n\n".join([*lines, *filter(None, [found.trouble]), total])


def save_page(path: Path, its: Lesson, found: Judged) -> None:
    """The page that a student of a class gets. Raises: OSError."""
    pupil = Pupil(NAME, {result.exercise: Score(result) for result in found.results}, found.remarks)
    write(path, student_page(pupil, ClassRecord((its,), (pupil,))))


def _text(result: Result) -> str:
    return result.text if result.html else f"{result.status} · {result.exercise} {result.title}\n{result.sentence}"
