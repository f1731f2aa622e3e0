"""05.2, early refresh by chance. `draw` is injected, so the judge knows which reader must reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import log
from typing import Any, NamedTuple

from course_lib.explore import Play, Schedule, Simulation, Trial, play, steady, until
from course_lib.grading.answer import coroutine_function
from course_lib.grading.database import Database
from course_lib.grading.evidence import JUDGE, loads, ms, of, round_trips, shown
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.stampedes.exercises.crowd import Answer

TTL, ONE_WAY = 2.0, 0.0005
CROWD, MOST = 20, 14
"""Readers that ask every 50 ms, and how many of them may reload; without early refresh, all of them do."""
STEADY = partial(Simulation, latency=steady(ONE_WAY))


class Probe(NamedTuple):
    """Readers of values with `left` seconds to live, that took `delta` to load; each reader draws its own number."""

    delta: float
    beta: float
    left: float
    draws: tuple[float, ...] = (0.5,)

    def expected(self) -> int | None:
        """How many readers reload, whether an answer takes ln(u) or ln(1 − u); None where the two differ."""
        scale = self.delta * self.beta
        plain = sum(u > 0 and self.left < -scale * log(u) for u in self.draws)
        mirrored = sum(self.left < -scale * log(1 - u) for u in self.draws)
        return plain if plain == mirrored and 0.0 not in self.draws else None


@dataclass
class Probing:
    """One run's probe and database, and how many milliseconds each key had left when the judge looked."""

    probe: Probe
    database: Database
    lives: list[int] = field(default_factory=list)


HALVES = [
    Probe(delta, beta, round(factor * delta * beta * log(2), 4))
    for delta in (0.1, 0.2, 0.05) for beta in (1.0, 2.0, 0.5) for factor in (0.8, 1.25)
]  # fmt: skip
SPREAD = [Probe(0.1, 1.0, 0.07, (0.1, 0.9)), Probe(0.1, 1.0, 0.28, (0.02, 0.98)), Probe(0.1, 1.0, 0.28, (0.1, 0.9))]
EDGES = [Probe(0.1, 0.0, 0.005), Probe(0.1, 1.0, 1.5), Probe(0.1, 1.0, 0.05, (0.0,))]


def trials(answer: Answer) -> list[Trial]:
    """Readers at a known distance from the expiry; then a crowd of readers that passes one expiry."""
    return [
        trial("readers at a known time before the expiry", partial(_readers, answer, [*HALVES, *SPREAD, *EDGES]),
              {"value": _value, "chance": partial(_reloads, 1), "by-chance": partial(_reloads, 2), "hit": _hit},
              sizes=(1,), seeds=len(HALVES) + len(SPREAD) + len(EDGES), world=STEADY, horizon=5.0),
        trial("twenty readers pass one expiry", partial(_crowd, answer), {"crowd": _too_many}, sizes=(CROWD,), seeds=2,
              world=STEADY, horizon=5.0),
    ]  # fmt: skip


def _readers(answer: Answer, probes: list[Probe], world: Simulation, clients: int) -> Probing:
    """One run for each probe: a run's seed is its number."""
    probe = probes[world.seed % len(probes)]
    run = Probing(probe, Database(world, probe.delta))
    for number, u in enumerate(probe.draws, 1):
        _one_key(answer, world, run, u, number)
    return run


def _one_key(answer: Answer, world: Simulation, run: Probing, u: float, number: int) -> None:
    """One client loads a key; the judge looks when it expires; a reader asks `probe.left` before that."""
    key, redis, known, probe = f"page{number}", world.redis(), world.loop.create_future(), run.probe
    first, reader = f"first{number}", f"reader{number}"

    async def look() -> None:
        run.lives.append(await redis.pttl(key))
        known.set_result(world.now() - ONE_WAY + run.lives[-1] / 1000)

    async def ask(name: str) -> Any:
        return await answer(redis, key, run.database.load_for(name), ttl=TTL, beta=probe.beta, draw=lambda: u)

    async def read() -> Any:
        await until(world, await known - probe.left - ONE_WAY)
        return await ask(reader)

    world.client(first, ask, first)
    world.client(f"{JUDGE}{number}", look, start=probe.delta + 0.1)
    world.client(reader, read)


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
    """Everybody gets the row, and the row lives as long as it should."""
    row, lives = run.witness.database.row, run.witness.lives
    for name, result in run.results.items():
        if not name.startswith(JUDGE) and (type(result) is not str or result != row):
            draw = run.witness.probe.draws[0]
            text = f"{name}, with draw() = {draw}, ended with {shown(result)}; the row is {row!r}."
            yield text, name, run.now, "wrong answer"
    if any(not (TTL - 0.5) * 1000 < life <= TTL * 1000 for life in lives):
        so = {-2: "it is not there", -1: "it never expires"}.get(lives[0], f"it has {lives[0]:,} ms left")
        text = f"100 ms after it was stored, the key should have 1,900 ms left; {so}."
        yield text, "first1", 0.2, "ttl"


def _early(run: Play) -> set[str]:
    return {load.who for load in loads(run.trace) if load.who.startswith("reader")}


def _reloads(readers: int, run: Play) -> Iterator[Found]:
    """One reader reloads if its draw says so; of two, each by its own draw."""
    probe, early = run.witness.probe, _early(run)
    expected = probe.expected() if len(probe.draws) == readers else None
    if expected is not None and len(early) != expected and not any(_value(run)):
        drew = " and ".join(f"{u:g}" for u in probe.draws)
        who = min(early, default="reader1")
        text = (
            f"With {ms(probe.left)} left, δ = {ms(probe.delta)}, β = {probe.beta:g} and draw() = {drew}, "
            f"{_count(expected)} should reload, and {_count(len(early))} did."
        )
        at = next(event.t_start for event in of(run.trace, who) if event.t_start > 0.2)
        yield text, who, at, "reloads" if early else "does not reload"


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
    build = partial(_readers, answer, [Probe(delta, beta, left, (u,))])
    return "reader1" in _early(play(trial("a reader", build, {}, world=STEADY, horizon=5.0), Schedule(1)))


def _milliseconds(reloads: Callable[..., bool]) -> bool:
    """Early by a thousandth of what is right, or a thousand times too early."""
    too_late = not reloads(left=0.01) and reloads(left=0.05, beta=1000.0)
    return too_late or (reloads(left=1.5) and not reloads(left=1.5, beta=0.001))


MISTAKES: dict[str, Callable[[Callable[..., bool]], bool]] = {
    "reversed": lambda reloads: reloads(left=1.5) and not reloads(left=0.005),
    "milliseconds": _milliseconds,
    "sign": lambda reloads: not any(reloads(left=0.005, u=u) for u in (0.5, 0.02, 0.98)),
    "no-chance": lambda reloads: all(
        reloads(left=left, u=0.1) == reloads(left=left, u=0.9) for left in (0.02, 0.07, 0.15)
    ),
    "beta-upside-down": lambda reloads: reloads(left=0.08, beta=0.5) and not reloads(left=0.08, beta=2.0),
    "delta-not-measured": lambda reloads: reloads(left=0.08, delta=0.05) == reloads(left=0.08, delta=0.2),
}

RULES = Rules(coroutine_function("redis, key, load, *, ttl, beta, draw"), trials, clues)
