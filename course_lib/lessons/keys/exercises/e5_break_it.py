"""02.5, break it: the answer is an order of commands, and it is judged by what a reader is served afterwards."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Turn, Turns, Violation
from course_lib.grading import break_it
from course_lib.grading.evidence import JUDGE, ms
from course_lib.lessons.keys import programs

PLAYERS, MOST = ("reader", "writer"), 12
OLD, NEW = {"first": "Ann", "last": "Lee"}, {"first": "Ann", "last": "Moore"}
Read = Callable[..., Awaitable[Any]]


@dataclass
class Played:
    """What became of a run: when the writer returned, and what was read at last. Times in seconds."""

    row: dict[str, str] = field(default_factory=lambda: dict(OLD))
    returned: float | None = None
    last: Any = None


def an_order(answer: Any) -> tuple[str, ...]:
    """The answer, if it is a list of players."""
    return break_it.an_order(answer, PLAYERS, MOST, "command")


def follow(order: tuple[str, ...]) -> list[Trial]:
    """The same order with the recipe, and with its mended twin."""
    return break_it.with_its_twin(
        _ordered("the recipe in your order", "breaks", _breaks, order, programs.copies_forward),
        _ordered("the mended recipe in your order", "mended", _survives, order, programs.copies_in_one_step),
        "That the mended recipe survives says nothing, as your order breaks neither of the two.",
    )


def _ordered(
    name: str, promise: str, judge: Callable[[Play], Iterator[Violation]], order: tuple[str, ...], read: Read
) -> Trial:
    return Trial(name, (promise,), partial(_build, order, read), judge, sizes=(2,), least=2, horizon=5.0,
                 unfaulted="your order")  # fmt: skip


def _build(order: tuple[str, ...], read: Read, world: Simulation, clients: int) -> Played:
    """Version 1's key is warm; then reader and writer go in this order; when both are done, one more read."""
    redis, played = world.redis(), Played()
    world.turns = Turns(in_order(order), step=0.002)

    async def warm() -> None:
        await redis.set(programs.OLD_KEY.format(42), json.dumps({"name": "Ann Lee"}), px=60_000)

    async def load(user: str) -> dict[str, str]:
        return dict(played.row)

    async def save(user: str, profile: dict[str, str]) -> None:
        played.row = dict(profile)

    async def write() -> None:
        await programs.renames(redis, "42", NEW, save)
        played.returned = world.now()

    async def last() -> None:
        played.last = await read(redis, "42", load, ttl=60)

    world.client(f"{JUDGE} warms", warm)
    world.client("reader", partial(read, ttl=60), redis, "42", load, start=0.05)
    world.client("writer", write, start=0.05)
    world.client("later", last, start=1.0)
    return played


def in_order(order: Sequence[str]) -> Callable[[Sequence[Turn]], int]:
    """Whoever is named next and can go; when nobody is named any more, whoever comes first."""
    left = iter(order)

    def choose(turns: Sequence[Turn]) -> int:
        able = [turn.client for turn in turns]
        if not set(able) & set(PLAYERS):
            return 0
        return next((able.index(name) for name in left if name in able), 0)

    return choose


def stale(run: Play) -> bool:
    """Is the old profile served to one who asks after the write has returned?"""
    return bool(run.witness.last == OLD)


def _breaks(run: Play) -> Iterator[Violation]:
    when = next((event.t_start for event in run.trace if event.client == "later"), 1.0)
    if stale(run):
        run.trace.note("later", "violation", when, text="served the old profile")
    else:
        text = f"Whoever reads after the write gets Ann Moore, as she is called now: {_told(run)}."
        yield Violation("breaks", text, "later", when, "the new profile")


def _told(run: Play) -> str:
    sent = [event for event in run.trace if event.client in PLAYERS]
    return ", ".join(f"{e.client} {e.name}" for e in sorted(sent, key=lambda event: event.t_server or 0.0))


def _survives(run: Play) -> Iterator[Violation]:
    if stale(run):
        text = f"The mended recipe serves the old profile too, {ms(run.now)} after the start."
        yield Violation("mended", text, "later", 1.0, "served the old profile")


def clue(answer: Any, failing: Mapping[str, Play]) -> str | None:
    """Where the writer's DEL came among the reader's three commands."""
    if "breaks" not in failing:
        return None
    sent = sorted(
        (event for event in failing["breaks"].trace if event.client in PLAYERS), key=lambda event: event.t_server or 0.0
    )
    before = [event.client for event in sent].index("writer")
    return {0: "writer-first", 1: "writer-too-early"}.get(before, "writer-last")
