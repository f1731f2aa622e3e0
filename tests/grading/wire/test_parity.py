"""The judge cannot tell where an answer runs: on the wire it says of each program what it says in the notebook."""

from __future__ import annotations

from typing import Any

import pytest
from wire.children import forked

from course_lib.grading import Verdict, check
from course_lib.grading.exercise import find
from course_lib.grading.wire import check as wired
from course_lib.grading.wire.judged import serve
from course_lib.wire.pipe import Pipe
from course_lib.wire.remote import Remote

from ..programs import ANSWERS, wrong


def on_the_wire(id: str, answer: Any) -> Verdict:
    def serving(pipe: Pipe) -> None:
        serve(pipe, lambda: answer)

    with forked(serving, wired.CHILDREN) as pipes:
        return wired.check(find(id), Remote(pipes))


def said(verdict: Verdict) -> Any:
    outcomes = [(one.name, one.outcome) for one in verdict.properties]
    return verdict.status, outcomes, verdict.misconception, verdict.message, verdict.code


def rows() -> list[Any]:
    """Of each fourth exercise one wrong program, another kind for each; all of them with `--thorough`."""
    found = []
    for number, id in enumerate(ANSWERS):
        programs = wrong(id)
        for at, (name, answer) in enumerate(programs):
            marks = [] if number % 4 == 0 and at == number // 4 % len(programs) else [pytest.mark.thorough]
            found.append(pytest.param(id, answer, id=f"{id} {name}", marks=marks))
    return found


@pytest.mark.parametrize(("id", "answer"), rows())
def test_the_same_verdict(id: str, answer: Any) -> None:
    here, there = check(id, answer), on_the_wire(id, answer)
    assert said(there) == said(here)
