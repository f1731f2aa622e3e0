"""01.5, break it: the answer cuts the primary off for a while, and is judged by what was reported and is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from course_lib.explore import Play, Replication, Simulation, Trial, steady, until
from course_lib.grading.answer import Refused
from course_lib.grading.break_it import given, twins
from course_lib.grading.evidence import of
from course_lib.grading.rules import Failing, Found, Rules, named
from course_lib.lessons.topologies import programs
from course_lib.lessons.topologies.answers import Cut
from course_lib.lessons.topologies.exercises.failover import Failover, lost

DOWN_AFTER, MAX_LAG = 3.0, 2.0
"""Seconds: until Sentinel promotes a replica; and until the primary stops accepting writes without one."""
WRITES = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": 12.0, "f": 13.0, "g": 14.0, "h": 15.0}
"""The writes, and when they come. From 4 to 12 s there is nothing to write."""
LATEST = 40.0
Writer = Callable[..., Any]


def a_cut(answer: Any) -> Cut:
    """The answer, if it is a cut that can happen."""
    given(answer, Cut, "a cut, such as Cut(at=0.5, seconds=1)")
    assert isinstance(answer, Cut)
    numbers = all(type(number) in (int, float) for number in (answer.at, answer.seconds))
    if not numbers or not 0 <= answer.at <= LATEST or not answer.seconds > 0:
        raise Refused("error", f"{answer} cannot happen: `at` is from 0 to {LATEST:g}, `seconds` above 0.")
    return answer


def trials(cut: Cut) -> list[Trial]:
    """The same cut strikes the writer that reports what was acknowledged, and the one that waits for a replica."""
    return twins(
        partial(_build, cut),
        ("the cut strikes the writer that reports OK", programs.reports_ok, {"breaks": _breaks}),
        ("the same cut strikes the writer that waits for a replica", programs.reports_replicated,
         {"mended": _survives}),
        "That the other writer loses nothing says nothing, as your cut makes neither lose any.",
        sizes=(1,), horizon=LATEST + 40, unfaulted="your cut",
        world=partial(Simulation, nodes=3, latency=steady(0.001), socket_timeout=1.0),
    )  # fmt: skip


def _build(cut: Cut, writer: Writer, world: Simulation, clients: int) -> Failover:
    run = Failover(world, group=Replication(world, lag=(0.001,), min_replicas=1, max_lag=MAX_LAG))
    world.at(cut.at, run.group.cut, 0)
    if cut.seconds >= DOWN_AFTER:
        world.at(cut.at + DOWN_AFTER, run.group.promote)
    if cut.seconds < inf:
        world.at(cut.at + cut.seconds, run.group.heal, 0)

    async def write() -> None:
        kept: list[Redis] = []
        for name, when in WRITES.items():
            await until(world, when)
            await writer(run.find, name, kept, run.reported.append)

    world.client("writer", write)
    run.look(LATEST + 20, "SMEMBERS")
    return run


def _breaks(run: Play) -> Iterator[Found]:
    gone, when = lost(run), {e.command[2].decode(): e.t_start for e in of(run.trace, "writer") if e.name == "SADD"}
    if gone:
        run.trace.note("writer", "violation", when[gone[0]], text=f"{' and '.join(gone)}: OK, and lost")
    else:
        text = f"All that was reported is there in the end: {', '.join(run.witness.reported)}."
        yield text, "writer", max(when.values(), default=0.0), "nothing is lost"


def _survives(run: Play) -> Iterator[Found]:
    if gone := lost(run):
        yield f"The writer that waits for a replica loses {' and '.join(gone)} too.", "writer", 0.0, "lost"


def clues(failing: Failing) -> Iterator[str]:
    """Why nothing is lost: no failover; no write to the old primary before that; or only writes that it refused."""
    cut, run = failing.answer, failing.get("breaks")
    there = [e for e in of(run.trace, "writer") if e.name == "SADD" and e.node == "redis0"] if run else []
    meanwhile = [event for event in there if cut.at <= event.t_start < cut.at + DOWN_AFTER]
    promoted = run is not None and any(note.kind == "promoted" for note in run.trace.notes)
    return named({
        "too-short": run and cut.seconds < DOWN_AFTER and not promoted,
        "refused": meanwhile and promoted and all(isinstance(event.reply, ResponseError) for event in meanwhile),
        "nobody-writes": promoted and not meanwhile,
    })  # fmt: skip


RULES = Rules(a_cut, trials, clues, learners_code=False, exhibit=True)
