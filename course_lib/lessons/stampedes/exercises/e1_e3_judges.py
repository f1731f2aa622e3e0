"""Judges of a locked cache-aside, 05.1 and 05.3: they look at loads, results and times, not at the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import inf

from redis.exceptions import RedisError

from course_lib.explore import CRASHED, Fact, Play
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act, cost
from course_lib.grading.database import DatabaseDown
from course_lib.grading.evidence import excused_error, loads, ms, of, overlap, paused, shown, struck
from course_lib.grading.rules import Found
from course_lib.lessons.stampedes.exercises.lifetimes import Life
from course_lib.trace import Span

LOOK, NETWORK = 0.05, 0.04
"""Seconds: at least so often a client looks that waits; and what a few messages take at most."""
SLACK = LOOK + NETWORK
DOWN = "node down"


def one_load(run: Play) -> Iterator[Found]:
    """Loads by clients that were never paused do not overlap."""
    both = overlap(run.trace, excused=paused(run.trace))
    if both is not None:
        first, second = both
        until = min(first.end, second.end, run.now)
        text = f"Two loads ran at once from {ms(second.start)} to {ms(until)}: {first.who} and {second.who}."
        yield text, second.who, second.start, "two loads at once", _loads(first, second)


def _loads(first: Span, second: Span) -> tuple[Fact, ...]:
    return Fact(first.start, first.who, "loads"), Fact(second.start, second.who, "loads too")


def own_lock(run: Play) -> Iterator[Found]:
    """While a client loads and its lock has not expired, the lock stays what it is."""
    for lock in run.witness.locks:
        if lock.lost < run.now:
            text = (
                f"{lock.who} loaded from {ms(lock.start)}, and its lock was to live until {ms(lock.until)}; at "
                f"{ms(lock.lost)}, while it still loaded, the lock was gone."
            )
            yield text, lock.who, lock.lost, "its lock freed"


def once(run: Play) -> Iterator[Found]:
    """Without a crash, and with a pause shorter than the lock's life, one load is enough for everybody."""
    yield from _again(run, loads(run.trace))


def _again(run: Play, found: list[Span], why: str = "") -> Iterator[Found]:
    """A value that was loaded less than its ttl ago is loaded once more."""
    for first, second in pairwise(found):
        if second.start < first.end + run.witness.setting.ttl:
            listed = f"{first.who} at {ms(first.start)}, and again {second.who} at {ms(second.start)}"
            text = f"{_number(len(found))} loads for one expiry: {listed}. {why}".rstrip()
            yield text, second.who, second.start, "a second load", _loads(first, second)


def right_value(run: Play) -> Iterator[Found]:
    """Each client gets the row of its key; one that the fault hit may fail with one of redis-py's errors."""
    yield from _wrong_results(run, run.witness.acts)
    yield from _silent(run)


def _wrong_results(run: Play, acts: Iterable[Act]) -> Iterator[Found]:
    crowd = run.witness
    for act in acts:
        result, row = act.result, crowd.databases[act.what].row
        own_failure = isinstance(result, DatabaseDown) and crowd.failed(act)
        if not act.over or own_failure or _excused(run, act):
            continue
        if isinstance(result, BaseException):
            text = f"{act.who} ended with {shown(result).rstrip('.')}."
            yield text, act.who, act.ended, "wrong answer"
        elif type(result) is not type(row) or row != result:
            bytes_too = " Return the text itself, not bytes." if isinstance(result, bytes) else ""
            text = f"{act.who} returned {shown(result)}, and the database holds {row!r}.{bytes_too}"
            yield text, act.who, act.ended, "wrong answer"


def _excused(run: Play, act: Act) -> bool:
    """May it have failed? Whom the server refused even a connection has sent nothing, and yet was hit."""
    hit = act.ended >= _broken_from(run)
    return (
        (hit and isinstance(act.result, (RedisError, TimeoutError, ConnectionError)))
        or excused_error(run, act.who, act.result)
        or run.results.get(act.who) is CRASHED
    )


def _broken_from(run: Play) -> float:
    """From when on Redis was down, or refused to write; infinite if it never did."""
    down = [note.t_start for note in run.trace.notes if note.kind == "down"]
    return float(min([*down, run.witness.refuses]))


def _silent(run: Play) -> Iterator[Found]:
    """A caller that asks a broken server, and has no value yet, is told so by an error."""
    begin = _broken_from(run)
    if begin == inf:
        return
    what = f"Redis {'was down' if run.schedule.kind == DOWN else 'refused to write'} from {ms(begin)} on"
    for act in run.witness.acts:
        if act.ended < begin or act.failed:
            continue
        if not act.over:
            text = f"{what}, and {act.who} had neither a value nor an error by {ms(run.now)}."
            yield text, act.who, run.now, "no error"
        elif run.world is not None and not ask(run.world.nodes[0], b"EXISTS", act.what.encode()):
            yield (
                f"{what}, so nothing was stored, and {act.who} was told nothing of it.",
                act.who,
                act.ended,
                "no error",
            )


def replaced(run: Play) -> Iterator[Found]:
    """Nobody waits longer than the load takes; or, after a fault, than the lock may live and a load takes."""
    setting = run.witness.setting
    if run.schedule.kind == DOWN:
        return
    if run.schedule.faults == 0:
        yield from _late(run, 0.01 + setting.load + SLACK)
        for lock in run.witness.locks:
            if lock.life is not None and not lock.life.right:
                text = f"{lock.who}'s lock lives {lasting(lock.life)}, and lock_ttl is {setting.lock_ttl:g} s."
                yield text, lock.who, lock.start, "wrong lifetime"
        return
    struck_at = [note.t_start for note in run.trace.notes if note.kind == "crash"]
    struck_at += [event.t_start for event in run.trace if event.fault in ("request lost", "reply lost")]
    yield from _late(run, max(struck_at, default=0.01) + setting.lock_ttl + setting.load + 2 * SLACK)


def freed(run: Play) -> Iterator[Found]:
    """A load that fails frees the lock at once, and its error goes to the caller: the next one begins without waiting
    for the lock to expire."""
    crowd, failing = run.witness, run.witness.setting.failing
    yield from _late(run, 0.01 + (failing + 1) * (crowd.setting.load + SLACK))
    yield from _wrong_results(run, crowd.acts)
    for act in crowd.acts:
        own = [load for load in loads(run.trace) if load.who == act.who]
        if act.over and crowd.failed(act) and not isinstance(act.result, DatabaseDown):
            text = f"{act.who}'s load failed at {ms(own[0].end)}, and {act.who} ended with {shown(act.result)}."
            yield text, act.who, act.ended, "its error is lost"


def _late(run: Play, deadline: float) -> Iterator[Found]:
    for name in run.witness.starts:
        ended = run.witness.ended(name)
        if name not in struck(run) and ended > deadline:
            so = f"was still waiting at {ms(run.now)}" if ended > run.now else f"had its answer only at {ms(ended)}"
            text = f"{name} {so}; {ms(deadline)} is the latest that the contract allows in this run."
            yield text, name, min(ended, run.now), "too late"


def looks(run: Play) -> Iterator[Found]:
    """Between a reply and the next command of a client that waits there are at most 50 ms."""
    for name in run.witness.starts if run.schedule.faults == 0 else ():
        own = [load for load in loads(run.trace) if load.who == name]
        sent = [event for event in of(run.trace, name) if event.name != "PUSH" and event.t_end is not None]
        for before, after in pairwise(sent):
            begin, end = before.t_end or 0.0, after.t_start
            if end - begin > LOOK + 0.0015 and not any(_within(load, begin, end) for load in own):
                text = f"{name} waited, and looked again only after {ms(end - begin)}; at least every 50 ms it should."
                yield text, name, end, "looks too seldom"


def _within(load: Span, begin: float, end: float) -> bool:
    return begin < load.end and load.start < end


def patient(run: Play) -> Iterator[Found]:
    """However long it takes, everybody gets the row."""
    yield from right_value(run)
    yield from _late(run, run.witness.setting.load + 0.01 + SLACK)


def in_the_end(run: Play) -> Iterator[Found]:
    """Everybody gets the row, however far away the server is."""
    yield from right_value(run)
    yield from _late(run, run.now)


def apart(run: Play) -> Iterator[Found]:
    """Nobody waits for the load of another key."""
    setting = run.witness.setting
    for act in run.witness.acts:
        deadline = max(act.began, 0.01 + setting.load) + SLACK
        if act.ended > deadline:
            so = f"was still waiting at {ms(run.now)}" if not act.over else f"had its answer only at {ms(act.ended)}"
            text = f"{act.who}, who asked for {act.what} at {ms(act.began)}, {so}: a load takes {ms(setting.load)}."
            yield text, act.who, min(act.ended, run.now), "too late"


def absent(run: Play) -> Iterator[Found]:
    """Where there is no row, that is loaded once, and everybody is told None."""
    for key, database in run.witness.databases.items():
        if database.absent:
            yield from _loaded_once(run, key, "There is no row: None is the answer, and it is an answer to remember.")


def any_text(run: Play) -> Iterator[Found]:
    """Any text is a value, also one that is empty, reads None, or is what stands for no row."""
    for key, database in run.witness.databases.items():
        if not database.absent:
            yield from _loaded_once(run, key, f"The row is the text {database.row!r}, as good as any other.")


def _loaded_once(run: Play, key: str, why: str) -> Iterator[Found]:
    acts = {act.who: act for act in run.witness.acts if act.what == key}
    for text, *where in _wrong_results(run, acts.values()):
        yield f"{text} {why}", *where
    yield from _again(run, [load for load in loads(run.trace) if load.who in acts], why)


def hit(run: Play) -> Iterator[Found]:
    """A value that is there costs one round trip and no load."""
    for act in run.witness.acts:
        trips, loaded = cost(run, act)
        if act.there and (trips > 1 or loaded):
            text = f"{act.who} asked at {ms(act.began)}, while the value was there, and took {_trips(trips, loaded)}."
            yield text, act.who, act.began, "a hit"


def expires(run: Play) -> Iterator[Found]:
    """After its ttl a value is loaded again, and not before."""
    there = run.world if run.schedule.kind != DOWN else None
    for key in run.witness.databases:
        if there is not None and ask(there.nodes[0], b"PTTL", key.encode()) == -1:
            yield f"In the end {key!r} is there, and has no TTL.", "", run.now, "lives for ever"
    for life in run.witness.values if run.schedule.faults == 0 else ():
        if not life.right:
            text = f"The value that {life.who} stored lives {lasting(life)}, and ttl is {life.asked:g} s."
            yield text, life.who, life.at, "wrong lifetime"


def loaded_again(run: Play) -> Iterator[Found]:
    """As expires; and who asks just after the expiry loads at once."""
    yield from expires(run)
    setting, asked = run.witness.setting, [act for act in run.witness.acts if act.who == "first"]
    for act in asked[2:]:
        if not cost(run, act)[1]:
            text = f"The value was stored with ttl = {setting.ttl:g} s, and still served at {ms(act.began)}."
            yield text, act.who, act.began, "served after its ttl"
        elif act.ended > act.began + setting.load + SLACK:
            until = ms(min(act.ended, run.now))
            text = f"{act.who} asked at {ms(act.began)}, after the ttl, and had no answer until {until}."
            yield text, act.who, act.began, "too late"


def lasting(life: Life) -> str:
    """How long, in words."""
    if life.lasts < 0:
        return "for ever" if life.lasts == -1 else "no time at all: it is not there"
    return f"{life.lasts * 1000:,.0f} ms"


def _trips(trips: int, loaded: int) -> str:
    return f"{trips} round trip{'s' * (trips != 1)} and {loaded} load{'s' * (loaded != 1)}; 1 and 0 will do"


def _number(count: int) -> str:
    return {2: "Two", 3: "Three"}.get(count, str(count))
