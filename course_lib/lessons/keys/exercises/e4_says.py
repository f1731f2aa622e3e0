"""For 02.4: what a clean-up says it removed, and whether its caller hears of errors."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.explore import CRASHED, Play
from course_lib.grading.caller_errors import of_redis, refused
from course_lib.grading.evidence import JUDGE, LOST, ms, of, raised, shown
from course_lib.grading.rules import Found, undisturbed
from course_lib.trace import Event

AGAIN = 600.0
"""Seconds from the beginning to the second clean-up, and from that to a look at what is left. It comes sooner, a second
after the first is over, unless an old process stores something in between."""


def began(run: Play, name: str) -> float:
    """When a clean-up sent its first command; if it sent none, the latest moment at which it can have begun."""
    return next((event.t_start for event in of(run.trace, name)), AGAIN)


def encoded(keys: frozenset[str]) -> frozenset[bytes]:
    """Keys as commands have them."""
    return frozenset(key.encode() for key in keys)


def says(run: Play) -> Iterator[Found]:
    """It returns how many keys it removed; the second time, those that came since. And an error of Redis is not kept
    from the caller."""
    for name, wanted in (("c1", len(run.witness.old)), ("again", len(run.witness.late))):
        found, failed, when = run.results[name], isinstance(run.results[name], BaseException), began(run, name)
        if run.schedule.faults == 0 and (type(found) is not int or found != wanted):
            what = f"ended with {type(found).__name__}: {found}" if failed else f"said {shown(found)}"
            yield f"{name} {what} at {ms(when)}; {wanted} keys were there to be removed.", name, when, "wrong number"
    yield from says_errors(run)


def says_errors(run: Play) -> Iterator[Found]:
    """A clean-up that does not begin again after an error ends with it."""
    for name in ("c1", "again") if run.stopped is None else ():
        found, failed = run.results[name], _failed(run, name)
        if failed is None or found is CRASHED or of_redis(found) or _begins_again(run, name, failed):
            continue
        how = failed.fault or f"it was answered with an error, {failed.reply}"
        ended = f"ended with {raised(found)}" if isinstance(found, BaseException) else f"returned {shown(found)}"
        yield f"{name} {ended}, although its {failed.name} failed: {how}.", name, failed.t_start, "unheard"


def _failed(run: Play, name: str) -> Event | None:
    """The first command that failed for it, and was not answered later. A removal whose reply was lost stays one: what
    it removed is not counted by the next."""
    failed: dict[tuple[bytes, ...], Event] = {}
    planted = encoded(run.witness.old)
    for event in of(run.trace, name):
        known = failed.get(event.command)
        if event.fault in LOST or refused(event):
            failed.setdefault(event.command, event)
        elif known is not None and not (known.fault == "reply lost" and planted & set(event.command)):
            failed.pop(event.command)
    return next(iter(failed.values()), None)


def _begins_again(run: Play, name: str, lost: Event) -> bool:
    """Does it scan once more, from the beginning, after that failure?"""
    later = [event for event in of(run.trace, name) if event.t_start > lost.t_start and event.t_end is not None]
    return any(event.name == "SCAN" and event.command[1] == b"0" for event in later)


@undisturbed
def says_together(run: Play) -> Iterator[Found]:
    """Each key is removed by one of them."""
    said = [result for name, result in run.results.items() if not name.startswith(JUDGE)]
    if all(type(result) is int for result in said) and sum(said) != len(run.witness.old | run.witness.late):
        gone = len(run.witness.old | run.witness.late)
        text = f"{gone} keys were removed, and the clean-ups said {', '.join(map(str, said))}."
        yield text, "c1", 0.1, "wrong number"
