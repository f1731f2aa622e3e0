"""01.3, count through a failover: processes count events with the answer, while a primary dies or is cut off.

Three nodes, of which the first is the primary. When Sentinel has not heard of it for 300 ms it is taken for dead, and
200 ms later the replica that has most of its writes is promoted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Literal

from redis.asyncio import Redis

from course_lib.explore import CRASHED, Play, Replication, Simulation, Trial
from course_lib.grading.acts import Act, cost, sent, world
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import JUDGE, ms, of_clients, raised, seen, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Judge, Rules, named, trial, undisturbed
from course_lib.lessons.topologies.exercises.failover import Failover
from course_lib.words import counted as number_of

Answer = Callable[..., Awaitable[Any]]
Strike = Literal["none", "dies", "cut off", "alone"]
NOTICED, PROMOTED = 0.3, 0.5
"""Seconds from the strike until Sentinel notices, and until it has promoted."""
SLACK = 0.5
"""Seconds that the last try may take beyond `patience`: a write and a WAIT that both run into their time-outs."""
PLAN = {"c1": [(0.01, "e1"), (0.15, "e2")], "c2": [(0.155, "e2"), (0.3, "e3")]}
"""When each process is handed which event. The second one is handed to both, as an event that is delivered again."""


@dataclass
class Call(Act):
    """One event that was handed to the answer. `found` counts how often it asked Sentinel."""

    found: int = 0


@dataclass
class Counting(Failover):
    """`struck` is when the primary failed, None if it did not; `patience` in seconds."""

    strike: Strike = "none"
    patience: float = 2.0
    struck: float | None = None

    def fail(self) -> None:
        """The primary dies, or is cut off from the other nodes."""
        self.struck = self.world.now()
        if self.strike == "dies":
            self.group.kill(0)
        else:
            self.group.cut(0)


def trials(answer: Answer) -> list[Trial]:
    """No failover, but faults; a primary that dies; one that is cut off and comes back; one that nobody follows."""
    safe: dict[str, Judge] = {"once": _once, "kept": _kept, "confirms": _confirms, "rests": _rests}
    one = partial(trial, sizes=(1, 2), world=partial(world, 3), horizon=8.0)
    return [
        one("no failover", partial(_build, answer, "none", 2.0), {**safe, "cost": _cost}, seeds=3,
            faults={**LOSSES, "pause": 0.4}),
        one("the primary dies", partial(_build, answer, "dies", 2.0), safe, seeds=16),
        one("the primary is cut off", partial(_build, answer, "cut off", 2.0), safe, seeds=16),
        one("nobody follows the primary", partial(_build, answer, "alone", 1.0),
            {"ends": _ends, "kept": _kept, "rests": _rests}, seeds=2),
    ]  # fmt: skip


def _build(answer: Answer, strike: Strike, patience: float, world: Simulation, clients: int) -> Counting:
    run = Counting(world, group=Replication(world, lag=(0.002, 0.02)), strike=strike, patience=patience)

    async def count(call: Call) -> Any:
        async def find() -> Redis:
            call.found += 1
            return await run.find()

        return await answer(find, call.what, patience=patience)

    jitter = 0.004 * world.draws("start")()
    for name, plan in list(PLAN.items())[:clients]:
        run.process(name, count, [(when + jitter, event) for when, event in plan], Call)
    if strike == "alone":
        world.at(0.005, run.fail)
        world.at(4.0, run.group.promote)
    elif strike != "none":
        struck = 0.01 + jitter + 0.0008 * world.seed  # each seed another moment of the first event
        world.at(struck, run.fail)
        world.at(struck + NOTICED, setattr, run, "noticed", True)
        world.at(struck + PROMOTED, run.group.promote)
        world.at(struck + 1.5, run.group.heal, 0)
    run.look(5.0, "GET")
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def counted(run: Play) -> float | None:
    """What the counter says in the end, on the server that is the primary then: infinite if that is not a number.

    None if a fault kept the judge from asking.
    """
    asked = seen(run, JUDGE)
    if not asked or asked[0].reply is None:
        return 0 if asked else None
    reply = asked[0].reply
    return int(reply) if isinstance(reply, bytes) and reply.isdigit() else inf


def _once(run: Play) -> Iterator[Found]:
    events, number = {call.what for call in run.witness.acts}, counted(run)
    if number is not None and number > len(events):
        last = run.witness.acts[-1]
        says = "holds no number" if number == inf else f"says {number}"
        text = f"{number_of(len(events), 'event')} had been handed in, and `visits` {says}."
        yield text, last.who, min(last.ended, run.now), "counted twice"


def _kept(run: Play) -> Iterator[Found]:
    sure: dict[str, Call] = {}
    for call in run.witness.acts:
        if call.result is True:
            sure.setdefault(call.what, call)
    number = counted(run)
    if number is not None and number < len(sure):
        call = next(iter(sure.values()))
        text = (
            f"True was returned for {' and '.join(sure)}, and `visits` on the server that is the primary in the end "
            f"says {number}."
        )
        yield text, call.who, call.ended, "confirmed, and lost"


def _confirms(run: Play) -> Iterator[Found]:
    """Within `patience` everything here comes right again, so each call that does not crash is to return True."""
    for call in run.witness.acts:
        crashed = not call.over and run.results[call.who] is CRASHED
        if call.result is not True and not crashed:
            text = f"{call.what} was not confirmed: count {_became(call, run)}.{_meanwhile(run)}"
            yield text, call.who, min(call.ended, run.now), "not confirmed"


def _ends(run: Play) -> Iterator[Found]:
    patience = run.witness.patience
    for call in run.witness.acts:
        late = call.ended - call.began > patience + SLACK
        if late or (call.result is not True and call.result is not False):
            text = f"No replica ever had {call.what}; with patience = {patience:g} s count {_became(call, run)}."
            yield text, call.who, min(call.ended, run.now), "does not end" if late else "not False"


def _rests(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        end, commands = min(call.ended, run.now), len(sent(run, call))
        tries = 2 + round(50 * (end - call.began))
        if call.found > tries or commands > 8 * tries:
            text = (
                f"For {call.what} it asked Sentinel {number_of(call.found, 'time')} and sent "
                f"{number_of(commands, 'command')} in {ms(end - call.began)}; {tries} tries are the most in that time."
            )
            yield text, call.who, end, "never rests"


@undisturbed
def _cost(run: Play) -> Iterator[Found]:
    """With one client only: two that count the same event at the same time can be in each other's way."""
    for call in run.witness.acts if run.schedule.clients == 1 else ():
        trips, _ = cost(run, call)
        if call.over and (call.found > 1 or trips > 4):
            asked = number_of(call.found, "question")
            text = f"Nothing went wrong, and {call.what} took {asked} to Sentinel and {trips} round trips."
            yield text, call.who, call.ended, "more than 1 and 4"


def _became(call: Call, run: Play) -> str:
    if not call.over:
        return f"had not returned after {ms(run.now - call.began)}"
    after = f"after {ms(call.ended - call.began)}"
    if call.failed:
        return f"raised {type(call.result).__name__} {after}: {str(call.result).rstrip('.')}"
    return f"returned {shown(call.result)} {after}"


def _meanwhile(run: Play) -> str:
    struck = run.witness.struck
    if struck is None:
        return ""
    how = "died" if run.witness.strike == "dies" else "was cut off from its replicas"
    return f" The primary {how} at {ms(struck)}; a replica was promoted at {ms(struck + PROMOTED)}."


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What the failing runs show."""
    if "once" in failing:
        yield "counts-twice"
    if "kept" in failing:
        yield from _lost(failing["kept"])
    for run in [failing[promise] for promise in ("confirms", "ends") if promise in failing]:
        yield from _unconfirmed(run)
    if "rests" in failing:
        yield "never-rests"


def _lost(run: Play) -> Iterator[str]:
    """It said True, and the event is not counted. If it asked nobody, no known mistake explains that."""
    names = {event.name for event in of_clients(run.trace)}
    return named({
        "marks-then-counts": names & {"INCR", "INCRBY"} and "MULTI" not in names,
        "ignores-wait": "WAIT" in names, "trusts-the-primary": names,
    })  # fmt: skip


def _unconfirmed(run: Play) -> Iterator[str]:
    """It raised, gave up, or never got what it waited for."""
    for call in run.witness.acts:
        took, patience = call.ended - call.began, run.witness.patience
        late = took > patience + SLACK
        if late and run.witness.strike == "alone":
            yield "never-ends"
        if call.result is True or run.results[call.who] is CRASHED:
            continue
        if call.done and call.result is not False:
            return  # neither yes nor no
        if call.failed:
            yield "lets-errors-out"
        elif call.result is False and took < 0.8 * patience:
            yield "gives-up"
        elif any(event.name == "WAIT" and int(event.command[1]) > 1 for event in run.trace):
            yield "asks-too-many"
        elif late or call.found <= 1:
            yield "never-ends" if late else "keeps-the-old"


RULES = Rules(coroutine_function("find_primary, event, *, patience"), trials, clues)
