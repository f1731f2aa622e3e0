"""A class as it is reported: read from the records of a report and from what was set by hand, and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.grading.batch import records
from course_lib.grading.batch.handout import Lesson, lesson
from course_lib.grading.batch.overrides import Override, read
from course_lib.grading.batch.results import Result, unjudged

FILE = "grading.json"
WAITING = "not judged"
NOT_YET = "The grader was stopped before it came to this; the next run takes it up."


class NoReport(CourseError):
    """The folder does not hold a report."""


@dataclass(frozen=True)
class Score:
    """One exercise of one student: what was judged, and what was set by hand in its place."""

    result: Result
    override: Override | None = None

    @property
    def points(self) -> float:
        """What counts."""
        return self.override.points if self.override is not None else self.result.points

    @property
    def settled(self) -> bool:
        """Has it been judged, or set?"""
        return self.override is not None or self.result.status != WAITING


@dataclass(frozen=True)
class Pupil:
    """One student: scores by exercise, and remarks on what was handed in."""

    name: str
    scores: Mapping[str, Score]
    remarks: tuple[str, ...]

    def points(self, lesson: Lesson) -> float:
        """In one lesson."""
        return sum(self.scores[one.exercise].points for one in lesson.asked)

    def settled(self, lesson: Lesson) -> bool:
        """Has all of the lesson been judged?"""
        return all(self.scores[one.exercise].settled for one in lesson.asked)


@dataclass(frozen=True)
class ClassRecord:
    """The whole class, sorted by name; `remarks` are about the folder of submissions, `troubles` about the grader."""

    lessons: tuple[Lesson, ...]
    pupils: tuple[Pupil, ...]
    remarks: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def waiting(self) -> int:
        """Exercises of students that are not judged yet."""
        return sum(not score.settled for pupil in self.pupils for score in pupil.scores.values())


@dataclass(frozen=True)
class Plan:
    """What a report is about; kept in it. `students` has remarks on each one's folder; `shards` says which parts."""

    lessons: tuple[str, ...]
    students: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]
    fingerprint: str
    revision: str
    shards: tuple[str, ...] = ()

    def save(self, report: Path) -> None:
        """Into the report."""
        table = {**self.__dict__, "students": {name: list(said) for name, said in self.students.items()}}
        records.write(report / FILE, records.as_json(table))


def plan(report: Path) -> Plan:
    """Raises: NoReport."""
    try:
        table: dict[str, Any] = json.loads((report / FILE).read_text(encoding="utf-8"))
        students = {name: tuple(said) for name, said in table["students"].items()}
        rest = {name: tuple(table[name]) for name in ("lessons", "remarks", "shards")}
        return Plan(students=students, fingerprint=table["fingerprint"], revision=table["revision"], **rest)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise NoReport(f"{report} is not a report of the grader: it has no {FILE} that can be read.") from None


def standing(report: Path) -> ClassRecord:
    """Raises: NoReport; BadOverride."""
    its, by_hand = plan(report), read(report)
    lessons = tuple(map(lesson, its.lessons))
    unknown = sorted({one.student for one in by_hand.values()} - set(its.students))
    said = tuple(f"overrides.csv names {name}, who is not among the students." for name in unknown)
    troubles: list[str] = []
    pupils = tuple(
        _pupil(report, name, lessons, its.students[name], by_hand, troubles) for name in sorted(its.students)
    )
    return ClassRecord(lessons, pupils, its.remarks + said, tuple(troubles))


def _pupil(
    report: Path, name: str, lessons: tuple[Lesson, ...], remarks: tuple[str, ...],
    by_hand: Mapping[tuple[str, str], Override], troubles: list[str],
) -> Pupil:  # fmt: skip
    scores = {}
    for its in lessons:
        found = records.load(records.place(report, name, its.number))
        known = found.results if found is not None else {}
        if found is not None:
            remarks += found.remarks
            troubles += [f"{name}, lesson {its.number}: {found.trouble}"] if found.trouble else []
        for asked in its.asked:
            result = known.get(asked.exercise) or unjudged(asked, WAITING, NOT_YET)
            scores[asked.exercise] = Score(result, by_hand.get((name, asked.exercise)))
    return Pupil(name, scores, remarks)
