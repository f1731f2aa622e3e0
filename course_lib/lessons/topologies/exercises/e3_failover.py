"""01.3, count through a failover: processes count events with the answer, while a primary dies or is cut off.

Three nodes, of which the first is the primary. When Sentinel has not heard of it for 300 ms it is taken for dead, and
200 ms later the replica that has most of its writes is promoted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Literal

from redis.sentinel import MasterNotFoundError

from course_lib.explore import CRASHED, Play, Replication, Simulation, Trial, Violation
from course_lib.grading.database import until
from course_lib.grading.evidence import JUDGE, ms, of, round_trips, seen, shown

Answer = Callable[..., Awaitable[Any]]
Strike = Literal["none", "dies", "cut off", "alone"]
PATIENCE, NOTICED, PROMOTED = 0.2, 0.3, 0.5
"""Seconds: until a client gives up on a reply; from the strike until Sentinel notices, and until it has promoted."""
SLACK = 0.5
"""Seconds that the last try may take beyond `patience`: a write and a WAIT that both run into their time-outs."""
PLAN = {"c1": [(0.01, "e1"), (0.15, "e2")], "c2": [(0.155, "e2"), (0.3, "e3")]}
"""When each process is handed which event. The second one is handed to both, as an event that is delivered again."""


@dataclass
class Call:
    """One event that was handed to the answer. `found` counts how often it asked Sentinel; times in seconds."""

    who: str
    event: str
    began: float
    ended: float | None = None
    result: Any = None
    found: int = 0


@dataclass
class Counting:
    """What happened in one run. `struck` is when the primary failed, None if it did not; `patience` in seconds."""

    world: Simulation
    group: Replication
    strike: Strike
    patience: float
    struck: float | None = None
    calls: list[Call] = field(default_factory=list)

    def fail(self) -> None:
        """The primary dies, or is cut off from the other nodes."""
        self.struck = self.world.now()
        if self.strike == "dies":
            self.group.kill(0)
        else:
            self.group.cut(0)

    async def find(self, call: Call) -> Any:
        """What Sentinel's client does: ask for the primary, and refuse one that is known to be down."""
        call.found += 1
        await until(self.world, self.world.now() + 0.001)
        if self._blind():
            raise MasterNotFoundError("No master found for 'course'")
        return self.world.redis(self.group.named.number)

    def _blind(self) -> bool:
        if self.struck is None or self.strike == "alone":
            return False
        return self.world.now() - self.struck >= NOTICED and self.group.named.number == 0


def world() -> Simulation:
    """Three nodes, 1.1 ms one way on average; a lost message is noticed after PATIENCE."""
    return Simulation(nodes=3, socket_timeout=PATIENCE)


def counting(answer: Answer) -> list[Trial]:
    """No failover, but faults; a primary that dies; one that is cut off and comes back; one that nobody follows."""
    faults: dict[Any, float] = {"crash": 0.0, "pause": 0.4, "lose request": 0.0, "lose reply": 0.0}
    safe = ("once", "kept", "confirms", "rests")
    return [
        _trial(answer, "no failover", "none", (*safe, "cost"), seeds=3, faults=faults),
        _trial(answer, "the primary dies", "dies", safe, seeds=16),
        _trial(answer, "the primary is cut off", "cut off", safe, seeds=16),
        _trial(answer, "nobody follows the primary", "alone", ("ends", "kept", "rests"), seeds=2, patience=1.0),
    ]


def _trial(
    answer: Answer, name: str, strike: Strike, promises: tuple[str, ...], *, patience: float = 2.0, **options: Any
) -> Trial:
    def judge(run: Play) -> Iterator[Violation]:
        return (found for found in _judge(run) if found.promise in promises)

    build = partial(_build, answer, strike, patience)
    return Trial(name, promises, build, judge, sizes=(1, 2), world=world, horizon=8.0, **options)


def _build(answer: Answer, strike: Strike, patience: float, world: Simulation, clients: int) -> Counting:
    run = Counting(world, Replication(world, lag=(0.002, 0.02)), strike, patience)
    jitter = 0.004 * world.draws("start")()
    for name, plan in list(PLAN.items())[:clients]:
        world.client(name, partial(_process, answer, run, name, [(when + jitter, event) for when, event in plan]))
    if strike == "alone":
        world.at(0.005, run.fail)
        world.at(4.0, run.group.promote)
    elif strike != "none":
        struck = 0.01 + jitter + 0.0008 * world.seed  # each seed another moment of the first event
        world.at(struck, run.fail)
        world.at(struck + PROMOTED, run.group.promote)
        world.at(struck + 1.5, run.group.heal, 0)
    world.client(JUDGE, partial(_look, run), start=5.0)
    return run


async def _process(answer: Answer, run: Counting, name: str, plan: list[tuple[float, str]]) -> None:
    """Hand over one event after another; what is raised counts, and ends nothing. Its result is the first error."""
    first: Exception | None = None
    for when, event in plan:
        await until(run.world, when)
        call = Call(name, event, run.world.now())
        run.calls.append(call)
        try:
            call.result = await answer(partial(run.find, call), event, patience=run.patience)
        except Exception as error:
            call.result, first = error, first or error
        call.ended = run.world.now()
    if first is not None:
        raise first


async def _look(run: Counting) -> None:
    await run.world.redis(run.group.named.number).get("visits")


# -- judges ------------------------------------------------------------------------------------------------------------


def counted(run: Play) -> float | None:
    """What the counter says in the end, on the server that is the primary then: infinite if that is no number.

    None if a fault kept the judge from asking.
    """
    asked = seen(run, JUDGE)
    if not asked or asked[0].reply is None:
        return 0 if asked else None
    reply = asked[0].reply
    return int(reply) if isinstance(reply, bytes) and reply.isdigit() else inf


def confirmed(run: Play) -> dict[str, Call]:
    """The events for which the answer returned True, with the call that did so first."""
    found: dict[str, Call] = {}
    for call in run.witness.calls:
        if call.result is True and call.ended is not None:
            found.setdefault(call.event, call)
    return found


def _judge(run: Play) -> Iterator[Violation]:
    for judge in (_once, _kept, _confirms, _ends, _rests, _cost):
        yield from judge(run)


def _once(run: Play) -> Iterator[Violation]:
    events, number = {call.event for call in run.witness.calls}, counted(run)
    if number is not None and number > len(events):
        last = run.witness.calls[-1]
        says = "holds no number" if number == inf else f"says {number}"
        text = f"{_number(len(events), 'event')} had been handed in, and `visits` {says}."
        yield Violation("once", text, last.who, last.ended or run.now, "counted twice")


def _kept(run: Play) -> Iterator[Violation]:
    sure, number = confirmed(run), counted(run)
    if number is not None and number < len(sure):
        call = next(iter(sure.values()))
        text = (
            f"True was returned for {' and '.join(sure)}, and `visits` on the server that is the primary in the end "
            f"says {number}."
        )
        yield Violation("kept", text, call.who, call.ended or run.now, "confirmed, and lost")


def _confirms(run: Play) -> Iterator[Violation]:
    """Within `patience` everything here comes right again, so whoever did not crash is to return True."""
    for call in run.witness.calls:
        crashed = call.ended is None and run.results[call.who] is CRASHED
        if call.result is not True and not crashed:
            text = f"{call.event} was not confirmed: count {_became(call, run)}.{_meanwhile(run)}"
            yield Violation("confirms", text, call.who, call.ended or run.now, "not confirmed")
            return


def _ends(run: Play) -> Iterator[Violation]:
    patience = run.witness.patience
    for call in run.witness.calls:
        late = call.ended is None or call.ended - call.began > patience + SLACK
        if late or (call.result is not True and call.result is not False):
            text = f"No replica ever had {call.event}; with patience = {patience:g} s count {_became(call, run)}."
            yield Violation("ends", text, call.who, call.ended or run.now, "does not end" if late else "not False")
            return


def _rests(run: Play) -> Iterator[Violation]:
    for call in run.witness.calls:
        end = run.now if call.ended is None else call.ended
        sent = sum(call.began <= event.t_start <= end for event in of(run.trace, call.who))
        tries = 2 + round(50 * (end - call.began))
        if call.found > tries or sent > 8 * tries:
            text = (
                f"For {call.event} it asked Sentinel {_number(call.found, 'time')} and sent "
                f"{_number(sent, 'command')} in {ms(end - call.began)}; {tries} tries are the most in that time."
            )
            yield Violation("rests", text, call.who, end, "never rests")
            return


def _cost(run: Play) -> Iterator[Violation]:
    if run.schedule.kind is not None or run.schedule.clients > 1:
        return  # who counts the same event at the same time may be in each other's way
    for call in run.witness.calls:
        if call.ended is not None:
            trips = round_trips(e for e in of(run.trace, call.who) if call.began <= e.t_start <= call.ended)
            if call.found > 1 or trips > 4:
                asked = _number(call.found, "question")
                text = f"Nothing went wrong, and {call.event} took {asked} to Sentinel and {trips} round trips."
                yield Violation("cost", text, call.who, call.ended, "more than 1 and 4")
                return


def _became(call: Call, run: Play) -> str:
    if call.ended is None:
        return f"had not returned after {ms(run.now - call.began)}"
    after = f"after {ms(call.ended - call.began)}"
    if isinstance(call.result, BaseException):
        return f"raised {type(call.result).__name__} {after}: {str(call.result).rstrip('.')}"
    return f"returned {shown(call.result)} {after}"


def _meanwhile(run: Play) -> str:
    struck = run.witness.struck
    if struck is None:
        return ""
    how = "died" if run.witness.strike == "dies" else "was cut off from its replicas"
    return f" The primary {how} at {ms(struck)}; a replica was promoted at {ms(struck + PROMOTED)}."


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
