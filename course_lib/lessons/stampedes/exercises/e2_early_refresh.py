"""05.2, early refresh by chance. `draw` is injected, so whether a reader reloads is no chance at all for the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from math import log
from typing import Any, NamedTuple

from course_lib.explore import Play, Simulation, Trial, Violation, steady
from course_lib.grading.database import Database
from course_lib.grading.evidence import JUDGE, loads, ms, of, round_trips, shown
from course_lib.lessons.stampedes.exercises.crowd import Answer

TTL, ONE_WAY = 2.0, 0.0005
CROWD, MOST = 20, 14
"""Of so many readers that ask every 50 ms, so many may reload; without early refresh, all of them do."""


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


HALVES = [
    Probe(delta, beta, round(factor * delta * beta * log(2), 4))
    for delta in (0.1, 0.2, 0.05) for beta in (1.0, 2.0, 0.5) for factor in (0.8, 1.25)
]  # fmt: skip
SPREAD = [Probe(0.1, 1.0, 0.07, (0.1, 0.9)), Probe(0.1, 1.0, 0.28, (0.02, 0.98)), Probe(0.1, 1.0, 0.28, (0.1, 0.9))]
EDGES = [Probe(0.1, 0.0, 0.005), Probe(0.1, 1.0, 1.5), Probe(0.1, 1.0, 0.05, (0.0,))]


def fill_the_test(answer: Answer) -> list[Trial]:
    """Readers at a known distance from the expiry; then a crowd of readers that passes one expiry."""
    return [probing(answer, [*HALVES, *SPREAD, *EDGES]), crowding(answer)]


def probing(answer: Answer, probes: list[Probe]) -> Trial:
    """One run for each probe: a run's seed is its number."""

    def build(world: Simulation, clients: int) -> tuple[Probe, Database, dict[str, int]]:
        probe, lives = probes[world.seed % len(probes)], dict[str, int]()
        database = Database(world, probe.delta)
        for number, u in enumerate(probe.draws, 1):
            _one_key(answer, world, database, probe, u, number, lives)
        return probe, database, lives

    names = ("value", "chance", "by-chance", "hit")
    return Trial("readers at a known time before the expiry", names, build, _judge_probe, sizes=(1,), seeds=len(probes),
                 world=lambda: Simulation(latency=steady(ONE_WAY)), horizon=5.0)  # fmt: skip


def _one_key(
    answer: Answer, world: Simulation, database: Database, probe: Probe, u: float, number: int, lives: dict[str, int]
) -> None:
    """One client loads a key; the judge looks when it expires; a reader asks `probe.left` before that."""
    key, redis, known = f"page{number}", world.redis(), world.loop.create_future()
    first, reader = f"first{number}", f"reader{number}"

    async def look() -> None:
        lives[reader] = await redis.pttl(key)
        known.set_result(world.now() - ONE_WAY + lives[reader] / 1000)

    async def ask(name: str) -> Any:
        return await answer(redis, key, database.load_for(name), ttl=TTL, beta=probe.beta, draw=lambda: u)

    async def read() -> Any:
        expiry = await known
        done = world.loop.create_future()
        world.loop.call_at(expiry - probe.left - ONE_WAY, done.set_result, None)
        await done
        return await ask(reader)

    world.client(first, ask, first)
    world.client(f"{JUDGE}{number}", look, start=probe.delta + 0.1)
    world.client(reader, read)


def _judge_probe(run: Play) -> Iterator[Violation]:
    probe, database, lives = run.witness
    readers = {name: result for name, result in run.results.items() if not name.startswith(JUDGE)}
    for name, result in readers.items():
        if type(result) is not str or result != database.row:
            text = f"{name}, with draw() = {probe.draws[0]}, ended with {shown(result)}; the row is {database.row!r}."
            yield Violation("value", text, name, run.now, "wrong answer")
            return
    if any(not (TTL - 0.5) * 1000 < life <= TTL * 1000 for life in lives.values()):
        life = next(iter(lives.values()))
        so = {-2: "it is not there", -1: "it never expires"}.get(life, f"it has {life:,} ms left")
        text = f"100 ms after it was stored, the key should have 1,900 ms left; {so}."
        yield Violation("value", text, "first1", 0.2, "ttl")
        return
    yield from _judge_chance(run, probe)


def _judge_chance(run: Play, probe: Probe) -> Iterator[Violation]:
    early = {load.who for load in loads(run.trace) if load.who.startswith("reader")}
    expected = probe.expected()
    if expected is not None and len(early) != expected:
        promise = "chance" if len(probe.draws) == 1 else "by-chance"
        drew = " and ".join(f"{u:g}" for u in probe.draws)
        who = sorted(early)[0] if early else "reader1"
        text = (
            f"With {ms(probe.left)} left, δ = {ms(probe.delta)}, β = {probe.beta:g} and draw() = {drew}, "
            f"{_readers(expected)} should reload, and {_readers(len(early))} did."
        )
        at = next(event.t_start for event in of(run.trace, who) if event.t_start > 0.2)
        yield Violation(promise, text, who, at, "reloads" if early else "does not reload")
    for name in (f"reader{n}" for n in range(1, len(probe.draws) + 1)):
        trips = round_trips(of(run.trace, name))
        if name not in early and trips != 1:
            text = f"{name} was served from the cache in {trips} round trips; 1 will do."
            yield Violation("hit", text, name, 0.2, "a hit")


def _readers(number: int) -> str:
    return {0: "no reader", 1: "one reader"}.get(number, f"{number} readers")


def crowding(answer: Answer) -> Trial:
    """Readers that come back every 50 ms, from 600 ms before a key expires until 150 ms after."""

    def build(world: Simulation, clients: int) -> Database:
        database, draw = Database(world, 0.1), world.draws("draw")

        async def ask(name: str, times: int) -> None:
            for _ in range(times):
                await answer(world.redis(), "page", database.load_for(name), ttl=1.0, beta=1.0, draw=draw)
                await asyncio.sleep(0.05)

        world.client("first", ask, "first", 1)
        for number in range(1, clients + 1):
            world.client(f"c{number}", ask, f"c{number}", 15, start=0.5 + 0.05 * world.draws(f"start{number}")())
        return database

    def judge(run: Play) -> Iterator[Violation]:
        found = [load for load in loads(run.trace) if load.who != "first"]
        began = [load for load in found if load.start < 1.3]
        if len(began) > MOST:
            text = f"{len(began)} of {run.schedule.clients} readers reloaded around one expiry; at most {MOST} may."
            yield Violation("crowd", text, began[MOST].who, began[MOST].start, f"reload number {MOST + 1}")

    return Trial("twenty readers pass one expiry", ("crowd",), build, judge, sizes=(CROWD,), seeds=2,
                 world=lambda: Simulation(latency=steady(ONE_WAY)), horizon=5.0)  # fmt: skip
