"""01.5, break it: the answer cuts the primary off for a while, and is judged by what was reported and is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any

from redis.asyncio import Redis

from course_lib.explore import Play, Replication, Simulation, Trial, Violation, steady
from course_lib.grading.answer import Refused
from course_lib.grading.break_it import given, with_its_twin
from course_lib.grading.database import until
from course_lib.grading.evidence import JUDGE, of, seen
from course_lib.lessons.topologies import programs

DOWN_AFTER, MAX_LAG = 3.0, 2.0
"""Seconds: until Sentinel promotes a replica; and until the primary stops accepting writes without one."""
WRITES = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": 12.0, "f": 13.0, "g": 14.0, "h": 15.0}
"""What is written, and when. From 4 to 12 s there is nothing to write."""
LATEST = 40.0
Writer = Callable[..., Any]


@dataclass(frozen=True)
class Cut:
    """The primary is cut off from its replicas and from the Sentinels, not from the writer. Units: seconds."""

    at: float
    seconds: float = inf


@dataclass
class Reported:
    """What the writer reported as written, and which node Sentinel named in the end."""

    group: Replication
    names: list[str] = field(default_factory=list)


def a_cut(answer: Any) -> Cut:
    """The answer, if it is a cut that can happen."""
    given(answer, Cut, "a cut, such as Cut(at=0.5, seconds=1)")
    assert isinstance(answer, Cut)
    numbers = all(type(number) in (int, float) for number in (answer.at, answer.seconds))
    if not numbers or not 0 <= answer.at <= LATEST or not answer.seconds > 0:
        raise Refused("error", f"{answer} cannot happen: `at` is from 0 to {LATEST:g}, `seconds` above 0.")
    return answer


def strike(cut: Cut) -> list[Trial]:
    """The same cut strikes the writer that reports what was acknowledged, and the one that waits for a replica."""
    return with_its_twin(
        _struck("the cut strikes the writer that reports OK", "breaks", _breaks, cut, programs.reports_ok),
        _struck("the same cut strikes the writer that waits for a replica", "mended", _survives, cut,
                programs.reports_replicated),
        "That the other writer loses nothing says nothing, as your cut makes neither lose any.",
    )  # fmt: skip


def _struck(name: str, promise: str, judge: Callable[[Play], Iterator[Violation]], cut: Cut, writer: Writer) -> Trial:
    return Trial(name, (promise,), partial(_build, cut, writer), judge, sizes=(1,), horizon=LATEST + 40,
                 world=partial(Simulation, nodes=3, latency=steady(0.001), socket_timeout=1.0),
                 unfaulted="your cut")  # fmt: skip


def _build(cut: Cut, writer: Writer, world: Simulation, clients: int) -> Reported:
    run = Reported(Replication(world, lag=(0.001,), min_replicas=1, max_lag=MAX_LAG))
    group = run.group
    world.at(cut.at, group.cut, 0)
    if cut.seconds >= DOWN_AFTER:
        world.at(cut.at + DOWN_AFTER, group.promote)
    if cut.seconds < inf:
        world.at(cut.at + cut.seconds, group.heal, 0)

    async def find() -> Redis:
        await until(world, world.now() + 0.001)
        return world.redis(group.named.number)

    async def write() -> None:
        kept: list[Redis] = []
        for name, when in WRITES.items():
            await until(world, when)
            await writer(find, name, kept, run.names.append)

    async def look() -> None:
        await world.redis(group.named.number).smembers("visits")

    world.client("writer", write)
    world.client(JUDGE, look, start=LATEST + 20)
    return run


def lost(run: Play) -> list[str]:
    """What was reported, and is not on the server that is the primary in the end."""
    there = {member.decode() for event in seen(run, JUDGE) for member in event.reply}
    return [name for name in run.witness.names if name not in there]


def _breaks(run: Play) -> Iterator[Violation]:
    gone, when = lost(run), {e.command[2].decode(): e.t_start for e in of(run.trace, "writer") if e.name == "SADD"}
    if gone:
        run.trace.note("writer", "violation", when[gone[0]], text=f"{' and '.join(gone)}: OK, and lost")
    else:
        text = f"All that was reported is there in the end: {', '.join(run.witness.names)}."
        yield Violation("breaks", text, "writer", max(when.values(), default=0.0), "nothing is lost")


def _survives(run: Play) -> Iterator[Violation]:
    if lost(run):
        text = f"The writer that waits for a replica loses {' and '.join(lost(run))} too."
        yield Violation("mended", text, "writer", 0.0, "lost")


def clue(answer: Cut, failing: Mapping[str, Play]) -> str | None:
    """Why nothing is lost: no failover; no write to the old primary before that; or only writes that it refused."""
    if "breaks" not in failing:
        return None
    if answer.seconds < DOWN_AFTER:
        return "too-short"
    meanwhile = [
        event for event in of(failing["breaks"].trace, "writer")
        if event.name == "SADD" and event.node == "redis0" and answer.at <= event.t_start < answer.at + DOWN_AFTER
    ]  # fmt: skip
    return "refused" if meanwhile else "nobody-writes"
