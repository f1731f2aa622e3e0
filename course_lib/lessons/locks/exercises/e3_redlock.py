"""04.3, Redlock: one attempt at a lock on five nodes, of which some are dead, silent, or not heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import inf
from typing import Any

from course_lib.explore import CRASHED, Extension, Play, Session, Simulation, Trial, Violation, steady
from course_lib.explore import until
from course_lib.grading.evidence import ms, of, paused, shown, struck
from course_lib.lessons.locks.exercises.wire import KEY, Call, held, one_at_a_time, outcome

Answer = Callable[..., Awaitable[Any]]
NODES, QUORUM = 5, 3
TTL, TIMEOUT, PAUSE, OUTAGE = 0.3, 0.05, 0.6, 0.2
"""Seconds. A pause outlasts the lock."""
WAY = 0.01
"""Seconds one way, where each message takes the same time."""
LATEST = 1.3
"""Seconds after which both have had the lock: two leases, and what drawn pauses between attempts cost."""


@dataclass
class Attempt(Call):
    """One call of the answer. `on` counts the nodes that held its token when it returned; `left`, if it got nothing,
    lists those that still do 20 ms later although they could be reached."""

    ttl: float = TTL
    on: int = 0
    left: list[int] = field(default_factory=list)

    @property
    def nonsense(self) -> bool:
        """Did it return something that is neither None nor a number?"""
        answers = self.result is None or type(self.result) in (int, float)
        return self.ended is not None and not answers and not isinstance(self.result, BaseException)

    @property
    def granted(self) -> float:
        """The validity that it returned; 0 if that is no number."""
        return float(self.result) if type(self.result) in (int, float) else 0.0

    def right(self) -> float:
        """The validity that was left when it returned: ttl − elapsed − drift. Units: seconds."""
        return self.ttl - ((self.ended or inf) - self.began) - 0.01 * self.ttl - 0.002


@dataclass
class Contest:
    """The clients of one run, and their attempts."""

    world: Simulation
    answer: Answer
    attempts: list[Attempt] = field(default_factory=list)

    async def contend(self, who: str, *, ttl: float = TTL, patience: float = 0.0) -> Any:
        """Attempt until `patience` is over; hold the lock for all of its validity, and let it expire."""
        world, draw = self.world, self.world.draws(who)
        for number in count(1):
            attempt = await self._once(who, f"{who}-{number}", ttl)
            if attempt.granted > 0:
                note = world.note(who, "hold")
                await until(world, world.now() + attempt.granted)
                note.t_end = world.now()
            if attempt.granted > 0 or world.now() > patience:
                return attempt.result
            await until(world, world.now() + draw.between(0.18, 0.3))

    async def _once(self, who: str, token: str, ttl: float) -> Attempt:
        world, nodes = self.world, [self.world.redis(node) for node in range(NODES)]
        attempt = Attempt(who, token, world.now(), ttl=ttl)
        self.attempts.append(attempt)
        attempt.result = await outcome(self.answer(nodes, KEY, token, ttl=ttl, timeout=TIMEOUT))
        attempt.ended = world.now()
        attempt.on = sum(held(world, node) == token for node in range(NODES))
        if isinstance(attempt.result, Exception):
            raise attempt.result
        if attempt.granted <= 0:
            await until(world, world.now() + 0.02)
            attempt.left = [n for n in range(NODES) if held(world, n) == token and not self._excused(attempt, n)]
        return attempt

    def _excused(self, attempt: Attempt, number: int) -> bool:
        """Is the node down? Or was it told to give the key back, and the fault, or its own SET, came later?"""
        node = self.world.nodes[number]
        sent = [event for event in of(self.world.trace, attempt.who)
                if event.node == node.name and event.t_start >= attempt.began]  # fmt: skip
        if not node.up or len(sent) < 2:
            return not node.up
        overtook = (sent[-1].t_server or inf) < (sent[0].t_server or inf)
        return overtook or sent[-1].fault in ("request lost", "reply lost", "refused")


class Silent(Extension):
    """A node that hangs: it takes commands, and neither runs nor answers them."""

    def answers(self, session: Session, command: list[bytes]) -> bool:
        return True


def asking(answer: Answer) -> list[Trial]:
    """One client, all nodes up; two clients and one fault at every send; two nodes away; three away."""
    faults: dict[Any, float] = {
        "crash": 0.0, "pause": PAUSE, "lose reply": 0.0, "node down": OUTAGE,
    }  # fmt: skip
    few: dict[Any, float] = {"lose request": 0.0, "lose reply": 0.0}
    steadily = partial(Simulation, nodes=NODES, latency=steady(WAY))
    return [
        _trial(answer, "one client, five nodes", ("validity", "one-round", "ends"), _alone, sizes=(1,), seeds=3,
               world=steadily),
        _trial(answer, "two clients want the lock at once", ("one-holder", "lives", "validity", "tidy", "ends"),
               _two, sizes=(2,), least=2, seeds=6, faults=faults),
        _trial(answer, "two of five nodes are away", ("lives", "one-holder", "validity", "ends"), _two_away,
               sizes=(1,), seeds=4),
        _trial(answer, "three of five nodes are away", ("one-holder", "tidy", "ends"), _three_away, sizes=(1,),
               seeds=2, faults=few),
    ]  # fmt: skip


def _trial(
    answer: Answer, name: str, promises: tuple[str, ...], build: Callable[..., None], *,
    world: Callable[[], Simulation] = lambda: Simulation(nodes=NODES), **options: Any,
) -> Trial:  # fmt: skip
    def judge(run: Play) -> Iterator[Violation]:
        return (found for found in _judge(run) if found.promise in promises)

    def built(world: Simulation, clients: int) -> Contest:
        run = Contest(world, answer)
        build(run, clients)
        return run

    return Trial(name, promises, built, judge, horizon=6.0, world=world, **options)


def _alone(run: Contest, clients: int) -> None:
    run.world.client("c1", partial(run.contend, "c1", ttl=(TTL, 10.0, 2.0)[run.world.seed % 3]))


def _two(run: Contest, clients: int) -> None:
    start = run.world.draws("start")
    for who in [f"c{number}" for number in range(1, clients + 1)]:
        run.world.client(who, partial(run.contend, who, patience=0.8), start=start() * 0.001)


def _two_away(run: Contest, clients: int) -> None:
    _away(run, 2)


def _three_away(run: Contest, clients: int) -> None:
    _away(run, 3)


def _away(run: Contest, number: int) -> None:
    """They refuse connections, or take commands and do not answer; a seed says which, and which nodes."""
    for place in range(number):
        node = (run.world.seed + 2 * place) % NODES
        if run.world.seed % 2:
            run.world.nodes[node].extension = Silent()
        else:
            run.world.down(node, inf)
    run.world.client("c1", partial(run.contend, "c1"))


# -- judges ------------------------------------------------------------------------------------------------------------


def _judge(run: Play) -> Iterator[Violation]:
    for judge in (_majority, one_at_a_time, _validity, _lives, _tidy, _ends, _one_round):
        yield from judge(run)


def _majority(run: Play) -> Iterator[Violation]:
    for attempt in run.witness.attempts:
        if attempt.granted > 0 and attempt.on < QUORUM:
            text = (
                f"{attempt.who} was told that it holds the lock for {ms(attempt.granted)}, and its token was on "
                f"{attempt.on} of {NODES} nodes."
            )
            yield Violation("one-holder", text, attempt.who, attempt.ended or run.now, f"on {attempt.on} of {NODES}")
            return


def _validity(run: Play) -> Iterator[Violation]:
    for attempt in run.witness.attempts:
        if attempt.ended is None or isinstance(attempt.result, BaseException):
            continue
        right = attempt.right()
        off = attempt.granted - right
        if attempt.on >= QUORUM and right > 0 and not -0.005 <= off <= 1e-6 and not attempt.nonsense:
            took = ms(attempt.ended - attempt.began)
            text = (
                f"With ttl = {attempt.ttl:g} s the call took {took} and returned {shown(attempt.result)}; "
                f"{right:.4g} s were left."
            )
            yield Violation("validity", text, attempt.who, attempt.ended, "wrong validity")
        elif attempt.nonsense or (attempt.result is not None and attempt.granted <= 0):
            text = f"The call returned {shown(attempt.result)}; return None, or seconds above 0."
            yield Violation("validity", text, attempt.who, attempt.ended, "no validity")


def _lives(run: Play) -> Iterator[Violation]:
    hit = struck(run) if run.schedule.kind else set[str]()
    for who in dict.fromkeys(attempt.who for attempt in run.witness.attempts):
        (*_, last) = [attempt for attempt in run.witness.attempts if attempt.who == who]
        late = last.ended is None or last.ended > LATEST
        if who in hit or (last.granted > 0 and not late):
            continue
        away = [node.name for node in run.witness.world.nodes if node.down_until == inf or node.extension is not None]
        why = f"{' and '.join(away)} were away, three nodes were not" if away else "the lock had been free by then"
        got = f"got {shown(last.result)}" if last.ended is not None else "had no answer"
        text = f"{who} asked, and at {ms(run.now if last.ended is None else last.ended)} {got}; {why}."
        yield Violation("lives", text, who, last.ended or run.now, "does not get it")
        return


def _tidy(run: Play) -> Iterator[Violation]:
    for attempt in run.witness.attempts:
        if attempt.left:
            on = ", ".join(f"redis{node}" for node in attempt.left)
            text = f"{attempt.who} got nothing ({shown(attempt.result)}), and its token stayed on {on}."
            yield Violation("tidy", text, attempt.who, attempt.ended or run.now, "left behind")
            return


def _ends(run: Play) -> Iterator[Violation]:
    for attempt in run.witness.attempts:
        if isinstance(attempt.result, BaseException):
            text = f"{attempt.who}'s call raised {type(attempt.result).__name__}: {str(attempt.result).rstrip('.')}."
            yield Violation("ends", text, attempt.who, attempt.ended or run.now, "an error")
            return
        died = run.results.get(attempt.who) is CRASHED and attempt.ended is None
        took = (run.now if attempt.ended is None else attempt.ended) - attempt.began
        if took > 2 * TIMEOUT + 0.05 and not died and attempt.who not in paused(run.trace):
            text = f"{attempt.who}'s call took {ms(took)}; two rounds of at most {ms(TIMEOUT)} each are enough."
            yield Violation("ends", text, attempt.who, attempt.began + took, "too late")
            return


def _one_round(run: Play) -> Iterator[Violation]:
    for attempt in run.witness.attempts:
        took = (attempt.ended or inf) - attempt.began
        if attempt.granted > 0 and took > 3 * WAY:
            text = f"All nodes were up, a round trip took {ms(2 * WAY)}, and the call took {ms(took)}."
            yield Violation("one-round", text, attempt.who, attempt.ended or run.now, "more than one round")
