"""05.4, break it: the answer is one fault, and it is judged by what happens when it strikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.explore import OneFault, Play, Simulation, Trial
from course_lib.grading.break_it import a_fault, twins
from course_lib.grading.evidence import loads, ms, of, overlap, struck
from course_lib.grading.rules import Failing, Found, Rules, named
from course_lib.lessons.stampedes.exercises.crowd import Answer, JudgedCrowd, Setting, all_at_once
from course_lib.lessons.stampedes.programs import deletes_any_lock, frees_its_own
from course_lib.trace import Span

NAMES, LOCK_TTL, LOAD = ("c1", "c2", "c3"), 0.15, 0.1


def one_fault(answer: Any) -> OneFault:
    """The answer, if it is a fault."""
    return a_fault(answer, NAMES, 'a fault, such as OneFault("crash", at=2, client="c1")')


def trials(fault: OneFault) -> list[Trial]:
    """The same fault strikes the broken recipe and its mended twin."""
    return twins(
        partial(_build, fault),
        ("the fault strikes the recipe", deletes_any_lock, {"breaks": _breaks}),
        ("the same fault strikes the mended recipe", frees_its_own, {"mended": _survives}),
        "That the mended recipe survives says nothing, as your fault breaks neither of the two.",
        sizes=(len(NAMES),), least=len(NAMES), horizon=2.0 + abs(fault.seconds), unfaulted="your fault",
    )  # fmt: skip


def _build(fault: OneFault, recipe: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    world.faults = replace(fault)
    return all_at_once(Setting(recipe, lock_ttl=LOCK_TTL, load=LOAD, failing=1), world, clients)


def broken_by(run: Play) -> tuple[Span, Span] | None:
    """Two loads at once by clients that the fault did not hit."""
    return overlap(run.trace, excused=struck(run))


def _breaks(run: Play) -> Iterator[Found]:
    both = broken_by(run)
    if both is None:
        spans = (f"{one.who} from {ms(one.start)} to {ms(min(one.end, run.now))}" for one in loads(run.trace))
        yield (f"No two clients loaded at once that your fault did not hit: {', '.join(spans)}.",)
    else:
        run.trace.note(both[1].who, "violation", both[1].start, text="two loads at once")


def _survives(run: Play) -> Iterator[Found]:
    both = broken_by(run)
    if both is not None:
        text = f"The same fault breaks the mended recipe too: {both[0].who} and {both[1].who} load at once."
        yield text, both[1].who, both[1].start, "two loads at once"


def clues(failing: Failing) -> Iterator[str]:
    """Why this fault does not break the recipe: the paused client must be about to delete a lock, and wake while
    another holds one."""
    if "breaks" not in failing:
        return named({"breaks-both": failing.answer.kind in ("clock step", "node down")})
    run = failing["breaks"]
    hit = {note.kind: note for note in reversed(run.trace.notes)}
    lost = any(event.fault in ("request lost", "reply lost") for event in run.trace)
    if "pause" not in hit:
        return named({
            "crash": "crash" in hit,
            "strikes-all": {"down", "skew"} & hit.keys(),
            "lost-message": lost,
            "never-struck": True,
        })  # fmt: skip
    who, begin, end = hit["pause"].who, hit["pause"].t_start, hit["pause"].t_end or run.now
    delayed = next((event.name for event in of(run.trace, who) if event.t_start >= end), "")
    first, *others = loads(run.trace)
    begun = [load for load in others if load.who != who and begin <= load.start < end]
    return named({
        "wrong-moment": delayed not in ("DEL", "UNLINK"),
        "too-short": first.who == who and not begun,
        "too-long": first.who == who and all(load.end < end for load in begun),
    })  # fmt: skip


RULES = Rules(one_fault, trials, clues, learners_code=False, exhibit=True)
