"""A locked cache-aside: 05.1, in which the lock is to be filled in, and 05.3, in which all of it is to be written."""

from __future__ import annotations

from functools import partial

from course_lib.explore import Schedule, Simulation, Trial, play, steady
from course_lib.grading.answer import coroutine_function
from course_lib.grading.rules import LOSSES, Judge, Rules, trial, undisturbed
from course_lib.lessons.stampedes.exercises import e1_e3_judges as judges
from course_lib.lessons.stampedes.exercises import e1_e3_lives as lives
from course_lib.lessons.stampedes.exercises.crowd import (
    PAGES,
    Answer,
    Row,
    endless_wait,
    failing_first,
    long_wait,
    one_by_one,
    refusing,
    several_keys,
    slow_loads,
    too_late,
    varied,
)  # fmt: skip
from course_lib.lessons.stampedes.exercises.e1_e3_mistakes import fill_clues, write_clues
from course_lib.lessons.stampedes.exercises.e1_e3_runs import freeing, many_keys, own_terms, refusing_one
from course_lib.sim.faults import Kind

in_time = partial(trial, horizon=2.5)
FAR = partial(Simulation, latency=steady(3.0), socket_timeout=None)
"""A network on which who waits for an hour asks some hundred times."""
DOWN: dict[Kind, float] = {"node down": 60.0}
COLD: dict[str, Judge] = {
    "one-load": judges.one_load, "value": judges.right_value, "replaced": judges.replaced,
}  # fmt: skip


def _first_loads_fail(answer: Answer, judge: Judge) -> Trial:
    return in_time("the first load fails, or the first two", partial(failing_first, answer), {"freed": judge},
                   sizes=(2, 3), seeds=8)  # fmt: skip


def _refusing(answer: Answer) -> Trial:
    return in_time("Redis refuses to write", partial(refusing, answer),
                   {"value": judges.right_value, "one-load": judges.one_load}, sizes=(2,), seeds=4)  # fmt: skip


def _refusing_one(answer: Answer) -> Trial:
    return in_time(
        "Redis refuses one command", partial(refusing_one, answer), {"value": lives.told}, sizes=(1,), seeds=4
    )


def _own_terms(answer: Answer, promises: dict[str, Judge]) -> Trial:
    quick = partial(Simulation, latency=steady(0.0001))
    return in_time("each call has another ttl and another lock_ttl", partial(own_terms, answer), promises, sizes=(1,),
                   seeds=4, world=quick)  # fmt: skip


def fill(answer: Answer) -> list[Trial]:
    """05.1: a crowd, with one fault at every send; and a crowd whose first load fails."""
    return [
        in_time("a crowd asks for a cold key", partial(varied, answer), {**COLD, "value": lives.value}, sizes=(2, 3, 8),
                seeds=12, faults=LOSSES | DOWN, fault_sizes=(2,)),
        in_time("a request is lost, and a load takes long", partial(slow_loads, answer), {"one-load": judges.one_load},
                sizes=(3,), faults={"lose request": 0.0}),
        _first_loads_fail(answer, lives.held),
        _refusing(answer),
        _refusing_one(answer),
        _own_terms(answer, {"replaced": lives.lock_lives}),
    ]  # fmt: skip


def write(answer: Answer) -> list[Trial]:
    """05.3: as 05.1; and brief pauses, holders that outlive their locks, several keys and odd rows at once, a load that
    takes long, and the cost of a hit."""
    cold = {
        **COLD, "value": lives.value, "own-lock": judges.own_lock,
        "once": undisturbed(judges.once), "prompt": judges.looks,
        "expires": judges.expires,
    }  # fmt: skip
    marks = _marks(answer)
    all_marks = list(dict.fromkeys(text for texts in marks.values() for text in texts))[:4]
    rows = partial(several_keys, answer, [*ODD_ROWS[:3], *all_marks, *ODD_ROWS[3:]])
    same = partial(several_keys, answer, [""], own=marks)
    return [
        in_time("a crowd asks for a cold key", partial(varied, answer), cold, sizes=(2, 3, 8), seeds=12,
                faults=LOSSES | DOWN, fault_sizes=(2,)),
        in_time("what is there when a lock goes", partial(freeing, answer), {"once": lives.bare}, sizes=(2,), seeds=3),
        in_time("a client stands still for 100 ms, less than the lock lives", partial(varied, answer),
                {"once": judges.once}, sizes=(2, 3), faults={"pause": 0.1}),
        in_time("a client is later than its lock", partial(too_late, answer),
                {"own-lock": judges.own_lock, "value": judges.right_value, "replaced": lives.outlived},
                sizes=(3,), faults={"pause": 0.06},
                fault_seeds=2, seeds=4),
        _first_loads_fail(answer, judges.freed),
        _refusing(answer),
        _refusing_one(answer),
        _own_terms(answer, {"replaced": lives.lock_lives, "expires": lives.value_lives}),
        in_time("many keys", partial(many_keys, answer), {"prompt": judges.apart}, sizes=(1,), seeds=1, horizon=0.25),
        in_time("several keys, and odd rows", rows,
                {"absent": judges.absent, "any-text": judges.any_text, "prompt": judges.apart}, sizes=(2,), seeds=5),
        in_time("each row is the text that stands for none under its key", same, {"any-text": judges.any_text},
                sizes=(1,), seeds=len(PAGES)),
        in_time("one client after another", partial(one_by_one, answer),
                {"hit": judges.hit, "expires": judges.loaded_again}, sizes=(1,), seeds=4, horizon=4.0),
        trial("a load that takes 31 s", partial(long_wait, answer), {"value": judges.patient, "prompt": judges.looks},
              sizes=(2,), horizon=33.0, most_steps=400_000),
        trial("a load that takes an hour, far away", partial(endless_wait, answer),
              {"value": judges.in_the_end, "one-load": judges.one_load},
              sizes=(2,), horizon=4_100.0, world=FAR),
    ]  # fmt: skip


ODD_ROWS: tuple[Row, ...] = (
    None, "", "None", "none", "null", "0", "=none", "Zoë €: a\nb", ' "7" ', '{"value": null}', "nil", "False",
    '"7"', "==\ra\r\n\tb=c\n",
)  # fmt: skip
"""No row at all, and texts that a careless test takes for none, or for something else."""


def _marks(answer: Answer) -> dict[str, list[str]]:
    """By key, what the answer stores where there is no row: a text, like any other."""
    found: dict[str, list[str]] = {}
    for seed in range(len(PAGES)):
        alone = play(in_time("no row", partial(several_keys, answer, [None]), {}, sizes=(1,)), Schedule(1, seed))
        for life in alone.witness.values:
            if texts := [held.decode("utf-8", "replace") for held in life.holds]:
                found[life.key.decode()] = texts
    return found


LOCK = coroutine_function("redis, key, load, *, ttl, lock_ttl, token")
FILL, WRITE = Rules(LOCK, fill, fill_clues), Rules(LOCK, write, write_clues)
