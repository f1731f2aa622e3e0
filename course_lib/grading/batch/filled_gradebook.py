"""A gradebook that Canvas or Moodle has exported, filled in: its own columns and rows, in which only the points of the
graded lessons change. Nothing is added, so that it can be imported where it came from.

Source: Canvas's gradebook export and Moodle's grading worksheet and gradebook export, as their documentation has them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.grading.batch.class_record import ClassRecord, Pupil
from course_lib.grading.batch.handout import Lesson
from course_lib.grading.batch.tables import lesson_points


class NotAGradebook(CourseError):
    """The file is not what the system exports, or has no column for a lesson."""


@dataclass(frozen=True)
class System:
    """How an exported gradebook looks: `known_by` are columns that may hold the name of a student's folder, the surest
    first, and `grade` is the one column of a file that is about one assignment alone."""

    name: str
    known_by: tuple[str, ...]
    grade: str = ""


CANVAS = System("Canvas", ("SIS Login ID", "SIS User ID", "Integration ID", "ID", "Student"))
MOODLE = System("Moodle", ("ID number", "Email address", "Username", "Identifier", "Full name"), "Grade")


@dataclass(frozen=True)
class Filled:
    """The file as it is to be imported, and what to know of it."""

    text: str
    remarks: tuple[str, ...]


def fill(path: Path, system: System, standing: ClassRecord, columns: Mapping[str, str]) -> Filled:
    """`columns` names the column of a lesson where it cannot be told: "04" → "Homework 3 (1234)".

    Raises: NotAGradebook, which names the columns that there are.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise NotAGradebook(f"{path} cannot be read: {str(why).lower()}.") from None
    mark = "\ufeff" if path.read_bytes().startswith(b"\xef\xbb\xbf") else ""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    head = [name.strip() for name in rows[0]] if rows else []
    known_by = [head.index(name) for name in system.known_by if name in head]
    if not known_by:
        there = ", ".join(system.known_by)
        raise NotAGradebook(
            f"{path} is not a gradebook that {system.name} exports: it has none of the columns {there}."
        )
    places = {lesson.number: _column(path, head, lesson, system, standing, columns) for lesson in standing.lessons}
    remarks = _fill(rows, known_by, places, standing)
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(rows)
    return Filled(mark + made.getvalue(), tuple(remarks))


def _fill(rows: list[list[str]], known_by: list[int], places: Mapping[str, int], standing: ClassRecord) -> list[str]:
    found: set[str] = set()
    without = []
    for row in rows[1:]:
        row += [""] * (len(rows[0]) - len(row))
        pupil = _pupil(row, known_by, standing)
        if pupil is None:
            without += [row[place].strip() for place in known_by[:1] if row[place].strip()]
            continue
        found.add(pupil.name)
        for lesson in standing.lessons:
            row[places[lesson.number]] = lesson_points(pupil, lesson) or row[places[lesson.number]]
    absent = [pupil.name for pupil in standing.pupils if pupil.name not in found]
    said = [f"No row is for {', '.join(absent)}."] if absent else []
    if without:
        are = "its row is" if len(without) == 1 else "their rows are"
        said.append(f"There is no folder of {', '.join(without)}, so {are} as before.")
    return said


def _pupil(row: list[str], known_by: list[int], standing: ClassRecord) -> Pupil | None:
    """The student of a row, by the first column in which a student's name stands: an exact match first, then in any
    case."""
    for same in (str, str.casefold):
        for place in known_by:
            cell = same(row[place].strip())
            for pupil in standing.pupils:
                if cell and cell in (same(pupil.name), same(_participant(pupil.name))):
                    return pupil
    return None


def _participant(name: str) -> str:
    """Moodle downloads submissions into folders such as `Ann Lee_4711_assignsubmission_file_`."""
    match = re.fullmatch(r".*_(\d+)_assignsubmission_\w*", name)
    return f"Participant {match[1]}" if match else name


def _column(
    path: Path, head: list[str], lesson: Lesson, system: System, standing: ClassRecord, columns: Mapping[str, str]
) -> int:
    stem = lesson.file.removesuffix(".ipynb")
    if (named := columns.get(lesson.number)) is not None:
        fitting = [at for at, name in enumerate(head) if name == named.strip()]
    else:
        wanted = re.compile(rf"(?<!\d){lesson.number}(?!\d)|{re.escape(stem)}|{re.escape(lesson.title)}", re.IGNORECASE)
        plain = [re.sub(r"\(\d+\)$", "", name) for name in head]  # Canvas's own number of an assignment
        fitting = [at for at, name in enumerate(plain) if wanted.search(name) and name not in system.known_by]
        if not fitting and system.grade in head and len(standing.lessons) == 1:
            fitting = [head.index(system.grade)]
    if len(fitting) == 1:
        return fitting[0]
    why = f"no column that is known to be for lesson {lesson.number}" if not fitting else "more than one"
    others = ", ".join(name for name in head if name and name not in system.known_by)
    raise NotAGradebook(f'{path} has {why}: say --column "{lesson.number}=NAME". Its columns are {others}.')
