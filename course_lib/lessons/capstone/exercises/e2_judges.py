"""What must be true of a run of 08.2: judges, and the questions that its clues ask as well."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from redis.exceptions import ResponseError

from course_lib.explore import Play
from course_lib.grading import key_log
from course_lib.grading.caller_errors import of_redis, refused
from course_lib.grading.evidence import LOST, excused_error, ms, raised, shown
from course_lib.grading.key_log import State
from course_lib.grading.rules import Found
from course_lib.lessons.capstone.exercises.e2_calls import Call, Load
from course_lib.lessons.capstone.exercises.holders import held, restless, seldom, setter, struck, taken_away, waited

QUICK = 0.1
"""Seconds within which a step must end, its load apart."""


# -- step by step ------------------------------------------------------------------------------------------------------


def wrong_step(run: Play) -> tuple[Call, str] | None:
    """The first step that went otherwise than it must, and how."""
    for call in run.witness.acts:
        loads = len(call.loads)
        slow = call.ended - call.began - sum(end - start for start, end in call.loads) > QUICK
        if not call.over:
            return call, "never ended"
        if call.what == "fails" and loads == 1 and call.result is call.error and not slow:
            continue
        if call.failed:
            return call, f"raised {raised(call.result)}"
        if call.what == "get" and (call.result != call.right or type(call.result) is not type(call.right)):
            return call, f"returned {shown(call.result)}"
        if loads != call.step.loads:
            return call, ("did not load", "loaded")[loads] if loads < 2 else f"loaded {loads} times"
        if slow:
            return call, f"took {ms(call.ended - call.began)}"
        if call.what == "fails":
            return call, f"returned {shown(call.result)}"
    return None


def first_wrong(promise: str, run: Play) -> Iterator[Found]:
    """The first step that went otherwise, if it is one that keeps this promise; and keys that are nobody's."""
    wrong = wrong_step(run)
    if wrong is not None and wrong[0].step.keeps == promise:
        call, how = wrong
        right = f"the row is {shown(call.right)}, and {'one load' if call.step.loads else 'no load'} is right"
        right = {"invalidate": "no error is right", "fails": "the load fails, and its error goes to the caller"}.get(
            call.what, right
        )
        name = call.what.replace("fails", "get")
        yield f"{call.who}'s {name}({call.key!r}) {how}; {right}.", call.who, call.ended, "wrong"
    yield from key_log.strays(run) if promise == "rows" else ()


def lived(run: Play) -> Iterator[tuple[Call, str, State, float]]:
    """What became of a key while get was called, and how long it was to live."""
    ttl, absent_ttl, lock_ttl = run.witness.lives
    for call in run.witness.acts:
        kept = absent_ttl if call.loads and call.right is None else ttl
        for name, life in ((call.key, kept), (f"lock:{call.key}", lock_ttl)):
            for state in run.witness.log.during(name, call):
                if state.there and (call.what != "invalidate" or state.left < 0):
                    yield call, name, state, life


def lives(run: Play) -> Iterator[Found]:
    """Each page and each lock lives its time, as the steps show."""
    yield from right_lives(run)
    yield from first_wrong("lives", run)


def right_lives(run: Play) -> Iterator[Found]:
    """Each page and each lock lives its time from its first moment on; and a call that loads nothing changes
    nothing."""
    for call, name, state, life in lived(run):
        if not key_log.right_life(run, state, life):
            lasts = key_log.lasting(key_log.lasts(run, state, life))
            text = f"What {call.who} left under {name} {lasts}; {life:g} s is right."
            yield text, call.who, state.when, "another life"
        elif call.what != "invalidate" and not call.loads:
            yield f"{call.who} loaded nothing, and changed {name}.", call.who, state.when, "changed"


def hit(run: Play) -> Iterator[Found]:
    """A cached page takes one round trip."""
    for call in run.witness.acts:
        if call.what == "get" and call.done and not call.step.loads and (trips := key_log.trips(run, call)) != 1:
            text = f"What {call.who} asked for was cached, and took {trips} round trips; 1 will do."
            yield text, call.who, call.began, "cost"


def errors(run: Play) -> Iterator[Found]:
    """Errors go to the caller; but for those of a command that only frees the lock, once the load is over."""
    for call in run.witness.acts:
        lost = (one for one in key_log.sent(run, call) if one.fault in LOST or refused(one))
        event = next(lost, None) if call.over else None
        if event is None or of_redis(call.result) or (call.error is not None and call.result is call.error):
            continue
        before = [one.name for one in key_log.sent(run, call) if one.t_start <= event.t_start]
        if "WATCH" in before and not isinstance(event.reply, ResponseError):
            continue  # redis-py makes a WatchError of what is lost while a key is watched
        frees = call.loads and event.t_start >= call.loads[-1][1] and call.key.encode() not in event.command[1:]
        if not frees or event.name in ("EXEC", "SET"):
            came = f"raised {raised(call.result)}" if call.failed else f"returned {shown(call.result)}"
            text = f"{event.name} {key_log.fate(event)}, and the call {came}; errors of redis go to the caller."
            yield text, call.who, call.ended, "no error"


# -- many at once ------------------------------------------------------------------------------------------------------


def rows(run: Play) -> Iterator[Found]:
    """Each is given a row of the database, or the error of its own load."""
    for call in run.witness.acts:
        own = call.failed and (call.result is call.error or excused_error(run, call.who, call.result))
        known = run.witness.rows[call.key]
        if call.over and call.what == "get" and not own and not any(call.result == row for row in known):
            yield f"{call.who} ended with {shown(call.result)}; that is not in the database.", call.who, call.ended, "?"
        if call.failed and call.what == "invalidate" and not excused_error(run, call.who, call.result):
            yield f"invalidate raised {raised(call.result)}.", call.who, call.ended, "an error"


def longer(run: Play) -> Iterator[Found]:
    """Nobody gives its own lock more time."""
    for key in run.witness.rows:
        for before, after in pairwise(run.witness.log.states[f"lock:{key}"]):
            if after.there and held([before], after.when) and after.end > before.end + 1:
                who = setter(run, after)
                yield f"{who} made the lock live longer than lock_ttl.", who, after.when, "longer"


def stale(run: Play) -> Iterator[Found]:
    """Once an invalidation was answered, nobody who then asks is given an older row."""
    for call in run.witness.acts:
        rows = run.witness.rows[call.key]
        if call.done and call.what == "get" and call.result in rows and call.result not in rows[call.floor :]:
            text = (
                f"Row {shown(rows[call.floor])} was committed and the key invalidated, and then {call.who} asked, and"
            )
            yield f"{text} was given {shown(call.result)}.", call.who, call.ended, "an old row"


def took(run: Play, load: Load) -> State | None:
    """The lock under which a load begins: the last that its client set."""
    states = [state for state in run.witness.log.states[f"lock:{load.key}"] if state.there]
    own = [state for state in states if state.when <= load.start and setter(run, state) == load.who]
    return own[-1] if own else None


def one(run: Play) -> Iterator[Found]:
    """A call that loads has set the lock, and found nothing since. Only its holder frees the lock, or a writer."""
    shop = run.witness
    _, _, lock_ttl = shop.lives
    used: list[tuple[str, float]] = []
    for load in shop.loaded:
        lock = took(run, load)
        if lock is None or (load.who, lock.when) in used:
            yield (
                f"{load.who} loads {load.key} without having taken the lock.",
                load.who,
                load.start,
                "without the lock",
            )
        elif load.start > lock.when + lock_ttl + 0.002 and not struck(run, load.who):
            yield f"The lock of {load.who} expired before it began to load.", load.who, load.start, "too late"
        else:
            there = [held(shop.log.states[load.key], when) for when in (lock.when, load.start)]
            if all(there) and there[0] == there[1]:
                text = f"{load.who} loads {load.key}, which was there when it took the lock."
                yield text, load.who, load.start, "what is there"
            used.append((load.who, lock.when))
    for key in shop.rows:
        for after, who, owner in taken_away(run, shop.log.states[f"lock:{key}"]):
            if not any(call.who == who and call.what == "invalidate" and call.began <= after.when <= call.ended
                       for call in shop.acts):  # fmt: skip
                did = "replaced" if after.there else "removed"
                yield f"{who} {did} the lock of {owner}.", who, after.when, "another's lock"


def waits(run: Play) -> Iterator[Found]:
    """While the row is there, or nobody has the lock, nobody waits for long."""
    states = run.witness.log.states
    for call in run.witness.acts:
        values, locks = states[call.key], states[f"lock:{call.key}"]
        if call.what == "get" and (begin := waited(run, call, values, locks)) is not None:
            what = "the row was there" if held(values, begin) else "nobody had the lock"
            ended = f"had its answer only at {ms(call.ended)}" if call.over else "still waits at the end"
            yield f"From {ms(begin)} on {what}, and {call.who} {ended}.", call.who, begin, "waits"
        if (when := restless(run, call)) is not None:
            yield f"{call.who} looked again without a rest of 10 ms.", call.who, when, "no rest"
        if (when := seldom(run, call)) is not None:
            yield f"{call.who} looked again later than 0.1 s after its last look.", call.who, when, "looks too seldom"
        if not call.over and not struck(run, call.who):
            yield f"{call.who}'s {call.what} never ended.", call.who, run.now, "no end"


def alone(run: Play) -> Iterator[Found]:
    """A call that is alone with its key waits for its own load, and for no other."""
    for call in run.witness.acts:
        waits = min(call.ended, run.now) - call.began - sum(min(end, run.now) - start for start, end in call.loads)
        if waits > QUICK:
            yield f"{call.who} alone asks for {call.key}, and waits for {ms(waits)}.", call.who, call.began, "waits"
