"""Stand-ins for the judge that runs answers in a child: quick ones that only look at the source, and one that really
judges, in this very process. They are for tests of what is around a judge; none of them isolates anything."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from course_lib.grading import Property, Verdict, check
from course_lib.grading.batch.handout import lesson_of
from course_lib.grading.batch.judge_interface import Cell, Judgment, Limits
from course_lib.grading.exercise import words


def in_this_process(
    cells: Sequence[Cell], answers: Mapping[str, str], *, secret: bytes, student: str, limits: Limits, unsafe: bool
) -> dict[str, Judgment]:
    """Runs the cells as a notebook would, but the first, and checks each answer as the notebook does."""
    found: dict[str, Judgment] = {}
    names: dict[str, Any] = {"check": _nothing, "hint": _nothing, "progress": _nothing}
    for cell in cells:
        if "begin(" in cell.source:
            continue
        try:
            exec(compile(cell.source.replace("check, hint, progress, ", ""), "<cell>", "exec"), names)
        except Exception as error:
            if cell.exercise in answers:
                said = f"The cell of {cell.exercise} ended with {type(error).__name__}: {error}."
                found[cell.exercise or ""] = Judgment(cell.exercise or "", "error", said)
            continue
        if cell.exercise in answers and cell.exercise is not None:
            verdict = check(cell.exercise, names.get(answers[cell.exercise]))
            found[cell.exercise] = Judgment(cell.exercise, verdict.status, verdict.message, verdict, ("nothing",))
    return found


def _nothing(*_: object) -> None:
    """What a check's cell calls."""


def by_its_words(
    cells: Sequence[Cell], answers: Mapping[str, str], *, secret: bytes, student: str, limits: Limits, unsafe: bool
) -> dict[str, Judgment]:
    """Passes an answer in which the word `right` stands; DIES, HANGS, EXITS, BREAKS and TIMEOUT do what they say."""
    found = {}
    for cell in cells:
        if (id := cell.exercise) is None or id not in answers:
            continue
        _do_what_it_says(cell.source)
        passed = "right" in cell.source
        outcome: Any = "holds" if passed else "broken"
        properties = tuple(Property(p.name, p.kind, p.says, p.points, outcome) for p in words(id[:2])[id].promises)
        title, status = words(id[:2])[id].title, "passed" if passed else "failed"
        said = "TIMEOUT" in cell.source
        verdict = Verdict(id, title, status, properties, f"It says `{cell.source[:40]}`.")  # type: ignore[arg-type]
        found[id] = Judgment(
            id, "timeout" if said else status, "It took too long." if said else "", verdict, ("a box", secret.decode())
        )
    return found


def _do_what_it_says(source: str) -> None:
    if "DIES" in source:
        os._exit(3)
    if "HANGS" in source:
        Path(source.split('"')[1]).write_text(str(os.getpid()))
        time.sleep(600)
    if "EXITS" in source:
        raise SystemExit("done")
    if "BREAKS" in source:
        raise ValueError("a mistake of the judge's own")


class Here(Executor):
    """Does each task at once, in this process."""

    def __init__(self) -> None:
        self.done = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.done += 1
        made: Future[Any] = Future()
        try:
            made.set_result(fn(*args, **kwargs))
        except BaseException as error:
            made.set_exception(error)
        return made


def points(*exercises: str) -> int:
    """What these are worth."""
    found = [lesson_of(id).exercise(id) for id in exercises]
    return sum(one.points for one in found if one is not None)
