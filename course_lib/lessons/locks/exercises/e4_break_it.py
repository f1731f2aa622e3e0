"""04.4, break it: one fault after which an old holder writes over a newer one, and whose write a fence refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

from course_lib.explore import OneFault, Play, Simulation, Trial, Violation, steady
from course_lib.grading.break_it import a_client, a_fault, given, with_its_twin
from course_lib.explore import until
from course_lib.grading.evidence import of
from course_lib.lessons.locks import programs
from course_lib.trace import Event

NAMES, WORK = ("c1", "c2", "c3"), 0.2
Writer = Callable[..., Awaitable[str]]


@dataclass(frozen=True)
class Finding:
    """A fault that breaks the writer without a fence, and the client whose write the fence refuses then."""

    fault: OneFault
    refused: str


def a_finding(answer: Any) -> Finding:
    """The answer, if it is a fault and a client."""
    example = 'a finding, such as Finding(fault=OneFault("crash", at=2, client="c1"), refused="c1")'
    given(answer, Finding, example)
    assert isinstance(answer, Finding)
    a_fault(answer.fault, NAMES, example)
    a_client(answer.refused, NAMES)
    return answer


def strike(finding: Finding) -> list[Trial]:
    """The same fault strikes the writer without a fence and the one with it."""
    return with_its_twin(
        _struck("the fault strikes the writer that looks", ("breaks",), _breaks, finding, programs.looks_then_writes),
        _struck("the same fault strikes the writer with a fence", ("refused", "mended"), partial(_fenced, finding),
                finding, programs.writes_with_its_fence),
        "What the fence does says nothing, as your fault does not break the other writer.",
    )  # fmt: skip


def _struck(
    name: str, promises: tuple[str, ...], judge: Callable[[Play], Iterator[Violation]], finding: Finding, writer: Writer
) -> Trial:
    def build(world: Simulation, clients: int) -> None:
        world.faults = replace(finding.fault)

        async def work() -> None:
            await until(world, world.now() + WORK)

        for number, who in enumerate(NAMES):
            world.client(who, writer, world.redis(), who, work, start=0.01 * number)

    return Trial(name, promises, build, judge, sizes=(len(NAMES),), least=len(NAMES), unfaulted="your fault",
                 world=partial(Simulation, latency=steady(0.001), socket_timeout=0.2),
                 horizon=5.0 + abs(finding.fault.seconds))  # fmt: skip


def writes(run: Play) -> list[tuple[int, str, Event]]:
    """The writes that the report took, in order: fence, client, command."""
    found = [e for e in run.trace if b"report" in e.command and e.t_server is not None and e.fault != "request lost"]
    taken = [e for e in found if e.name == "HSET" or e.reply == 1]
    fence = {e.client: e.reply for e in run.trace if b"fences" in e.command and type(e.reply) is int and e.reply > 0}
    return [(fence[e.client], e.client, e) for e in sorted(taken, key=lambda e: e.t_server or 0.0)]


def old_over_new(run: Play) -> tuple[str, str, Event] | None:
    """(newer, older, the older one's write), where an older holder wrote after a newer one."""
    for (before, newer, _), (after, older, event) in pairwise(writes(run)):
        if after < before:
            return newer, older, event
    return None


def _breaks(run: Play) -> Iterator[Violation]:
    found = old_over_new(run)
    if found is None:
        order = ", ".join(f"{who} (fence {fence})" for fence, who, _ in writes(run)) or "none"
        yield Violation("breaks", f"No older holder wrote over a newer one. The writes, in order: {order}.")
    else:
        newer, older, event = found
        run.trace.note(older, "violation", event.t_server or 0.0, text=f"over the report of {newer}")


def _fenced(finding: Finding, run: Play) -> Iterator[Violation]:
    no = [e.client for e in run.trace if b"report" in e.command and type(e.reply) is int and e.reply == 0]
    if no != [finding.refused]:
        said = f"The fence refuses the write of {' and '.join(no) or 'nobody'}; you named {finding.refused}."
        yield Violation("refused", said, finding.refused, run.now, "not refused")
    if old_over_new(run) is not None:
        yield Violation("mended", "The same fault breaks the writer with a fence too.")


def clue(answer: Finding, failing: Mapping[str, Play]) -> str | None:
    """Why this fault does not break the writer, or what was named wrongly."""
    if "breaks" not in failing:
        return "names-another" if "refused" in failing else None
    run, fault = failing["breaks"], answer.fault
    if fault.kind == "crash" and any(note.kind == "crash" for note in run.trace.notes):
        return "crash"
    if fault.kind in ("lose request", "lose reply", "node down"):
        return "lost-message"
    if fault.kind == "clock step":
        return "in-order"
    stood = next((note for note in run.trace.notes if note.kind == "pause"), None)
    if stood is None or stood.t_end is None:
        return "never-struck"
    return _pause_clue(run, stood.who, stood.t_start, stood.t_end)


def _pause_clue(run: Play, who: str, begin: float, end: float) -> str:
    """The pause must come between the look and the write, and go on until another has written."""
    delayed = next((event for event in of(run.trace, who) if event.t_start >= end), None)
    if delayed is None or b"report" not in delayed.command:
        return "wrong-moment"
    taken = max(event.t_server or 0.0 for event in of(run.trace, who) if b"fences" in event.command)
    return "too-short" if (delayed.t_server or end) < taken + programs.TTL else "in-order"
