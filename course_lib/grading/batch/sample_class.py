"""Thirty made-up submissions of lesson 04, to try the grader on before there is a class. Always the same ones.

Half of them are whole, with right, wrong and missing answers in them; the others are broken, each in a way of its own.
"""

from __future__ import annotations

import json
import os
import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.grading.batch.handout import ROOT, lesson
from course_lib.grading.batch.spoiled_notebooks import WAYS, saved
from course_lib.grading.batch.tables import table
from course_lib.grading.exercise import grade_id
from course_lib.grading.solution import worked

LESSON = "04"
WHOLE = (
    "ada", "alan", "barbara", "donald", "edsger", "frances", "grace", "hedy", "john", "katherine", "leslie", "niklaus",
)  # fmt: skip
BROKEN = (
    "bjarne", "carol", "dennis", "fei-fei", "guido", "jean", "ken", "lynn", "margaret", "nancy", "radia", "shafi",
    "sophie", "tim", "whitfield",
)  # fmt: skip
ODD = ("=SUM(A1)", "O’Neil, Zoë", "李雷")
"""Names as they occur: a spreadsheet would compute the first."""
DUE, LATE = datetime(2026, 3, 2, 18, tzinfo=UTC), datetime(2026, 3, 4, 2, tzinfo=UTC)
COLUMN = "04 Lock with care (4711)"


class NotMade(CourseError):
    """The folder is there, and has something in it; or there is nothing to make submissions from."""


def make(folder: Path) -> Path:
    """Write FOLDER/submissions, and beside it gradebooks as Canvas and Moodle would export them. Raises: NotMade."""
    if folder.exists() and any(folder.iterdir()):
        raise NotMade(f"{folder} is not empty; name a folder that is new.")
    for number, name in enumerate(WHOLE + ODD):
        _put(folder, name, saved(_handed_in(number)), late=number % 5 == 4)
    for name, way in zip(BROKEN, WAYS, strict=True):
        _put(folder, name, way(_handed_in(1)))
    (folder / "submissions" / WHOLE[-1] / lesson(LESSON).file).unlink()  # who has handed in nothing
    (folder / "canvas.csv").write_text(_canvas(), encoding="utf-8")
    (folder / "moodle.csv").write_text(_moodle(), encoding="utf-8")
    return folder / "submissions"


def everybody() -> list[str]:
    """The names of the thirty."""
    return sorted(WHOLE + ODD + BROKEN)


def _handed_in(number: int) -> dict[str, Any]:
    """The notebook of the student of that number. Number 1 has everything right, the others a mixture of answers."""
    notebook: dict[str, Any] = json.loads((ROOT / "exercises" / lesson(LESSON).file).read_text(encoding="utf-8"))
    cells = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]}
    for place, asked in enumerate(lesson(LESSON).asked):
        left_out = number % 4 == 3 and place >= 3  # who has not come to the end
        if not left_out:
            source = _solution(asked.exercise) if number == 1 else _answer(asked.exercise, number + place)
            cells[grade_id(asked.exercise)]["source"] = source.splitlines(keepends=True)
    return notebook


def _answer(exercise: str, number: int) -> str:
    """The worked solution, or one of the mistakes in it."""
    mistakes = wrong()[exercise]
    return _solution(exercise) if number % 3 else mistakes[number // 3 % len(mistakes)]


@cache
def wrong() -> dict[str, list[str]]:
    """Wrong answers by exercise."""
    table = tomllib.loads(Path(__file__).with_name("sample_class.toml").read_text(encoding="utf-8"))
    return {exercise: [_mistaken(_solution(exercise), mistake) for mistake in its] for exercise, its in table.items()}


@cache
def _solution(exercise: str) -> str:
    found = worked(exercise)
    if found is None:
        raise NotMade("Submissions are made up from the folder `solutions`, which is not there.")
    return found.code


def _mistaken(code: str, mistake: dict[str, str]) -> str:
    for old, new in (("old", "new"), ("and_old", "and_new")):
        if old in mistake:
            assert mistake[old] in code, mistake
            code = code.replace(mistake[old], mistake[new])
    return code


def _put(folder: Path, name: str, data: bytes, *, late: bool = False) -> None:
    path = folder / "submissions" / name / lesson(LESSON).file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    when = (LATE if late else DUE).timestamp()
    os.utime(path, (when, when))


def _canvas() -> str:
    names = [name for name in everybody() if name != ODD[0]]
    rows: list[tuple[str, ...]] = [("    Points Possible", "", "", "", "", str(lesson(LESSON).points), "(read only)")]
    rows += [(f"Student, {name}", str(100 + n), f"SIS{n}", name, "Section 1", "", "") for n, name in enumerate(names)]
    head = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", COLUMN, "Final Score")
    return table(head, rows)


def _moodle() -> str:
    head = ("Identifier", "Full name", "ID number", "Email address", "Grade", "Maximum grade", "Feedback comments")
    rows = [
        (f"Participant {n}", f"Student {name}", name, f"student{n}@example.org", "", f"{lesson(LESSON).points}.00", "")
        for n, name in enumerate(everybody(), 1) if name != ODD[0]
    ]  # fmt: skip
    return table(head, rows)
