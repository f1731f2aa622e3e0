"""02.5, break it: the answer is an order of commands, and it is judged by what a reader is served afterwards."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import Play, Schedule, Simulation, Trial, Turn, Turns, Violation, play
from course_lib.grading.answers import NOT_YET
from course_lib.grading.evidence import JUDGE, ms
from course_lib.grading.exercise import Refused
from course_lib.grading.versions import twins

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
    if answer is None or answer is Ellipsis:
        raise Refused("unanswered", NOT_YET.replace("`raise NotImplementedError`", "`...`"))
    if not isinstance(answer, list | tuple) or not all(type(name) is str for name in answer):
        kind = type(answer).__name__
        raise Refused("error", f'You handed in an object of type {kind}; hand in a list, such as ["reader", "writer"].')
    strange = next((name for name in answer if name not in PLAYERS), None)
    if strange is not None or len(answer) > MOST:
        what = f"There is no {strange!r}" if strange is not None else f"Your list has {len(answer)} names"
        raise Refused("error", f'{what}: name "reader" or "writer" for each command, at most {MOST} in all.')
    return tuple(answer)


def follow(order: tuple[str, ...]) -> list[Trial]:
    """The same order with the recipe, and with its mended twin."""
    broken = _ordered("the recipe in your order", ("breaks", _breaks), order, twins.copies_forward)
    harmless = not stale(play(broken, Schedule(2)))
    mended = ("mended", _harmless if harmless else _survives)
    return [broken, _ordered("the mended recipe in your order", mended, order, twins.copies_in_one_step)]


def _ordered(
    name: str, promise: tuple[str, Callable[[Play], Iterator[Violation]]], order: tuple[str, ...], read: Read
) -> Trial:
    return Trial(name, promise[:1], partial(_build, order, read), promise[1], sizes=(2,), least=2, horizon=5.0,
                 unfaulted="your order")  # fmt: skip


def _build(order: tuple[str, ...], read: Read, world: Simulation, clients: int) -> Played:
    """Version 1's key is warm; then reader and writer go in this order; when both are done, one more read."""
    redis, played = world.redis(), Played()
    world.turns = Turns(in_order(order), step=0.002)

    async def warm() -> None:
        await redis.set(twins.OLD_KEY.format(42), json.dumps({"name": "Ann Lee"}), px=60_000)

    async def load(user: str) -> dict[str, str]:
        return dict(played.row)

    async def save(user: str, profile: dict[str, str]) -> None:
        played.row = dict(profile)

    async def write() -> None:
        await twins.renames(redis, "42", NEW, save)
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


def _harmless(run: Play) -> Iterator[Violation]:
    yield Violation("mended", "That the mended recipe survives says nothing, as your order breaks neither of the two.")


def clue(answer: Any, failing: Mapping[str, Play]) -> str | None:
    """Where the writer's DEL came among the reader's three commands."""
    if "breaks" not in failing:
        return None
    sent = sorted(
        (event for event in failing["breaks"].trace if event.client in PLAYERS), key=lambda event: event.t_server or 0.0
    )
    before = [event.client for event in sent].index("writer")
    return {0: "writer-first", 1: "writer-too-early"}.get(before, "writer-last")
