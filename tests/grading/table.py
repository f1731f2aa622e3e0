"""`python -m tests.grading.table 05.3 …`: wrong programs, the promises that verdicts name, the misconception."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from course_lib.grading import Verdict, check

from .programs import ANSWERS, subtle, wrong

ROW = "{:<6}{:<36}{:<56}{}"


def row(id: str, name: str, verdict: Verdict) -> str:
    """A line of the table; the promise that is shown comes first."""
    broken = [one.name for one in verdict.properties if one.outcome == "broken"] or [f"({verdict.status})"]
    return ROW.format(id, name, ", ".join(broken), verdict.misconception or "–")


def rows(id: str) -> Iterator[str]:
    """The lines of one exercise: first the programs of WRONG, by what they are called, then those of SUBTLE."""
    programs = [(getattr(answer, "__name__", name), answer) for name, answer in wrong(id)]
    for name, answer in [*programs, *((name, answer) for name, _, answer, _ in subtle(id))]:
        yield row(id, name, check(id, answer))


if __name__ == "__main__":
    print(ROW.format("", "Program", "Promises broken", "Misconception"))
    for exercise in sys.argv[1:] or ANSWERS:
        for line in rows(exercise):
            print(line, flush=True)
