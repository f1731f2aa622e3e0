"""What an exercise is: its words, and its rules. Which there are, the lessons say."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from course_lib import lessons
from course_lib.errors import UnknownExercise
from course_lib.grading.rules import Rules
from course_lib.lessons import LESSONS


@dataclass(frozen=True, slots=True)
class Promise:
    """One property that is judged and named: of safety, liveness or cost.

    While one that is a `basis` is broken, the others earn nothing: code that returns rubbish does so very fast.
    """

    name: str
    kind: str
    points: int
    says: str
    basis: bool = False


@dataclass(frozen=True)
class Words:
    """Everything that a learner reads about an exercise, from the lesson's words.toml."""

    title: str
    minutes: int
    revision: int
    promises: tuple[Promise, ...]
    hints: tuple[str, ...]
    misconceptions: Mapping[str, str]
    why: str
    still_open: str

    @classmethod
    def read(cls, table: dict[str, Any]) -> Words:
        """Words from a table of the file."""
        promises = tuple(Promise(**promise) for promise in table["promises"])
        return cls(**{**table, "promises": promises, "hints": tuple(table["hints"])})

    @property
    def points(self) -> int:
        """What a right answer earns."""
        return sum(promise.points for promise in self.promises)


@dataclass(frozen=True)
class Exercise:
    """An exercise, ready to be checked."""

    id: str
    words: Words
    rules: Rules


@cache
def words(lesson: str) -> dict[str, Words]:
    """The words of a lesson's exercises, by id; a lesson that is new may have none yet."""
    file = Path(lessons.__file__).parent / LESSONS.get(lesson, "") / "exercises" / "words.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {id: Words.read(table) for id, table in tables.items()}


def grade_id(id: str) -> str:
    """The exercise's id as nbgrader can have it, which allows letters, digits, `-` and `_`: `04-1` for 04.1."""
    return id.replace(".", "-")


def numbers() -> list[str]:
    """The lessons that have exercises."""
    return [lesson for lesson in LESSONS if words(lesson)]


def package(lesson: str) -> ModuleType:
    """What a lesson's notebook imports."""
    return import_module(f"course_lib.lessons.{LESSONS[lesson]}")


def packages() -> list[ModuleType]:
    """Those of all lessons."""
    return list(map(package, LESSONS))


def title(lesson: str) -> str:
    """What the lesson is called, as its package says: `Survive the stampede`."""
    docstring = package(lesson).__doc__ or ""
    named = docstring.partition(", ")[2].partition(":")[0]
    return named[:1].upper() + named[1:]


def find(id: str) -> Exercise:
    """The exercise of that id. Raises: UnknownExercise, which names those that there are."""
    lesson = id.partition(".")[0] if isinstance(id, str) else ""
    known = words(lesson) if lesson.isdigit() else {}
    if id not in known:
        there = ", ".join(known or [known_id for number in LESSONS for known_id in words(number)])
        raise UnknownExercise(f"There is no exercise {id!r}. There are: {there}.")
    rules = import_module(f"course_lib.lessons.{LESSONS[lesson]}.exercises").RULES  # only now: it brings the simulation
    return Exercise(id, known[id], dict(zip(known, rules, strict=True))[id])
