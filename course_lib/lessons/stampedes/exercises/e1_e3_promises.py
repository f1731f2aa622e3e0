"""Judges of a locked cache-aside: each one finds its promise broken in a run, or says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from course_lib.explore import CRASHED, Play, Violation
from course_lib.grading.database import DatabaseDown
from course_lib.grading.evidence import excused_error, loads, ms, of, overlap, paused, round_trips, shown, struck
from course_lib.lessons.stampedes.exercises.crowd import PATIENCE
from course_lib.trace import Note

SLACK = 0.25
"""Seconds that a run may take beyond load, lock and time-out: polling every 50 ms at most, and the network."""
Judge = Callable[[Play], Iterator[Violation]]


def one_load(run: Play, promise: str = "one-load") -> Iterator[Violation]:
    """Loads by clients that were never paused do not overlap."""
    both = overlap(run.trace, excused=paused(run.trace))
    if both is not None:
        first, second = both
        until = min(first.end, second.end, run.now)
        text = f"Two loads ran at once from {ms(second.start)} to {ms(until)}: {first.who} and {second.who}."
        yield Violation(promise, text, second.who, second.start, "two loads at once")


def own_lock(run: Play) -> Iterator[Violation]:
    """As one_load; in its trial this can only come of a lock that another client freed."""
    late = "; ".join(f"{n.who} had been held up until {ms(n.t_end or run.now)}" for n in _pauses(run))
    for found in one_load(run, "own-lock"):
        yield replace(found, text=f"{found.text} {late}." if late else found.text)


def _pauses(run: Play) -> list[Note]:
    return [note for note in run.trace.notes if note.kind == "pause"]


def once(run: Play) -> Iterator[Violation]:
    """Without a crash, and with a pause shorter than the lock's life, one load is enough for everybody."""
    found = loads(run.trace)
    if len(found) > 1:
        first, second = found[:2]
        listed = f"{first.who} at {ms(first.start)}, and again {second.who} at {ms(second.start)}"
        text = f"{_number(len(found))} loads for one expiry: {listed}."
        yield Violation("once", text, second.who, second.start, "a second load")


def right_value(run: Play) -> Iterator[Violation]:
    """Whoever the fault did not hit gets the row; whoever it hit may fail with one of redis-py's errors."""
    wrong = next(_wrong_results(run), None)
    if wrong is not None:
        yield Violation("value", wrong[1], wrong[0], run.witness.ended.get(wrong[0], run.now), "wrong answer")


def _wrong_results(run: Play) -> Iterator[tuple[str, str]]:
    """Each client whose answer is neither the row nor an error that it may have, with a sentence."""
    row = run.witness.database.row
    failed = {note.who for note in run.witness.database.loads if note.text == "failed"}
    for client, result in run.results.items():
        excused = isinstance(result, DatabaseDown) and client in failed
        unfinished = run.stopped is not None and client not in run.witness.ended
        if result is CRASHED or excused or unfinished or excused_error(run, client, result):
            continue
        if isinstance(result, BaseException):
            yield client, f"{client} ended with {type(result).__name__}: {str(result).rstrip('.')}."
        elif type(result) is not type(row) or row != result:
            bytes_too = " Return the text itself, not bytes." if isinstance(result, bytes) else ""
            yield client, f"{client} returned {shown(result)}, and the database holds {row!r}.{bytes_too}"


def replaced(run: Play) -> Iterator[Violation]:
    """Nobody waits longer than the load takes; or, after a fault, than the lock may live and a load takes."""
    setting = run.witness.setting
    trouble = max((note.t_start for note in run.trace.notes if note.kind == "crash"), default=None)
    lost = [e.t_start + PATIENCE for e in run.trace if e.fault in ("request lost", "reply lost")]
    began = max([*lost, *([] if trouble is None else [trouble])], default=0.01 - setting.lock_ttl)
    yield from _late(run, began + setting.lock_ttl + setting.load + SLACK, "replaced")


def freed(run: Play) -> Iterator[Violation]:
    """A load that fails frees the lock at once: the next one begins without waiting for the lock to expire."""
    yield from _late(run, 0.01 + 2 * run.witness.setting.load + SLACK, "freed")
    wrong = next(_wrong_results(run), None)
    if wrong is not None:
        yield Violation("freed", wrong[1], wrong[0], run.witness.ended.get(wrong[0], run.now), "not its own failure")


def _late(run: Play, deadline: float, promise: str) -> Iterator[Violation]:
    ended = {name: run.witness.ended.get(name) for name in run.witness.began if name not in struck(run)}
    for name, t in ended.items():
        if t is None or t > deadline:
            so = f"was still waiting at {ms(run.now)}" if t is None else f"had its answer only at {ms(t)}"
            text = f"{name} {so}; {ms(deadline)} is the latest that the contract allows in this run."
            yield Violation(promise, text, name, t or run.now, "too late")
            return


def absent(run: Play) -> Iterator[Violation]:
    """That there is no row is loaded once, and everybody is told None."""
    if run.witness.database.absent:
        yield from _loaded_once(run, "absent", "There is no row: None is the answer, and it is an answer to remember.")


def any_text(run: Play) -> Iterator[Violation]:
    """Any text is a value, also one that is empty or reads None."""
    database = run.witness.database
    if not database.absent:
        yield from _loaded_once(run, "any-text", f"The row is the text {database.row!r}, as good as any other.")


def _loaded_once(run: Play, promise: str, why: str) -> Iterator[Violation]:
    found, wrong = loads(run.trace), next(_wrong_results(run), None)
    if wrong is not None:
        yield Violation(
            promise, f"{wrong[1]} {why}", wrong[0], run.witness.ended.get(wrong[0], run.now), "wrong answer"
        )
    elif len(found) > 1:
        text = f"{_number(len(found))} loads, the second by {found[1].who} at {ms(found[1].start)}. {why}"
        yield Violation(promise, text, found[1].who, found[1].start, "a second load")


def hit(run: Play) -> Iterator[Violation]:
    """A value that is there costs one round trip and no load."""
    trips = round_trips(of(run.trace, "second"))
    loaded = [load for load in loads(run.trace) if load.who == "second"]
    if trips != 1 or loaded:
        text = (
            f"The second client found the value and took {trips} round trips and {len(loaded)} loads; 1 and 0 will do."
        )
        yield Violation("hit", text, "second", 0.3, "a hit")


def expires(run: Play) -> Iterator[Violation]:
    """After its ttl a value is loaded again."""
    if not any(load.who == "third" for load in loads(run.trace)):
        text = f"The value was stored with ttl = 1 s, and still served at {ms(run.witness.began['third'])}."
        yield Violation("expires", text, "third", run.witness.began["third"], "served after its ttl")


def _number(count: int) -> str:
    return {2: "Two", 3: "Three"}.get(count, str(count))


PROMISES: dict[Judge, str] = {
    one_load: "one-load", own_lock: "own-lock", once: "once", right_value: "value", replaced: "replaced",
    freed: "freed", absent: "absent", any_text: "any-text", hit: "hit", expires: "expires",
}  # fmt: skip
