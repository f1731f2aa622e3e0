"""How far the learner is: noted after each check, shown by `progress()`, forgotten by `reset_progress()`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_lib.errors import BadRecord, UnknownExercise
from course_lib.grading import record
from course_lib.grading.exercise import Words, numbers, title, words
from course_lib.grading.page import framed
from course_lib.grading.record import Entry, Record
from course_lib.grading.verdict import Verdict
from course_lib.views.picture import escape
from course_lib.views.table import column

PLACE = "COURSE_PROGRESS"
"""The environment variable that names another file for the record; `off` keeps none."""


def place() -> Path | None:
    """Where the record of this kernel's learner is: in `notebooks/` of the course, or beside a notebook that lies
    elsewhere. None outside of a kernel, in `solutions/`, and where $COURSE_PROGRESS says so.
    """
    given = os.environ.get(PLACE, "")
    if given:
        return None if given.casefold() == "off" else Path(given)
    if "ipykernel" not in sys.modules or Path.cwd().name == "solutions":
        return None
    here = Path.cwd()
    course = next((folder for folder in (here, *here.parents) if (folder / "notebooks" / "README.md").exists()), None)
    return (course / "notebooks" if course else here) / record.NAME


def note(verdict: Verdict) -> str:
    """Keep what a check found; returns a sentence for its page. A check is worth the same where nothing can be kept."""
    path = place()
    if path is None or verdict.status not in ("passed", "failed"):
        return ""
    now = f"{datetime.now():%Y-%m-%d %H:%M}"
    try:
        known = record.add(path, Entry(verdict.id, verdict.passed, verdict.points, now))
    except (BadRecord, OSError) as error:
        return f"Your progress was not noted: {said(error)}"
    lesson = Standing.of_lessons(known, verdict.id.partition(".")[0])
    total = Standing.of_lessons(known, *numbers())
    return f"Lesson {lesson.name}: {lesson}. All lessons: {total}. Noted in {path.name}.{strange(known)}"


def noted_as_passed(id: str) -> bool:
    """Whether the record says that the learner has passed this exercise."""
    path = place()
    try:
        entry = record.read(path).entries.get(id) if path else None
    except (BadRecord, OSError):
        return False
    return entry is not None and entry.passed


def said(error: Exception) -> str:
    """Why the file cannot be used, as a sentence."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the file'} cannot be used ({str(error.strerror).lower()})."
    return f"{error} Move it elsewhere, and a new one is begun."


def strange(known: Record) -> str:
    """A remark on lines that nobody understands; empty if there are none."""
    if not known.strange:
        return ""
    if known.strange == 1:
        return " One line of it could not be read, and stays as it was."
    return f" {known.strange} lines of it could not be read, and stay as they were."


@dataclass(frozen=True, slots=True)
class Standing:
    """How many exercises of some lessons are passed, and how many points that is."""

    name: str
    passed: int
    exercises: int
    points: int
    of: int

    @classmethod
    def of_lessons(cls, known: Record, *lessons: str) -> Standing:
        """Counted from the record."""
        its = {id: one for lesson in lessons for id, one in words(lesson).items()}
        entries = {id: known.entries[id] for id in its if id in known.entries}
        points = sum(earned(entry, its[id]) for id, entry in entries.items())
        passed = sum(entry.passed for entry in entries.values())
        return cls(lessons[0], passed, len(its), points, sum(one.points for one in its.values()))

    def __str__(self) -> str:
        return f"{self.passed} of {self.exercises} passed, {self.points} of {self.of} points"


def earned(entry: Entry, its: Words) -> int:
    """The points of a passed exercise: what it is worth now, not what it was worth then."""
    return its.points if entry.passed else min(entry.points, its.points)


@dataclass(frozen=True, slots=True)
class Progress:
    """What `progress()` shows: a line for each lesson, its exercises folded below it. `print` gives it as text."""

    known: Record
    remark: str

    def __str__(self) -> str:
        lines = [f"Your progress: {Standing.of_lessons(self.known, *numbers())}"]
        for lesson in numbers():
            lines.append(f"{lesson}  {title(lesson):<28} {Standing.of_lessons(self.known, lesson)}")
            lines += [f"    {'  '.join(row)}" for row in self._rows(lesson) if row[2] != "–"]
        return "\n".join([*lines, self.remark])

    __repr__ = __str__

    def _rows(self, lesson: str) -> list[tuple[str, str, str, str, str]]:
        rows = []
        for id, its in words(lesson).items():
            entry = self.known.entries.get(id)
            state = "–" if entry is None else "✓ passed" if entry.passed else "○ tried"
            points = f"{0 if entry is None else earned(entry, its)} of {its.points}"
            rows.append((id, its.title, state, points, "" if entry is None else entry.when))
        return rows

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        whole = Standing.of_lessons(self.known, *numbers())
        parts = [f'<p class="head {"good" if whole.passed else "calm"}"><b>Your progress</b> · {whole}</p>']
        for lesson in numbers():
            part = Standing.of_lessons(self.known, lesson)
            cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows(lesson))
            rows = "".join(f"<tr>{row}</tr>" for row in cells)
            heads = "".join(map(column, ("", "Exercise", "State", "Points", "When")))
            share = 100 * part.points // part.of
            parts.append(
                f'<details class="lesson"{" open" * (0 < part.passed < part.exercises)}><summary>'
                f'<span class="bar" aria-hidden="true"><span style="width:{share}%"></span></span>'
                f"<b>{lesson} {escape(title(lesson))}</b> · {part}</summary>"
                f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></details>"
            )
        parts.append(f'<p class="small">{escape(self.remark)}</p>')
        return {"text/html": framed("".join(parts)), "text/plain": str(self)}


def progress() -> Progress:
    """What you have passed, when, and for how many points, by lesson."""
    path = place()
    if path is None:
        return Progress(Record({}), "No progress is noted here.")
    try:
        known = record.read(path)
    except (BadRecord, OSError) as error:
        return Progress(Record({}), f"Your progress cannot be shown: {said(error)}")
    kept = f"Kept in {path}, and nowhere else." if known.entries else "Nothing is noted yet: the first check begins it."
    forget = ' reset_progress("05.1") forgets one exercise, reset_progress("all") all of them.'
    return Progress(known, kept + strange(known) + forget * bool(known.entries))


def reset_progress(id: str = "") -> Progress:
    """Forget what was noted about an exercise, or about all: `reset_progress("all")`. The file as it was is kept.

    Raises: UnknownExercise for anything else, and has changed nothing.
    """
    if id != "all" and not any(id in words(lesson) for lesson in numbers()):
        raise UnknownExercise(f'There is no exercise {id!r}. Write its number, as "05.1", or "all".')
    path = place()
    if path is None:
        return progress()
    try:
        kept = record.forget(path, None if id == "all" else id)
    except (BadRecord, OSError) as error:
        return Progress(Record({}), f"Nothing was changed: {said(error)}")
    remark = f"The file as it was is kept beside it, as {kept.name}." if kept else "There was nothing to forget."
    return Progress(progress().known, remark)
