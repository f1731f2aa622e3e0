"""Judges of a locked cache-aside, 05.1 and 05.3: they look at loads, results and times, not at the code."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.explore import CRASHED, Play
from course_lib.grading.acts import PATIENCE
from course_lib.grading.database import DatabaseDown
from course_lib.grading.evidence import excused_error, loads, ms, of, overlap, paused, round_trips, shown, struck
from course_lib.grading.rules import Found

SLACK = 0.25
"""Seconds that a run may take beyond load, lock and time-out: polling every 50 ms at most, and the network."""


def one_load(run: Play) -> Iterator[Found]:
    """Loads by clients that were never paused do not overlap."""
    both = overlap(run.trace, excused=paused(run.trace))
    if both is not None:
        first, second = both
        until = min(first.end, second.end, run.now)
        text = f"Two loads ran at once from {ms(second.start)} to {ms(until)}: {first.who} and {second.who}."
        yield text, second.who, second.start, "two loads at once"


def own_lock(run: Play) -> Iterator[Found]:
    """As one_load; in its trial this can only come of a lock that another client freed."""
    pauses = [note for note in run.trace.notes if note.kind == "pause"]
    late = "; ".join(f"{note.who} had been held up until {ms(note.t_end or run.now)}" for note in pauses)
    for text, *where in one_load(run):
        yield f"{text} {late}." if late else text, *where


def once(run: Play) -> Iterator[Found]:
    """Without a crash, and with a pause shorter than the lock's life, one load is enough for everybody."""
    found = loads(run.trace)
    if len(found) > 1:
        first, second = found[:2]
        listed = f"{first.who} at {ms(first.start)}, and again {second.who} at {ms(second.start)}"
        yield f"{_number(len(found))} loads for one expiry: {listed}.", second.who, second.start, "a second load"


def right_value(run: Play) -> Iterator[Found]:
    """Each client that the fault did not hit gets the row; one that it hit may fail with one of redis-py's errors."""
    row, crowd = run.witness.database.row, run.witness
    for client, result in run.results.items():
        excused = isinstance(result, DatabaseDown) and client in crowd.database.failed
        when = min(crowd.ended(client), run.now)
        unfinished = run.stopped is not None and crowd.ended(client) > run.now
        if result is CRASHED or excused or unfinished or excused_error(run, client, result):
            continue
        if isinstance(result, BaseException):
            text = f"{client} ended with {type(result).__name__}: {str(result).rstrip('.')}."
            yield text, client, when, "wrong answer"
        elif type(result) is not type(row) or row != result:
            bytes_too = " Return the text itself, not bytes." if isinstance(result, bytes) else ""
            text = f"{client} returned {shown(result)}, and the database holds {row!r}.{bytes_too}"
            yield text, client, when, "wrong answer"


def replaced(run: Play) -> Iterator[Found]:
    """Nobody waits longer than the load takes; or, after a fault, than the lock may live and a load takes."""
    setting = run.witness.setting
    crashed = [note.t_start for note in run.trace.notes if note.kind == "crash"]
    lost = [e.t_start + PATIENCE for e in run.trace if e.fault in ("request lost", "reply lost")]
    began = max([*lost, *crashed], default=0.01 - setting.lock_ttl)
    yield from _late(run, began + setting.lock_ttl + setting.load + SLACK)


def freed(run: Play) -> Iterator[Found]:
    """A load that fails frees the lock at once: the next one begins without waiting for the lock to expire."""
    yield from _late(run, 0.01 + 2 * run.witness.setting.load + SLACK)
    for text, who, when, _ in right_value(run):
        yield text, who, when, "not its own failure"


def _late(run: Play, deadline: float) -> Iterator[Found]:
    for name in run.witness.starts:
        ended = run.witness.ended(name)
        if name not in struck(run) and ended > deadline:
            so = f"was still waiting at {ms(run.now)}" if ended > run.now else f"had its answer only at {ms(ended)}"
            text = f"{name} {so}; {ms(deadline)} is the latest that the contract allows in this run."
            yield text, name, min(ended, run.now), "too late"


def absent(run: Play) -> Iterator[Found]:
    """Where there is no row, that is loaded once, and everybody is told None."""
    if run.witness.database.absent:
        yield from _loaded_once(run, "There is no row: None is the answer, and it is an answer to remember.")


def any_text(run: Play) -> Iterator[Found]:
    """Any text is a value, also one that is empty or reads None."""
    database = run.witness.database
    if not database.absent:
        yield from _loaded_once(run, f"The row is the text {database.row!r}, as good as any other.")


def _loaded_once(run: Play, why: str) -> Iterator[Found]:
    for text, *where in right_value(run):
        yield f"{text} {why}", *where
    found = loads(run.trace)
    if len(found) > 1:
        text = f"{_number(len(found))} loads, the second by {found[1].who} at {ms(found[1].start)}. {why}"
        yield text, found[1].who, found[1].start, "a second load"


def hit(run: Play) -> Iterator[Found]:
    """A value that is there costs one round trip and no load."""
    trips = round_trips(of(run.trace, "second"))
    loaded = [load for load in loads(run.trace) if load.who == "second"]
    if trips != 1 or loaded:
        took = f"{trips} round trips and {len(loaded)} loads"
        text = f"The second client found the value and took {took}; 1 and 0 will do."
        yield text, "second", 0.3, "a hit"


def expires(run: Play) -> Iterator[Found]:
    """After its ttl a value is loaded again."""
    if not any(load.who == "third" for load in loads(run.trace)):
        start = run.witness.starts["third"]
        text = f"The value was stored with ttl = 1 s, and still served at {ms(start)}."
        yield text, "third", start, "served after its ttl"


def _number(count: int) -> str:
    return {2: "Two", 3: "Three"}.get(count, str(count))
