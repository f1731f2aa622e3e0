"""The whole of it: find what was handed in, judge what is not judged yet, write the report."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from course_lib.errors import CourseError
from course_lib.grading.batch import folders, records
from course_lib.grading.batch.class_record import ClassRecord, Plan, standing
from course_lib.grading.batch.dispatch import spread
from course_lib.grading.batch.folders import HandedIn, Student
from course_lib.grading.batch.handout import lesson, lesson_of, revision
from course_lib.grading.batch.judge_interface import Judge, Limits
from course_lib.grading.batch.notebook_file import Unreadable
from course_lib.grading.batch.records import NotebookRecord
from course_lib.grading.batch.report import report
from course_lib.grading.batch.task import Judged, Task, judged
from course_lib.grading.exercise import numbers
from course_lib.words import either


class NothingToGrade(CourseError):
    """The folder has no submissions, or it is no folder, or the report would be one of them."""


@dataclass(frozen=True)
class Wanted:
    """How a class is to be graded. `lessons`: all that somebody handed in, if none are named. `again`: exercises that
    are judged once more. `shard`: (i, n), the i-th of n parts of the class, counted from 1."""

    secret: bytes = b""
    limits: Limits = field(default_factory=Limits)
    unsafe: bool = False
    lessons: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    shard: tuple[int, int] = (1, 1)


def grade(
    submissions: Path, out: Path, *, judge: Judge, executor: Executor | None = None, jobs: int = 0,
    wanted: Wanted | None = None, bar: bool = True,
) -> ClassRecord:  # fmt: skip
    """Grade SUBMISSIONS/<student>/<NN_topic>.ipynb into a report. What an earlier run has judged is not judged again.

    `executor` is any of concurrent.futures; without one, `jobs` processes do it, as many as there are cores if 0.
    Raises: NothingToGrade, NoSuchLesson, BadOverride; KeyboardInterrupt, after a report of what is judged was written.
    """
    wanted = wanted or Wanted()
    if out.resolve().is_relative_to(submissions.resolve()):
        raise NothingToGrade(f"The report cannot go into {submissions}, where each folder is a student's.")
    everybody, its = _planned(submissions, wanted)
    out.mkdir(parents=True, exist_ok=True)
    its.save(out)
    progress: Any = tqdm(total=len(its.students) * len(its.lessons), unit="notebook", disable=not bar, leave=False)
    try:
        tasks = _tasks(everybody, its, out, wanted, judge, progress)
        for task, found in spread(tasks, executor, jobs or os.cpu_count() or 1):
            _keep(out, task, found)
            progress.update()
    except KeyboardInterrupt:
        progress.close()
        report(standing(out), out)
        raise
    finally:
        progress.close()
    made = standing(out)
    report(made, out)
    return made


def _planned(submissions: Path, wanted: Wanted) -> tuple[list[Student], Plan]:
    if not submissions.is_dir():
        raise NothingToGrade(f"{submissions} is not a folder with a folder for each student in it.")
    everybody, remarks = folders.students(submissions)
    named = {*wanted.lessons, *(lesson_of(id).number for id in wanted.again)}
    lessons = [lesson(number) for number in sorted(named or folders.lessons_in(everybody) & set(numbers()))]
    if not everybody or not lessons:
        what = "a student's folder" if not everybody else "a notebook of a lesson, such as 04_redlock.ipynb"
        raise NothingToGrade(f"{submissions} does not have {what} in it.")
    classes, only = folders.too_high(everybody)
    if only:
        instead = either([folders.shown(str(one.folder)) for one in classes])
        raise NothingToGrade(
            f"{submissions} seems to be the folder above the submissions, as what is in it has a folder for each of "
            f"several students. Name {instead} in its place."
        )
    for one in classes:
        folder = folders.shown(str(one.folder))
        remarks.append(f"{one.name} was taken for a student. If it has the students' folders in it, grade {folder}.")
    part, parts = wanted.shard
    mine = [one for one in everybody if _part(one.name, parts) == part]
    students = {student.name: tuple(folders.handed_in(student, lessons)[1]) for student in mine}
    shards = (f"{part}/{parts}",) if parts > 1 else ()
    numbers_ = tuple(one.number for one in lessons)
    return mine, Plan(numbers_, students, tuple(remarks), records.fingerprint(wanted.secret), revision(), shards)


def _part(name: str, parts: int) -> int:
    """Which part a student is in. The name alone decides, so that each machine comes to the same."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % parts + 1


def _tasks(
    everybody: Sequence[Student], its: Plan, out: Path, wanted: Wanted, judge: Judge, progress: Any
) -> Iterator[Task]:
    """One after the other, as the workers ask for them; what needs no worker is settled here."""
    lessons = [lesson(number) for number in its.lessons]
    for student in everybody:
        for one in folders.handed_in(student, lessons)[0]:
            task = _task(one, out, wanted, judge)
            if task.exercises and isinstance(task.data, bytes):
                yield task
                continue
            if task.exercises:
                _keep(out, task, judged(task))
            progress.update()


def _task(one: HandedIn, out: Path, wanted: Wanted, judge: Judge) -> Task:
    """With the exercises that are still to be judged."""
    name, number = one.student.name, one.lesson
    data: bytes | str | None = None
    if one.path is not None:
        try:
            data = folders.content(one.path, one.student.folder)
        except Unreadable as error:
            data = str(error)
    options = {"secret": wanted.secret, "limits": wanted.limits, "unsafe": wanted.unsafe}
    key = records.key(data, name, number, one.remarks, **options)  # type: ignore[arg-type]
    found = records.load(records.place(out, name, number))
    known = found.results if found is not None and found.key == key else {}
    open_ = [a.exercise for a in lesson(number).asked if a.exercise not in known or a.exercise in wanted.again]
    return Task(
        name, number, key, data, tuple(open_), judge, wanted.secret, wanted.limits, wanted.unsafe, one.remarks, known
    )


def _keep(out: Path, task: Task, found: Judged) -> None:
    """Write the record. If the grader failed on a notebook, the record has no key, so that the next run tries again."""
    results = {**(task.known or {}), **{result.exercise: result for result in found.results}}
    key = task.key if not found.trouble else ""
    record = NotebookRecord(task.student, task.lesson, key, results, task.remarks + found.remarks, found.trouble)
    records.save(records.place(out, task.student, task.lesson), record)
