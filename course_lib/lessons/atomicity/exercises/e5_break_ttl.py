"""03.5, break it: the answer is one fault, and it is judged by whether a key without a TTL is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.explore import OneFault, Play, Simulation, Trial, Violation
from course_lib.explore.server_state import left
from course_lib.lessons.atomicity import programs
from course_lib.lessons.atomicity.exercises.wire import world
from course_lib.grading.break_it import a_fault, with_its_twin
from course_lib.grading.evidence import ms

CLIENTS, KEY = {"alice": 0.0, "bob": 0.02}, "hits:ann"
"""Who asks, and when, in seconds."""
Limiter = Callable[..., Awaitable[bool]]


def one_fault(answer: Any) -> OneFault:
    """The answer, if it is a fault."""
    return a_fault(answer, CLIENTS, 'a fault, such as OneFault("pause", at=1, client="bob")')


def strike(fault: OneFault) -> list[Trial]:
    """The same fault strikes the two commands, and the one script."""
    return with_its_twin(
        _struck("the fault strikes INCR, then EXPIRE", "breaks", _breaks, fault, programs.counts_then_expires),
        _struck("the same fault strikes the script", "mended", _survives, fault, programs.counts_and_expires),
        "That the script survives says nothing, as your fault breaks neither of the two.",
    )


def _struck(
    name: str, promise: str, judge: Callable[[Play], Iterator[Violation]], fault: OneFault, limiter: Limiter
) -> Trial:
    return Trial(name, (promise,), partial(_build, fault, limiter), judge, sizes=(2,), least=2, world=world,
                 horizon=5.0 + abs(fault.seconds), unfaulted="your fault")  # fmt: skip


def _build(fault: OneFault, limiter: Limiter, world: Simulation, clients: int) -> OneFault:
    world.faults = replace(fault)
    for name, when in CLIENTS.items():
        world.client(name, partial(limiter, world.redis(), KEY, name), start=when)
    return fault


def _breaks(run: Play) -> Iterator[Violation]:
    lives = {key: life for _, key, life in left(run)}
    last = max(run.trace, key=lambda event: event.t_server or 0.0)
    when = last.t_server or last.t_start
    if lives.get(KEY, 0) < 0:
        run.trace.note(last.client, "violation", when, text="left without a TTL")
        return
    how = f"ends in {ms(lives[KEY] / 1000)}" if KEY in lives else "is not there"
    text = f"Nothing lasting came of it: in the end {KEY} {how}."
    yield Violation("breaks", text, last.client, when, "it will end")


def _survives(run: Play) -> Iterator[Violation]:
    if any(life < 0 for _, _, life in left(run)):
        yield Violation(
            "mended", f"After the same fault the script leaves {KEY} without a TTL too.", "alice", 0.0, "no TTL"
        )


def clue(answer: OneFault, failing: Mapping[str, Play]) -> str | None:
    """Why the EXPIRE came all the same, or there was none to come."""
    if "breaks" not in failing:
        return None
    trace = failing["breaks"].trace
    lost = [event for event in trace if event.fault is not None]
    marks = [note for note in trace.notes if note.kind in ("crash", "pause", "down", "skew")]
    if not lost and not marks:
        return "never-struck"
    if answer.kind in ("pause", "clock step"):
        return "only-late"
    who = next((event.client for event in lost), next((note.who for note in marks), ""))
    if who == "bob":
        return "not-the-first"
    return "reply-too-late" if answer.kind == "lose reply" else "before-the-count"
