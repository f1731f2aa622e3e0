"""06.5, break it: the answer is one pause, after which a writer that deletes twice leaves an old price in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from course_lib.explore import OneFault, Play, Simulation, Trial, steady
from course_lib.explore.server_state import ask
from course_lib.grading.break_it import a_fault, twins, woken
from course_lib.grading.evidence import as_they_ran, ms
from course_lib.grading.rules import Failing, Found, Rules, named
from course_lib.lessons.invalidation import programs

NAMES = ("reader", "writer")
KEY, ROW, OLD, NEW, TTL = "app:product:42", "product 42", "12 dollars", "15 dollars", 3_600.0


@dataclass
class Left:
    """What is under the key when all is over."""

    world: Simulation

    @property
    def page(self) -> str | None:
        held = ask(self.world.nodes[0], b"GET", KEY.encode())
        return held.decode() if isinstance(held, bytes) else None


def one_pause(answer: Any) -> OneFault:
    """The answer, if it is a fault."""
    return a_fault(answer, NAMES, 'a fault, such as OneFault("pause", at=1, seconds=0.2, client="reader")')


def _world() -> Simulation:
    """The cache, and beside it a server that plays the database. Each message takes a millisecond."""
    world = Simulation(nodes=2, latency=steady(0.001), socket_timeout=0.2)
    world.nodes[0].name, world.nodes[1].name = "redis", "database"
    return world


def trials(fault: OneFault) -> list[Trial]:
    """The same fault strikes the double delete, and the lease."""
    broken = (programs.reads_aside, programs.deletes_twice)
    mended = (programs.reads_with_a_lease, programs.takes_the_lease_away)
    return twins(
        partial(_build, fault),
        ("your fault strikes the double delete", broken, {"breaks": partial(_breaks, fault)}),
        ("the same fault strikes the lease", mended, {"mended": _survives}),
        "That the lease survives says nothing, as your fault does not break the double delete.",
        sizes=(2,), least=2, world=_world, horizon=20.0 + 2 * abs(fault.seconds), unfaulted="your fault",
    )  # fmt: skip


def _build(fault: OneFault, pair: tuple[Any, Any], world: Simulation, clients: int) -> Left:
    """The page has just expired. The reader asks; ten milliseconds later the writer makes the price another."""
    world.faults = replace(fault)
    redis, database = world.redis(), world.redis(1)
    world.given(("SET", ROW, OLD), node=1)
    read, write = pair
    world.client("reader", partial(read, ttl=TTL), redis, KEY, partial(database.get, ROW), start=0.01)
    world.client("writer", write, redis, KEY, partial(database.set, ROW, NEW), start=0.02)
    return Left(world)


def _steps(run: Play) -> str:
    """Who did what on the cache, and when."""
    ran = [event for event in as_they_ran(run.trace) if event.node == "redis" or event.name == "SET"]
    return ", ".join(f"{e.client} {e.name} at {ms(e.t_server or 0.0)}" for e in ran)


def _breaks(fault: OneFault, run: Play) -> Iterator[Found]:
    if fault.kind != "pause":
        yield (f"Your fault is of the kind {fault.kind!r}. Find a pause: nothing is lost, and nobody dies.",)
    elif run.witness.page != OLD:
        left = "nothing" if run.witness.page is None else f"the new price, {NEW},"
        last = as_they_ran(run.trace)[-1]
        yield f"At the end {left} is in the cache: {_steps(run)}.", last.client, last.t_server or 0.0, "no old price"
    else:
        last = [event for event in as_they_ran(run.trace) if event.client == "reader"][-1]
        run.trace.note("reader", "violation", last.t_server or 0.0, text="the old price stays in the cache")


def _survives(run: Play) -> Iterator[Found]:
    if run.witness.page == OLD:
        yield "The lease leaves the old price too.", "reader", run.now, "the old price"


def clues(failing: Failing) -> Iterator[str]:
    """Who stood still, before which command, and what it did when it woke."""
    fault, run = failing.answer, failing.get("breaks")
    if run is None:
        return iter(())
    who, late = woken(run)
    return named({
        "not-a-pause": fault.kind != "pause",
        "never-struck": not who,
        "the-writer": who == "writer",
        "too-early": late == "GET",
        "too-short": late == "SET",
    })  # fmt: skip


RULES = Rules(one_pause, trials, clues, learners_code=False, exhibit=True)
