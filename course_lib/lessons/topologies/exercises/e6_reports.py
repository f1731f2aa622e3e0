"""01.6, write the property: the answer reads traces of runs that are made up, and of broken writers and right ones."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from redis.asyncio import Redis

from course_lib.explore import Play, Replication, Simulation, Trial, until
from course_lib.grading.acts import world
from course_lib.grading.answer import ask, plain_function
from course_lib.grading.evidence import of_clients
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, trial
from course_lib.grading.write_the_property import Property, of_run
from course_lib.lessons.topologies import programs
from course_lib.lessons.topologies.exercises.e6_runs import NAMED, OTHERS, REPORTED, Run, drawn
from course_lib.lessons.topologies.exercises.failover import Failover
from course_lib.trace import Note, Trace

Writer = Callable[..., Awaitable[None]]


def trials(answer: Property) -> list[Trial]:
    """First the runs that are made up: they are small. In half of the writers' runs the primary is cut off at some
    moment, and a replica is promoted 200 ms later."""
    plain: dict[str, Any] = {"seeds": 4, "faults": LOSSES, "fault_sizes": (1,)}
    struck: dict[str, Any] = {"seeds": 4, "faults": LOSSES, "fault_sizes": (1, 2), "fault_seeds": 2}

    def watch(promise: str, name: str, build: Callable[..., Any], **options: Any) -> Trial:
        return trial(name, build, {promise: partial(_judge, answer, promise == "replies")}, **options)

    def made(runs: list[Run], promise: str) -> Trial:
        runs = [run for run in runs if run.promise == promise]
        return watch(promise, "a run that is made up", partial(_make, runs), sizes=(1,), seeds=len(runs))

    def writer(promise: str, name: str, writer: Writer, options: dict[str, Any] = plain) -> Trial:
        return watch(promise, name, partial(_build, writer), sizes=(1, 2), horizon=12.0, world=partial(world, 3),
                     **options)  # fmt: skip

    return [
        *(made(NAMED, promise) for promise in dict.fromkeys(run.promise for run in NAMED)),
        *(made(OTHERS, promise) for promise in dict.fromkeys(run.promise for run in OTHERS)),
        watch("replies", "replies drawn by lot", partial(_draw, "replies"), sizes=(1,), seeds=150),
        watch("order", "orders drawn by lot", partial(_draw, "order"), sizes=(1,), seeds=150),
        writer("catches-ok", "reports after OK", programs.reports_ok),
        writer("catches-zero", "does not look at WAIT", programs.does_not_look, struck),
        writer("catches-zero", "waits first", programs.waits_first),
        writer("catches-other", "asks another node", programs.asks_another, {"seeds": 12}),
        writer("accepts", "waits for a replica", programs.reports_replicated),
        writer("accepts", "two writes, one WAIT", programs.two_at_once),
    ]


def _make(runs: list[Run], world: Simulation, clients: int) -> Run:
    """No client runs: the trace exists already."""
    run = runs[world.seed % len(runs)]
    made = run.trace()
    world.trace.events, world.trace.notes = made.events, made.notes
    return run


def _draw(promise: str, world: Simulation, clients: int) -> None:
    drawn(world, promise)


def _judge(answer: Property, by_name: bool, run: Play) -> Iterator[Found]:
    said, bad = of_run(answer, run), unconfirmed(run.trace)
    for note in bad:
        text, where = (
            f"{note.who} reported {note.text} without a confirmation",
            (note.who, note.t_start, "not confirmed"),
        )
        if said is None:
            yield f"{text}; your property returned None.", *where
        elif by_name and not any(_names(said, one.text) for one in bad):
            yield f"{text}, and your property does not name that event: {said}", *where
    if said is not None and not bad:
        yield (f"All that is reported was confirmed in this run, and yet your property objects: {said}",)
    wrong = {note.text for note in bad}
    for note in run.trace.notes if by_name else ():
        if note.kind == REPORTED and note.text not in wrong and "-" in note.text and _names(said or "", note.text):
            yield f"{note.text} was confirmed, and your property names it: {said}", note.who, note.t_start, "confirmed"


def _names(said: str, name: str) -> bool:
    """Does the sentence name that event, and not only one that begins or ends so?"""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said) is not None


def unconfirmed(trace: Trace, mistake: str = "") -> list[Note]:
    """The reports that were not confirmed; or those to which a property with that mistake objects."""
    reported = [note for note in trace.notes if note.kind == REPORTED]
    if mistake == "says-nothing":
        return []
    if mistake == "blames-what-was-not-reported":
        told = {note.text.encode() for note in reported}
        reported += [Note(e.client, REPORTED, 0.0) for e in trace if e.name == "SADD" and e.command[2] not in told]
    if mistake == "cries-wolf":
        return reported or [Note("", REPORTED, 0.0)]
    return [note for note in reported if not confirmed(trace, note, mistake)]


def confirmed(trace: Trace, note: Note, mistake: str = "") -> bool:
    """Was the write answered, and then a WAIT on the same node, with 1 or more, before the report?"""
    late, lost = mistake == "too-late", mistake == "believes-the-server"
    got = [e for e in trace if type(e.reply) is int and (late or (e.t_end or 0.0) <= note.t_start)]
    mine = [e for e in got if e.client == note.who]
    writes = [e for e in mine if e.name == "SADD" and e.t_end is not None and e.reply >= (mistake == "wants-a-new-one")]
    waits = [
        e for e in (got if mistake == "any-client" else mine) if e.name == "WAIT" and (e.t_end is not None or lost)
    ]
    return any(
        (mistake == "any-event" or e.command[2] == note.text.encode())
        and w.reply >= (mistake != "ok-is-enough")
        and (mistake == "any-node" or w.node == e.node)
        and (mistake == "waits-before" or w.t_start >= (e.t_end or 0.0))
        and not (mistake == "one-wait-each" and any(e.t_start < x.t_start < w.t_start for x in writes))
        for e in writes for w in waits
    )  # fmt: skip


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


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The mistakes that explain what it says of the run that is shown, and of both runs that were made up for them; the
    one that explains most comes first."""

    def explained(mistake: str, trace: Trace) -> bool:
        return (ask(failing.answer, trace) is None) == (not unconfirmed(trace, mistake))

    order = ("catches-ok", "catches-zero", "catches-other", "replies", "order", "accepts")
    shown = of_clients(failing[next(promise for promise in order if promise in failing)].trace)
    share: dict[str, int] = {}
    for mistake in dict.fromkeys(run.mistake for run in NAMED):
        runs = {run: explained(mistake, run.trace()) for run in NAMED}
        if explained(mistake, shown) and all(fits for run, fits in runs.items() if run.mistake == mistake):
            share[mistake] = sum(runs.values())
    yield from sorted(share, key=lambda mistake: -share[mistake])


RULES = Rules(plain_function("trace"), trials, clues, learners_code=False)
