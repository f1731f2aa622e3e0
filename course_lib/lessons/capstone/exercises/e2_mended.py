"""08.2, the mended cache-aside: who loads, who waits, what is kept. Judged in turn, and with many at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from course_lib.explore import Play, Trial
from course_lib.grading import key_log
from course_lib.grading.answer import a_class
from course_lib.grading.rules import Failing, Judge, Rules, named, trial
from course_lib.lessons.capstone.exercises import e2_judges as judges
from course_lib.lessons.capstone.exercises.e2_calls import REFUSED, SCENES, SETS, STEPS, Answer, at_once, in_turn
from course_lib.lessons.capstone.exercises.e2_long_runs import KEYS, LENGTHS, lengths, long_waits, side_by_side
from course_lib.lessons.capstone.exercises.holders import held
from course_lib.sim.faults import Kind

FAULTS: dict[Kind, float] = {"crash": 0.0, "pause": 0.4, "lose reply": 0.0}


def trials(answer: Answer) -> list[Trial]:
    """Steps in turn; with a command refused; and at once, with one fault at each of the first sends."""
    in_steps: dict[str, Judge] = {
        name: partial(judges.first_wrong, name) for name in ("rows", "absent", "any-text", "fails", "stale")
    }
    in_steps |= {"lives": judges.lives, "hit": judges.hit, "one": judges.one}
    together: dict[str, Judge] = {
        "rows": judges.rows, "lives": judges.longer, "one": judges.one, "stale": judges.stale,
        "waits": judges.waits, "errors": judges.errors,
    }  # fmt: skip
    waiting: dict[str, Judge] = {"rows": judges.rows, "one": judges.one, "waits": judges.waits}
    return [
        trial("in turn", partial(in_turn, answer), in_steps, sizes=(1,), seeds=len(SETS), horizon=30.0),
        trial("the server refuses a command", partial(in_turn, answer), {"errors": judges.errors}, sizes=(2,),
              seeds=REFUSED, horizon=30.0),
        trial("many at once", partial(at_once, answer), together, sizes=(2, 4), seeds=2 * len(SCENES), faults=FAULTS,
              fault_sizes=(2,), fault_seeds=3, most_sends=14, horizon=8.0),
        trial("short and long lives", partial(lengths, answer), {"lives": judges.right_lives}, sizes=(1,),
              seeds=len(LENGTHS), horizon=30.0),
        trial("each its own key", partial(side_by_side, answer), {"waits": judges.alone}, sizes=(2, len(KEYS)), seeds=1,
              horizon=60.0),
        trial("long waits", partial(long_waits, answer), waiting, sizes=(2, 9), seeds=2, horizon=90.0),
    ]  # fmt: skip


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The first step that went wrong, and what stood under the keys then; how long things lived; who loaded when."""
    first = failing.first
    wrong = judges.wrong_step(first)
    call = wrong[0] if wrong is not None else None
    place = next(n for n, one in enumerate(STEPS) if one is call.step) if call is not None else len(STEPS)
    states = first.witness.log.states
    value = held(states[call.key], call.began) if call is not None else None
    bad = [
        (key_log.lasts(run, state, life), life)
        for promise, run in failing.items()
        if promise == "lives"
        for _, _, state, life in judges.lived(run)
        if not key_log.right_life(run, state, life)
    ]
    left, life = bad[0] if bad else (0.0, 1.0)
    one, stale = failing.get("one"), failing.get("stale")
    loose = [load for load in one.witness.loaded if judges.took(one, load) is None] if one is not None else []
    yield from named({
        "absent-not-cached": place == 3 and len(call.loads) == 1 and value is None if call is not None else False,
        "absent-is-a-text": call is not None and call.right is None and call.result is not None and call.done
        and place < 5,
        "mark-is-a-row": call is not None and place in (11, 17) and call.result is None and call.done and value,
        "empty-is-a-miss": place == 8 and value is not None and call is not None and (call.loads or not call.over),
        "keeps-the-lock": call is not None and STEPS[place].keeps == "fails" and place > 22 and held(
            states[f"lock:{call.key}"], call.began) is not None,
        "never-expires": left == key_log.FOREVER,
        "wrong-unit": any(abs(ratio / 1000 - 1) < 0.01 for ratio in (left / life, life / left if left > 0 else 0)),
        "whole-seconds": life % 1 > 0 and left > 0 and key_log.whole(left) and abs(left - life) < 1,
        "one-ttl-for-both": bad and abs(left - first.witness.lives[0]) < 0.002 and life == first.witness.lives[1],
        "loads-without-the-lock": loose and one is not None and not one.witness.log.strays,
        "invalidate-keeps-the-lock": stale is not None and _lock_outlives(stale),
        "looks-then-stores": stale is not None and _looks_then_stores(stale),
    })  # fmt: skip


def _lock_outlives(run: Play) -> bool:
    """Was there a lock when an invalidation began, and the same when it was answered?"""
    states = run.witness.log.states
    calls = [call for call in run.witness.acts if call.what == "invalidate" and call.done]
    locks = [(held(states[f"lock:{c.key}"], c.began), held(states[f"lock:{c.key}"], c.ended)) for c in calls]
    return any(before is not None and before == after for before, after in locks)


def _looks_then_stores(run: Play) -> bool:
    """Does a call, after its load, look at the lock and then store with a plain SET?"""
    for call in run.witness.acts:
        after = [e for e in key_log.sent(run, call) if call.loads and e.t_start >= call.loads[-1][1]]
        names = [event.name for event in after]
        if "GET" in names and "SET" in names[names.index("GET") :] and not {"WATCH", "MULTI"} & set(names):
            return True
    return False


RULES = Rules(a_class("redis, *, ttl, absent_ttl, lock_ttl, new_token", {"get": "key, load", "invalidate": "key"}),
              trials, clues)  # fmt: skip
