"""What became of one exercise, as it is kept in a record and shown on a page: text and numbers only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from course_lib.grading.batch.handout import Asked
from course_lib.grading.batch.judge_interface import Judgment
from course_lib.grading.exercise import words
from course_lib.grading.page import STYLE
from course_lib.grading.verdict import Verdict, page, plain
from course_lib.words import printable

JUDGED = ("passed", "failed")
"""The statuses in which properties were judged; in all others nothing is earned."""

UNANSWERED = "Nothing was handed in for this exercise: its cell still waits for your code."


@dataclass(frozen=True, slots=True)
class Line:
    """One property: its points, and how many of them were earned."""

    name: str
    kind: str
    says: str
    points: int
    earned: int
    outcome: str = "not checked"


@dataclass(frozen=True)
class Result:
    """One exercise of one student. `html` and `text` are the verdict's own; `code` replays the schedule that is shown,
    and `broken` names the property that breaks in it; `layers` say what isolated the answer."""

    exercise: str
    title: str
    status: str
    sentence: str
    lines: tuple[Line, ...]
    misconception: str = ""
    code: str = ""
    broken: str = ""
    html: str = ""
    text: str = ""
    layers: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """What was earned."""
        return sum(line.earned for line in self.lines)

    @property
    def max_points(self) -> int:
        """What a right answer earns."""
        return sum(line.points for line in self.lines)

    def as_table(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Result:
        """From a file. Raises: TypeError or KeyError if it is none of ours."""
        lines = tuple(Line(**line) for line in table["lines"])
        return cls(**{**table, "lines": lines, "layers": tuple(table["layers"])})


def of_judgment(asked: Asked, found: Judgment) -> Result:
    """What a judge has found. Points count only where the judge's own status says that properties were judged."""
    if found.status == "unanswered":
        return unjudged(asked, found.status, UNANSWERED, found.layers)
    if found.verdict is None or found.status not in JUDGED:
        return unjudged(asked, found.status, found.sentence, found.layers)
    verdict: Verdict = found.verdict
    violation = verdict.shown.violation if verdict.shown is not None else None
    lines = tuple(Line(p.name, p.kind, p.says, p.points, p.earned, p.outcome) for p in verdict.properties)
    return Result(
        asked.exercise, asked.title, found.status, printable(found.sentence or verdict.message), lines,
        verdict.misconception or "", verdict.code or "" if violation else "", violation.promise if violation else "",
        printable(page(verdict).replace(STYLE, "")), printable(plain(verdict)), found.layers,
    )  # fmt: skip


def unjudged(asked: Asked, status: str, sentence: str, layers: tuple[str, ...] = ()) -> Result:
    """An exercise of which no property was judged."""
    sentence = printable(sentence)
    promises = words(asked.exercise.partition(".")[0])[asked.exercise].promises
    lines = tuple(Line(p.name, p.kind, p.says, p.points, 0) for p in promises)
    return Result(asked.exercise, asked.title, status, sentence, lines, text=sentence, layers=layers)
