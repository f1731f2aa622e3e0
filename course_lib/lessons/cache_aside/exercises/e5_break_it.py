"""00.5, break it: the answer is an order of steps, and it is judged by what is in the cache afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Turns
from course_lib.explore.server_state import ask
from course_lib.grading import break_it
from course_lib.grading.evidence import as_they_ran
from course_lib.grading.rules import Failing, Found, Rules, named
from course_lib.lessons.cache_aside import programs
from course_lib.trace import Event

PLAYERS, MOST = ("reader", "writer"), 10
KEY, ROW, OLD, NEW, TTL = "app:product:42", "product 42", "12 dollars", "15 dollars", 60.0
Read = Callable[..., Awaitable[Any]]


@dataclass
class Left:
    """What is under the key when all is over."""

    world: Simulation

    @property
    def page(self) -> str | None:
        held = ask(self.world.nodes[0], b"GET", KEY.encode())
        return held.decode() if isinstance(held, bytes) else None


def an_order(answer: Any) -> tuple[str, ...]:
    """The answer, if it is a list of players."""
    return break_it.an_order(answer, PLAYERS, MOST, "step")


def _world() -> Simulation:
    """The cache, and beside it a server that plays the database."""
    world = Simulation(nodes=2)
    world.nodes[0].name, world.nodes[1].name = "redis", "database"
    return world


def trials(order: tuple[str, ...]) -> list[Trial]:
    """The same order with the reader of the lesson, and with its mended twin."""
    return break_it.twins(
        partial(_build, order),
        ("the reader in your order", programs.reads_through, {"breaks": _breaks}),
        ("the mended reader in your order", programs.looks_again, {"mended": _survives}),
        "That the mended reader survives says nothing, as your order breaks neither of the two.",
        sizes=(2,), least=2, world=_world, horizon=5.0, unfaulted="your order",
    )  # fmt: skip


def _build(order: tuple[str, ...], read: Read, world: Simulation, clients: int) -> Left:
    """The page has just expired. The reader and the writer go in this order, step by step."""
    redis, database = world.redis(), world.redis(1)
    world.given(("SET", ROW, OLD), node=1)
    world.turns = Turns(break_it.in_order(order, PLAYERS), step=0.002)
    world.client("reader", partial(read, ttl=TTL), redis, KEY, partial(database.get, ROW), start=0.01)
    world.client("writer", programs.commits_then_deletes, redis, KEY, partial(database.set, ROW, NEW), start=0.01)
    return Left(world)


def _steps(run: Play) -> list[tuple[str, str]]:
    """Who did what, in the order in which it happened."""
    return [(event.client, _step(event)) for event in as_they_ran(run.trace)]


def _step(event: Event) -> str:
    if event.node == "database":
        return "loads" if event.name == "GET" else "commits"
    return {"GET": "asks", "SET": "stores", "DEL": "deletes"}[event.name]


def _told(run: Play) -> str:
    return ", ".join(f"{who} {step}" for who, step in _steps(run))


def _breaks(run: Play) -> Iterator[Found]:
    last = as_they_ran(run.trace)[-1]
    when = last.t_server or 0.0
    if run.witness.page == OLD:
        run.trace.note(last.client, "violation", when, text="the old price stays in the cache")
    else:
        left = "nothing" if run.witness.page is None else f"the new price, {NEW}"
        yield f"In your order {left} is left in the cache: {_told(run)}.", last.client, when, "no old price"


def _survives(run: Play) -> Iterator[Found]:
    if run.witness.page == OLD:
        yield (
            f"Your order leaves the old price under the mended reader too: {_told(run)}.",
            "reader",
            run.now,
            "the old price",
        )


def clues(failing: Failing) -> Iterator[str]:
    """Where the writer's two steps came among the reader's three."""
    if "breaks" not in failing:
        return iter(())
    steps = _steps(failing["breaks"])
    at = {step: place for place, (_, step) in enumerate(steps)}
    who = [client for client, _ in steps]
    return named({
        "one-after-another": who in (sorted(who), sorted(who, reverse=True)),
        "loads-the-new": at["commits"] < at["loads"],
        "deleted-after": at["stores"] < at["deletes"],
    })  # fmt: skip


RULES = Rules(an_order, trials, clues, learners_code=False, exhibit=True)
