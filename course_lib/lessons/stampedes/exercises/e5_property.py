"""05.5, write the property: the answer reads traces; it is judged on runs of two broken recipes and a right one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.grading.answer import ask
from course_lib.grading.evidence import ms, overlap, paused
from course_lib.grading.write_the_property import Cases, Property, agreed, misread, noted
from course_lib.lessons.stampedes.exercises.crowd import Crowd, Setting, all_at_once, world
from course_lib.lessons.stampedes.programs import deletes_any_lock, frees_its_own, looks_then_takes
from course_lib.trace import Note


def watching(answer: Property) -> list[Trial]:
    """Runs with two loads at once, and runs in which all is well although it may not look so."""
    right = Setting(frees_its_own, ttl=0.003, lock_ttl=0.15, load=0.1)
    late = replace(right, answer=deletes_any_lock, ttl=60.0, failing=1)
    one_fails = replace(right, failing=1)
    return [
        _watched(answer, "a lock seen, then taken", "catches-look", Setting(looks_then_takes), seeds=8, sizes=(2, 3)),
        _watched(answer, "any lock deleted", "catches-del", late, faults={"pause": 0.1}, sizes=(3,)),
        _watched(answer, "the right recipe", "accepts", right, faults={"pause": 0.1}, sizes=(2,), seeds=4),
        _watched(answer, "a load that fails", "accepts", one_fails, sizes=(2, 3), seeds=4),
        _watched(answer, "a client that dies while it loads", "accepts", right, _dying, sizes=(2, 3), seeds=4),
    ]  # fmt: skip


def _watched(
    answer: Property, name: str, promise: str, setting: Setting,
    build: Callable[[Setting, Simulation, int], Crowd] = all_at_once, **options: Any,
) -> Trial:  # fmt: skip
    def judge(run: Play) -> Iterator[Violation]:
        wrong = None
        if (both := overlap(run.trace, excused=paused(run.trace))) is not None:
            first, second = both
            text = f"{first.who} and {second.who} loaded at once from {ms(second.start)}; your property returned None."
            wrong = Violation(promise, text, second.who, second.start, "two loads at once")
        return agreed(wrong, ask(answer, run.trace), promise)

    return Trial(name, (promise,), partial(build, setting), judge, least=2, world=world, horizon=2.0, **options)


def _dying(setting: Setting, world: Simulation, clients: int) -> Crowd:
    """As all_at_once; 50 ms after the start, whoever is loading dies."""
    crowd = all_at_once(setting, world, clients)

    def strike() -> None:
        for note in crowd.database.loads:
            if note.t_end is None:
                world.crash(crowd.processes[note.who])

    world.at(0.05, strike)
    return crowd


# -- clues: what does the property say of small traces made by hand? ---------------------------------------------------


def clue(answer: Property, failing: Mapping[str, Play]) -> str | None:
    """The misconception that the property's verdicts on small traces point to."""
    return misread(answer, CLUES)


CLUES: Cases = {
    "cries-wolf": (noted(Note("c1", "load", 0.0, 0.1)), True),
    "counts-loads": (noted(Note("c1", "load", 0.0, 0.1), Note("c2", "load", 0.2, 0.3)), True),
    "says-nothing": (noted(Note("c1", "load", 0.0, 0.1), Note("c2", "load", 0.05, 0.15)), False),
    "dead-still-loading": (
        noted(Note("c1", "load", 0.0), Note("c1", "crash", 0.05), Note("c2", "load", 0.2, 0.3)), True,
    ),
    "blames-the-paused": (
        noted(Note("c1", "pause", 0.0, 0.2), Note("c1", "load", 0.0, 0.3), Note("c2", "load", 0.15, 0.25)), True,
    ),
    "any-pause-excuses-all": (
        noted(Note("c1", "load", 0.0, 0.1), Note("c1", "pause", 0.1, 0.2), Note("c2", "load", 0.15, 0.25),
         Note("c3", "load", 0.2, 0.3)), False,
    ),
}  # fmt: skip
"""Notes, and whether None is the right answer; the first one that is answered wrongly names the mistake."""
