"""How a lock was taken: what the commands of a run say about it. For clues; they name a mistake and never judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from course_lib.grading.evidence import life_ms
from course_lib.trace import Event, Trace

SETS = ("SET", "SETNX", "SETEX", "PSETEX", "GETSET", "HSETNX", "HSET")
EXPIRES = ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")


def wrongly_taken(taken: list[Event], trace: Trace, ttl: float, own: Callable[[Event], bool]) -> Iterator[str]:
    """What is wrong with the commands that take a lock, if there are any: does one store the client's `own` token?"""
    if not taken:
        return
    if not any(exclusive(event) for event in taken):
        yield "no-nx"
    lives = [life for event in taken if (life := life_ms(event)) is not None]
    if not lives:
        yield "two-steps" if any(event.name in EXPIRES for event in trace) else "never-expires"
    elif not 0.5 < lives[0] / (ttl * 1000) < 2:
        yield "wrong-unit"
    if not any(map(own, taken)):
        yield "not-our-token"


def exclusive(event: Event) -> bool:
    """Does the command set the key only if it is not there?"""
    return event.name in ("SETNX", "HSETNX") or any(argument.upper() == b"NX" for argument in event.command[3:])


def value(event: Event) -> bytes:
    """What a SET-like command stores."""
    return event.command[2] if event.name in ("SET", "SETNX", "GETSET") else event.command[-1]
