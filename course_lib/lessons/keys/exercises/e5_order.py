"""02.5, break it: the answer is an order of commands, and it is judged by what a reader is served afterwards."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Turns
from course_lib.grading import break_it
from course_lib.grading.evidence import JUDGE, as_they_ran, ms
from course_lib.grading.rules import Failing, Found, Rules
from course_lib.lessons.keys import programs
from course_lib.trace import Event

PLAYERS, MOST = ("reader", "writer"), 12
OLD, NEW = {"first": "Ann", "last": "Lee"}, {"first": "Ann", "last": "Moore"}
Read = Callable[..., Awaitable[Any]]


@dataclass
class Played:
    """What the database holds, and what was read at last."""

    row: dict[str, str] = field(default_factory=lambda: dict(OLD))
    last: Any = None


def an_order(answer: Any) -> tuple[str, ...]:
    """The answer, if it is a list of players."""
    return break_it.an_order(answer, PLAYERS, MOST, "command")


def trials(order: tuple[str, ...]) -> list[Trial]:
    """The same order with the recipe, and with its mended twin."""
    return break_it.twins(
        partial(_build, order),
        ("the recipe in your order", programs.copies_forward, {"breaks": _breaks}),
        ("the mended recipe in your order", programs.copies_in_one_step, {"mended": _survives}),
        "That the mended recipe survives says nothing, as your order breaks neither of the two.",
        sizes=(2,), least=2, world=Simulation, horizon=5.0, unfaulted="your order",
    )  # fmt: skip


def _build(order: tuple[str, ...], read: Read, world: Simulation, clients: int) -> Played:
    """Version 1's key is warm; then reader and writer go in this order; when both are done, one more read."""
    redis, played = world.redis(), Played()
    world.turns = Turns(break_it.in_order(order, PLAYERS), step=0.002)

    async def load(user: str) -> dict[str, str]:
        return dict(played.row)

    async def save(user: str, profile: dict[str, str]) -> None:
        played.row = dict(profile)

    async def last() -> None:
        played.last = await read(redis, "42", load, ttl=60)

    warm = json.dumps({"name": "Ann Lee"})
    world.client(f"{JUDGE} warms", partial(redis.set, programs.OLD_KEY.format(42), warm, px=60_000))
    world.client("reader", partial(read, ttl=60), redis, "42", load, start=0.05)
    world.client("writer", programs.renames, redis, "42", NEW, save, start=0.05)
    world.client("later", last, start=1.0)
    return played


def stale(run: Play) -> bool:
    """Is the old profile served to a reader that asks after the write has returned?"""
    return bool(run.witness.last == OLD)


def _ran(run: Play) -> list[Event]:
    return [event for event in as_they_ran(run.trace) if event.client in PLAYERS]


def _breaks(run: Play) -> Iterator[Found]:
    when = next((event.t_start for event in run.trace if event.client == "later"), 1.0)
    if stale(run):
        run.trace.note("later", "violation", when, text="served the old profile")
    else:
        order = ", ".join(f"{event.client} {event.name}" for event in _ran(run))
        text = f"Whoever reads after the write gets Ann Moore, as she is called now: {order}."
        yield text, "later", when, "the new profile"


def _survives(run: Play) -> Iterator[Found]:
    if stale(run):
        text = f"The mended recipe serves the old profile too, {ms(run.now)} after the start."
        yield text, "later", 1.0, "served the old profile"


def clues(failing: Failing) -> Iterator[str]:
    """Where the writer's DEL came among the reader's three commands."""
    if "breaks" in failing:
        before = [event.client for event in _ran(failing["breaks"])].index("writer")
        yield {0: "writer-first", 1: "writer-too-early"}.get(before, "writer-last")


RULES = Rules(an_order, trials, clues, learners_code=False, exhibit=True)
