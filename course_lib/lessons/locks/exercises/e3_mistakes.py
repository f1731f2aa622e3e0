"""04.3, Redlock: what the runs that break its promises point to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import Play
from course_lib.grading.acts import sent
from course_lib.grading.evidence import of
from course_lib.grading.lock_watch import others_changed
from course_lib.grading.rules import Failing
from course_lib.lessons.locks.exercises.e3_attempt import ALONE, QUORUM, Attempt
from course_lib.lessons.locks.exercises.lock_calls import ways_to_take
from course_lib.trace import Event


def clues(without_majority: Callable[[Any], Play], failing: Failing) -> Iterator[str]:
    """How the lock was taken by one client alone; else what the broken promises point to. `without_majority` plays the
    answer where some nodes say yes, and too few: does it give back there at all?"""
    tidy = failing.get("tidy")
    others = [change for _, change in others_changed(tidy)] if tidy is not None else []
    yield from ways_to_take(failing.first, ALONE[0][0], any(change.after for change in others))
    if any(attempt.nonsense for run in failing.values() for attempt in run.witness.acts):
        return
    looked = tidy is not None and any(event.name in ("GET", "WATCH") for event in tidy.trace)
    if not looked and any(change.after is None and change.event.name in ("DEL", "UNLINK") for change in others):
        yield "frees-anothers"
    for promise in ("one-round", "ends", "validity", "one-holder", "tidy", "lives"):
        for attempt in failing[promise].witness.acts if promise in failing else ():
            asked = sent(failing[promise], attempt)
            yield from CLUES[promise](attempt, asked) if promise in CLUES else ()
            if promise == "tidy" and attempt.left:
                (alone,) = (other := without_majority(failing.answer)).witness.acts
                back = {event.node for event in _given_back(failing[promise], attempt)}
                yield from _untidy(attempt, asked, back, bool(_given_back(other, alone)))


def _slow(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    first = {event.node: event.t_start for event in reversed(asked)}
    if len(set(first.values())) == len(first) > 1:
        yield "one-by-one"


def _ended(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    if isinstance(attempt.result, (RedisError, TimeoutError)):
        yield "lets-errors-out"
    if min(attempt.ended, 6.0) - attempt.began > 4.9 and any(event.t_end is None for event in asked):
        yield "no-time-out"


def _sum(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    if not attempt.over or type(attempt.result) not in (int, float):
        return
    off, drift = attempt.granted - attempt.right(), 0.01 * attempt.ttl + 0.002
    elapsed = attempt.ended - attempt.began
    if attempt.granted <= 0 and abs(off) < 0.001:
        yield "believes-what-is-over"
    if abs(off - drift) < 1e-6:
        yield "forgets-drift"
    if min(abs(off - elapsed), abs(off - elapsed - drift)) < 1e-6:
        yield "counts-from-the-reply"


def _two_holders(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    if 0 < attempt.on < QUORUM and attempt.granted > 0:
        yield "half-is-enough"
    yield from (name for name in _sum(attempt, asked) if name == "counts-from-the-reply")


def _given_back(run: Play, attempt: Attempt) -> list[Event]:
    """What it sent to a node after the first command there: as it lasted, or later, with its token."""
    mine, first = [event for event in of(run.trace, attempt.who) if event.t_start >= attempt.began], dict[str, Event]()
    token = attempt.what.encode()
    of_it = [event for event in mine if event.t_start <= attempt.ended or token in event.command]
    return [event for event in of_it if first.setdefault(event.node, event) is not event]


def _untidy(attempt: Attempt, asked: list[Event], back: set[str], gives: bool) -> Iterator[str]:
    """Where were its tokens left: where it had heard a yes, or of what was lost? And does it ever give back?"""
    left = {f"redis{node}" for node in attempt.left}
    yes = {event.node for event in asked if event.t_end is not None and event.reply == b"OK"}
    if not gives and not back:
        yield "keeps-on-failure"
    elif not back and len(yes) >= QUORUM and attempt.right() <= 0:
        yield "keeps-what-is-over"
    elif not left & (back | yes):
        yield "frees-only-what-said-yes"


def _wants(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    first = {event.node: event for event in reversed(asked)}
    back = min((event.t_start for event in asked if event is not first[event.node]), default=attempt.ended)
    yes = {event.node for event in asked if (event.t_end or inf) <= back and event.reply in (b"OK", 1)}
    if attempt.done and attempt.result is None and len(yes) >= QUORUM and attempt.right() > 0:
        yield "wants-all"


CLUES: dict[str, Callable[[Attempt, list[Event]], Iterator[str]]] = {
    "one-round": _slow, "ends": _ended, "validity": _sum, "one-holder": _two_holders, "lives": _wants,
}  # fmt: skip
