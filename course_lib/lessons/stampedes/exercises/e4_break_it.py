"""05.4, break it: the answer is one fault, and it is judged by what happens when it strikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.explore import OneFault, Play, Simulation, Trial
from course_lib.grading.break_it import a_fault, with_its_twin
from course_lib.grading.evidence import loads, ms, of, overlap, paused
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.stampedes.exercises.crowd import Answer, Crowd, Setting, all_at_once
from course_lib.lessons.stampedes.programs import deletes_any_lock, frees_its_own
from course_lib.trace import Span

NAMES, LOCK_TTL, LOAD = ("c1", "c2", "c3"), 0.15, 0.1


def one_fault(answer: Any) -> OneFault:
    """The answer, if it is a fault."""
    return a_fault(answer, NAMES, 'a fault, such as OneFault("crash", at=2, client="c1")')


def trials(fault: OneFault) -> list[Trial]:
    """The same fault strikes the broken recipe and its mended twin."""
    struck = partial(trial, sizes=(len(NAMES),), least=len(NAMES), horizon=2.0 + abs(fault.seconds),
                     unfaulted="your fault")  # fmt: skip
    return with_its_twin(
        struck("the fault strikes the recipe", partial(_build, fault, deletes_any_lock), {"breaks": _breaks}),
        struck("the same fault strikes the mended recipe", partial(_build, fault, frees_its_own),
               {"mended": _survives}),
        "That the mended recipe survives says nothing, as your fault breaks neither of the two.",
    )  # fmt: skip


def _build(fault: OneFault, recipe: Answer, world: Simulation, clients: int) -> Crowd:
    world.faults = replace(fault)
    return all_at_once(Setting(recipe, lock_ttl=LOCK_TTL, load=LOAD, failing=1), world, clients)


def broken_by(run: Play) -> tuple[Span, Span] | None:
    """Two loads at once by clients that were not held up."""
    return overlap(run.trace, excused=paused(run.trace))


def _breaks(run: Play) -> Iterator[Found]:
    both = broken_by(run)
    if both is None:
        spans = (f"{one.who} from {ms(one.start)} to {ms(min(one.end, run.now))}" for one in loads(run.trace))
        yield (f"No two clients loaded at once that were not held up: {', '.join(spans)}.",)
    else:
        run.trace.note(both[1].who, "violation", both[1].start, text="two loads at once")


def _survives(run: Play) -> Iterator[Found]:
    both = broken_by(run)
    if both is not None:
        text = f"The same fault breaks the mended recipe too: {both[0].who} and {both[1].who} load at once."
        yield text, both[1].who, both[1].start, "two loads at once"


def clues(failing: Failing) -> Iterator[str]:
    """Why this fault does not break the recipe."""
    kind = failing.answer.kind
    if kind in ("clock step", "node down"):
        yield "breaks-both"
    if "breaks" in failing:
        run = failing["breaks"]
        if kind == "crash" and any(note.kind == "crash" for note in run.trace.notes):
            yield "crash"
        if kind in ("lose request", "lose reply"):
            yield "lost-message"
        stood = next((note for note in run.trace.notes if note.kind == "pause"), None)
        if stood is None or stood.t_end is None:
            yield "never-struck"
        else:
            yield from _of_pause(run, stood.who, stood.t_end)


def _of_pause(run: Play, who: str, end: float) -> Iterator[str]:
    """The paused client must be about to delete a lock, and wake while another holds one."""
    delayed = next((event for event in of(run.trace, who) if event.t_start >= end), None)
    if delayed is None or delayed.name not in ("DEL", "UNLINK"):
        yield "wrong-moment"
    begun = [load for load in loads(run.trace) if load.who != who and load.start < end]
    if not begun:
        yield "too-short"
    if all(load.end < end for load in begun):
        yield "too-long"


RULES = Rules(one_fault, trials, clues, learners_code=False, exhibit=True)
