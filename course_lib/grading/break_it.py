"""The frame of exercises in which something is to be broken: an answer strikes a wrong program, and its mended twin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import isfinite
from typing import Any

from course_lib.explore import OneFault, Play, Schedule, Trial, Turn, Violation, play
from course_lib.grading.answer import NOT_YET, Refused
from course_lib.grading.rules import Judge, trial
from course_lib.words import either

HOUR = 3600


def given(answer: Any, kind: type | tuple[type, ...], example: str) -> None:
    """Refuse a blank, and an answer of another kind. `example` says what to hand in."""
    if answer is None or answer is Ellipsis:
        raise Refused("unanswered", NOT_YET.replace("`raise NotImplementedError`", "`...`"))
    if not isinstance(answer, kind):
        raise Refused("error", f"You handed in an object of type {type(answer).__name__}; hand in {example}.")


def a_fault(fault: Any, clients: Collection[str], example: str) -> OneFault:
    """The answer, if it is a fault that can strike one of these clients, or any of them."""
    given(fault, OneFault, example)
    assert isinstance(fault, OneFault)
    if fault.client is not None:
        a_client(fault.client, clients)
    if type(fault.seconds) not in (int, float) or not isfinite(fault.seconds) or abs(fault.seconds) > HOUR:
        raise Refused("error", f"seconds is {fault.seconds!r}; at most an hour, {HOUR}, is accepted.")
    if fault.seconds < 0 and fault.kind != "clock step":
        raise Refused("error", f"seconds is {fault.seconds!r}; only a clock can go back.")
    return fault


def a_client(name: Any, clients: Collection[str]) -> None:
    """Refuse a name that no client has."""
    if name not in list(clients):
        raise Refused("error", f"There is no client {name!r}: there are {', '.join(clients)}.")


def an_order(answer: Any, players: Collection[str], most: int, what: str) -> tuple[str, ...]:
    """The answer, if it is a list of these names, at most `most`, one for each of `what`."""
    quoted = [f'"{name}"' for name in players]
    example = f"a list, such as [{', '.join(quoted[:2])}]"
    given(answer, (list, tuple), example)
    if odd := [name for name in answer if type(name) is not str]:
        raise Refused("error", f"There is an object of type {type(odd[0]).__name__} in your list; hand in {example}.")
    strange = next((name for name in answer if name not in players), None)
    if strange is not None or len(answer) > most:
        wrong = f"There is no {strange!r}" if strange is not None else f"Your list has {len(answer)} names"
        raise Refused("error", f"{wrong}: name {either(quoted)} for each {what}, at most {most} in all.")
    return tuple(answer)


def in_order(order: Iterable[str | int], players: Collection[str]) -> Callable[[Sequence[Turn]], int]:
    """For the Turns of one run: the next of the players that is named and has a command waiting, or the command at that
    place among those that wait, as a replay code has it. Where no player waits, or nobody is left to name, the first.
    """
    left = iter(order)

    def choose(turns: Sequence[Turn]) -> int:
        able = [turn.client for turn in turns]
        for turn in left if set(able) & set(players) else ():
            if isinstance(turn, int):
                return min(turn, len(able) - 1)
            if turn in able:
                return able.index(turn)
        return 0

    return choose


def woken(run: Play) -> tuple[str, str]:
    """The client that stood still first, and the name of the first command that it sent when it woke, or ""."""
    pause = next((note for note in run.trace.notes if note.kind == "pause"), None)
    if pause is None:
        return "", ""
    wakes = (pause.t_end or run.now) - 1e-9
    return pause.who, next((e.name for e in run.trace if e.client == pause.who and e.t_start >= wakes), "")


Twin = tuple[str, Any, Mapping[str, Judge]]
"""The name of a trial, the program in it, and the judges of its promises."""


def twins(
    build: Callable[..., Any], broken: Twin, mended: Twin, harmless: str, *,
    breaks: tuple[str, ...] = ("breaks",), **options: Any,
) -> list[Trial]:  # fmt: skip
    """A trial of the broken program, whose promises `breaks` say that it is broken, and one of its mended twin.

    `build(program, world, clients)` sets them up. An answer that breaks none of these earns nothing for a twin that
    survives it, and `harmless` says so.
    """
    first, second = (
        trial(name, partial(build, program), judges, **options) for name, program, judges in (broken, mended)
    )
    run = play(first, Schedule(first.sizes[0]))
    if any(run.violation(promise) is None for promise in breaks):
        return [first, second]

    def judge(run: Play) -> Iterator[Violation]:
        return (Violation(promise, harmless) for promise in second.promises)

    return [first, replace(second, judge=judge)]
