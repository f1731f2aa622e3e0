"""01.6, write the property: the answer reads traces; it is judged on runs of broken writers and of right ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from redis.asyncio import Redis

from course_lib.explore import Play, Replication, Simulation, Trial, until
from course_lib.grading.acts import world
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import of
from course_lib.grading.rules import LOSSES, Found, Rules
from course_lib.grading.write_the_property import Cases, Property, misread, watched
from course_lib.lessons.topologies import programs
from course_lib.lessons.topologies.exercises.failover import Failover
from course_lib.trace import Event, Note, Trace

Writer = Callable[..., Awaitable[None]]
REPORTED = "reported"
"""The kind of note with which a writer reports an event; its text is the event."""


def trials(answer: Property) -> list[Trial]:
    """In half of the seeds the primary is cut off at some moment, and a replica is promoted 200 ms later."""
    plain: dict[str, Any] = {"seeds": 4, "faults": LOSSES, "fault_sizes": (1,)}
    struck: dict[str, Any] = {"seeds": 4, "faults": LOSSES, "fault_sizes": (1, 2), "fault_seeds": 2}

    def watch(promise: str, name: str, writer: Writer, options: dict[str, Any] = plain) -> Trial:
        return watched(answer, _unconfirmed, promise, name, partial(_build, writer), sizes=(1, 2), horizon=12.0,
                       world=partial(world, 3), well="All that is reported was confirmed", **options)  # fmt: skip

    return [
        watch("catches-ok", "reports after OK", programs.reports_ok),
        watch("catches-zero", "does not look at WAIT", programs.does_not_look, struck),
        watch("catches-zero", "waits first", programs.waits_first),
        watch("catches-other", "asks another node", programs.asks_another, {"seeds": 12}),
        watch("accepts", "waits for a replica", programs.reports_replicated),
        watch("accepts", "two writes, one WAIT", programs.two_at_once),
    ]


def _unconfirmed(run: Play) -> Iterator[Found]:
    for note in run.trace.notes:
        if note.kind == REPORTED and not confirmed(run.trace, note):
            yield f"{note.who} reported {note.text} without a confirmation", note.who, note.t_start, "not confirmed"


def confirmed(trace: Trace, note: Note) -> bool:
    """Was the write answered, and then a WAIT on the same node, with 1 or more, before the report?"""
    there = [event for event in of(trace, note.who) if event.t_end is not None and event.t_end <= note.t_start]
    writes = [e for e in there if e.command[:3] == (b"SADD", b"visits", note.text.encode()) and type(e.reply) is int]
    waits = [e for e in there if e.name == "WAIT" and type(e.reply) is int and e.reply >= 1]
    return any(w.node == e.node and w.t_start >= (e.t_end or 0.0) for e in writes for w in waits)


def _build(writer: Writer, world: Simulation, clients: int) -> Failover:
    run = Failover(world, group=Replication(world, lag=(0.002, 0.02)))

    def report(who: str, name: str) -> None:
        run.reported.append(name)
        world.note(who, REPORTED, name)

    async def write(who: str) -> None:
        kept: list[Redis] = []
        for number, when in ((1, 0.01), (2, 0.6)):
            await until(world, when)
            await writer(run.find, f"{who}-{number}", kept, partial(report, who))

    for number in range(1, clients + 1):
        world.client(f"c{number}", write, f"c{number}", start=0.003 * world.draws(f"start{number}")())
    if world.seed % 2:
        world.at(0.01 + 0.001 * world.seed, run.group.cut, 0)
        world.at(0.15, setattr, run, "noticed", True)
        world.at(0.21 + 0.001 * world.seed, run.group.promote)
    run.look(9.0, "SMEMBERS")
    return run


# -- clues: what does the property say of small traces made by hand? ---------------------------------------------------

Made = tuple[str, str, Any]  # a client and its node, a command or REPORT, its reply: "…" for one that was lost


def _trace(*made: Made, reported: tuple[str, str] = ("c1", "a")) -> Callable[[], Trace]:
    def build() -> Trace:
        trace, when = Trace("simulated", 0), len(made) * 0.01
        for number, (where, command, reply) in enumerate(made):
            start, (client, _, node) = number * 0.01, where.partition(" ")
            if command == "REPORT":
                when = start
                continue
            end, reply, fault = (None, 1, "reply lost") if reply == "…" else (start + 0.002, reply, None)
            words = tuple(map(str.encode, command.split()))
            trace.events.append(Event(client, node or "redis0", words, start, start + 0.001, end, reply, fault))
        if reported[1]:
            trace.note(reported[0], REPORTED, when, text=reported[1])
        return trace

    return build


WRITE: Made = ("c1", "SADD visits a", 1)
CASES: Cases = {
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

RULES = Rules(plain_function("trace"), trials, misread(CASES), learners_code=False)
