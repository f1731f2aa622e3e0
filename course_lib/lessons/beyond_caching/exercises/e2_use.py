"""07.2, use a session: it slides up to its end, and what was logged out does not come back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any

from course_lib.explore import CRASHED, Play, Simulation, Trial, steady
from course_lib.grading import key_log
from course_lib.grading.acts import failure, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import hindered
from course_lib.grading.evidence import ms, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.lessons.beyond_caching.exercises.e2_calls import SETS, STEPS, Answer, Use, at_its_end, at_once, in_turn
from course_lib.lessons.beyond_caching.exercises.sessions import fields, held, key_of, told, without_end

GIVE = 5
"""Milliseconds by which a TTL can be wrong: code that asks for the time first has it a little late."""


def trials(answer: Answer) -> list[Trial]:
    """Uses in turn; one with a fault, and with a command refused; two at once, and a log-out."""
    all_of = {"fields": _fields, "over": _over, "life": _life}
    build = partial(in_turn, answer)
    return [
        trial("one after another", partial(build, STEPS), all_of, sizes=(1,), seeds=len(SETS), horizon=1e5),
        trial("one fault", partial(build, STEPS[1:2]), {"errors": key_log.errors, "life": _life}, sizes=(1,),
              faults=LOSSES, horizon=1e5),
        trial("the server refuses a command", partial(build, STEPS[1:2]), {"errors": key_log.errors}, sizes=(2,),
              seeds=18, horizon=1e5),
        trial("in the millisecond of its end", partial(at_its_end, answer), {"over": _over}, sizes=(1,),
              world=partial(Simulation, latency=steady(0.0001))),
        trial("several and a log-out", partial(at_once, answer), {"race": _race}, sizes=(2, 6), seeds=10,
              faults={"pause": 0.05}, fault_sizes=(2,), fault_seeds=4),
        trial("others are quicker", partial(at_once, answer), {"race": _race}, sizes=(1,)),
    ]  # fmt: skip


# -- judges ------------------------------------------------------------------------------------------------------------


def _fields(run: Play) -> Iterator[Found]:
    """If the session is there, the changes are kept with all the rest, and it is returned."""
    for act in run.witness.acts:
        if act.failed and not hindered(run, act):
            yield f"{act.call}. {failure(act)}", act.who, act.ended, "an error"
        elif act.done and act.ends is False and act.after != act.right:
            yield f"{act.call}. Afterwards it held {told(act.after)}.", act.who, act.ended, "not what it should hold"
        elif act.done and act.ends is False and act.result != without_end(act.right):
            yield f"{act.call}. It returned {shown(act.result, 120)}.", act.who, act.ended, "returned"
        elif not act.over and run.results.get(act.who) is not CRASHED:
            yield f"{act.who}'s call never ended.", act.who, run.now, "no end"
    yield from key_log.strays(run)


def _over(run: Play) -> Iterator[Found]:
    """If the session is over, nothing is stored, and None is returned."""
    for act in run.witness.acts:
        if act.done and act.ends is True:
            changed = [one for one in run.witness.log.during(key_of(act.id), act) if one.there]
            if changed:
                text = f"{act.call}. At {ms(changed[0].when)} it held {told(fields(changed[0]))}."
                yield text, act.who, changed[0].when, "changed"
            elif act.result is not None:
                yield f"{act.call}. It returned {shown(act.result, 120)}.", act.who, act.ended, "returned"


def _lives(run: Play) -> Iterator[tuple[Use, float, float, float]]:
    """What each call leaves, and what is there meanwhile: from its beginning on, how long it lives, in ms; and how long
    it should: from, to."""
    for act in run.witness.acts:
        if act.over and act.ends is False:
            key, (began, ended) = key_of(act.id), act.now
            last = [state for state in run.witness.log.states[key] if state.when <= act.ended][-1:]
            for state in [*run.witness.log.during(key, act), *(last if act.done else [])]:
                ends = (began, act.finish), (ended, act.finish + ended - began)  # it may have asked for the time first
                least, most = (min(now + run.witness.idle * 1000, end) - began for now, end in ends)
                if state.there:
                    yield act, state.end - began if state.left != key_log.FOREVER else inf, least, most


def _life(run: Play) -> Iterator[Found]:
    """Idle from now on, but not past its end."""
    for act, lives, least, most in _lives(run):
        if not least - GIVE <= lives <= most + GIVE:
            text = f"{act.call}. From then on it {key_log.lasting(lives / 1000 if lives < inf else key_log.FOREVER)}"
            text += f"; idle is {run.witness.idle:g} s, so {least:,.0f} ms is right."
            yield text, act.who, act.ended, "its life"


def _race(run: Play) -> Iterator[Found]:
    """After a log-out there is no session any more; until then every change is kept."""
    states = run.witness.log.states[key_of("7")]
    for before, state in pairwise(states[1:]):
        if state.there and not before.there:
            text = f"The session was gone, and at {ms(state.when)} it was there again: {told(fields(state))}."
            yield text, "", state.when, "revived"
        elif state.there and state.left == key_log.FOREVER:
            yield f"At {ms(state.when)} the session had no TTL.", "", state.when, "forever"
    gone = next((state.when for state in states[2:] if not state.there), inf)
    last = next((fields(state) for state in reversed(states) if state.there and state.when < gone), {})
    for act in run.witness.acts:
        if not act.over:
            yield f"{act.who}'s call never ended.", act.who, run.now, "no end"
        elif act.failed and not hindered(run, act):
            yield failure(act), act.who, act.ended, "an error"
        elif act.done and act.result is None and act.ended < gone:
            yield f"{act.who} was told None, and nobody had logged out yet.", act.who, act.ended, "refused"
        elif act.done and act.result is not None and act.began <= gone and act.result not in held(run, act):
            text = f"{act.who} was told that the session holds {shown(act.result)}, and it never did while that call"
            yield f"{text} lasted.", act.who, act.ended, "never held"
        elif act.done and act.result is not None and act.began > gone:
            yield f"{act.who} asked after the log-out, and was given {shown(act.result)}.", act.who, act.ended, "given"
        elif act.done and act.result is not None and act.ended < gone and not act.changes.items() <= last.items():
            when = "at the log-out" if gone < inf else "in the end"
            text = f"{act.who} was told that {told(act.changes)} is in the session, and {when} it held "
            text += f"{told(last)}."
            yield text, act.who, min(gone, run.now), "lost"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What became of a session that was over; how long one lived; what was sent."""
    runs: list[Any] = [failing.get(name) for name in ("fields", "over", "life", "race")]
    fields, over, life, race = runs
    acts = [act for run in (fields, over) if run is not None for act in run.witness.acts if act.over]
    gone = [act for act in acts if act.ends is True]
    idle = life.witness.idle * 1000 if life is not None else 1.0
    lives = list(_lives(life)) if life is not None and fields is None else []
    wrong = [(lives, least, act) for act, lives, least, most in lives if not least - GIVE <= lives <= most + GIVE]
    off = [(lives, least, act.finish - act.now[0]) for lives, least, act in wrong]
    names = {event.name for event in race.trace} if race is not None else set()
    yield from named({
        "no-changes": fields is not None and any(
            act.failed and not act.changes and "rong number of arg" in str(act.result) for act in acts),
        "brings-back": fields is None and any(not act.before and act.after for act in gone),
        "past-its-end": fields is None and any(act.before and isinstance(act.result, dict) and "user" in act.result
                                               for act in gone),
        "wrong-unit": any(0.99 < ratio < 1.01 for lives, right, _ in off for ratio in (
            lives / right / 1000, lives / right * 1000)),
        "slides-forever": bool(off) and all(abs(lives - idle) <= 2 * GIVE and right < idle for lives, right, _ in off),
        "never-slides": bool(off) and all(abs(lives - left) <= 2 * GIVE and right < left for lives, right, left in off),
        "does-not-renew": over is None and bool(wrong) and any(act.changes for act, *_ in lives) and not any(
            act.changes or life.witness.log.during(key_of(act.id), act) for _, _, act in wrong) and all(
            act.changes or any(act is one for _, _, one in wrong) for act, *_ in lives),
        "looks-then-writes": race is not None and over is None and fields is None
        and not names & {"EVAL", "EVALSHA", "FCALL", "WATCH"}
        and any(len(sent(race, act)) > 1 for act in race.witness.acts),
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, id, changes, *, idle"), trials, clues)
