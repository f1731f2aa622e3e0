"""04.2, take the lock: a few clients want it, replies are lost, and holders die or pause."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from course_lib.explore import CRASHED, Play, Simulation, Trial, steady
from course_lib.grading.acts import PATIENCE, Acts
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import ms, of, raised, shown, struck
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.locks.exercises.lock_calls import KEY, Answer, Call, hold, one_at_a_time, ways_to_take, yes
from course_lib.lessons.locks.programs import FREE_OUR_OWN

TTL, WORK = 1.0, 0.15
"""Seconds: a lock lives, a holder works."""
LATEST = 3.0
"""Seconds after which everybody here has the lock, if each asks again within 100 ms: one TTL, one pause, some work."""
LONG, SHORT, SHORTER_THAN_THE_LOCK = 6.0, 1.0, 0.7
"""Seconds that a client waits."""


def trials(answer: Answer) -> list[Trial]:
    """Clients that want the lock at once, with one fault at every command; one alone; and one that waits in vain."""
    lost = {"lose request": 0.0, "lose reply": 0.0}
    return [
        trial("all want it at once", partial(_all_at_once, answer),
              {"one-holder": one_at_a_time, "knows": _knows, "gets": _gets}, sizes=(1, 2, 3), seeds=8,
              fault_sizes=(1, 2), faults={"crash": 0.0, "pause": 1.2, **lost}, horizon=8.0),
        trial("one message is lost", partial(_alone, answer), {"knows": _knows}, sizes=(1,), seeds=4, fault_seeds=4,
              faults=lost, horizon=4.0),
        trial("somebody else keeps it", partial(_in_vain, answer),
              {"knows": _knows, "gives-up": _gives_up, "rests": _rests}, sizes=(1,), seeds=4, horizon=4.0,
              world=partial(Simulation, socket_timeout=PATIENCE, latency=steady(0.001))),
    ]  # fmt: skip


async def _take(run: Acts, answer: Answer, who: str, wait: float) -> Any:
    """Call the answer; with the lock, work, and free it."""
    world, redis = run.world, run.world.redis()
    token = f"{who}-{int(world.draws(f'token of {who}')() * 16**6):06x}"

    policy = {"ttl": TTL, "wait": wait, "draw": world.draws(who)}
    result = await run.do(Call(who, token), lambda _: answer(redis, KEY, token, **policy))
    if yes(result):
        await hold(world, who, world.now() + WORK)
        await redis.eval(FREE_OUR_OWN, 1, KEY, token)
    return result


def _all_at_once(answer: Answer, world: Simulation, clients: int) -> Acts:
    run, start = Acts(world), world.draws("start")
    for who in [f"c{number}" for number in range(1, clients + 1)]:
        world.client(who, _take, run, answer, who, LONG, start=start() * 0.005)
    return run


def _alone(answer: Answer, world: Simulation, clients: int) -> Acts:
    """A client that takes its own lock for another's is told False before that lock is over."""
    run = Acts(world)
    world.client("c1", _take, run, answer, "c1", SHORTER_THAN_THE_LOCK)
    return run


def _in_vain(answer: Answer, world: Simulation, clients: int) -> Acts:
    run = Acts(world)
    world.client("judge", partial(world.redis().set, KEY, "another's", px=60_000))
    world.client("c1", _take, run, answer, "c1", SHORT, start=0.05)
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _knows(run: Play) -> Iterator[Found]:
    """True if its token is in the lock when it ends, and False if not: asked at the server itself."""
    for call in run.witness.acts:
        own = call.after == call.what
        if call.done and own != bool(yes(call.result)):
            there = "the lock held its own token" if own else f"the lock held {call.after or 'no token'}"
            text = f"When {call.who} was told {shown(call.result)}, {there}."
            yield text, call.who, call.ended, "locked out" if own else "not its lock"


def _neither(call: Call) -> bool:
    """Did it return something that is neither yes nor no?"""
    return call.done and yes(call.result) is None


def _gets(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        died = run.results.get(call.who) is CRASHED
        if died or (yes(call.result) and (call.ended <= LATEST or call.who in struck(run))):
            continue
        if _neither(call):
            yield f"{call.who} was given {shown(call.result)}; the answer is True or False.", call.who, call.ended, "neither"
        if call.failed:
            became = f"ended with {raised(call.result)}"
        elif not call.over:
            became = f"was still waiting at {ms(run.now)}"
        else:
            became = f"was told {shown(call.result)} only at {ms(call.ended)}"
        text = f"{call.who} {became}; it may wait {ms(LONG)}, and the lock had been free."
        yield text, call.who, min(call.ended, run.now), "does not get it"


def _gives_up(run: Play) -> Iterator[Found]:
    (call,) = run.witness.acts
    took = min(call.ended, run.now) - call.began
    if not call.over or not SHORT - 0.12 <= took <= SHORT + 0.1:
        how = "returned after" if call.over else "did not return within"
        text = f"Another client kept the lock, and with wait = {SHORT:g} s acquire {how} {ms(took)}."
        yield text, call.who, min(call.ended, run.now), "too late" if took > SHORT else "too early"


def _rests(run: Play) -> Iterator[Found]:
    sent, rests = len(list(of(run.trace, "c1"))), _pauses(run)
    if sent > 2 * SHORT / 0.01 + 4:
        text = f"In {ms(SHORT)} it sent {sent:,} commands; with 10 ms between two tries 200 would be many."
        yield text, "c1", run.now, "never rests"
    elif len(rests) > 2 and max(rests) - min(rests) < 0.1 * max(rests):
        text = f"It rested {len(rests)} times, always for {ms(rests[0])}: all who wait like that ask at the same moment."
        yield text, "c1", run.now, "always the same"


def _pauses(run: Play) -> list[float]:
    """How long it sent nothing between a reply and the next command, where that is more than 1 ms. Units: seconds."""
    events = [event for event in of(run.trace, "c1") if event.t_end is not None]
    gaps = (later.t_start - (event.t_end or 0.0) for event, later in pairwise(events))
    return [gap for gap in gaps if gap > 0.001]


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What the lock was taken with, in a run without a fault; else what the failing runs show."""
    yield from ways_to_take(failing.first, TTL)
    if any(_neither(call) for run in failing.values() for call in run.witness.acts):
        return
    if "gives-up" in failing and not yes(failing["gives-up"].witness.acts[0].result):
        yield "sleeps-too-long"
    if "knows" in failing:
        wrong = failing["knows"].witness.acts
        locked_out = any(call.after == call.what and not yes(call.result) for call in wrong)
        yield "locks-itself-out" if locked_out else "takes-anothers-for-its-own"
    if "rests" in failing:
        yield "never-rests" if len(_pauses(failing["rests"])) < 3 else "same-pause-for-all"
    if "gives-up" in failing or "gets" in failing:
        yield "sleeps-too-long"


RULES = Rules(coroutine_function("redis, key, token, *, ttl, wait, draw"), trials, clues)
