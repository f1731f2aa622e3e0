"""scores.csv, gradebook.csv and remarks.csv. UTF-8, a line for each row, and no name is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from course_lib.grading.batch.class_record import ClassRecord, Pupil
from course_lib.grading.batch.handout import Lesson

FORMULA = ("=", "+", "-", "@", "\t", "\r", "|")
"""First characters by which a spreadsheet takes a cell for a formula."""
BY_HAND = "set by hand"


def scores(standing: ClassRecord) -> str:
    """A row for each property of each exercise of each student. Where a score was set by hand, one more row has the
    difference, so that the points of an exercise are always the sum of its rows."""
    rows: list[Sequence[Any]] = []
    for pupil in standing.pupils:
        for id, score in pupil.scores.items():
            head, its = (pupil.name, id), score.result
            rows += [(*head, line.name, line.earned, line.points, its.status) for line in its.lines]
            if score.override is not None:
                rows.append((*head, BY_HAND, number(score.points - its.points), 0, its.status))
    return table(("student", "exercise", "property", "points", "max_points", "status"), rows)


def gradebook(standing: ClassRecord) -> str:
    """A row for each student: points by lesson, their sum, and what can be earned. Blank: not judged yet."""
    columns = [lesson.file.removesuffix(".ipynb") for lesson in standing.lessons]
    whole = sum(lesson.points for lesson in standing.lessons)
    rows = []
    for pupil in standing.pupils:
        points = [lesson_points(pupil, lesson) for lesson in standing.lessons]
        total = "" if "" in points else number(sum(pupil.points(lesson) for lesson in standing.lessons))
        rows.append((pupil.name, *points, total, whole))
    return table(("student", *columns, "total", "max_points"), rows)


def lesson_points(pupil: Pupil, lesson: Lesson) -> str:
    """As a text; empty where something is not judged yet."""
    return number(pupil.points(lesson)) if pupil.settled(lesson) else ""


def remarks(standing: ClassRecord) -> str:
    """What was odd, for the instructor: about each student's files, about the folder, and about the grader itself."""
    rows = [(pupil.name, remark) for pupil in standing.pupils for remark in pupil.remarks]
    rows += [("", remark) for remark in standing.remarks]
    rows += [("", f"The grader failed. {trouble}") for trouble in standing.troubles]
    return table(("student", "remark"), rows)


def number(points: float) -> str:
    """`7`, `6.5`."""
    return f"{points:g}"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV in which each text is a text."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([safe(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return lines.getvalue()


def safe(cell: str) -> str:
    """With an apostrophe before what a spreadsheet would compute, as spreadsheets themselves write it."""
    negative = cell[:1] == "-" and cell[1:].replace(".", "", 1).isdigit()
    return f"'{cell}" if cell.startswith(FORMULA) and not negative else cell
