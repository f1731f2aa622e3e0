"""04.2, take the lock: a few clients want it, replies are lost, and holders die or pause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from course_lib.explore import CRASHED, Play, Simulation, Trial, Violation, steady
from course_lib.explore import until
from course_lib.grading.evidence import ms, of, shown, struck
from course_lib.lessons.locks.programs import FREE_OUR_OWN
from course_lib.lessons.locks.exercises.wire import KEY, Call, held, one_at_a_time, outcome, yes

Answer = Callable[..., Awaitable[Any]]
TTL, WORK, PATIENCE = 1.0, 0.15, 0.2
"""Seconds: a lock lives, a holder works, a client waits for a reply."""
LATEST = 3.0
"""Seconds after which everybody here has the lock, if each asks again within 100 ms: one TTL, one pause, some work."""
WAIT = {"long": 6.0, "short": 1.0, "shorter than the lock": 0.7}


@dataclass
class Takers:
    """The clients of one run, and their calls of the answer. `wait` in seconds."""

    world: Simulation
    answer: Answer
    wait: float
    calls: list[Call] = field(default_factory=list)

    async def take(self, who: str) -> Any:
        """Call the answer; with the lock, work, and free it."""
        world, redis = self.world, self.world.redis()
        token = f"{who}-{int(world.draws(f'token of {who}')() * 16**6):06x}"
        call = Call(who, token, world.now())
        self.calls.append(call)
        policy = {"ttl": TTL, "wait": self.wait, "draw": world.draws(who)}
        call.result = await outcome(self.answer(redis, KEY, token, **policy))
        call.ended, call.after = world.now(), held(world)
        if isinstance(call.result, Exception):
            raise call.result
        if yes(call.result):
            note = world.note(who, "hold")
            await until(world, world.now() + WORK)
            note.t_end = world.now()
            await redis.eval(FREE_OUR_OWN, 1, KEY, token)
        return call.result


def taking(answer: Answer) -> list[Trial]:
    """Clients that want the lock at once, with one fault at every command; one alone; and one that waits in vain."""
    return [
        Trial("all want it at once", ("one-holder", "knows", "gets"), partial(_all_at_once, answer), _judge,
              sizes=(1, 2, 3), seeds=8, fault_sizes=(1, 2), horizon=8.0,
              faults={"crash": 0.0, "pause": 1.2, "lose request": 0.0, "lose reply": 0.0},
              world=partial(Simulation, socket_timeout=PATIENCE)),
        Trial("one message is lost", ("knows",), partial(_alone, answer), _knows, sizes=(1,), seeds=4,
              fault_seeds=4, faults={"lose request": 0.0, "lose reply": 0.0}, horizon=4.0,
              world=partial(Simulation, socket_timeout=PATIENCE)),
        Trial("somebody else keeps it", ("knows", "gives-up", "rests"), partial(_in_vain, answer), _judge_in_vain,
              sizes=(1,), seeds=4, horizon=4.0,
              world=partial(Simulation, socket_timeout=PATIENCE, latency=steady(0.001))),
    ]  # fmt: skip


def _all_at_once(answer: Answer, world: Simulation, clients: int) -> Takers:
    run, start = Takers(world, answer, WAIT["long"]), world.draws("start")
    for number in range(1, clients + 1):
        world.client(f"c{number}", run.take, f"c{number}", start=start() * 0.005)
    return run


def _alone(answer: Answer, world: Simulation, clients: int) -> Takers:
    """Whoever takes its own lock for another's is told False before that lock is over."""
    run = Takers(world, answer, WAIT["shorter than the lock"])
    world.client("c1", run.take, "c1")
    return run


def _in_vain(answer: Answer, world: Simulation, clients: int) -> Takers:
    run = Takers(world, answer, WAIT["short"])

    async def keep() -> None:
        await world.redis().set(KEY, "another's", px=60_000)

    world.client("judge", keep)
    world.client("c1", run.take, "c1", start=0.05)
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _judge(run: Play) -> Iterator[Violation]:
    yield from one_at_a_time(run)
    yield from _knows(run)
    yield from _gets(run)


def _judge_in_vain(run: Play) -> Iterator[Violation]:
    yield from _knows(run)
    yield from _gives_up(run)
    yield from _rests(run)


def _knows(run: Play) -> Iterator[Violation]:
    """True if its token is in the lock when it ends, and False if not: asked at the server itself."""
    for call in run.witness.calls:
        if call.ended is None or isinstance(call.result, BaseException):
            continue
        own = call.after == call.token
        if own != bool(yes(call.result)):
            there = "the lock held its own token" if own else f"the lock held {call.after or 'no token'}"
            text = f"When {call.who} was told {shown(call.result)}, {there}."
            yield Violation("knows", text, call.who, call.ended, "locked out" if own else "not its lock")
            return


def neither(call: Call) -> bool:
    """Did it return what is neither yes nor no?"""
    return call.ended is not None and yes(call.result) is None and not isinstance(call.result, BaseException)


def _gets(run: Play) -> Iterator[Violation]:
    for call in run.witness.calls:
        died = run.results.get(call.who) is CRASHED
        late = call.ended is None or call.ended > LATEST
        if died or (yes(call.result) and not (late and call.who not in struck(run))):
            continue
        if isinstance(call.result, BaseException):
            became = f"ended with {type(call.result).__name__}: {str(call.result).rstrip('.')}"
        elif call.ended is None:
            became = f"was still waiting at {ms(run.now)}"
        elif neither(call):
            text = f"{call.who} was given {shown(call.result)}; the answer is True or False."
            yield Violation("gets", text, call.who, call.ended, "neither")
            return
        else:
            became = f"was told {shown(call.result)} only at {ms(call.ended)}"
        text = f"{call.who} {became}; it may wait {ms(run.witness.wait)}, and the lock had been free."
        yield Violation("gets", text, call.who, call.ended or run.now, "does not get it")
        return


def _gives_up(run: Play) -> Iterator[Violation]:
    (call,), wait = run.witness.calls, run.witness.wait
    took = (run.now if call.ended is None else call.ended) - call.began
    if call.ended is None or not wait - 0.12 <= took <= wait + 0.1:
        how = "did not return within" if call.ended is None else "returned after"
        text = f"Another client kept the lock, and with wait = {wait:g} s acquire {how} {ms(took)}."
        yield Violation("gives-up", text, call.who, call.ended or run.now, "too late" if took > wait else "too early")


def _rests(run: Play) -> Iterator[Violation]:
    sent, rests = len(list(of(run.trace, "c1"))), pauses(run)
    if sent > 2 * run.witness.wait / 0.01 + 4:
        text = f"In {ms(run.witness.wait)} it sent {sent:,} commands; with 10 ms between two tries 200 would be many."
        yield Violation("rests", text, "c1", run.now, "never rests")
    elif len(rests) > 2 and max(rests) - min(rests) < 0.1 * max(rests):
        text = (
            f"It rested {len(rests)} times, always for {ms(rests[0])}: all who wait like that ask at the same moment."
        )
        yield Violation("rests", text, "c1", run.now, "always the same")


def pauses(run: Play) -> list[float]:
    """How long it sent nothing between a reply and the next command, where that is more than 1 ms. Units: seconds."""
    events = [event for event in of(run.trace, "c1") if event.t_end is not None]
    gaps = (later.t_start - (event.t_end or 0.0) for event, later in pairwise(events))
    return [gap for gap in gaps if gap > 0.001]
