"""08.2, the mended cache-aside: who loads, who waits, what is kept. Judged in turn, and with many at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from redis.exceptions import ResponseError

from course_lib.explore import Play, Trial
from course_lib.grading import shelf
from course_lib.grading.answer import a_class
from course_lib.grading.errors_out import of_redis
from course_lib.grading.evidence import excused_error, ms, raised, shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.grading.shelf import State
from course_lib.lessons.capstone.exercises.held import held, restless, setter, struck, taken_away, waited
from course_lib.lessons.capstone.exercises.shop import SCENES, SETS, STEPS, Answer, Call, Load, at_once, in_turn
from course_lib.sim.faults import Kind

FAULTS: dict[Kind, float] = {"crash": 0.0, "pause": 0.4, "lose reply": 0.0}
QUICK = 0.1
"""Seconds within which a step must end, its load apart."""


def trials(answer: Answer) -> list[Trial]:
    """Steps in turn; with a command refused; and at once, with one fault at each of the first sends."""
    steps: dict[str, Judge] = {name: partial(_first_wrong, name) for name in ("rows", "absent", "any-text", "fails")}
    return [
        trial("in turn", partial(in_turn, answer), steps | {"stale": partial(_first_wrong, "stale"), "lives": _lives,
              "hit": _hit, "one": _one}, sizes=(1,), seeds=len(SETS), horizon=30.0),
        trial("the server refuses a command", partial(in_turn, answer), {"errors": _errors}, sizes=(2,), seeds=10,
              horizon=30.0),
        trial("many at once", partial(at_once, answer),
              {"rows": _rows, "one": _one, "stale": _stale, "waits": _waits, "errors": _errors}, sizes=(2, 4),
              seeds=2 * len(SCENES), faults=FAULTS, fault_sizes=(2,), fault_seeds=3, most_sends=14, horizon=8.0),
    ]  # fmt: skip


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


def _first_wrong(promise: str, run: Play) -> Iterator[Found]:
    wrong = wrong_step(run)
    if wrong is not None and wrong[0].step.keeps == promise:
        call, how = wrong
        right = f"the row is {shown(call.right)}, and {'one load' if call.step.loads else 'no load'} is right"
        right = {"invalidate": "no error is right", "fails": "the load fails, and its error goes to the caller"}.get(
            call.what, right
        )
        name = call.what.replace("fails", "get")
        yield f"{call.who}'s {name}({call.key!r}) {how}; {right}.", call.who, call.ended, "wrong"
    yield from shelf.strays(run) if promise == "rows" else ()


def lives(run: Play) -> Iterator[tuple[Call, str, State, float]]:
    """What became of a key while get was called, and how long it was to live."""
    ttl, absent_ttl, lock_ttl = run.witness.lives
    for call in run.witness.acts:
        kept = absent_ttl if call.loads and call.right is None else ttl
        for name, life in ((call.key, kept), (f"lock:{call.key}", lock_ttl)):
            for state in run.witness.shelf.during(name, call):
                if state.there and (call.what != "invalidate" or state.left < 0):
                    yield call, name, state, life


def _lives(run: Play) -> Iterator[Found]:
    """Each lives its time from the first moment on; and who loads nothing changes nothing."""
    for call, name, state, life in lives(run):
        if not shelf.right_life(run, state, life):
            lasts = shelf.lasting(shelf.lasts(run, state, life))
            text = f"What {call.who} left under {name} {lasts}; {life:g} s is right."
            yield text, call.who, state.when, "another life"
        elif call.what != "invalidate" and not call.loads:
            yield f"{call.who} loaded nothing, and changed {name}.", call.who, state.when, "changed"
    yield from _first_wrong("lives", run)


def _hit(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        if call.what == "get" and call.done and not call.step.loads and (trips := shelf.trips(run, call)) != 1:
            text = f"What {call.who} asked for was cached, and took {trips} round trips; 1 will do."
            yield text, call.who, call.began, "cost"


def _errors(run: Play) -> Iterator[Found]:
    """Errors go to the caller; but for those of a command that only frees the lock, once the load is over."""
    for call in run.witness.acts:
        event = shelf.failed(shelf.sent(run, call)) if call.over else None
        if event is None or of_redis(call.result) or (call.error is not None and call.result is call.error):
            continue
        before = [one.name for one in shelf.sent(run, call) if one.t_start <= event.t_start]
        if "WATCH" in before and not isinstance(event.reply, ResponseError):
            continue  # redis-py makes a WatchError of what is lost while a key is watched
        frees = call.loads and event.t_start >= call.loads[-1][1] and call.key.encode() not in event.command[1:]
        if not frees or event.name in ("EXEC", "SET"):
            came = f"raised {raised(call.result)}" if call.failed else f"returned {shown(call.result)}"
            text = f"{event.name} {shelf.fate(event)}, and the call {came}; errors of redis go to the caller."
            yield text, call.who, call.ended, "no error"


# -- many at once ------------------------------------------------------------------------------------------------------


def _rows(run: Play) -> Iterator[Found]:
    """Each is given a row of the database, or the error of its own load."""
    for call in run.witness.acts:
        own = call.failed and (call.result is call.error or excused_error(run, call.who, call.result))
        known = run.witness.rows[call.key]
        if call.over and call.what == "get" and not own and not any(call.result == row for row in known):
            yield f"{call.who} ended with {shown(call.result)}; that is not in the database.", call.who, call.ended, "?"
        if call.failed and call.what == "invalidate" and not excused_error(run, call.who, call.result):
            yield f"invalidate raised {raised(call.result)}.", call.who, call.ended, "an error"


def _stale(run: Play) -> Iterator[Found]:
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
    states = [state for state in run.witness.shelf.states[f"lock:{load.key}"] if state.there]
    own = [state for state in states if state.when <= load.start and setter(run, state) == load.who]
    return own[-1] if own else None


def _one(run: Play) -> Iterator[Found]:
    """Who loads has set the lock, and found nothing since; and only its holder frees it, or a writer."""
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
            there = [held(shop.shelf.states[load.key], when) for when in (lock.when, load.start)]
            if all(there) and there[0] == there[1]:
                text = f"{load.who} loads {load.key}, which was there when it took the lock."
                yield text, load.who, load.start, "what is there"
            used.append((load.who, lock.when))
    for key in shop.rows:
        for after, who, owner in taken_away(run, shop.shelf.states[f"lock:{key}"]):
            if not any(call.who == who and call.what == "invalidate" and call.began <= after.when <= call.ended
                       for call in shop.acts):  # fmt: skip
                did = "replaced" if after.there else "removed"
                yield f"{who} {did} the lock of {owner}.", who, after.when, "another's lock"


def _waits(run: Play) -> Iterator[Found]:
    """While the row is there, or nobody has the lock, nobody waits for long."""
    states = run.witness.shelf.states
    for call in run.witness.acts:
        values, locks = states[call.key], states[f"lock:{call.key}"]
        if call.what == "get" and (begin := waited(run, call, values, locks)) is not None:
            what = "the row was there" if held(values, begin) else "nobody had the lock"
            ended = f"had its answer only at {ms(call.ended)}" if call.over else "still waits at the end"
            yield f"From {ms(begin)} on {what}, and {call.who} {ended}.", call.who, begin, "waits"
        if (when := restless(run, call)) is not None:
            yield f"{call.who} looked again without a rest of 10 ms.", call.who, when, "no rest"
        if not call.over and not struck(run, call.who):
            yield f"{call.who}'s {call.what} never ended.", call.who, run.now, "no end"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The first step that went wrong, and what stood under the keys then; how long things lived; who loaded when."""
    first = failing.first
    wrong = wrong_step(first)
    call = wrong[0] if wrong is not None else None
    place = next(n for n, one in enumerate(STEPS) if one is call.step) if call is not None else len(STEPS)
    states = first.witness.shelf.states
    value = held(states[call.key], call.began) if call is not None else None
    bad = [
        (shelf.lasts(run, state, life), life)
        for promise, run in failing.items()
        if promise == "lives"
        for _, _, state, life in lives(run)
        if not shelf.right_life(run, state, life)
    ]
    left, life = bad[0] if bad else (0.0, 1.0)
    one, stale = failing.get("one"), failing.get("stale")
    loose = [load for load in one.witness.loaded if took(one, load) is None] if one is not None else []
    yield from named({
        "absent-not-cached": place == 3 and len(call.loads) == 1 and value is None if call is not None else False,
        "absent-is-a-text": call is not None and call.right is None and call.result is not None and call.done
        and place < 5,
        "mark-is-a-row": call is not None and place in (11, 17) and call.result is None and call.done and value,
        "empty-is-a-miss": place == 8 and value is not None and call is not None and (call.loads or not call.over),
        "keeps-the-lock": call is not None and STEPS[place].keeps == "fails" and place > 19 and held(
            states[f"lock:{call.key}"], call.began) is not None,
        "never-expires": left == shelf.FOREVER,
        "wrong-unit": any(abs(ratio / 1000 - 1) < 0.01 for ratio in (left / life, life / left if left > 0 else 0)),
        "whole-seconds": life % 1 > 0 and left > 0 and shelf.whole(left) and abs(left - life) < 1,
        "one-ttl-for-both": bad and abs(left - first.witness.lives[0]) < 0.002 and life == first.witness.lives[1],
        "loads-without-the-lock": loose and one is not None and not one.witness.shelf.strays,
        "invalidate-keeps-the-lock": stale is not None and _lock_outlives(stale),
        "looks-then-stores": stale is not None and _looks_then_stores(stale),
    })  # fmt: skip


def _lock_outlives(run: Play) -> bool:
    """Was there a lock when an invalidation began, and the same when it was answered?"""
    states = run.witness.shelf.states
    calls = [call for call in run.witness.acts if call.what == "invalidate" and call.done]
    locks = [(held(states[f"lock:{c.key}"], c.began), held(states[f"lock:{c.key}"], c.ended)) for c in calls]
    return any(before is not None and before == after for before, after in locks)


def _looks_then_stores(run: Play) -> bool:
    """Does a call, after its load, look at the lock and then store with a plain SET?"""
    for call in run.witness.acts:
        after = [e for e in shelf.sent(run, call) if call.loads and e.t_start >= call.loads[-1][1]]
        names = [event.name for event in after]
        if "GET" in names and "SET" in names[names.index("GET") :] and not {"WATCH", "MULTI"} & set(names):
            return True
    return False


RULES = Rules(a_class("redis, *, ttl, absent_ttl, lock_ttl, new_token", {"get": "key, load", "invalidate": "key"}),
              trials, clues)  # fmt: skip
