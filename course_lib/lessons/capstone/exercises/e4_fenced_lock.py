"""08.4, a lock with a fence, which the tasks of a process share. Judged step by step, and with workers at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from course_lib.explore import CRASHED, Play, Trial
from course_lib.grading import key_log
from course_lib.grading.answer import a_class
from course_lib.grading.evidence import excused_error, ms, raised, shown
from course_lib.grading.key_log import State
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.lessons.capstone.exercises.e4_calls import (
    ANOTHER,
    BEFORE,
    LONG,
    MINUTE,
    NAMES,
    STEPS,
    Answer,
    Call,
    at_once,
    for_a_minute,
    in_turn,
    taken_over,
)
from course_lib.lessons.capstone.exercises.holders import held, restless, seldom, setter, struck, taken_away, waited
from course_lib.sim.faults import Kind

FAULTS: dict[Kind, float] = {"crash": 0.0, "pause": 0.6, "lose request": 0.0, "lose reply": 0.0}
EARLY = LATE = 0.1
"""Seconds by which a call may give up too early or too late."""


def trials(answer: Answer) -> list[Trial]:
    """Step by step; with a command refused; and workers at once, with one fault at each send."""
    steps: dict[str, Judge] = {
        "alone": partial(_first_wrong, ("acquire",)),
        "own": partial(_first_wrong, ("extend", "release")),
    }
    return [
        trial("step by step", partial(in_turn, answer), steps | {"fences": _fences, "lives": _lives, "waits": _waits},
              sizes=(1,), seeds=len(NAMES), horizon=2 * LONG, most_steps=10_000),
        trial("the server refuses a command", partial(in_turn, answer),
              {"errors": key_log.told, "clean": _clean}, sizes=(2,),
              seeds=12, horizon=2 * LONG, most_steps=10_000),
        trial("the server refuses several commands", partial(in_turn, answer, lasting=True), {"errors": key_log.told},
              sizes=(2,), seeds=4, horizon=2 * LONG, most_steps=10_000),
        trial("workers at once", partial(at_once, answer),
              {"alone": _alone, "own": _own, "fences": _fences, "clean": _clean, "waits": _waits,
               "errors": key_log.told}, sizes=(3,), seeds=6, faults=FAULTS, fault_seeds=1, most_sends=16, horizon=15.0),
        trial("a reply is lost, and the lock expires", partial(taken_over, answer), {"own": _gives_back}, sizes=(1,),
              seeds=3, faults={"lose reply": 0.0}, fault_seeds=3),
        trial("a long wait", partial(for_a_minute, answer), {"waits": _waits, "lives": _lives}, sizes=(1,), seeds=2,
              horizon=2 * MINUTE, most_steps=20_000),
    ]  # fmt: skip


# -- judges ------------------------------------------------------------------------------------------------------------


def wrong_step(run: Play) -> tuple[Call, str] | None:
    """The first step that went otherwise than it must, and how."""
    for call in run.witness.acts:
        changed = run.witness.log.during(run.witness.log.keys[0], call)
        if not call.over:
            return call, "never ended"
        if call.failed:
            return call, f"raised {raised(call.result)}"
        right = call.pair is not None if call.step.right else call.result is None
        if not (
            right if call.what == "acquire" else type(call.result) in (bool, int) and call.result == call.step.right
        ):
            return call, f"returned {shown(call.result)}"
        if changed and not call.step.right:
            return call, "changed the lock"
        if call.what != "acquire" and call.step.right and not changed:
            return call, f"returned {shown(call.result)}, and changed nothing"
        now = held(run.witness.states, call.ended)
        if call.pair is not None and (now is None or now.text != call.pair[0] or call.pair[1] < 1):
            return call, f"returned {shown(call.result)}, and in the lock is {now and now.text!r}"
        if call.what == "release" and call.step.right and now is not None:
            return call, "left the lock"
    return None


def _first_wrong(whats: tuple[str, ...], run: Play) -> Iterator[Found]:
    wrong = wrong_step(run)
    if wrong is not None and wrong[0].what in whats:
        call, how = wrong
        told = f"{call.wait:g}" if call.what == "acquire" else repr(call.token)
        right = call.step.right if call.what != "acquire" else "a token and a fence" if call.step.right else None
        yield f"{call.what}({told}) {how}; after all that went before, {right} is right.", call.who, call.ended, "wrong"
    yield from key_log.strays(run) if "acquire" in whats else ()


def taken(run: Play, token: str, until: float) -> list[State]:
    """Each time at which the lock was free, or another's, and then had this token."""
    pairs = pairwise(run.witness.states)
    return [after for before, after in pairs if after.when <= until and after.text == token
            and (before.text != token or not held([before], after.when))]  # fmt: skip


def _fences(run: Play) -> Iterator[Found]:
    """Each holder's fence is higher than all that were given to holders before it, and than what there was."""
    given = [(took[-1].when, number, call) for number, call in enumerate(run.witness.acts)
             if call.pair and (took := taken(run, call.pair[0], call.ended))]  # fmt: skip
    highest = int(BEFORE[NAMES.index(run.witness.log.keys[0])] or 0)
    for _, _, call in sorted(given, key=lambda one: one[:2]):
        if call.pair[1] <= highest:
            text = f"{call.who} was given the fence {call.pair[1]}, and {highest} had been given before."
            yield text, call.who, call.ended, "not higher"
        highest = max(highest, call.pair[1])


def _lives(run: Play) -> Iterator[Found]:
    """Taken or extended, the lock lives for timeout; the fence has no end."""
    name, fence = run.witness.log.keys
    for call in run.witness.acts:
        for state in run.witness.log.during(name, call):
            if state.there and not key_log.right_life(run, state, run.witness.timeout):
                lasts = key_log.lasting(key_log.lasts(run, state, run.witness.timeout))
                text = f"After {call.what} the lock {lasts}; {run.witness.timeout:g} s is right."
                yield text, call.who, state.when, "another life"
        for state in run.witness.log.during(fence, call):
            if state.left >= 0 or not state.there:
                yield f"After {call.what} the fence is not kept for ever.", call.who, state.when, "an end"


def _waits(run: Play) -> Iterator[Found]:
    """A waiting call gives up in time, and takes a lock within 0.1 s after it is free."""
    for call in run.witness.acts:
        if call.what != "acquire" or struck(run, call.who):
            continue
        last, asked = call.ended - call.began, key_log.sent(run, call)
        if asked and asked[0].t_start > call.began + 0.005:
            text = f"{call.who}'s acquire({call.wait:g}) sent nothing for {ms(asked[0].t_start - call.began)}; it tries"
            yield f"{text} at once.", call.who, asked[0].t_start, "not at once"
        if call.result is None and call.over and (not asked or not -EARLY <= last - call.wait <= LATE):
            yield f"acquire({call.wait:g}) returned None after {ms(last)}.", call.who, call.ended, "not in time"
        if call.pair is not None and last > call.wait + LATE:
            yield f"acquire({call.wait:g}) took {ms(last)}.", call.who, call.ended, "not in time"
        if (begin := waited(run, call, [], run.witness.states)) is not None and begin < call.began + call.wait - LATE:
            yield f"From {ms(begin)} on the lock was free, and {call.who} went on waiting.", call.who, begin, "waits"
        if (when := restless(run, call)) is not None:
            yield f"{call.who} tried again without a rest of 10 ms.", call.who, when, "no rest"
        if (when := seldom(run, call)) is not None:
            yield f"{call.who} tried again later than 0.1 s after its last try.", call.who, when, "rests too long"
        if not call.over and run.results.get(call.who) is not CRASHED:
            yield f"{call.who}'s acquire never ended.", call.who, run.now, "no end"


def _clean(run: Play) -> Iterator[Found]:
    """A call that is given no pair leaves nothing of its own in the lock."""
    for call in run.witness.acts:
        if call.what == "acquire" and call.over and call.pair is None:
            left = held(run.witness.states, call.ended)
            if left is None or left.when <= call.began:
                continue
            took = taken(run, left.text or "", call.ended)
            if took and call.who == setter(run, took[-1]) == setter(run, left):
                came = f"raised {raised(call.result)}" if call.failed else f"returned {shown(call.result)}"
                yield f"{call.who}'s acquire {came}, and left its lock.", call.who, call.ended, "a lock of nobody"


def _alone(run: Play) -> Iterator[Found]:
    """A pair is given only to a call that has taken the lock, and no lock is replaced while it lives."""
    for call in run.witness.acts:
        if call.failed and not excused_error(run, call.who, call.result):
            yield f"{call.what} raised {raised(call.result)}.", call.who, call.ended, "an error"
        if call.pair is not None:
            took = taken(run, call.pair[0], call.ended)
            if took and took[0].when < call.began:
                text = f"{call.who} was given a token that had been in the lock before its call began."
                yield text, call.who, call.ended, "an old token"
            if not took or (
                held(run.witness.states, call.ended) != took[-1] and call.ended < took[-1].when + took[-1].left
            ):
                text = f"{call.who} was given {shown(call.result)}, and its token is not in the lock."
                yield text, call.who, call.ended, "no lock"
    for after, who, owner in taken_away(run, run.witness.states):
        if after.there:
            yield f"{who} replaced or changed the lock of {owner}.", who, after.when, "another's lock"


def _own(run: Play) -> Iterator[Found]:
    """Release and extend change only the caller's own lock, and tell whether they did."""
    for after, who, owner in taken_away(run, run.witness.states):
        if not after.there:
            yield f"{who} removed the lock of {owner}.", who, after.when, "another's lock"
    for call in run.witness.acts:
        if call.what == "acquire" or not call.done or struck(run, call.who):
            continue
        states = run.witness.log.during(run.witness.log.keys[0], call)
        own = [state for state in states if {e.client for e in run.trace if e.t_server == state.when} == {call.who}]
        if bool(own) != bool(call.result):
            did = "changed" if own else "did not change"
            text = f"{call.who}'s {call.what} returned {shown(call.result)}, and {did} the lock."
            yield text, call.who, call.ended, "told wrongly"


def _gives_back(run: Play) -> Iterator[Found]:
    """A lock that somebody else has taken meanwhile stays theirs."""
    states = run.witness.states
    if any(state.text == ANOTHER for state in states) and states[-1].text != ANOTHER:
        text = "c1 gave its lock back. It had expired on the way, somebody else had taken it, and c1 changed that one."
        yield text, "c1", states[-1].when, "another's lock"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The first step that went wrong, and how; what was sent; how long the lock lived."""
    first = failing.first
    wrong = wrong_step(first)
    call = wrong[0] if wrong is not None else None
    place = next(n for n, one in enumerate(STEPS) if one is call.step) if call is not None else len(STEPS)
    now = held(first.witness.states, call.ended) if call is not None else None
    lasts = [(key_log.lasts(run, state, run.witness.timeout), run.witness.timeout) for name, run in failing.items()
             if name == "lives" for state in run.witness.states if state.there]  # fmt: skip
    left, life = next(((left, life) for left, life in lasts if abs(left - life) > key_log.WRONG_BY), (0.0, 1.0))
    sent = [{event.name for event in key_log.sent(run, one)} for name, run in failing.items() if name == "fences"
            for one in run.witness.acts if one.what == "acquire"]  # fmt: skip
    in_steps = [names for names in sent if "SET" in names and names & {"INCR", "INCRBY"}]
    yield from named({
        "not-a-pair": place == 0 and call is not None and call.done and call.pair is None and call.result is not None,
        "one-token-for-all": place == 6 and call is not None and call.result == 0
        and (sends := key_log.sent(first, call)) and not any(call.token.encode() in event.command for event in sends),
        "takes-it-twice": place == 2 and call is not None and call.pair,
        "frees-any-lock": place == 5 and call is not None and call.result == 1 and now is None,
        "revives": place == 9 and now is not None,
        "adds-to-the-rest": left > life and call is None and left < 2 * life,
        "never-expires": left == key_log.FOREVER,
        "whole-seconds": life % 1 > 0 and left > 0 and key_log.whole(left) and abs(left - life) < 1,
        "fence-in-two-steps": any(not names & {"WATCH", "MULTI"} for names in in_steps),
        "leaves-its-lock": "clean" in failing and not any(one in failing for one in ("alone", "own", "errors")),
        "swallows-errors": "errors" in failing and "clean" not in failing,
    })  # fmt: skip


RULES = Rules(a_class("redis, name, *, timeout, new_token", {"acquire": "wait", "extend": "token", "release": "token"}),
              trials, clues)  # fmt: skip
