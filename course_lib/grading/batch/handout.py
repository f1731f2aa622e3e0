"""What learners were handed: the notebooks in exercises/, which exercises they have, and what each answer is called."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.grading.exercise import grade_id, numbers, title, words

ROOT = Path(__file__).resolve().parents[3]
JUDGING = ("explore", "grading", "lessons", "patterns", "sim", "wire", "worlds")
"""The parts of the course on which a verdict depends."""


class NoSuchLesson(CourseError, ValueError):
    """There is no lesson, or no exercise, of that number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One exercise as it was handed out: `answer` is the name that is judged, `stub` the cell to be filled."""

    exercise: str
    answer: str
    title: str
    points: int
    stub: str


@dataclass(frozen=True)
class Lesson:
    """A notebook of exercises."""

    number: str
    file: str
    title: str
    asked: tuple[Asked, ...]

    @property
    def points(self) -> int:
        """What all of its right answers earn."""
        return sum(one.points for one in self.asked)

    def exercise(self, id: str) -> Asked | None:
        """The exercise of that id, if the lesson has it."""
        return next((one for one in self.asked if one.exercise == id), None)


@cache
def lesson(number: str) -> Lesson:
    """The lesson of that number. Raises: NoSuchLesson, which names those that there are."""
    found = sorted((ROOT / "exercises").glob(f"{number}_*.ipynb")) if number in numbers() else []
    if not found:
        raise NoSuchLesson(f"There is no lesson {number!r} with exercises. There are: {', '.join(numbers())}.")
    cells = json.loads(found[0].read_text(encoding="utf-8"))["cells"]
    sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in cells}
    asked = tuple(
        Asked(id, _answer(sources[f"{grade_id(id)}-check"], id), its.title, its.points, sources[grade_id(id)])
        for id, its in words(number).items()
    )
    return Lesson(number, found[0].name, title(number), asked)


def lesson_of(exercise: str) -> Lesson:
    """The lesson that has the exercise. Raises: NoSuchLesson."""
    found = lesson(exercise.partition(".")[0])
    if found.exercise(exercise) is None:
        there = ", ".join(one.exercise for one in found.asked)
        raise NoSuchLesson(f"There is no exercise {exercise!r} in lesson {found.number}. There are: {there}.")
    return found


@cache
def revision() -> str:
    """A digest of all code and words that decide a verdict: what was judged by others is judged again."""
    digest = hashlib.sha256()
    for part in JUDGING:
        folder = ROOT / "course_lib" / part
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".toml", ".lua")):
            if "batch" not in path.relative_to(folder).parts:
                digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _answer(check: str, id: str) -> str:
    """The name in `check("04.1", release)`."""
    for node in ast.walk(ast.parse(check)):
        match node:
            case ast.Call(func=ast.Name("check"), args=[ast.Constant(value), ast.Name(name)]) if value == id:
                return name
    raise AssertionError(f"the cell that checks {id} does not name its answer")
