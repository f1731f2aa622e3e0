"""04.3, Redlock: one attempt at a lock on five nodes, of which some are dead, silent, or not heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import inf
from typing import Any

from course_lib.explore import CRASHED, Extension, Play, Session, Simulation, Trial, steady, until
from course_lib.grading.acts import Act, Acts
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import ms, of, paused, raised, shown, struck
from course_lib.grading.rules import Failing, Found, Judge, Rules, trial
from course_lib.lessons.locks.exercises.lock_calls import KEY, Answer, held, hold, one_at_a_time, ways_to_take

NODES, QUORUM = 5, 3
TTL, TIMEOUT, PAUSE, OUTAGE = 0.3, 0.05, 0.6, 0.2
"""Seconds. A pause outlasts the lock."""
WAY = 0.01
"""Seconds one way, where each message takes the same time."""
LATEST = 1.3
"""Seconds after which both have had the lock: two leases, and what drawn pauses between attempts cost."""


@dataclass
class Attempt(Act):
    """One call of the answer; `what` is its token. `on` counts the nodes that held the token when it returned; `left`,
    if it got nothing, lists those that still do 20 ms later although they could be reached."""

    ttl: float = TTL
    on: int = 0
    left: list[int] = field(default_factory=list)

    def nodes(self, world: Simulation) -> list[int]:
        """The nodes that hold its token now."""
        return [node for node in range(NODES) if held(world, node) == self.what]

    def end(self, world: Simulation) -> None:
        super().end(world)
        self.on = len(self.nodes(world))

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


class Silent(Extension):
    """A node that hangs: it takes commands, and neither runs nor answers them."""

    def answers(self, session: Session, command: list[bytes]) -> bool:
        return True


def trials(answer: Answer) -> list[Trial]:
    """One client, all nodes up; two clients and one fault at every send; two nodes away; three away."""
    faults = {"crash": 0.0, "pause": PAUSE, "lose reply": 0.0, "node down": OUTAGE}
    lost = {"lose request": 0.0, "lose reply": 0.0}
    return [
        _trial("one client, five nodes", partial(_alone, answer), "validity one-round ends", sizes=(1,), seeds=3,
               world=partial(Simulation, nodes=NODES, latency=steady(WAY))),
        _trial("two clients want the lock at once", partial(_two, answer), "one-holder lives validity tidy ends",
               sizes=(2,), least=2, seeds=6, faults=faults),
        _trial("two of five nodes are away", partial(_away, answer, 2), "lives one-holder validity ends", sizes=(1,),
               seeds=4),
        _trial("three of five nodes are away", partial(_away, answer, 3), "one-holder tidy ends", sizes=(1,), seeds=2,
               faults=lost),
    ]  # fmt: skip


def _trial(name: str, build: Callable[[Simulation, int], Acts], promises: str, **options: Any) -> Trial:
    judges = {promise: JUDGES[promise] for promise in promises.split()}
    return trial(name, build, judges, horizon=6.0, **{"world": partial(Simulation, nodes=NODES), **options})


def _alone(answer: Answer, world: Simulation, clients: int) -> Acts:
    run = Acts(world)
    world.client("c1", partial(_contend, run, answer, "c1", ttl=(TTL, 10.0, 2.0)[world.seed % 3]))
    return run


def _two(answer: Answer, world: Simulation, clients: int) -> Acts:
    run, start = Acts(world), world.draws("start")
    for who in [f"c{number}" for number in range(1, clients + 1)]:
        world.client(who, partial(_contend, run, answer, who, patience=0.8), start=start() * 0.001)
    return run


def _away(answer: Answer, number: int, world: Simulation, clients: int) -> Acts:
    """Nodes that refuse connections, or take commands and do not answer; a seed says which, and which nodes."""
    for place in range(number):
        node = (world.seed + 2 * place) % NODES
        if world.seed % 2:
            world.nodes[node].extension = Silent()
        else:
            world.down(node, inf)
    run = Acts(world)
    world.client("c1", _contend, run, answer, "c1")
    return run


async def _contend(run: Acts, answer: Answer, who: str, *, ttl: float = TTL, patience: float = 0.0) -> Any:
    """Attempt until `patience` is over; hold the lock for all of its validity, and let it expire."""
    world, draw, nodes = run.world, run.world.draws(who), [run.world.redis(node) for node in range(NODES)]
    for number in count(1):
        attempt = Attempt(who, f"{who}-{number}", ttl=ttl)
        await run.do(attempt, lambda made: answer(nodes, KEY, made.what, ttl=ttl, timeout=TIMEOUT))
        if attempt.granted > 0:
            await hold(world, who, world.now() + attempt.granted)
            return attempt.result
        await until(world, world.now() + 0.02)
        attempt.left = [node for node in attempt.nodes(world) if not _excused(world, attempt, node)]
        if world.now() > patience:
            return attempt.result
        await until(world, world.now() + draw.between(0.18, 0.3))


def _excused(world: Simulation, attempt: Attempt, number: int) -> bool:
    """Is the node down? Or was it told to give the key back, and the fault, or its own SET, came later?"""
    node = world.nodes[number]
    sent = [e for e in of(world.trace, attempt.who) if e.node == node.name and e.t_start >= attempt.began]
    if not node.up or len(sent) < 2:
        return not node.up
    overtook = (sent[-1].t_server or inf) < (sent[0].t_server or inf)
    return overtook or sent[-1].fault in ("request lost", "reply lost", "refused")


# -- judges ------------------------------------------------------------------------------------------------------------


def _one_holder(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        if attempt.granted > 0 and attempt.on < QUORUM:
            text = (
                f"{attempt.who} was told that it holds the lock for {ms(attempt.granted)}, and its token was on "
                f"{attempt.on} of {NODES} nodes."
            )
            yield text, attempt.who, min(attempt.ended, run.now), f"on {attempt.on} of {NODES}"
    yield from one_at_a_time(run)


def _validity(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        right, returned = attempt.right(), f"returned {shown(attempt.result)}"
        wrong = attempt.on >= QUORUM and right > 0 and not -0.005 <= attempt.granted - right <= 1e-6
        if attempt.done and wrong and not attempt.nonsense:
            took = ms(attempt.ended - attempt.began)
            text = f"With ttl = {attempt.ttl:g} s the call took {took} and {returned}; {right:.4g} s were left."
            yield text, attempt.who, attempt.ended, "wrong validity"
        elif attempt.nonsense or (attempt.done and attempt.result is not None and attempt.granted <= 0):
            yield f"The call {returned}; return None, or seconds above 0.", attempt.who, attempt.ended, "no validity"


def _lives(run: Play) -> Iterator[Found]:
    hit = struck(run) if run.schedule.kind else set[str]()
    for last in {attempt.who: attempt for attempt in run.witness.acts}.values():
        if last.who in hit or (last.granted > 0 and last.ended <= LATEST):
            continue
        away = [node.name for node in run.witness.world.nodes if node.down_until == inf or node.extension is not None]
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


def _ends(run: Play) -> Iterator[Found]:
    for attempt in run.witness.acts:
        if attempt.failed:
            yield f"{attempt.who}'s call raised {raised(attempt.result)}.", attempt.who, attempt.ended, "an error"
        excused = (run.results.get(attempt.who) is CRASHED and not attempt.over) or attempt.who in paused(run.trace)
        took = min(attempt.ended, run.now) - attempt.began
        if took > 2 * TIMEOUT + 0.05 and not excused:
            text = f"{attempt.who}'s call took {ms(took)}; two rounds of at most {ms(TIMEOUT)} each are enough."
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

DELETES, SCRIPTS = ("DEL", "UNLINK", "GETDEL"), ("EVAL", "EVALSHA", "FCALL")
"""Commands with which a client may free the lock."""


def clues(failing: Failing) -> Iterator[str]:
    """How the lock was taken by one client alone; else what the broken promises point to."""
    yield from ways_to_take(failing.first, TTL)
    if any(attempt.nonsense for run in failing.values() for attempt in run.witness.acts):
        return
    if "one-round" in failing:
        yield "one-by-one"
    if "ends" in failing:
        yield "lets-errors-out" if any(attempt.failed for attempt in failing["ends"].witness.acts) else "no-time-out"
    if "validity" in failing:
        for attempt in failing["validity"].witness.acts:
            yield from _wrong_sum(attempt)
    if "one-holder" in failing:
        yield from _two_holders(failing["one-holder"])
    if "tidy" in failing:
        yield from _untidy(failing["tidy"])
    if "lives" in failing:
        yield "wants-all"


def _wrong_sum(attempt: Attempt) -> Iterator[str]:
    if not attempt.over or type(attempt.result) not in (int, float):
        return
    if attempt.granted <= 0:
        yield "believes-what-is-over"
    off, drift = attempt.granted - attempt.right(), 0.01 * attempt.ttl + 0.002
    elapsed = attempt.ended - attempt.began
    if abs(off - drift) < 0.001:
        yield "forgets-drift"
    if min(abs(off - elapsed), abs(off - elapsed - drift)) < 0.001:
        yield "counts-from-the-reply"


def _two_holders(run: Play) -> Iterator[str]:
    if any(event.name in DELETES for event in run.trace):
        yield "frees-anothers"
    if any(attempt.granted > 0 and attempt.on < QUORUM for attempt in run.witness.acts):
        yield "counts-from-the-reply" if paused(run.trace) else "half-is-enough"


def _untidy(run: Play) -> Iterator[str]:
    for attempt in run.witness.acts:
        if attempt.left:
            mine = [event for event in of(run.trace, attempt.who) if event.t_start >= attempt.began]
            said_yes = sum(event.name == "SET" and event.reply == b"OK" and event.t_end is not None for event in mine)
            tried = any(event.name in SCRIPTS for event in mine)
            if tried or any(event.name in DELETES for event in of(run.trace, attempt.who)):
                yield "frees-only-what-said-yes"
            yield "keeps-what-is-over" if said_yes >= QUORUM else "keeps-on-failure"


RULES = Rules(coroutine_function("nodes, key, token, *, ttl, timeout"), trials, clues)
