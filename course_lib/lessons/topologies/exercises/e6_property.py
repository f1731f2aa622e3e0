"""01.6, write the property: the answer reads traces; it is judged on runs of broken writers and of right ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.sentinel import MasterNotFoundError

from course_lib.explore import Play, Replication, Simulation, Trial, Violation
from course_lib.grading.answer import ask
from course_lib.grading.database import until
from course_lib.grading.evidence import JUDGE, of, seen
from course_lib.grading.write_the_property import Cases, Property, agreed, misread
from course_lib.lessons.topologies import programs
from course_lib.lessons.topologies.exercises.e3_failover import world
from course_lib.trace import Event, Note, Trace

Writer = Callable[..., Awaitable[None]]
REPORTED = "reported"
"""The kind of note with which a writer reports an event; its text is the event."""


@dataclass
class Written:
    """The nodes of one run, and what was reported in it."""

    group: Replication
    names: list[str] = field(default_factory=list)
    noticed: bool = False


def watching(answer: Property) -> list[Trial]:
    """In half of the seeds the primary is cut off at some moment, and a replica is promoted 200 ms later."""
    faults: dict[Any, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
    plain: dict[str, Any] = {"sizes": (1, 2), "seeds": 4, "faults": faults, "fault_sizes": (1,)}
    return [
        _watched(answer, "reports after OK", "catches-ok", programs.reports_ok, **plain),
        _watched(answer, "does not look at WAIT", "catches-zero", programs.does_not_look,
                 **{**plain, "fault_sizes": (1, 2), "fault_seeds": 2}),
        _watched(answer, "waits first", "catches-zero", programs.waits_first, **plain),
        _watched(answer, "asks another node", "catches-other", programs.asks_another, sizes=(1, 2), seeds=12),
        _watched(answer, "waits for a replica", "accepts", programs.reports_replicated, **plain),
        _watched(answer, "two writes, one WAIT", "accepts", programs.two_at_once, **plain),
    ]  # fmt: skip


def _watched(answer: Property, name: str, promise: str, writer: Writer, **options: Any) -> Trial:
    def judge(run: Play) -> Iterator[Violation]:
        trace = run.trace.where(lambda event: not event.client.startswith(JUDGE))
        wrong = None
        if (note := unconfirmed(trace)) is not None:
            text = f"{note.who} reported {note.text} without a confirmation; your property returned None."
            wrong = Violation(promise, text, note.who, note.t_start, "not confirmed")
        return agreed(wrong, ask(answer, trace), promise, "All that is reported was confirmed")

    return Trial(name, (promise,), partial(_build, writer), judge, world=world, horizon=12.0, **options)


def unconfirmed(trace: Trace) -> Note | None:
    """The first report that no WAIT stands behind."""
    return next((note for note in trace.notes if note.kind == REPORTED and not _confirmed(trace, note)), None)


def _confirmed(trace: Trace, note: Note) -> bool:
    """Was the write answered, and then a WAIT on the same node, with 1 or more, before the report?"""
    there = [event for event in of(trace, note.who) if event.t_end is not None and event.t_end <= note.t_start]
    writes = [e for e in there if e.command[:3] == (b"SADD", b"visits", note.text.encode()) and type(e.reply) is int]
    waits = [e for e in there if e.name == "WAIT" and type(e.reply) is int and e.reply >= 1]
    return any(w.node == e.node and w.t_start >= (e.t_end or 0.0) for e in writes for w in waits)


def _build(writer: Writer, world: Simulation, clients: int) -> Written:
    run = Written(Replication(world, lag=(0.002, 0.02)))
    group = run.group

    async def find() -> Redis:
        await until(world, world.now() + 0.001)
        if run.noticed and group.named.number == 0:
            raise MasterNotFoundError("No master found for 'course'")
        return world.redis(group.named.number)

    def report(who: str, name: str) -> None:
        run.names.append(name)
        world.note(who, REPORTED, name)

    async def write(who: str) -> None:
        kept: list[Redis] = []
        for number, when in ((1, 0.01), (2, 0.6)):
            await until(world, when)
            await writer(find, f"{who}-{number}", kept, partial(report, who))

    async def look() -> None:
        await world.redis(group.named.number).smembers("visits")

    for number in range(1, clients + 1):
        world.client(f"c{number}", write, f"c{number}", start=0.003 * world.draws(f"start{number}")())
    if world.seed % 2:
        world.at(0.01 + 0.001 * world.seed, group.cut, 0)
        world.at(0.15, setattr, run, "noticed", True)
        world.at(0.21 + 0.001 * world.seed, group.promote)
    world.client(JUDGE, look, start=9.0)
    return run


def lost(run: Play) -> set[str]:
    """What was reported, and is not on the server that is the primary in the end: for tests of the definition above."""
    there = {member.decode() for event in seen(run, JUDGE) for member in event.reply}
    return set(run.witness.names) - there


# -- clues: what does the property say of small traces made by hand? ---------------------------------------------------


def clue(answer: Property, failing: Mapping[str, Play]) -> str | None:
    """The misconception that the property's verdicts on small traces point to."""
    return misread(answer, CLUES)


Made = tuple[str, str, Any]  # a client and its node, a command or REPORT, its reply: "…" for one that was lost


def _trace(*made: Made, reported: tuple[str, str] = ("c1", "a")) -> Callable[[], Trace]:
    def build() -> Trace:
        events = []
        when = len(made) * 0.01
        for number, (where, command, reply) in enumerate(made):
            if command == "REPORT":
                when = number * 0.01
                continue
            client, _, node = where.partition(" ")
            start, lost = number * 0.01, reply == "…"
            event = Event(client, node or "redis0", tuple(map(str.encode, command.split())), start, start + 0.001)
            event.t_end, event.reply = (None, 1) if lost else (start + 0.002, reply)
            event.fault = "reply lost" if lost else None
            events.append(event)
        note = Note(reported[0], REPORTED, when, text=reported[1])
        return Trace("simulated", 0, events, [note] if reported[1] else [])

    return build


WRITE: Made = ("c1", "SADD visits a", 1)
CLUES: Cases = {
    "cries-wolf": (_trace(WRITE, ("c1", "WAIT 1 50", 1)), True),
    "says-nothing": (_trace(WRITE), False),
    "ok-is-enough": (_trace(WRITE, ("c1", "WAIT 1 50", 0)), False),
    "blames-what-was-not-reported": (_trace(WRITE, reported=("c1", "")), True),
    "wants-a-new-one": (_trace(("c1", "SADD visits a", 0), ("c1", "WAIT 1 50", 2)), True),
    "one-wait-each": (_trace(WRITE, ("c1", "SADD visits b", 1), ("c1", "WAIT 1 50", 1)), True),
    "waits-before": (_trace(("c1", "WAIT 1 50", 1), WRITE), False),
    "too-late": (_trace(WRITE, ("c1", "REPORT", None), ("c1", "WAIT 1 50", 1)), False),
    "any-node": (_trace(WRITE, ("c1 redis1", "WAIT 1 50", 1)), False),
    "any-event": (_trace(("c1", "SADD visits b", 1), ("c1", "WAIT 1 50", 1)), False),
    "believes-the-server": (_trace(WRITE, ("c1", "WAIT 1 50", "…")), False),
    "any-client": (_trace(WRITE, ("c2", "WAIT 1 50", 1)), False),
}
"""Small traces, and whether None is the right answer; the first one that is answered wrongly names the mistake."""
