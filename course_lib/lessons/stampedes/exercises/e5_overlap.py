"""05.5, write the property: the answer reads traces; it is judged on runs of two broken recipes and a right one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import ms, overlap, paused
from course_lib.grading.rules import Found, Rules
from course_lib.grading.write_the_property import Cases, Property, misread, noted, watched
from course_lib.lessons.stampedes.exercises.crowd import Crowd, Setting, all_at_once
from course_lib.lessons.stampedes.programs import deletes_any_lock, frees_its_own, looks_then_takes
from course_lib.trace import Note


def trials(answer: Property) -> list[Trial]:
    """Runs with two loads at once, and runs in which all is well although it may not look so."""
    right = Setting(frees_its_own, ttl=0.003, lock_ttl=0.15, load=0.1)
    late = replace(right, answer=deletes_any_lock, ttl=60.0, failing=1)
    look = partial(all_at_once, Setting(looks_then_takes))
    watch = partial(watched, answer, _two_loads, least=2, horizon=2.0)
    return [
        watch("catches-look", "a lock seen, then taken", look, seeds=8, sizes=(2, 3)),
        watch("catches-del", "any lock deleted", partial(all_at_once, late), faults={"pause": 0.1}, sizes=(3,)),
        watch("accepts", "the right recipe", partial(all_at_once, right), faults={"pause": 0.1}, sizes=(2,), seeds=4),
        watch("accepts", "a load that fails", partial(all_at_once, replace(right, failing=1)), sizes=(2, 3), seeds=4),
        watch("accepts", "a client that dies while it loads", partial(_dying, right), sizes=(2, 3), seeds=4),
    ]


def _two_loads(run: Play) -> Iterator[Found]:
    if (both := overlap(run.trace, excused=paused(run.trace))) is not None:
        first, second = both
        text = f"{first.who} and {second.who} loaded at once from {ms(second.start)}"
        yield text, second.who, second.start, "two loads at once"


def _dying(setting: Setting, world: Simulation, clients: int) -> Crowd:
    """As all_at_once; 50 ms after the start, each client that is loading dies."""
    crowd = all_at_once(setting, world, clients)

    def strike() -> None:
        for note in [note for note in world.trace.notes if note.kind == "load"]:
            if note.t_end is None:
                world.crash(crowd.processes[note.who])

    world.at(0.05, strike)
    return crowd


# -- clues: what does the property say of small traces made by hand? ---------------------------------------------------


CASES: Cases = {
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

RULES = Rules(plain_function("trace"), trials, misread(CASES), learners_code=False)
