"""Readers of values whose remaining life is known: 05.2 asks them, and sees who reloads."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import log
from typing import Any, NamedTuple

from course_lib.explore import Simulation, steady, until
from course_lib.explore.server_state import ask as ask_server
from course_lib.grading.database import Database
from course_lib.lessons.stampedes.exercises.crowd import ERRORS, Answer
from course_lib.lessons.stampedes.exercises.lifetimes import Life, kept

ONE_WAY = 0.0005
"""Seconds that a message takes."""
STEADY = partial(Simulation, latency=steady(ONE_WAY))
KEYS, TTLS = ("page", "page:{de}:7", "a{b:c", "basket 7"), (5.0, 4.25, 4.004)
"""A run's number says which."""
OLD, NEW = "an: old\npage", "a new page {é}"


class Probe(NamedTuple):
    """Readers of values with `left` seconds to live, that took `delta` to load; each reader draws its own number.

    `before` is what the load took that stored the value first, if it was refreshed since. With `fails`, the readers'
    loads fail.
    """

    delta: float
    beta: float
    left: float
    draws: tuple[float, ...] = (0.5,)
    before: float = 0.0
    fails: bool = False

    def expected(self) -> int | None:
        """How many readers reload, whether an answer takes ln(u) or ln(1 − u); None where the two differ."""
        scale = self.delta * self.beta
        plain = sum(u > 0 and self.left < -scale * log(u) for u in self.draws)
        mirrored = sum(self.left < -scale * log(1 - u) for u in self.draws)
        return plain if plain == mirrored and 0.0 not in self.draws else None


class Counted:
    """A `draw` that always returns the same number, and counts."""

    def __init__(self, u: float) -> None:
        self.u, self.calls = u, 0

    def __call__(self) -> float:
        self.calls += 1
        return self.u


@dataclass
class Probing:
    """One run's probe, and what became of it: by client, which draw it was given and what it must return; and how long
    each value was to live when the judge looked, and at the end."""

    probe: Probe
    world: Simulation
    ttl: float
    lives: list[Life] = field(default_factory=list)
    draws: dict[str, Counted] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    stale: bool = False
    """A value was not refreshed although β was so large that it should have been."""

    def look(self, key: str, *loaders: str) -> Life:
        """How long the value lives now that one of these stored."""
        return kept(self.world, key, loaders, self.ttl)


def readers(answer: Answer, probes: list[Probe], world: Simulation, clients: int) -> Probing:
    """One run for each probe: a run's seed is its number."""
    probe = probes[world.seed % len(probes)]
    run = Probing(probe, world, TTLS[world.seed % len(TTLS)])
    for number, u in enumerate(probe.draws, 1):
        _one_key(answer, world, run, u, number)
    return run


def _one_key(answer: Answer, world: Simulation, run: Probing, u: float, number: int) -> None:
    """One client loads a key, and perhaps refreshes it long before it expires; the judge looks when it does; a reader
    asks `probe.left` before that."""
    key, redis, probe = f"{KEYS[world.seed % len(KEYS)]}{number}", world.redis(), run.probe
    known = world.loop.create_future()
    first, reader = f"first{number}", f"reader{number}"
    again = Database(world, probe.delta, text=NEW if probe.before else OLD)
    fresh = Database(
        world, probe.delta, failing=int(probe.fails), text="newer still", error=ERRORS[world.seed % len(ERRORS)]
    )

    async def ask(name: str, database: Database, beta: float, u: float) -> Any:
        run.draws[name] = Counted(u)
        return await answer(redis, key, database.load_for(name), ttl=run.ttl, beta=beta, draw=run.draws[name])

    async def prepare() -> Any:
        if probe.before:
            await ask(first, Database(world, probe.before, text=OLD), probe.beta, 0.5)
        result = await ask(first, again, 1e6, 0.5)
        run.stale |= not again.begun
        run.rows[first] = run.rows[reader] = NEW if probe.before and again.begun else OLD
        life = run.look(key, first)
        run.lives.append(life)
        known.set_result(life.at + ask_server(world.nodes[0], b"PTTL", key.encode()) / 1000)
        return result

    async def read() -> Any:
        await until(world, await known - probe.left - ONE_WAY)
        try:
            return await ask(reader, fresh, probe.beta, u)
        finally:
            if fresh.begun and not probe.fails:
                run.rows[reader] = fresh.row or ""
            if fresh.begun or probe.left > 0.1:
                run.lives.append(run.look(key, reader if fresh.begun and not probe.fails else first))

    world.client(first, prepare)
    world.client(reader, read)
