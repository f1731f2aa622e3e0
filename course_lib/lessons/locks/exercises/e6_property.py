"""04.6, write the property: the answer reads traces; it is judged on runs of broken locks and of a right one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.acts import world
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import ms
from course_lib.grading.rules import Failing, Found, Rules
from course_lib.grading.write_the_property import Property, watched
from course_lib.lessons.locks import programs
from course_lib.trace import Note, Trace

LEASE = "hold"
"""The kind of note of what a client believes: from `t_start` to `t_end` the lock is its own."""
WORK, PAUSE = 0.3, 0.6
"""Seconds. A pause outlasts the lock."""


def trials(answer: Property) -> list[Trial]:
    """Runs made by hand; then two clients; a pause at every command; and where the lock is right, a crash at every
    command too."""
    pause: dict[str, Any] = {"faults": {"pause": PAUSE}}
    either: dict[str, Any] = {"faults": {"pause": PAUSE, "crash": 0.0}}
    watch = partial(watched, answer, _two_leases, sizes=(2,), least=2, horizon=8.0, world=partial(world, nodes=3))
    return [
        watched(answer, _two_leases, "reads", "made by hand", _by_hand, sizes=(1,), seeds=len(CASES)),
        watch("catches-late", "no validity", partial(_build, programs.NoValidity, 1), **pause),
        watch("catches-del", "any lock freed", partial(_build, programs.FreesAnyLock, 2), **pause),
        watch("catches-extension", "an extension from its reply", partial(_build, programs.ExtendsLate, 1), **pause),
        watch("accepts", "the right lock", partial(_build, programs.RightLock, 1), **either),
    ]


def _two_leases(run: Play) -> Iterator[Found]:
    if (both := two_believe(run.trace)) is not None:
        first, second = both
        text = f"From {ms(second.t_start)} on {first.who} and {second.who} both had a lease"
        yield text, second.who, second.t_start, "two leases"


def two_believe(trace: Trace) -> tuple[Note, Note] | None:
    """The first two leases of different clients that overlap. One ends when its client dies, or is told or knows."""
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    leases = sorted((note for note in trace.notes if note.kind == LEASE), key=lambda note: note.t_start)
    ends = [died.get(note.who, inf) if note.t_end is None else note.t_end for note in leases]
    for number, later in enumerate(leases):
        for earlier, end in zip(leases[:number], ends, strict=False):
            if earlier.who != later.who and end > later.t_start and ends[number] > later.t_start:
                return earlier, later
    return None


def _by_hand(world: Simulation, clients: int) -> None:
    """A run in which nothing is sent: the notes of a case."""
    world.trace.notes += [replace(note) for note in CASES[world.seed % len(CASES)][1]]


def _build(lock: type[programs.RightLock], turns: int, world: Simulation, clients: int) -> None:
    start = world.draws("start")
    for number in range(1, clients + 1):
        turns_of = turns if number == 1 else 1
        world.client(f"c{number}", _work, lock, world, f"c{number}", turns_of, start=start() * 0.02)


async def _work(kind: type[programs.RightLock], world: Simulation, who: str, turns: int) -> None:
    """Get the lock, work, extend it, work, give it back. Nobody works beyond the lease."""
    draw = world.draws(who)
    for turn in range(1, turns + 1):
        lock = kind([world.redis(node) for node in range(3)], f"{who}.{turn}")
        while not await lock.acquire():
            await until(world, world.now() + draw.between(0.2, 0.4))
        first, ends = await _believes(world, who, lock), lock.until
        if await lock.extend() and world.now() < lock.until:
            first.t_end = ends
            second = await _believes(world, who, lock)
            second.t_end = min(lock.until, world.now())
        first.t_end = min(ends, world.now())
        await lock.release()
        await until(world, world.now() + draw.between(0.2, 0.4))


async def _believes(world: Simulation, who: str, lock: programs.RightLock) -> Note:
    lease = world.note(who, LEASE)
    await until(world, min(world.now() + WORK, lock.until))
    return lease


# -- runs made by hand -------------------------------------------------------------------------------------------------


Case = tuple[str, list[Note]]
TABLES = tomllib.loads(Path(__file__).with_name("e6_property.toml").read_text(encoding="utf-8"))["runs"]
CASES: list[Case] = [(run["mistake"], [Note(*note) for note in run["notes"]]) for run in TABLES]
"""The mistake, and notes, from the simplest run on. What the answer says of the first one that it reads wrongly names a
well-known mistake, or none: it has read all simpler ones rightly."""


def clues(failing: Failing) -> Iterator[str]:
    """The mistake that the first run made by hand shows that is read wrongly."""
    if "reads" in failing and (name := CASES[failing["reads"].schedule.seed][0]):
        yield name


RULES = Rules(plain_function("trace"), trials, clues, learners_code=False)
