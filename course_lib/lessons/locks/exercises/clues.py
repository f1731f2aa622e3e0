"""04.2 and 04.3: the well-known mistake that a failing run points to. It names; it never judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from course_lib.explore import Play, Schedule, play
from course_lib.grading.evidence import of, paused
from course_lib.lessons.locks.exercises import e3_redlock
from course_lib.lessons.locks.exercises import e2_take as takers
from course_lib.lessons.locks.exercises.wire import KEY, deletes, scripted, yes
from course_lib.grading.lock_commands import SETS, value, wrongly_taken
from course_lib.trace import Event, Trace


def taking(answer: Any, failing: Mapping[str, Play]) -> str | None:
    """04.2: what the lock was taken with, in a run without a fault; else what the failing runs show."""
    run = play(takers.taking(answer)[0], Schedule(2))
    return next(wrongly_taken(sets(run.trace), run.trace, takers.TTL, _own), None) or next(_taking(failing), None)


def _taking(failing: Mapping[str, Play]) -> Iterator[str]:
    if any(map(takers.neither, (call for run in failing.values() for call in run.witness.calls))):
        return
    if "gives-up" in failing and not yes(failing["gives-up"].witness.calls[0].result):
        yield "sleeps-too-long"
    if "knows" in failing:
        wrong = failing["knows"].witness.calls
        locked_out = any(call.after == call.token and not yes(call.result) for call in wrong)
        yield "locks-itself-out" if locked_out else "takes-anothers-for-its-own"
    if "rests" in failing:
        yield "never-rests" if len(takers.pauses(failing["rests"])) < 3 else "same-pause-for-all"
    if "gives-up" in failing or "gets" in failing:
        yield "sleeps-too-long"


def _own(event: Event) -> bool:
    return event.client.encode() in value(event)


def sets(trace: Trace) -> list[Event]:
    """Commands that set the lock, the judge's own left out."""
    return [e for e in trace if e.name in SETS and e.command[1] == KEY.encode() and not e.client.startswith("judge")]


# -- 04.3 --------------------------------------------------------------------------------------------------------------


def asking(answer: Any, failing: Mapping[str, Play]) -> str | None:
    """04.3: the first mistake that the command or the broken promises point to."""
    run = play(e3_redlock.asking(answer)[0], Schedule(1))
    return next(wrongly_taken(sets(run.trace), run.trace, e3_redlock.TTL, _own), None) or next(_asking(failing), None)


def _asking(failing: Mapping[str, Play]) -> Iterator[str]:
    if any(attempt.nonsense for run in failing.values() for attempt in run.witness.attempts):
        return
    if "one-round" in failing:
        yield "one-by-one"
    if "ends" in failing:
        yield from _ends(failing["ends"])
    if "validity" in failing:
        yield from _validity(failing["validity"])
    if "one-holder" in failing:
        yield from _two_holders(failing["one-holder"])
    if "tidy" in failing:
        yield from _untidy(failing["tidy"])
    if "lives" in failing:
        yield "wants-all"


def _ends(run: Play) -> Iterator[str]:
    if any(isinstance(attempt.result, BaseException) for attempt in run.witness.attempts):
        yield "lets-errors-out"
    else:
        yield "no-time-out"


def _validity(run: Play) -> Iterator[str]:
    for attempt in run.witness.attempts:
        if attempt.ended is None or type(attempt.result) not in (int, float):
            continue
        if attempt.granted <= 0:
            yield "believes-what-is-over"
        off, drift = attempt.granted - attempt.right(), 0.01 * attempt.ttl + 0.002
        elapsed = attempt.ended - attempt.began
        if abs(off - drift) < 0.001:
            yield "forgets-drift"
        if min(abs(off - elapsed), abs(off - elapsed - drift)) < 0.001:
            yield "counts-from-the-reply"


def _two_holders(run: Play) -> Iterator[str]:
    if any(deletes(run.trace, client) for client in run.trace.clients):
        yield "frees-anothers"
    if any(attempt.granted > 0 and attempt.on < e3_redlock.QUORUM for attempt in run.witness.attempts):
        yield "counts-from-the-reply" if paused(run.trace) else "half-is-enough"


def _untidy(run: Play) -> Iterator[str]:
    for attempt in run.witness.attempts:
        if not attempt.left:
            continue
        mine = [event for event in of(run.trace, attempt.who) if event.t_start >= attempt.began]
        yes = sum(event.name == "SET" and event.reply == b"OK" and event.t_end is not None for event in mine)
        if scripted(mine) or deletes(run.trace, attempt.who):
            yield "frees-only-what-said-yes"
        yield "keeps-what-is-over" if yes >= e3_redlock.QUORUM else "keeps-on-failure"
