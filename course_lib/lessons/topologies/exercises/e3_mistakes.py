"""What a failing run of 01.3 shows of its author's mistake: what was sent, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import Play
from course_lib.grading.acts import sent
from course_lib.grading.rules import Failing, named
from course_lib.trace import Event

SLACK = 0.5


def clues(failing: Failing) -> Iterator[str]:
    """The clues of the run that is shown, which breaks the first promise."""
    shown = next((promise for promise in FINDS if promise in failing), None)
    return iter(()) if shown is None else FINDS[shown](failing[shown])


def _answered(event: Event) -> bool:
    return event.t_end is not None and not isinstance(event.reply, Exception)


def _confirms(event: Event) -> bool:
    return event.name == "WAIT" and event.t_end is not None and type(event.reply) is int and event.reply >= 1


def _waited(event: Event) -> bool:
    return event.name == "WAIT" and event.t_end is not None


def _took_zero(events: list[Event]) -> bool:
    """Was the only answer to WAIT that the client got a 0, and no command sent after that?"""
    replies = [event.reply for event in events if _waited(event)]
    return replies == [0] and _waited(events[-1])


def _counts(event: Event) -> bool:
    """Does the answer add to the number, whatever was counted before?"""
    return event.name in ("INCR", "INCRBY", "INCRBYFLOAT") and event.command[1] == b"visits"


def _twice(run: Play) -> Iterator[str]:
    """The number is too high, and one call sent an INCR again after one whose reply it never got."""
    for call in run.witness.acts:
        adds = [event for event in sent(run, call) if _counts(event)]
        if any(not _answered(event) for event in adds[:-1]):
            yield "counts-twice"


def _lost(run: Play) -> Iterator[str]:
    """A call said True, and the event is not counted. If the call asked no server, no known mistake explains that."""
    each = [sent(run, call) for call in run.witness.acts]
    told_none = [events for events in each if 0 in [event.reply for event in events if _waited(event)]]
    for call in run.witness.acts:
        events = sent(run, call) if call.result is True else []
        waits = [event for event in events if event.name == "WAIT"]
        counted = [event for event in run.trace if _counts(event)]
        yield from named({
            "marks-then-counts": counted and events and "MULTI" not in {event.name for event in run.trace}
            and not any(_counts(event) and _answered(event) for event in events),
            "ignores-wait": bool(events) and all(map(_took_zero, told_none)) and _took_zero(events),
            "trusts-the-primary": events and not waits and run.witness.struck is not None,
        })  # fmt: skip


def _unconfirmed(run: Play) -> Iterator[str]:
    """It raised, gave up, or never got what it waited for."""
    patience = run.witness.patience
    for call in run.witness.acts:
        took, events = call.ended - call.began, sent(run, call)
        if took > patience + SLACK and call.asked:
            tries = [*call.asked, *(event.t_start for event in events)]
            late = [when for when in tries if when > call.began + patience + SLACK]
            yield from named({"never-ends": run.witness.strike in ("alone", "cut off") and len(late) > 4})
        elif call.failed:
            yield from named({"lets-errors-out": isinstance(call.result, RedisError)})
        elif call.result is False:
            enough = [event for event in events if _confirms(event) and event.reply < int(event.command[1])]
            yield from named({
                "gives-up": took < 0.8 * patience,
                "asks-too-many": enough,
                "keeps-the-old": len(call.asked) == 1 and not all(map(_answered, events[:-1])),
            })  # fmt: skip


def _hurried(run: Play) -> Iterator[str]:
    """It asked Sentinel again and again with no rest at all: that it is asked takes a millisecond."""
    for call in run.witness.acts:
        gaps = [after - before for before, after in zip(call.asked, call.asked[1:], strict=False)]
        yield from named({"never-rests": any(max(gaps[n : n + 52]) < 0.0015 for n in range(len(gaps) - 51))})


FINDS: dict[str, Callable[[Any], Iterator[str]]] = {
    "once": _twice, "kept": _lost, "confirms": _unconfirmed, "ends": _unconfirmed, "rests": _hurried,
}  # fmt: skip
"""The clues by promise, in the order of words.toml. Other promises have none."""
