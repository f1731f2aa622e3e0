"""05.4, break it: the answer is one fault, and it is judged by what happens when it strikes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from course_lib.explore import OneFault, Play, Simulation, Trial, Violation
from course_lib.grading.break_it import a_fault, with_its_twin
from course_lib.grading.evidence import loads, ms, of, overlap, paused
from course_lib.lessons.stampedes.exercises.crowd import Answer, Crowd, Setting, all_at_once, world
from course_lib.lessons.stampedes.programs import deletes_any_lock, frees_its_own
from course_lib.trace import Span

NAMES, LOCK_TTL, LOAD = ("c1", "c2", "c3"), 0.15, 0.1


def one_fault(answer: Any) -> OneFault:
    """The answer, if it is a fault."""
    return a_fault(answer, NAMES, 'a fault, such as OneFault("crash", at=2, client="c1")')


def strike(fault: OneFault) -> list[Trial]:
    """The same fault strikes the broken recipe and its mended twin."""
    return with_its_twin(
        _struck("the fault strikes the recipe", "breaks", _breaks, fault, deletes_any_lock),
        _struck("the same fault strikes the mended recipe", "mended", _survives, fault, frees_its_own),
        "That the mended recipe survives says nothing, as your fault breaks neither of the two.",
    )


def _struck(
    name: str, promise: str, judge: Callable[[Play], Iterator[Violation]], fault: OneFault, recipe: Answer
) -> Trial:
    setting = Setting(recipe, lock_ttl=LOCK_TTL, load=LOAD, failing=1)

    def build(world: Simulation, clients: int) -> Crowd:
        world.faults = replace(fault)
        return all_at_once(setting, world, clients)

    return Trial(name, (promise,), build, judge, sizes=(len(NAMES),), least=len(NAMES), world=world,
                 horizon=2.0 + abs(fault.seconds), unfaulted="your fault")  # fmt: skip


def broken_by(run: Play) -> tuple[Span, Span] | None:
    """Two loads at once by clients that were not held up."""
    return overlap(run.trace, excused=paused(run.trace))


def _breaks(run: Play) -> Iterator[Violation]:
    both = broken_by(run)
    if both is None:
        yield Violation("breaks", f"No two clients loaded at once that were not held up: {_spans(run)}.")
    else:
        run.trace.note(both[1].who, "violation", both[1].start, text="two loads at once")


def _survives(run: Play) -> Iterator[Violation]:
    both = broken_by(run)
    if both is not None:
        text = f"The same fault breaks the mended recipe too: {both[0].who} and {both[1].who} load at once."
        yield Violation("mended", text, both[1].who, both[1].start, "two loads at once")


def _spans(run: Play) -> str:
    return ", ".join(f"{load.who} from {ms(load.start)} to {ms(min(load.end, run.now))}" for load in loads(run.trace))


def clue(answer: Any, failing: Mapping[str, Play]) -> str | None:
    """Why this fault does not break the recipe."""
    if answer.kind in ("clock step", "node down"):
        return "breaks-both"
    if "breaks" not in failing:
        return None
    run = failing["breaks"]
    if answer.kind == "crash" and any(note.kind == "crash" for note in run.trace.notes):
        return "crash"
    if answer.kind in ("lose request", "lose reply"):
        return "lost-message"
    stood = next((note for note in run.trace.notes if note.kind == "pause"), None)
    if stood is None or stood.t_end is None:
        return "never-struck"
    return _pause_clue(run, stood.who, stood.t_start, stood.t_end)


def _pause_clue(run: Play, who: str, begin: float, end: float) -> str | None:
    """The paused client must be about to delete a lock, and wake while another holds one."""
    delayed = next((event for event in of(run.trace, who) if event.t_start >= end), None)
    if delayed is None or delayed.name not in ("DEL", "UNLINK"):
        return "wrong-moment"
    others = [load for load in loads(run.trace) if load.who != who]
    if not any(load.start < end for load in others):
        return "too-short"
    return "too-long" if all(load.end < end for load in others if load.start < end) else None
