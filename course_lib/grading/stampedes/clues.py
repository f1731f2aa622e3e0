"""Clues to well-known mistakes with locks: read from the commands of a run that failed. They name; they never judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from redis.exceptions import DataError

from course_lib.explore import Play, Schedule, play
from course_lib.grading.evidence import loads, overlap
from course_lib.grading.stampedes import locks
from course_lib.grading.stampedes.crowd import KEY, Answer
from course_lib.trace import Event, Trace

SETS = ("SET", "SETNX", "SETEX", "PSETEX", "GETSET", "HSETNX", "HSET")
EXPIRES = ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")


def fill_the_lock(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """05.1: what the lock was taken with, in a run without a fault."""
    run = play(locks.fill_the_lock(answer)[0], Schedule(2))
    taken = list(takes(run.trace))
    lives = [life for event in taken if (life := life_ms(event)) is not None]
    if not taken:
        return None
    if not any(exclusive(event) for event in taken):
        return "no-nx"
    if not lives:
        return "two-steps" if any(event.name in EXPIRES for event in run.trace) else "never-expires"
    if not 0.5 < lives[0] / (run.witness.setting.lock_ttl * 1000) < 2:
        return "wrong-unit"
    return None if any(b"-token-" in value(event) for event in taken) else "not-our-token"


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


def exclusive(event: Event) -> bool:
    """Does the command set the key only if it is not there?"""
    return event.name in ("SETNX", "HSETNX") or any(argument.upper() == b"NX" for argument in event.command[3:])


def value(event: Event) -> bytes:
    """What a SET-like command stores."""
    return event.command[2] if event.name in ("SET", "SETNX", "GETSET") else event.command[-1]


def life_ms(event: Event) -> float | None:
    """The life that the command gives the key, in ms; None if it gives none."""
    arguments = [argument.upper() for argument in event.command]
    for option, unit in ((b"PX", 1), (b"EX", 1000)):
        if option in arguments[3:-1]:
            return int(arguments[arguments.index(option, 3) + 1]) * unit
    return None
