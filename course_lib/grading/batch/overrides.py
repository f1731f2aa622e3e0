"""Scores that were set by hand, each with its reason: REPORT/overrides.csv, which no run of the grader changes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.grading.batch.handout import NoSuchLesson, lesson_of
from course_lib.grading.batch.records import write

FILE = "overrides.csv"
HEAD = ["student", "exercise", "points", "reason"]


class BadOverride(CourseError):
    """A line of overrides.csv, or a score that was to be set, makes no sense."""


@dataclass(frozen=True, slots=True)
class Override:
    """The points of an exercise, set by hand."""

    student: str
    exercise: str
    points: float
    reason: str


def read(report: Path) -> dict[tuple[str, str], Override]:
    """By student and exercise; of two for the same the later one counts. Raises: BadOverride."""
    path = report / FILE
    if not path.exists():
        return {}
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, ValueError, csv.Error) as error:
        raise BadOverride(f"{path} cannot be read: {error}.") from None
    made = {}
    for number, row in enumerate(rows, 1):
        if [cell.strip().lower() for cell in row] == HEAD or not any(cell.strip() for cell in row):
            continue
        if len(row) != len(HEAD):
            raise BadOverride(f"{path}, line {number}: there should be four columns, {', '.join(HEAD)}.")
        try:
            one = override(*row)
        except BadOverride as error:
            raise BadOverride(f"{path}, line {number}: {error}") from None
        made[one.student, one.exercise] = one
    return made


def override(student: str, exercise: str, points: str, reason: str) -> Override:
    """Raises: BadOverride."""
    try:
        asked = lesson_of(exercise.strip()).exercise(exercise.strip())
    except NoSuchLesson as error:
        raise BadOverride(str(error)) from None
    assert asked is not None
    try:
        number = float(points)
    except ValueError:
        number = -1.0
    if not 0 <= number <= asked.points:
        raise BadOverride(f"{exercise} has 0 to {asked.points} points, not {points!r}.")
    if not reason.strip():
        raise BadOverride(f"The score of {student!r} for {exercise} needs a reason: it is shown on the student's page.")
    return Override(student.strip(), exercise.strip(), number, reason.strip())


def add(report: Path, one: Override) -> None:
    """Set a score; what was set before for the same exercise is replaced. Raises: BadOverride."""
    known = read(report)
    known[one.student, one.exercise] = one
    save(report, known)


def save(report: Path, known: dict[tuple[str, str], Override]) -> None:
    """Write the file anew, sorted."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows([one.student, one.exercise, f"{one.points:g}", one.reason] for _, one in sorted(known.items()))
    write(report / FILE, lines.getvalue())
