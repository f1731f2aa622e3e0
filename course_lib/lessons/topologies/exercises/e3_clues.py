"""01.3: the well-known mistake that a failing run of the failover points to. It names; it never judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from course_lib.explore import CRASHED, Play
from course_lib.grading.evidence import JUDGE
from course_lib.lessons.topologies.exercises.e3_failover import Call


def clue(answer: Any, failing: Mapping[str, Play]) -> str | None:
    """The first mistake that the broken promises point to."""
    return next(_mistakes(failing), None)


def _mistakes(failing: Mapping[str, Play]) -> Iterator[str]:
    if "once" in failing:
        yield "counts-twice"
    if "kept" in failing:
        yield from _lost(failing["kept"])
    for promise in ("confirms", "ends"):
        if promise in failing:
            yield from _unconfirmed(failing[promise])
    if "rests" in failing:
        yield "never-rests"


def _lost(run: Play) -> Iterator[str]:
    """It said True, and the event is not counted."""
    names = {event.name for event in run.trace if event.client != JUDGE}
    if not names:
        return  # it said so without asking anybody
    if names & {"INCR", "INCRBY"} and "MULTI" not in names:
        yield "marks-then-counts"
    elif any(event.name == "WAIT" for event in run.trace):
        yield "ignores-wait"
    else:
        yield "trusts-the-primary"


def _unconfirmed(run: Play) -> Iterator[str]:
    """It raised, gave up, or never got what it waited for."""
    for call in run.witness.calls:
        if run.witness.strike == "alone" and not _in_time(call, run.witness.patience):
            yield "never-ends"
        if call.result is True or run.results[call.who] is CRASHED:
            continue
        if call.ended is not None and call.result is not False and not isinstance(call.result, BaseException):
            return  # neither yes nor no
        if isinstance(call.result, BaseException):
            yield "lets-errors-out"
        elif call.result is False and not _patient(call, run.witness.patience):
            yield "gives-up"
        elif any(event.name == "WAIT" and int(event.command[1]) > 1 for event in run.trace):
            yield "asks-too-many"
        elif call.ended is None or not _in_time(call, run.witness.patience):
            yield "never-ends"
        elif call.found <= 1:
            yield "keeps-the-old"
    return


def _patient(call: Call, patience: float) -> bool:
    return call.ended is not None and call.ended - call.began >= 0.8 * patience


def _in_time(call: Call, patience: float) -> bool:
    return call.ended is not None and call.ended - call.began <= patience + 0.5
