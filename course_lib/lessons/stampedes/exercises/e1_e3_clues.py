"""Clues to well-known mistakes with locks: read from the commands of a run that failed. They name; they never judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from redis.exceptions import DataError

from course_lib.explore import Play, Schedule, play
from course_lib.grading.evidence import loads, overlap
from course_lib.grading.lock_commands import SETS, exclusive, value, wrongly_taken
from course_lib.lessons.stampedes.exercises import e1_e3_locks
from course_lib.lessons.stampedes.exercises.crowd import KEY, Answer
from course_lib.trace import Event, Trace

def fill_the_lock(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """05.1: what the lock was taken with, in a run without a fault."""
    run = play(e1_e3_locks.fill_the_lock(answer)[0], Schedule(2))
    return next(wrongly_taken(list(takes(run.trace)), run.trace, run.witness.setting.lock_ttl, _its_token), None)


def _its_token(event: Event) -> bool:
    return b"-token-" in value(event)


def write_the_whole(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """05.3: the first mistake that the broken promises point to."""
    return next(_whole(failing), None)


def _whole(failing: Mapping[str, Play]) -> Iterator[str]:
    if "one-load" in failing:
        trace = failing["one-load"].trace
        taken = list(takes(trace))
        if not taken and not scripted(trace):
            yield "no-lock"
        if taken and not any(exclusive(event) for event in taken):
            yield "takes-in-two-steps"
        yield "one-load"
    if "replaced" in failing:
        yield "never-expires" if failing["replaced"].schedule.kind else "sleeps-too-long"
    if "own-lock" in failing:
        yield "frees-anothers-lock"
    if "once" in failing and len(loads(failing["once"].trace)) > 1 and overlap(failing["once"].trace) is None:
        yield "no-second-look"
    if "freed" in failing:
        yield "keeps-lock-on-error"
    if "absent" in failing:
        errors = any(isinstance(result, DataError) for result in failing["absent"].results.values())
        yield "cannot-store-none" if errors else "forgets-absence"
    if "any-text" in failing:
        yield "truth-of-text"
    if "expires" in failing:
        yield "no-ttl"


def takes(trace: Trace) -> Iterator[Event]:
    """Commands that may take a lock: they set a key other than the value's."""
    return (event for event in trace if event.name in SETS and event.command[1] != KEY.encode())


def scripted(trace: Trace) -> bool:
    """Does the run use scripts or transactions, in which a lock may be taken unseen?"""
    return any(event.name in ("EVAL", "EVALSHA", "FCALL", "EXEC") for event in trace)
