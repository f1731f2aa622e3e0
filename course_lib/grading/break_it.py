"""What the exercises share in which something is to be broken: the answer strikes a wrong program, and its twin."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from math import isfinite
from typing import Any

from course_lib.explore import OneFault, Play, Schedule, Trial, Violation, play
from course_lib.grading.answer import NOT_YET, Refused
from course_lib.words import either

HOUR = 3600


def given(answer: Any, kind: type | tuple[type, ...], example: str) -> None:
    """Refuse what is not answered yet, and what is of another kind. `example` says what to hand in."""
    if answer is None or answer is Ellipsis:
        raise Refused("unanswered", NOT_YET.replace("`raise NotImplementedError`", "`...`"))
    if not isinstance(answer, kind):
        raise Refused("error", f"You handed in an object of type {type(answer).__name__}; hand in {example}.")


def a_fault(fault: Any, clients: Collection[str], example: str) -> OneFault:
    """The answer, if it is a fault that can strike one of these clients, or whoever's turn it is."""
    given(fault, OneFault, example)
    assert isinstance(fault, OneFault)
    if fault.client is not None:
        a_client(fault.client, clients)
    if type(fault.seconds) not in (int, float) or not isfinite(fault.seconds) or abs(fault.seconds) > HOUR:
        raise Refused("error", f"seconds is {fault.seconds!r}; at most an hour, {HOUR}, is accepted.")
    return fault


def a_client(name: Any, clients: Collection[str]) -> None:
    """Refuse the name of nobody."""
    if name not in list(clients):
        raise Refused("error", f"There is no client {name!r}: there are {', '.join(clients)}.")


def an_order(answer: Any, players: Collection[str], most: int, what: str) -> tuple[str, ...]:
    """The answer, if it is a list of at most so many of these names, one for each of `what`."""
    quoted = [f'"{name}"' for name in players]
    example = f"a list, such as [{', '.join(quoted[:2])}]"
    given(answer, (list, tuple), example)
    if (odd := next((name for name in answer if type(name) is not str), None)) is not None:
        raise Refused("error", f"There is an object of type {type(odd).__name__} in your list; hand in {example}.")
    strange = next((name for name in answer if name not in players), None)
    if strange is not None or len(answer) > most:
        wrong = f"There is no {strange!r}" if strange is not None else f"Your list has {len(answer)} names"
        raise Refused("error", f"{wrong}: name {either(quoted)} for each {what}, at most {most} in all.")
    return tuple(answer)


def with_its_twin(broken: Trial, mended: Trial, harmless: str) -> list[Trial]:
    """Both trials, of which the first has a promise "breaks". While that is not kept, to survive is worth nothing in
    the second, and `harmless` says so."""
    if play(broken, Schedule(broken.sizes[0])).violation("breaks") is None:
        return [broken, mended]

    def judge(run: Play) -> Iterator[Violation]:
        return (Violation(promise, harmless) for promise in mended.promises)

    return [broken, replace(mended, judge=judge)]
