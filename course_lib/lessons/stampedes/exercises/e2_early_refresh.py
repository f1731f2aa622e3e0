"""05.2, early refresh by chance. `draw` is injected, so the judge knows which reader must reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from math import log
from typing import Any

from course_lib.explore import Play, Schedule, Simulation, Trial, play
from course_lib.explore.server_state import ask as ask_server
from course_lib.explore.server_state import world_of
from course_lib.grading.answer import coroutine_function
from course_lib.grading.database import Database, DatabaseDown
from course_lib.grading.evidence import loads, ms, of, round_trips, shown
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.stampedes.exercises.crowd import Answer
from course_lib.lessons.stampedes.exercises.e2_readers import OLD, STEADY, Counted, Probe, readers

NEAR = 0.0022
"""Seconds: how near to the moment at which its decision changes a reader asks."""
CROWD, MOST = 20, 14
"""Readers that ask every 50 ms, and how many of them may reload; without early refresh, all of them do."""


def _near(delta: float, beta: float, u: float = 0.5, *others: float, before: float = 0.0) -> list[Probe]:
    """Just before and just after the moment at which who draws u begins to reload."""
    moment = -delta * beta * log(u)
    return [Probe(delta, beta, round(moment + by, 4), (u, *others), before) for by in (-NEAR, NEAR)]


HALVES = [
    *_near(0.1, 1.0), *_near(0.2, 2.0, before=0.05), *_near(0.05, 0.5), *_near(0.137, 1.5, before=0.4),
    *_near(0.9, 5.0), *_near(0.25, 0.3), *_near(0.05, 4.0, before=0.3),
    *_near(3.0, 1.0), *_near(0.005, 8.0), *_near(4_000.0, 0.001),
]  # fmt: skip
SPREAD = [
    *_near(0.1, 1.0, 0.1, 0.9), *_near(0.1, 1.0, 0.02, 0.98), *_near(0.3, 1.5, 0.25, 0.75),
    Probe(0.1, 1.0, 0.07, (0.1, 0.9)), Probe(0.1, 1.0, 0.07, (0.0, 0.9)),
]  # fmt: skip
EDGES = [
    Probe(0.1, 0.0, 0.003), Probe(0.1, 0.0, 0.005), Probe(0.1, 1.0, 1.5), Probe(0.1, 1.0, 0.05, (0.0,)),
    Probe(0.1, 0.0, 0.3, (0.0,)),
    Probe(0.1, 0.0, 0.3, (1 - 2**-53,)), Probe(0.1, 10.0, 0.2, fails=True),
    Probe(0.2, 4.0, 0.3, before=0.1, fails=True),
]  # fmt: skip


def trials(answer: Answer) -> list[Trial]:
    """Readers at a known distance from the expiry; a load that fails; then a crowd that passes one expiry."""
    probes = [*HALVES, *SPREAD, *EDGES]
    return [
        trial("readers at a known time before the expiry", partial(readers, answer, probes),
              {"value": _value, "chance": partial(_reloads, 1), "by-chance": partial(_reloads, 2), "hit": _hit},
              sizes=(1,), seeds=len(probes), world=STEADY, horizon=9_000.0),
        trial("the first load fails", partial(_fails, answer), {"value": _nothing_stored}, sizes=(1,), world=STEADY),
        trial("twenty readers pass one expiry", partial(_crowd, answer), {"crowd": _too_many}, sizes=(CROWD,), seeds=2,
              world=STEADY, horizon=5.0),
    ]  # fmt: skip


def _fails(answer: Answer, world: Simulation, clients: int) -> None:
    """One client, whose load fails."""
    database = Database(world, 0.1, failing=1)

    async def ask() -> Any:
        return await answer(world.redis(), "page", database.load_for("c1"), ttl=5.0, beta=1.0, draw=Counted(0.5))

    world.client("c1", ask)


def _crowd(answer: Answer, world: Simulation, clients: int) -> None:
    """Readers that come back every 50 ms, from 600 ms before a key expires until 150 ms after."""
    database, draw = Database(world, 0.1), world.draws("draw")

    async def ask(name: str, times: int) -> None:
        for _ in range(times):
            await answer(world.redis(), "page", database.load_for(name), ttl=1.0, beta=1.0, draw=draw)
            await asyncio.sleep(0.05)

    world.client("first", ask, "first", 1)
    for number in range(1, clients + 1):
        world.client(f"c{number}", ask, f"c{number}", 15, start=0.5 + 0.05 * world.draws(f"start{number}")())


# -- judges ------------------------------------------------------------------------------------------------------------


def _value(run: Play) -> Iterator[Found]:
    """Everybody gets the row that is stored, or that it loaded itself; and the row lives as long as it should."""
    probing = run.witness
    for name, result in run.results.items():
        drew = f"{name}, with draw() = {probing.draws[name].u:g}," if name in probing.draws else name
        if probing.probe.fails and name in _early(run):
            if not isinstance(result, DatabaseDown):
                text = (
                    f"{drew} loaded, which failed, and ended with {shown(result)}: the error should go to its caller."
                )
                yield text, name, run.now, "its error is lost"
        elif type(result) is not str or result != probing.rows.get(name):
            text = f"{drew} ended with {shown(result)}; the row is {probing.rows.get(name, OLD)!r}."
            yield text, name, run.now, "wrong answer"
    for life in probing.lives:
        if not life.right:
            so = {-2: "it is not there", -1: "it never expires"}.get(round(life.lasts), f"it lives {ms(life.lasts)}")
            text = f"The key should live {ms(probing.ttl)} from when it was stored; at {ms(life.at)}, {so}."
            yield text, "first1", life.at, "ttl"


def _nothing_stored(run: Play) -> Iterator[Found]:
    """What the load raised goes to the caller, and then nothing is stored."""
    result, keys = run.results["c1"], ask_server(world_of(run).nodes[0], b"KEYS", b"*")
    if not isinstance(result, DatabaseDown):
        yield f"The load failed, and c1 ended with {shown(result)}.", "c1", run.now, "its error is lost"
    if keys:
        stored = ", ".join(key.decode(errors="replace") for key in keys)
        yield f"The load failed, and yet something is stored: {stored}.", "c1", run.now, "stored"


def _early(run: Play) -> set[str]:
    return {load.who for load in loads(run.trace) if load.who.startswith("reader")}


def _reloads(count: int, run: Play) -> Iterator[Found]:
    """One reader reloads if its draw says so; of two, each by its own draw. Each draws once."""
    probe, early = run.witness.probe, _early(run)
    if len(probe.draws) != count or any(_value(run)):
        return
    if run.witness.stale:
        text = f"With δ = {ms(probe.before)} and β = 1,000,000, first1 should reload at once, and did not."
        yield text, "first1", run.witness.lives[0].at, "does not reload"
        return
    if (expected := probe.expected()) is not None and len(early) != expected:
        drew = " and ".join(f"{u:g}" for u in probe.draws)
        who = min(early, default="reader1")
        text = (
            f"With {ms(probe.left)} left, δ = {ms(probe.delta)}, β = {probe.beta:g} and draw() = {drew}, "
            f"{_count(expected)} should reload, and {_count(len(early))} did."
        )
        at = next(event.t_start for event in of(run.trace, who))
        yield text, who, at, "reloads" if early else "does not reload"
    for name, draw in run.witness.draws.items():
        if count > 1 and draw.calls > 1:
            yield f"{name} called draw() {draw.calls} times for one decision.", name, run.now, "draws again"


def _hit(run: Play) -> Iterator[Found]:
    for name in (f"reader{n}" for n in range(1, len(run.witness.probe.draws) + 1)):
        trips = round_trips(of(run.trace, name))
        if name not in _early(run) and trips != 1 and not any(_value(run)):
            yield f"{name} was served from the cache in {trips} round trips; 1 will do.", name, 0.2, "a hit"


def _count(number: int) -> str:
    return {0: "no reader", 1: "one reader"}.get(number, f"{number} readers")


def _too_many(run: Play) -> Iterator[Found]:
    began = [load for load in loads(run.trace) if load.who != "first" and load.start < 1.3]
    if len(began) > MOST:
        text = f"{len(began)} of {run.schedule.clients} readers reloaded around one expiry; at most {MOST} may."
        yield text, began[MOST].who, began[MOST].start, f"reload number {MOST + 1}"


# -- clues: what does the answer do where well-known mistakes differ? --------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """Of a logarithm of zero, its error tells; of the others, whether a few more readers reload."""
    if "value" in failing:
        errors = [result for result in failing["value"].results.values() if isinstance(result, ValueError)]
        if errors and "math domain" in str(errors[0]):
            yield "log-of-zero"
    else:
        yield from (name for name, has in MISTAKES.items() if has(partial(reloads, failing.answer)))


def reloads(answer: Answer, *, left: float, delta: float = 0.1, beta: float = 1.0, u: float = 0.5) -> bool:
    """Does a reader with so much left reload?"""
    build = partial(readers, answer, [Probe(delta, beta, left, (u,))])
    return "reader1" in _early(play(trial("a reader", build, {}, world=STEADY, horizon=12.0), Schedule(1)))


def _milliseconds(reloads: Callable[..., bool]) -> bool:
    """Early by a thousandth of what is right, or a thousand times too early."""
    too_late = not reloads(left=0.01) and reloads(left=0.05, beta=1000.0)
    return too_late or (reloads(left=1.5) and not reloads(left=1.5, beta=0.001))


MISTAKES: dict[str, Callable[[Callable[..., bool]], bool]] = {
    "reversed": lambda reloads: reloads(left=1.5) and not reloads(left=0.005),
    "milliseconds": _milliseconds,
    "sign": lambda reloads: (
        not any(reloads(left=0.005, u=u) for u in (0.5, 0.02, 0.98)) and reloads(left=0.05, beta=-1.0)
    ),
    "no-chance": lambda reloads: (
        reloads(left=0.005)
        and not reloads(left=1.5)
        and all(
            reloads(left=left, beta=beta, u=0.1) == reloads(left=left, beta=beta, u=0.9)
            for left, beta in ((0.02, 1.0), (0.07, 1.0), (0.15, 1.0), (2.5, 30.0))
        )
    ),
    "beta-upside-down": lambda reloads: reloads(left=0.08, beta=0.5) and not reloads(left=0.08, beta=2.0),
    "delta-not-measured": lambda reloads: (
        reloads(left=0.005)
        and not reloads(left=1.5)
        and all(
            reloads(left=left, beta=beta, delta=0.05) == reloads(left=left, beta=beta, delta=0.2)
            for left, beta in ((0.02, 1.0), (0.05, 1.0), (0.08, 1.0), (0.12, 1.0), (1.5, 20.0))
        )
    ),
}

RULES = Rules(coroutine_function("redis, key, load, *, ttl, beta, draw"), trials, clues)
