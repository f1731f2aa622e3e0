"""04.4, break it: one fault after which an old holder writes over a newer one, and whose write a fence refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from course_lib.explore import Play, Simulation, Trial, steady, until
from course_lib.grading.acts import PATIENCE
from course_lib.grading.break_it import a_client, a_fault, given, twins
from course_lib.grading.evidence import as_they_ran, of
from course_lib.grading.rules import Failing, Found, Rules
from course_lib.lessons.locks import programs
from course_lib.lessons.locks.answers import Finding
from course_lib.trace import Event

NAMES, WORK = ("c1", "c2", "c3"), 0.2
Writer = Callable[..., Awaitable[str]]


def a_finding(answer: Any) -> Finding:
    """The answer, if it is a fault and a client."""
    example = 'a finding, such as Finding(fault=OneFault("crash", at=2, client="c1"), refused="c1")'
    given(answer, Finding, example)
    assert isinstance(answer, Finding)
    a_fault(answer.fault, NAMES, example)
    a_client(answer.refused, NAMES)
    return answer


def trials(finding: Finding) -> list[Trial]:
    """The same fault strikes the writer without a fence and the one with it."""
    return twins(
        partial(_build, finding),
        ("the fault strikes the writer that looks", programs.looks_then_writes, {"breaks": _breaks}),
        ("the same fault strikes the writer with a fence", programs.writes_with_its_fence,
         {"refused": partial(_refused, finding), "mended": _mended}),
        "What the fence does says nothing, as your fault does not break the other writer.",
        sizes=(len(NAMES),), least=len(NAMES), horizon=5.0 + abs(finding.fault.seconds), unfaulted="your fault",
        world=partial(Simulation, latency=steady(0.001), socket_timeout=PATIENCE),
    )  # fmt: skip


def _build(finding: Finding, writer: Writer, world: Simulation, clients: int) -> None:
    world.faults = replace(finding.fault)

    async def work() -> None:
        await until(world, world.now() + WORK)

    for number, who in enumerate(NAMES):
        world.client(who, writer, world.redis(), who, work, start=0.01 * number)


def writes(run: Play) -> list[tuple[int, Event]]:
    """The writes that the report took, in order, each with its client's fence."""
    fence = {e.client: e.reply for e in run.trace if b"fences" in e.command and type(e.reply) is int and e.reply > 0}
    ran = [e for e in as_they_ran(run.trace) if b"report" in e.command and e.fault != "request lost"]
    return [(fence[e.client], e) for e in ran if e.name == "HSET" or e.reply == 1]


def old_over_new(run: Play) -> tuple[Event, Event] | None:
    """The write of a newer holder, and that of an older one which came after it."""
    for (before, newer), (after, older) in pairwise(writes(run)):
        if after < before:
            return newer, older
    return None


def _breaks(run: Play) -> Iterator[Found]:
    found = old_over_new(run)
    if found is None:
        order = ", ".join(f"{e.client} (fence {fence})" for fence, e in writes(run)) or "none"
        yield (f"No older holder wrote over a newer one. The writes, in order: {order}.",)
    else:
        newer, older = found
        run.trace.note(older.client, "violation", older.t_server or 0.0, text=f"over the report of {newer.client}")


def _refused(finding: Finding, run: Play) -> Iterator[Found]:
    no = [e.client for e in run.trace if b"report" in e.command and type(e.reply) is int and e.reply == 0]
    if no != [finding.refused]:
        text = f"The fence refuses the write of {' and '.join(no) or 'nobody'}; you named {finding.refused}."
        yield text, finding.refused, run.now, "not refused"


def _mended(run: Play) -> Iterator[Found]:
    if old_over_new(run) is not None:
        yield ("The same fault breaks the writer with a fence too.",)


def clues(failing: Failing) -> Iterator[str]:
    """Why this fault does not break the writer, or what was named wrongly."""
    if "breaks" not in failing:
        if "refused" in failing:
            yield "names-another"
        return
    run, kind = failing["breaks"], failing.answer.fault.kind
    if kind == "crash" and any(note.kind == "crash" for note in run.trace.notes):
        yield "crash"
    if any(event.fault in ("request lost", "reply lost", "refused") for event in run.trace):
        yield "lost-message"
    stood, skewed = run.trace.spans("pause"), run.trace.spans("skew")
    for pause in stood:
        yield from _pause_clue(run, pause.who, max(pause.start, pause.end))
    if skewed and _two_believed(run):
        yield "in-order"
    if not stood and not skewed and all(note.kind != "down" for note in run.trace.notes):
        yield "never-struck"


def _two_believed(run: Play) -> bool:
    """Did one take the lock before another, who had it and had not written yet, was through?"""
    takes = [e for e in as_they_ran(run.trace) if b"fences" in e.command and type(e.reply) is int and e.reply > 0]
    ends = [
        max((e.t_server or 0.0) for e in of(run.trace, take.client) if b"fences" not in e.command) for take in takes
    ]
    return any((later.t_server or 0.0) < end for end, later in zip(ends, takes[1:], strict=False))


def _pause_clue(run: Play, who: str, end: float) -> Iterator[str]:
    """The pause must come between the look and the write, and go on until another has written."""
    delayed = next((event for event in of(run.trace, who) if event.t_start >= end), None)
    if delayed is None or b"report" not in delayed.command:
        yield "wrong-moment"
    elif (delayed.t_server or end) < max(
        e.t_server or 0.0 for e in of(run.trace, who) if b"fences" in e.command
    ) + programs.TTL:
        yield "too-short"
    elif _two_believed(run):
        yield "in-order"


RULES = Rules(a_finding, trials, clues, learners_code=False, exhibit=True)
