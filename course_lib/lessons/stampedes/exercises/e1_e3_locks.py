"""Trials for a locked cache-aside, 05.1 and 05.3. They judge loads, results and times, not how the code is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.lessons.stampedes.exercises.crowd import Answer, Crowd, Setting, all_at_once, odd_row, one_by_one, world
from course_lib.lessons.stampedes.exercises.e1_e3_promises import PROMISES, Judge, absent, any_text, expires, freed, hit, once, one_load, own_lock, replaced, right_value


def fill_the_lock(answer: Answer) -> list[Trial]:
    """05.1: a crowd, with one fault at every send; and a crowd whose first load fails."""
    cold = Setting(answer)
    fails = Setting(answer, failing=1)
    return [
        _trial("a crowd asks for a cold key", cold, all_at_once, (one_load, right_value, replaced),
               sizes=(2, 3, 8), seeds=12, faults={"crash": 0.0, "lose request": 0.0, "lose reply": 0.0},
               fault_sizes=(2, 3)),
        _trial("the first load fails", fails, all_at_once, (freed,), sizes=(2, 3), seeds=6),
    ]  # fmt: skip


def write_the_whole(answer: Answer) -> list[Trial]:
    """05.3: as 05.1; and brief pauses, a holder that outlives its lock, odd rows, and the cost of a hit."""
    cold, fails = Setting(answer), Setting(answer, failing=1)
    late = Setting(answer, ttl=0.003, lock_ttl=0.15, load=0.1)
    warm = Setting(answer, ttl=1.0)
    return [
        _trial("a crowd asks for a cold key", cold, all_at_once, (one_load, right_value, replaced),
               sizes=(2, 3), seeds=12, faults={"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}),
        _trial("a client stands still for 100 ms, less than the lock lives", cold, all_at_once, (once,),
               sizes=(2, 3, 8), seeds=12, faults={"pause": 0.1}, fault_sizes=(2, 3)),
        _trial("a client stands still until its lock has expired", late, all_at_once, (own_lock,),
               sizes=(3,), faults={"pause": 0.1}, fault_seeds=2, seeds=2),
        _trial("the first load fails", fails, all_at_once, (freed,), sizes=(2, 3), seeds=6),
        _trial("an odd row", cold, odd_row, (absent, any_text), sizes=(3,), seeds=6),
        _trial("one client after another", warm, one_by_one, (hit, expires), sizes=(1,), seeds=3),
    ]  # fmt: skip


def _trial(
    name: str, setting: Setting, build: Callable[[Setting, Simulation, int], Crowd], judges: tuple[Judge, ...],
    **options: Any,
) -> Trial:  # fmt: skip
    def judge(run: Play) -> Iterator[Violation]:
        for one in judges:
            yield from one(run)

    promises = tuple(PROMISES[one] for one in judges)
    return Trial(name, promises, partial(build, setting), judge, world=world, horizon=2.2, **options)
