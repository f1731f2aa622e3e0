"""04.3, Redlock: one attempt at a lock on five nodes, of which some are dead, silent, or not heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, count
from math import inf
from typing import Any

from course_lib.explore import (
    CRASHED,
    Extension,
    Play,
    Process,
    Schedule,
    Session,
    Simulation,
    Trial,
    play,
    steady,
    until,
)
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import ERRORS
from course_lib.grading.evidence import ms, raised, shown
from course_lib.grading.lock_watch import Locks, spared
from course_lib.grading.rules import Found, Judge, Rules, trial
from course_lib.lessons.locks.exercises.e3_attempt import ALONE, QUORUM, Attempt, nodes_of
from course_lib.lessons.locks.exercises.e3_mistakes import clues
from course_lib.lessons.locks.exercises.lock_calls import Answer, hold, lives, one_at_a_time

TTL, PAUSE, OUTAGE = 0.3, 0.6, 0.2
"""Seconds. A pause outlasts the lock."""
WAY, SLOW = 0.01, 0.0275
"""Seconds one way, where each message takes the same time; there and back slowly, it is just within the time-out of
those who are `PATIENT`."""
PATIENT = [(ttl, timeout) for ttl, timeout in ALONE if timeout > 2 * SLOW]
LATEST = 1.3
"""Seconds after which both have had the lock: two leases, and what drawn pauses between attempts cost."""


class Away(Extension):
    """A node that runs nothing: it hangs, and answers no command; or it answers each with an error."""

    def __init__(self, error: str = "") -> None:
        self._error = error

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self._error:
            session.refuse(self._error)
        return True


def trials(answer: Answer) -> list[Trial]:
    """One client, all nodes up; two clients and one fault at every send; some nodes away, a majority left;
    and more than that."""
    faults = {"crash": 0.0, "pause": PAUSE, "lose reply": 0.0, "node down": OUTAGE}
    lost = {"lose request": 0.0, "lose reply": 0.0}
    return [
        _trial("one client, five nodes", partial(_alone, answer), "one-holder validity one-round ends", sizes=(1,),
               seeds=4, world=partial(Simulation, nodes=5, latency=steady(WAY))),
        _trial("one client, five slow nodes", partial(_alone, answer, of=PATIENT), "lives validity ends", sizes=(1,),
               seeds=2, world=partial(Simulation, nodes=5, latency=steady(SLOW))),
        _trial("two clients want the lock at once", partial(_two, answer), "one-holder lives validity tidy ends",
               sizes=(2,), least=2, seeds=6, faults=faults),
        _trial("two of five nodes are away", partial(_away, answer, 2), "lives one-holder validity tidy ends",
               sizes=(1,), seeds=8),
        _trial("three of five nodes are away", partial(_away, answer, 3), "one-holder tidy ends", sizes=(1,), seeds=8,
               faults={**lost, "pause": PAUSE}),
    ]  # fmt: skip


def _trial(name: str, build: Callable[[Simulation, int], Locks], promises: str, **options: Any) -> Trial:
    judges = {promise: JUDGES[promise] for promise in promises.split()}
    return trial(name, build, judges, horizon=6.0, **{"world": partial(Simulation, nodes=5), **options})


def _alone(answer: Answer, world: Simulation, clients: int, of: Sequence[tuple[float, float]] = ALONE) -> Locks:
    run, (ttl, timeout) = Locks(world), of[world.seed % len(of)]
    world.client("c1", partial(_contend, run, answer, "c1", ttl=ttl, timeout=timeout))
    return run


def _two(answer: Answer, world: Simulation, clients: int) -> Locks:
    run, start = Locks(world), world.draws("start")
    process = Process("c") if world.seed % 4 == 3 else None
    for who in [f"c{number}" for number in range(1, clients + 1)]:
        body = partial(_contend, run, answer, who, patience=0.8)
        world.client(who, body, start=start() * 0.001, process=process)
    return run


def _away(answer: Answer, number: int, world: Simulation, clients: int) -> Locks:
    """Of four nodes one fewer. They refuse connections, hang, or answer with errors; a seed says which, and which
    nodes. Where the others are too few, somebody takes them once c1 is over: who gives back too late meets another's
    keys."""
    run, nodes = Locks(world), nodes_of(world)
    for place in range(number - 5 + nodes):
        node, how = (world.seed + 2 * place) % nodes, (world.seed // 2 + place * (world.seed // 4)) % 4
        if how:
            world.nodes[node].extension = Away(("", *ERRORS)[how - 1])
        else:
            world.down(node, inf)
    world.client("c1", _contend, run, answer, "c1")

    async def later() -> None:
        await until(world, 1.2 * TTL)
        for node in [node for node in range(nodes) if not isinstance(world.nodes[node].extension, Away)]:
            if world.nodes[node].up:
                await world.redis(node).set(run.key, ("c1-11", "c2-1")[world.seed % 2], nx=True, px=5_000)

    if number > 5 - QUORUM:
        world.client("c2", later)
    return run


async def _contend(
    run: Locks, answer: Answer, who: str, *, ttl: float = TTL, timeout: float = 0.05, patience: float = 0.0
) -> Any:
    """Attempt until `patience` is over; hold the lock for all of its validity, and let it expire."""
    world, draw = run.world, run.world.draws(who)
    nodes = [world.redis(node) for node in range(nodes_of(world))]
    for number in count(1):
        attempt = Attempt(who, f"{who}-{number}", key=run.key, ttl=ttl, timeout=timeout, run=run)
        await run.do(attempt, lambda made: answer(nodes, run.key, made.what, ttl=ttl, timeout=timeout))
        if attempt.granted > 0:
            await hold(
                world, who, world.now() + min(attempt.granted, 2 * ttl)
            )  # what is longer is judged, not waited for
            return attempt.result
        await until(world, world.now() + 0.02)
        attempt.look()
        if world.now() > patience:
            return attempt.result
        await until(world, world.now() + draw.between(0.18, 0.3))


# -- judges ------------------------------------------------------------------------------------------------------------


def _one_holder(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        if attempt.granted > 0 and attempt.on < QUORUM:
            text = (
                f"{attempt.who} was told that it holds the lock for {ms(attempt.granted)}, and its token was on "
                f"{attempt.on} of {nodes_of(run.witness.world)} nodes."
            )
            yield text, attempt.who, min(attempt.ended, run.now), f"only on {attempt.on}"
    yield from chain(one_at_a_time(run), (found for _, found in lives(run)))


def _validity(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        right, returned = attempt.right(), f"returned {shown(attempt.result)}"
        wrong = attempt.on >= QUORUM and right > 0 and not -0.001001 <= attempt.granted - right <= 2e-6
        if attempt.done and wrong and not attempt.nonsense:
            took = ms(attempt.ended - attempt.began)
            text = f"With ttl = {attempt.ttl:g} s the call took {took} and {returned}; {right:.4g} s were left."
            yield text, attempt.who, attempt.ended, "wrong validity"
        elif attempt.nonsense or (attempt.done and attempt.result is not None and attempt.granted <= 0):
            yield f"The call {returned}; return None, or seconds above 0.", attempt.who, attempt.ended, "no validity"


def _stood_still(run: Play, who: str, since: float = 0.0) -> bool:
    return any(note.kind == "pause" and note.who == who and (note.t_end or inf) > since for note in run.trace.notes)


def _lives(run: Play) -> Iterator[Found]:
    for last in {attempt.who: attempt for attempt in run.witness.acts}.values():
        excused = run.results.get(last.who) is CRASHED or _stood_still(run, last.who)
        if excused or (last.granted > 0 and last.ended <= LATEST):
            continue
        away = [node.name for node in run.witness.world.nodes if not node.up or isinstance(node.extension, Away)]
        why = f"{' and '.join(away)} were away, three nodes were not" if away else "the lock had been free by then"
        got = f"got {shown(last.result)}" if last.over else "had no answer"
        when = min(last.ended, run.now)
        yield f"{last.who} asked, and at {ms(when)} {got}; {why}.", last.who, when, "does not get it"


def _tidy(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        if attempt.left:
            on = ", ".join(f"redis{node}" for node in attempt.left)
            text = f"{attempt.who} got nothing ({shown(attempt.result)}), and its token stayed on {on}."
            yield text, attempt.who, min(attempt.ended, run.now), "left behind"
    yield from spared(run)


def _ends(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        if attempt.failed:
            yield f"{attempt.who}'s call raised {raised(attempt.result)}.", attempt.who, attempt.ended, "an error"
        crashed = run.results.get(attempt.who) is CRASHED and not attempt.over
        took = min(attempt.ended, run.now) - attempt.began
        if took > 2 * attempt.timeout + 0.05 and not crashed and not _stood_still(run, attempt.who, attempt.began):
            text = f"{attempt.who}'s call took {ms(took)}; two rounds of at most {ms(attempt.timeout)} each are enough."
            yield text, attempt.who, attempt.began + took, "too late"


def _one_round(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        took = attempt.ended - attempt.began
        if attempt.granted > 0 and took > 3 * WAY:
            text = f"All nodes were up, a round trip took {ms(2 * WAY)}, and the call took {ms(took)}."
            yield text, attempt.who, attempt.ended, "more than one round"


JUDGES: dict[str, Judge] = {
    "one-holder": _one_holder, "validity": _validity, "lives": _lives, "tidy": _tidy, "ends": _ends,
    "one-round": _one_round,
}  # fmt: skip


def _without_majority(answer: Answer) -> Play:
    """One client, and three of five nodes away."""
    return play(trials(answer)[-1], Schedule(1))


RULES = Rules(coroutine_function("nodes, key, token, *, ttl, timeout"), trials, partial(clues, _without_majority))
