"""04.2, take the lock: a few clients want it, replies are lost, and holders die or pause."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain, pairwise

from course_lib.explore import CRASHED, Play, Simulation, Trial, steady
from course_lib.grading.acts import PATIENCE, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import LOST, ms, raised, shown, struck
from course_lib.grading.lock_commands import SETS
from course_lib.grading.lock_watch import others_changed, spared
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.locks.exercises.e2_waits import (
    ALONE,
    IN_TIME,
    TTLS,
    WAITS,
    all_at_once,
    alone,
    and_more,
    in_vain,
)
from course_lib.lessons.locks.exercises.lock_calls import Answer, Call, lives, one_at_a_time, ways_to_take, yes

LATEST = 2.0
"""Seconds beyond a ttl after which everybody here has the lock, if each asks again within 100 ms: one pause, some
work."""
EARLY, LATE = 0.1, 0.1
"""Seconds by which a client may give up too early, or too late."""
SHORTEST, LONGEST = 0.01, 0.1
"""Seconds between two tries."""


def trials(answer: Answer) -> list[Trial]:
    """Clients that want the lock at once, with one fault at every command; one alone; and two that wait in vain."""
    lost = {"lose request": 0.0, "lose reply": 0.0}
    return [
        trial("all want it at once", partial(all_at_once, answer),
              {"one-holder": _one_holder, "knows": _knows, "gets": _gets}, sizes=(1, 2, 3), seeds=8,
              fault_sizes=(1, 2), faults={"crash": 0.0, "pause": 1.2, **lost}, horizon=8.0),
        trial("something fails", partial(alone, answer), {"one-holder": _one_holder, "knows": _knows, "gets": _gets},
              sizes=(1,), seeds=len(ALONE), fault_seeds=len(ALONE), faults=lost, horizon=4.0),
        trial("a reply is lost, and more goes wrong", partial(and_more, answer),
              {"one-holder": _one_holder, "knows": _knows}, sizes=(2,), seeds=2, fault_seeds=2,
              faults={"pause": 1.2, **lost}, most_sends=40, horizon=6.0),
        trial("somebody else keeps it", partial(in_vain, answer),
              {"one-holder": _one_holder, "knows": _knows, "gives-up": _gives_up, "rests": _rests}, sizes=(2,),
              seeds=len(WAITS), horizon=20.0,
              world=partial(Simulation, socket_timeout=PATIENCE, latency=steady(0.0005))),
    ]  # fmt: skip


# -- judges ------------------------------------------------------------------------------------------------------------


def _one_holder(run: Play) -> Iterator[Found]:
    return chain(one_at_a_time(run), spared(run), (found for _, found in lives(run)))


def _knows(run: Play) -> Iterator[Found]:
    """True if its token is in the lock when it ends, and False if not: asked at the server itself."""
    for call in run.witness.acts:
        own, last = call.after == call.what, call.began + call.wait - IN_TIME
        unheard = own and any(event.fault in LOST and event.t_start > last for event in sent(run, call))
        if call.done and own != bool(yes(call.result)) and not unheard:
            there = "the lock held its own token" if own else f"the lock held {call.after or 'no token'}"
            text = f"When {call.who} was told {shown(call.result)}, {there}."
            yield text, call.who, call.ended, "locked out" if own else "not its lock"


def _neither(call: Call) -> bool:
    """Did it return something that is neither yes nor no?"""
    return call.done and yes(call.result) is None


def _gets(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        died, took = run.results.get(call.who) is CRASHED, call.ended - call.began
        first = next((event.t_start for event in sent(run, call)), call.began)
        if first - call.began > LONGEST + 1e-6 and call.who not in struck(run):
            text = f"{call.who} asked for the first time {ms(first - call.began)} after its call."
            yield text, call.who, first, "asks late"
        if died or (yes(call.result) and (took <= LATEST + call.ttl or call.who in struck(run))):
            continue
        if _neither(call):
            text = f"{call.who} was given {shown(call.result)}; the answer is True or False."
            yield text, call.who, call.ended, "neither"
        if call.failed:
            became = f"ended with {raised(call.result)}"
        elif not call.over:
            became = f"was still waiting at {ms(run.now)}"
        else:
            became = f"was told {shown(call.result)} after {ms(took)}"
        text = f"{call.who} {became}; it had time to wait, and the lock had been free."
        yield text, call.who, min(call.ended, run.now), "does not get it"


def _gives_up(run: Play) -> Iterator[Found]:
    wait = WAITS[run.schedule.seed % len(WAITS)]
    for call in run.witness.acts:
        took = min(call.ended, run.now) - call.began
        if not call.over or not wait - EARLY - 1e-6 <= took <= wait + LATE + 1e-6:
            how = "returned after" if call.over else "did not return within"
            text = f"Another client kept the lock, and with wait = {wait:g} s acquire {how} {ms(took)}."
            yield text, call.who, min(call.ended, run.now), "too late" if took > wait else "too early"


def _rests(run: Play) -> Iterator[Found]:
    """Tries come 10 to 100 ms after one another, except a last one, when `wait` is over."""
    times = []
    for call in run.witness.acts:
        tries = list(_tries(run, call))
        rests = [rest for _, rest in tries[:-1]]
        times.append([round(rest, 4) for rest in rests])
        for number, (again, rest) in enumerate(tries):
            last = number >= len(rests) - 1
            if again:
                text = f"{call.who} tried again without a rest{f', {again} times in a row' if again > 1 else ''}."
                yield text, call.who, call.ended, "never rests"
            if rest > LONGEST + 1e-6 or (rest < SHORTEST - 1e-6 and not last):
                text = f"Between two tries {call.who} rested {ms(rest)}; 10 to 100 ms are right."
                yield text, call.who, call.ended, "too long" if rest > LONGEST else "too short"
        if len(rests) > 5 and len(set(times[-1])) < 4 and call.wait < max(WAITS):  # in which all that is drawn is alike
            lengths = " or ".join(map(ms, sorted(set(times[-1]))))
            text = f"It rested {len(rests)} times, always for {lengths}: all who wait like that ask at the same moment."
            yield text, call.who, call.ended, "always the same"
    if len(times) > 1 and len(times[0]) > 5 and times[0][2:] == times[1][2:]:
        yield "c1 and c2 rested for the same times: they ask at the same moments.", "c2", run.now, "in step"


def _tries(run: Play, call: Call) -> Iterator[tuple[int, float]]:
    """How often it tried again at once, and for how many seconds it rested then; after the last try 0."""
    again, asked = 0, set[tuple[bytes, ...]]()
    for event, later in pairwise([event for event in sent(run, call) if event.t_end is not None]):
        asks = event.name in (*SETS, "EVAL", "EVALSHA") and not isinstance(event.reply, Exception)
        again += asks and event.command in asked
        asked |= {event.command} if asks else set()
        if (rest := later.t_start - (event.t_end or 0.0)) > 1e-6:
            yield again, rest
            again, asked = 0, set()
    yield again, 0.0


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What the lock was taken with, in a run without a fault; else what the failing runs show."""
    replaced = "one-holder" in failing and any(c.after for _, c in others_changed(failing["one-holder"]))
    yield from ways_to_take(failing.first, TTLS[0], replaced)
    if any(_neither(call) for run in failing.values() for call in run.witness.acts):
        return
    if "knows" in failing:
        yield from filter(None, (_mistaken(failing["knows"], call) for call in failing["knows"].witness.acts))
    for promise in ("rests", "gives-up"):
        for call in failing[promise].witness.acts if promise in failing else ():
            tries = list(_tries(failing[promise], call))
            if any(again > 1 for again, _ in tries):
                yield "never-rests"
            if any(rest > LONGEST + 0.001 for _, rest in tries):
                yield "sleeps-too-long"
            if len({round(rest, 4) for _, rest in tries[:-1]}) == 1 and len(tries) > 5:
                yield "same-pause-for-all"


def _mistaken(run: Play, call: Call) -> str:
    """It held another's token for its own; or heard nothing of a lock that it had taken, asked again, and believed."""
    asked = [event for event in sent(run, call) if run.witness.key.encode() in event.command]
    ever = any(change.after and change.after.token == call.what for change in run.witness.seen)
    if call.done and yes(call.result) and call.after not in (None, call.what) and asked and not ever:
        return "takes-anothers-for-its-own"
    mine = [event for event in asked if event.name in SETS]
    lost = [event for event in mine if event.fault == "reply lost"]
    told = call.done and not yes(call.result) and call.after == call.what
    return "locks-itself-out" if told and lost and mine[-1] is not lost[-1] and mine[-1].reply is None else ""


RULES = Rules(coroutine_function("redis, key, token, *, ttl, wait, draw"), trials, clues)
