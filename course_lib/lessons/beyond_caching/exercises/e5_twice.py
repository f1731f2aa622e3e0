"""07.5, break it: the answer is one pause, after which a worker counts a parcel that another has counted."""

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
from course_lib.lessons.beyond_caching import programs

NAMES = ("w1", "w2")
PARCEL = "order 7"
SECOND = 2.5
"""When w2 looks, in seconds."""


@dataclass
class Counted:
    """How often the parcel is counted when all is over."""

    world: Simulation

    @property
    def times(self) -> int:
        return int(ask(self.world.nodes[0], b"HGET", programs.PACKED.encode(), PARCEL.encode()) or 0)


def one_pause(answer: Any) -> OneFault:
    """The answer, if it is a fault."""
    return a_fault(answer, NAMES, 'a fault, such as OneFault("pause", at=1, seconds=0.2, client="w1")')


def _world() -> Simulation:
    """Each message takes a millisecond."""
    return Simulation(latency=steady(0.001), socket_timeout=0.2)


def trials(fault: OneFault) -> list[Trial]:
    """The same fault strikes the worker that looks and then counts, and the one that watches the mark."""
    return twins(
        partial(_build, fault),
        ("your fault strikes a look, then a count", programs.looks_then_counts, {"breaks": partial(_breaks, fault)}),
        ("the same fault strikes a watched mark", programs.counts_once, {"mended": _once}),
        "That the right one counts once says nothing, as your fault does not break the other.",
        sizes=(2,), least=2, world=_world, horizon=20.0 + 2 * abs(fault.seconds), unfaulted="your fault",
    )  # fmt: skip


def _build(fault: OneFault, count: Any, world: Simulation, clients: int) -> Counted:
    """One parcel. w1 takes it at once; w2 looks later."""
    world.faults = replace(fault)
    stream, redis = programs.PARCELS, world.redis()
    world.given(("XGROUP", "CREATE", stream, programs.GROUP, "0", "MKSTREAM"), ("XADD", stream, "*", "parcel", PARCEL))
    for name, start in zip(NAMES, (0.01, SECOND), strict=True):
        world.client(name, programs.takes_one, redis, name, partial(count, redis), start=start)
    return Counted(world)


def _steps(run: Play) -> str:
    """Who did what, and when."""
    ran = [event for event in as_they_ran(run.trace) if event.name not in ("MULTI", "SET", "HINCRBY", "WATCH")]
    return ", ".join(f"{e.client} {e.name} at {ms(e.t_server or 0.0)}" for e in ran)


def _breaks(fault: OneFault, run: Play) -> Iterator[Found]:
    if fault.kind != "pause":
        yield (f"Your fault is of the kind {fault.kind!r}. Find a pause: nothing is lost, and nobody dies.",)
    elif run.witness.times < 2:
        last = as_they_ran(run.trace)[-1]  # who is paused goes on
        text = f"The parcel is counted {'once' if run.witness.times else 'not at all'}: {_steps(run)}."
        yield text, last.client, last.t_server or 0.0, "not twice"
    else:
        late = [event for event in as_they_ran(run.trace) if event.name == "EXEC"][-1]
        run.trace.note(late.client, "violation", late.t_server or 0.0, text="counted twice")


def _once(run: Play) -> Iterator[Found]:
    if run.witness.times != 1:
        yield f"With a watched mark it is counted {run.witness.times} times, too.", "w1", run.now, "not once"


def clues(failing: Failing) -> Iterator[str]:
    """Who stood still, before which command, and what it did when it woke."""
    fault, run = failing.answer, failing.get("breaks")
    if run is None:
        return iter(())
    who, late = woken(run)
    return named({
        "not-a-pause": fault.kind != "pause",
        "never-struck": not who,
        "the-second": who == "w2",
        "too-early": late in ("XAUTOCLAIM", "XREADGROUP", "EXISTS"),
        "too-late": late == "XACK",
        "too-short": late in ("MULTI", "SET", "HINCRBY", "EXEC"),
    })  # fmt: skip


RULES = Rules(one_pause, trials, clues, learners_code=False, exhibit=True)
