"""Who held a key and until when, and who waited although there was no need: read from what the server held."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import Any

from course_lib.explore import Play
from course_lib.grading.evidence import of
from course_lib.grading.key_log import State, sent

PATIENCE = 0.15
"""Seconds within which a waiting call must look again: 0.1, and the way there."""

BY = 0.002
"""Seconds by which what expires can be gone earlier: Redis counts whole milliseconds."""


def held(states: list[State], when: float) -> State | None:
    """What a key holds at a moment, if it has not expired."""
    last = next((state for state in reversed(states) if state.when <= when), None)
    return last if last is not None and last.there and (last.left < 0 or when < last.when + last.left - BY) else None


def setter(run: Play, state: State) -> str:
    """The client whose command left the key like this."""
    return next((event.client for event in reversed(run.trace.events) if event.t_server == state.when), "")


def struck(run: Play, who: str) -> bool:
    """Did a fault hit the process of this client?"""
    names = {run.witness.owners[who].name if who in run.witness.owners else who, who}
    lost = any(event.fault is not None for name in names for event in of(run.trace, name))
    return lost or any(note.who in names for note in run.trace.notes if note.kind in ("crash", "pause"))


def taken_away(run: Play, states: list[State]) -> Iterator[tuple[State, str, str]]:
    """Each change of a lock that was held, by a client that did not set it: what it left, who, and whose it was."""
    for before, after in pairwise(states):
        who, owner = setter(run, after), setter(run, before)
        if held([before], after.when) and who not in (owner, ""):
            yield after, who, owner


def waited(run: Play, call: Any, values: list[State], locks: list[State]) -> float | None:
    """From when on this call waited for too long, although the value was there or nobody held the lock. It is busy
    during its `loads`."""
    if struck(run, call.who):
        return None

    def ready(when: float) -> bool:
        return held(values, when) is not None or held(locks, when) is None

    both = (*values, *locks)
    ends = [state.when + state.left for state in both if state.there and state.left > 0]
    moments = sorted({call.began, *(end for _, end in call.loads), *(state.when for state in both), *ends})
    for begin in (when for when in moments if call.began <= when < call.ended and ready(when)):
        until = next((when for when in moments if when > begin and not ready(when)), inf)
        busy = any(start < begin + PATIENCE and end > begin for start, end in call.loads)
        if min(until, call.ended, run.now) > begin + PATIENCE and not busy:
            return float(begin)
    return None


REST, MOST = 0.009, 16
"""Seconds of the shortest rest: 0.01, and what can be rounded off; and how many commands one look can take."""


def restless(run: Play, call: Any) -> float | None:
    """When this call, before it loaded, looked again without a rest: too soon, with the same command again, or with too
    many commands one after another. Its last rest is allowed to be shorter."""
    loads = min((start for start, _ in call.loads), default=inf)
    events = [event for event in sent(run, call) if event.t_end is not None and event.t_start < loads]
    gaps = [(after.t_start, after.t_start - (before.t_end or 0.0)) for before, after in pairwise(events)]
    same = {after.t_start for before, after in pairwise(events) if before.command == after.command}
    last, in_a_row = max((when for when, gap in gaps if gap > 1e-6), default=0.0), 0
    for when, gap in gaps:
        in_a_row = in_a_row + 1 if gap < 1e-6 else 0
        if in_a_row >= MOST or ((gap > 1e-6 or when in same) and gap < REST and when < last):
            return when
    return None


SELDOM = 0.1015
"""Seconds of the longest rest: 0.1, and what is rounded off."""


def seldom(run: Play, call: Any) -> float | None:
    """When this call, which no fault hit, had rested for too long between two looks."""
    events = [event for event in sent(run, call) if event.t_end is not None and event.name != "PUSH"]
    for before, after in pairwise(events) if not struck(run, call.who) else ():
        begin, end = before.t_end or 0.0, after.t_start
        if end - begin > SELDOM and not any(start < end and begin < stop for start, stop in call.loads):
            return end
    return None
