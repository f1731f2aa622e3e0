"""01.3, count through a failover: processes count events with the answer, while a primary dies or is cut off.

Three nodes, of which the first is the primary. When Sentinel has not heard of it for 300 ms it is taken for dead, and
200 ms later the replica that has most of its writes is promoted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any, Literal

from redis.asyncio import Redis

from course_lib.explore import CRASHED, Play, Replication, Simulation, Trial
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act, cost, sent, world
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import JUDGE, ms, paused, seen, shown
from course_lib.grading.rules import LOSSES, Found, Judge, Rules, trial, undisturbed
from course_lib.lessons.topologies.exercises.e3_mistakes import clues
from course_lib.lessons.topologies.exercises.e3_plans import AGAIN, BACK, CONFIRMED, DEAD, HURRY, MANY, NAMES, PLAN
from course_lib.lessons.topologies.exercises.failover import Failover
from course_lib.words import counted as number_of

Answer = Callable[..., Awaitable[Any]]
Strike = Literal["none", "again", "hurry", "dies", "cut off", "alone"]
NOTICED, PROMOTED = 0.3, 0.5
"""Seconds from the strike until Sentinel notices, and until it has promoted."""
SLACK = 0.5
"""Seconds by which False may come before or after `patience`: a write and a WAIT that both run into their time-outs."""
PAUSE = 0.4
TRIES, COMMANDS = 50, 8
"""How many tries are allowed in a second, and how many commands in a try. Two more tries can fall at the ends of that
second."""


@dataclass
class Call(Act):
    """One event that was handed to the answer. `asked` are the times at which it asked Sentinel; `strange` is a key
    that the contract forbids."""

    asked: list[float] = field(default_factory=list)
    strange: str = ""

    def end(self, world: Simulation) -> None:
        super().end(world)
        keys = sorted(key.decode() for node in world.nodes for key in ask(node, b"KEYS", b"*"))
        self.strange = next((key for key in keys if key != "visits" and not key.startswith("visits:")), "")


@dataclass
class Counting(Failover):
    """`struck` is when the primary failed, None if it did not; `patience` in seconds."""

    strike: Strike = "none"
    patience: float = 2.0
    struck: float | None = None

    def fail(self) -> None:
        """The primary dies, or is cut off from the other nodes; a replica is promoted, unless nobody can be reached."""
        if self.struck is not None:
            return
        self.struck = self.world.now()
        dead = self.strike == "alone" and self.world.seed == DEAD
        if self.strike == "dies" or dead:
            self.group.kill(0)
        else:
            self.group.cut(0)
        if dead:
            self.noticed = True
        elif self.strike != "alone":
            self.world.at(self.struck + NOTICED, setattr, self, "noticed", True)
            self.world.at(self.struck + PROMOTED, self.group.promote)
            self.world.at(self.struck + (4.2 if self.world.seed % 3 else 1.5), self.group.heal, 0)


FEW = 5
"""Events that a sentence names."""


def trials(answer: Answer) -> list[Trial]:
    """No failover, but faults; events that come again; little patience; a primary that dies; one that is cut off and
    comes back; one that nobody follows."""
    safe: dict[str, Judge] = {"once": _once, "kept": _kept, "confirms": _confirms, "rests": _rests, "names": _named}
    one = partial(trial, sizes=(1, 2), world=partial(world, 3), horizon=5.5, most_steps=10_000)
    return [
        one("no failover", partial(_build, answer, "none"), {**safe, "cost": _cost}, seeds=5,
            faults={**LOSSES, "pause": PAUSE}, most_sends=24),
        one("events that come again", partial(_build, answer, "again"), {**safe, "cost": _cost}, seeds=2,
            horizon=3_900.0),
        one("patience is over before a lost reply is noticed", partial(_build, answer, "hurry"),
            {"kept": _kept, "once": _once}, sizes=(2,), seeds=1, faults=LOSSES),
        one("the primary dies", partial(_build, answer, "dies"), safe, seeds=14),
        one("the primary is cut off", partial(_build, answer, "cut off"), safe, seeds=12),
        one("nobody follows the primary", partial(_build, answer, "alone"),
            {"kept": _kept, "ends": _ends, "rests": _rests}, seeds=5, most_steps=50_000),
    ]  # fmt: skip


def _build(answer: Answer, strike: Strike, world: Simulation, clients: int) -> Counting:
    odd, alone = world.seed % 2, strike == "alone"
    patience = (0.9, 1.7, 1.2)[world.seed % 3] if alone else 0.1 if strike == "hurry" else 2.0 + 0.3 * odd
    group = Replication(
        world, lag=(0.002, 0.02), min_replicas=int(strike == "cut off" and world.seed % 3 == 2), max_lag=0.1
    )
    run = Counting(world, group=group, strike=strike, patience=patience)
    jitter, names = 0.004 * world.draws("start")(), NAMES[(world.seed + 5 * (strike == "again")) % len(NAMES)]
    names += tuple(f"{names[0]}:{number}" for number in range(3, MANY))
    on_true = strike == "dies" and world.seed >= 12  # as soon as it has said True of this event

    async def count(call: Call) -> Any:
        async def find() -> Redis:
            if not world.loop.ending:
                call.asked.append(world.now())
            return await run.find()

        said = await answer(find, call.what, patience=patience)
        if on_true and said is True and call.what == names[odd]:
            run.fail()
        return said

    process = None
    back = alone and world.seed == BACK
    plans = CONFIRMED if back else {"again": AGAIN, "hurry": HURRY}.get(strike, PLAN)
    for name, plan in list(plans.items())[:clients]:
        process = run.process(name, count, [(when + jitter, names[event]) for when, event in plan], Call,
                              process=process if odd else None)  # fmt: skip
    if alone:
        world.at(0.1 if back else 0.005, run.fail)
        world.at(4.0, partial(run.group.heal, 0) if back else run.group.promote)
    elif strike in ("dies", "cut off") and not on_true:
        world.at(0.01 + jitter + 0.0008 * (world.seed % 14), run.fail)  # each seed another moment of the first event
    run.look(3_890.0 if strike == "again" else 5.0, "GET")
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
    if number is not None and len(events) < number < inf:
        last = run.witness.acts[-1]
        handed = "had been handed in" + ", some of them again" * (len(run.witness.acts) > len(events))
        text = f"{number_of(len(events), 'event')} {handed}, and `visits` says {number}."
        yield text, last.who, min(last.ended, run.now), "counted twice"


def _kept(run: Play) -> Iterator[Found]:
    sure: dict[str, Call] = {}
    for call in run.witness.acts:
        if call.result is True:
            sure.setdefault(call.what, call)
    number = counted(run)
    if number is not None and number < len(sure):
        old = [
            call
            for call in sure.values()
            if run.witness.struck is not None and call.began < run.witness.struck + PROMOTED
        ]
        names = " and ".join(sure) if len(sure) <= FEW else f"{len(sure)} events"
        text = (
            f"True was returned for {names}, and `visits` on the server that is the primary in the end says {number}."
        )
        yield (text, old[0].who, old[0].ended, "confirmed, and lost") if len(old) == 1 else (text,)


def _confirms(run: Play) -> Iterator[Found]:
    """Within `patience` everything here comes right again, so each call that does not crash is to return True."""
    for call in run.witness.acts:
        crashed = not call.over and run.results[call.who] is CRASHED
        late = call.over and _late(run, call)
        if (call.result is not True and not crashed) or late:
            what = "was confirmed too late" if late and call.result is True else "was not confirmed"
            given = f" with patience = {run.witness.patience:g} s" if late else ""
            text = f"{call.what} {what}:{given} count {_became(call, run)}.{_meanwhile(run)}"
            yield text, call.who, min(call.ended, run.now), "too late" if late else "not confirmed"


def _late(run: Play, call: Call) -> bool:
    return bool(call.ended - call.began > run.witness.patience + SLACK + PAUSE * bool(paused(run.trace)))


def _ends(run: Play) -> Iterator[Found]:
    patience = run.witness.patience
    for call in run.witness.acts:
        late, took = _late(run, call), call.ended - call.began
        early = call.result is False and took < patience - SLACK
        if late or early or (call.result is not True and call.result is not False):
            became = f"with patience = {patience:g} s count {_became(call, run)}"
            text = f"No replica could be reached for {call.what}; {became}."
            mark = "does not end" if late else "gives up" if early else "not False"
            yield text, call.who, min(call.ended, run.now), mark


def _rests(run: Play) -> Iterator[Found]:
    """No second has more tries than are allowed. A try lasts from one question to Sentinel to the next, and has no more
    commands than the tries that would fit into that time."""
    for call in run.witness.acts:
        most = TRIES + 2
        for first, last in zip(call.asked, call.asked[most:], strict=False):
            if last - first < 1:
                text = f"For {call.what} it asked Sentinel {most + 1} times within {ms(last - first)}"
                yield f"{text}: at most {TRIES} tries a second.", call.who, last, "never rests"
        for begin, end in pairwise([*call.asked, inf]):
            events = [event for event in sent(run, call) if begin <= event.t_start < end]
            times = [event.t_start for event in events]
            waits = len(max("".join("W" if e.name == "WAIT" else " " for e in events).split(), key=len, default=""))
            if times and (waits > COMMANDS or len(times) > COMMANDS * (1 + int(TRIES * (times[-1] - times[0])))):
                text = f"For {call.what} it sent {len(times)} commands within {ms(times[-1] - times[0])}"
                yield f"{text}: at most {COMMANDS} in a try.", call.who, times[-1], "too many commands"


def _named(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        if call.strange:
            text = f"As {call.what} was counted there was a key {call.strange!r}, which does not begin with `visits:`."
            yield text, call.who, call.ended, "another's key"
    if counted(run) == inf:
        yield "In the end `GET visits` gives no number.", run.witness.acts[-1].who, run.now, "no number"


@undisturbed
def _cost(run: Play) -> Iterator[Found]:
    """With one client only: two that count the same event at the same time can be in each other's way."""
    for call in run.witness.acts if run.schedule.clients == 1 else ():
        trips, _ = cost(run, call)
        if call.over and (len(call.asked) > 1 or trips > 4):
            asked = number_of(len(call.asked), "question")
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


RULES = Rules(coroutine_function("find_primary, event, *, patience"), trials, clues)
