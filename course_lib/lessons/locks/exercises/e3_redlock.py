"""04.3, Redlock: one attempt at a lock on five nodes, of which some are dead, silent, or not heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from math import inf
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import CRASHED, Extension, Play, Process, Session, Simulation, Trial, steady, until
from course_lib.grading.acts import Act
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import ms, of, raised, shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, trial
from course_lib.lessons.locks.exercises.lock_calls import (
    ERRORS,
    LOSSES,
    Answer,
    Call,
    Locks,
    hold,
    lives,
    one_at_a_time,
    others_changed,
    spared,
    ways_to_take,
)
from course_lib.trace import Event

TTL, PAUSE, OUTAGE = 0.3, 0.6, 0.2
"""Seconds. A pause outlasts the lock."""
ALONE = ((2.0, 0.06), (10.0, 0.08), (0.3, 0.05), (1.57, 0.05))
"""ttl and timeout of a client that is alone, in seconds. A run's seed says which; and that the nodes are five, or
four."""
WAY = 0.01
"""Seconds one way, where each message takes the same time."""
LATEST = 1.3
"""Seconds after which both have had the lock: two leases, and what drawn pauses between attempts cost."""


def nodes_of(world: Simulation) -> int:
    """How many nodes the lock is on. A majority is three, either way."""
    return 5 - world.seed % 2


QUORUM = 3


@dataclass
class Attempt(Call):
    """One call of the answer; `what` is its token. `on` counts the nodes that held the token when it returned; `left`,
    if it got nothing, lists those that could have been told to give it back, and hold it then or 20 ms later."""

    timeout: float = 0.05
    on: int = 0
    left: list[int] = field(default_factory=list)
    run: Any = None

    def end(self, world: Simulation) -> None:
        Act.end(self, world)
        self.on = len(self.look())

    def look(self) -> list[int]:
        """The nodes that hold its token now."""
        locks = {node: lock for node in range(nodes_of(self.run.world)) if (lock := self.run.now(node)) is not None}
        mine = [node for node, lock in locks.items() if lock.token == self.what]
        self.left += [node for node in mine if self.granted <= 0 and node not in self.left and not self.excused(node)]
        return mine

    def excused(self, number: int) -> bool:
        """Is the node down? Or was it told to give the key back, and that was lost, or its own request came later?"""
        world = self.run.world
        node = world.nodes[number]
        if not node.up:
            return True
        mine = [c for c in self.run.seen if c.event.node == node.name and c.after and c.after.token == self.what]
        sent = [event for event in of(world.trace, self.who) if event.node == node.name]
        later = sent[sent.index(mine[-1].event) + 1 :]
        return any(event.fault in LOSSES or (event.t_server or inf) < mine[-1].when for event in later)

    @property
    def nonsense(self) -> bool:
        """Did it return something that is neither None nor a number?"""
        return self.done and self.result is not None and type(self.result) not in (int, float)

    @property
    def granted(self) -> float:
        """The validity that it returned; 0 if that is not a number."""
        return float(self.result) if type(self.result) in (int, float) else 0.0

    def right(self) -> float:
        """The validity that was left when it returned: ttl − elapsed − drift. Units: seconds."""
        return self.ttl - (self.ended - self.began) - 0.01 * self.ttl - 0.002


class Away(Extension):
    """A node that runs nothing: it hangs, and answers no command; or it answers each with an error."""

    def __init__(self, error: str = "") -> None:
        self._error = error

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self._error:
            session.refuse(self._error)
        return True


def trials(answer: Answer) -> list[Trial]:
    """One client, all nodes up; two clients and one fault at every send; so many nodes away that a majority is left;
    and more than that."""
    faults = {"crash": 0.0, "pause": PAUSE, "lose reply": 0.0, "node down": OUTAGE}
    lost = {"lose request": 0.0, "lose reply": 0.0}
    return [
        _trial("one client, five nodes", partial(_alone, answer), "one-holder validity one-round ends", sizes=(1,),
               seeds=4, world=partial(Simulation, nodes=5, latency=steady(WAY))),
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


def _alone(answer: Answer, world: Simulation, clients: int) -> Locks:
    run, (ttl, timeout) = Locks(world), ALONE[world.seed % len(ALONE)]
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
                await world.redis(node).set(run.key, "c2-1", nx=True, px=5_000)

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
            await hold(world, who, world.now() + attempt.granted)
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


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """How the lock was taken by one client alone; else what the broken promises point to."""
    tidy, others = failing.get("tidy"), list[Any]()
    if tidy is not None:
        others = [change for _, change in others_changed(tidy)]
    yield from ways_to_take(failing.first, ALONE[0][0], any(change.after for change in others))
    if any(attempt.nonsense for run in failing.values() for attempt in run.witness.acts):
        return
    looked = tidy is not None and any(event.name in ("GET", "WATCH") for event in tidy.trace)
    if not looked and any(change.after is None and change.event.name in ("DEL", "UNLINK") for change in others):
        yield "frees-anothers"
    for promise in ("one-round", "ends", "validity", "one-holder", "tidy", "lives"):
        run = failing.get(promise)
        for attempt in run.witness.acts if run is not None else ():
            asked = [event for event in of(run.trace, attempt.who) if attempt.began <= event.t_start <= attempt.ended]
            yield from CLUES[promise](attempt, asked)


def _slow(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    first = {event.node: event.t_start for event in reversed(asked)}
    if len(set(first.values())) == len(first) > 1:
        yield "one-by-one"


def _ended(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    if isinstance(attempt.result, (RedisError, TimeoutError)):
        yield "lets-errors-out"
    if min(attempt.ended, 6.0) - attempt.began > 4.9 and any(event.t_end is None for event in asked):
        yield "no-time-out"


def _sum(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    if not attempt.over or type(attempt.result) not in (int, float):
        return
    off, drift = attempt.granted - attempt.right(), 0.01 * attempt.ttl + 0.002
    elapsed = attempt.ended - attempt.began
    if attempt.granted <= 0 and abs(off) < 0.001:
        yield "believes-what-is-over"
    if abs(off - drift) < 1e-6:
        yield "forgets-drift"
    if min(abs(off - elapsed), abs(off - elapsed - drift)) < 1e-6:
        yield "counts-from-the-reply"


def _two_holders(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    if 0 < attempt.on < QUORUM and attempt.granted > 0:
        yield "half-is-enough"
    yield from (name for name in _sum(attempt, asked) if name == "counts-from-the-reply")


def _untidy(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    names = [event.node for event in asked]
    back = [node for node in names if names.count(node) > 1]
    if attempt.left and not back:
        yes = sum(event.t_end is not None and event.reply == b"OK" for event in asked)
        yield "keeps-what-is-over" if yes >= QUORUM and attempt.right() <= 0 else "keeps-on-failure"
    elif attempt.left and not any(f"redis{node}" in back for node in attempt.left):
        yield "frees-only-what-said-yes"


def _wants(attempt: Attempt, asked: list[Event]) -> Iterator[str]:
    yes = {event.node for event in asked if event.t_end is not None and event.reply in (b"OK", 1)}
    if attempt.done and attempt.result is None and len(yes) >= QUORUM and attempt.right() > 0:
        yield "wants-all"


CLUES: dict[str, Callable[[Attempt, list[Event]], Iterator[str]]] = {
    "one-round": _slow, "ends": _ended, "validity": _sum, "one-holder": _two_holders, "tidy": _untidy, "lives": _wants,
}  # fmt: skip

RULES = Rules(coroutine_function("nodes, key, token, *, ttl, timeout"), trials, clues)
