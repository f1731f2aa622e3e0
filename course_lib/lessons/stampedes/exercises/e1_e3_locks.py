"""A locked cache-aside: 05.1, in which the lock is to be filled in, and 05.3, in which all of it is to be written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from redis.exceptions import DataError

from course_lib.explore import Trial
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import loads, overlap
from course_lib.grading.lock_commands import SETS, exclusive, value, wrongly_taken
from course_lib.grading.rules import LOSSES, Failing, Judge, Rules, trial
from course_lib.lessons.stampedes.exercises import e1_e3_judges as judges
from course_lib.lessons.stampedes.exercises.crowd import KEY, Answer, Setting, all_at_once, odd_row, one_by_one
from course_lib.trace import Event, Trace

in_time = partial(trial, horizon=2.2)
COLD: dict[str, Judge] = {
    "one-load": judges.one_load, "value": judges.right_value, "replaced": judges.replaced,
}  # fmt: skip


def _first_load_fails(answer: Answer) -> Trial:
    return in_time("the first load fails", partial(all_at_once, Setting(answer, failing=1)), {"freed": judges.freed},
                   sizes=(2, 3), seeds=6)  # fmt: skip


def fill(answer: Answer) -> list[Trial]:
    """05.1: a crowd, with one fault at every send; and a crowd whose first load fails."""
    cold = partial(all_at_once, Setting(answer))
    return [
        in_time("a crowd asks for a cold key", cold, COLD, sizes=(2, 3, 8), seeds=12, faults=LOSSES,
                fault_sizes=(2, 3)),
        _first_load_fails(answer),
    ]  # fmt: skip


def write(answer: Answer) -> list[Trial]:
    """05.3: as 05.1; and brief pauses, a holder that outlives its lock, odd rows, and the cost of a hit."""
    cold = partial(all_at_once, Setting(answer))
    late = partial(all_at_once, Setting(answer, ttl=0.003, lock_ttl=0.15, load=0.1))
    return [
        in_time("a crowd asks for a cold key", cold, COLD, sizes=(2, 3), seeds=12, faults=LOSSES),
        in_time("a client stands still for 100 ms, less than the lock lives", cold, {"once": judges.once},
                sizes=(2, 3, 8), seeds=12, faults={"pause": 0.1}, fault_sizes=(2, 3)),
        in_time("a client stands still until its lock has expired", late, {"own-lock": judges.own_lock},
                sizes=(3,), faults={"pause": 0.1}, fault_seeds=2, seeds=2),
        _first_load_fails(answer),
        in_time("an odd row", partial(odd_row, Setting(answer)),
                {"absent": judges.absent, "any-text": judges.any_text}, sizes=(3,), seeds=6),
        in_time("one client after another", partial(one_by_one, Setting(answer, ttl=1.0)),
                {"hit": judges.hit, "expires": judges.expires}, sizes=(1,), seeds=3),
    ]  # fmt: skip


# -- clues: read from the commands of a run ----------------------------------------------------------------------------


def fill_clues(failing: Failing) -> Iterator[str]:
    """What the lock was taken with in the first run."""
    trace, setting = failing.first.trace, failing.first.witness.setting
    return wrongly_taken(takes(trace), trace, setting.lock_ttl, lambda event: b"-token-" in value(event))


def write_clues(failing: Failing) -> Iterator[str]:
    """What the broken promises point to."""
    if "one-load" in failing:
        trace = failing["one-load"].trace
        taken = takes(trace)
        if not taken and not any(event.name in ("EVAL", "EVALSHA", "FCALL", "EXEC") for event in trace):
            yield "no-lock"  # in a script or a transaction it may be taken unseen
        if taken and not any(map(exclusive, taken)):
            yield "takes-in-two-steps"
        yield "one-load"
    if "replaced" in failing:
        yield "never-expires" if failing["replaced"].schedule.kind else "sleeps-too-long"
    if "own-lock" in failing:
        yield "frees-anothers-lock"
    if "once" in failing and len(loads(failing["once"].trace)) > 1 and overlap(failing["once"].trace) is None:
        yield "no-second-look"
    if "freed" in failing:
        yield "keeps-lock-on-error"
    if "absent" in failing:
        errors = any(isinstance(result, DataError) for result in failing["absent"].results.values())
        yield "cannot-store-none" if errors else "forgets-absence"
    if "any-text" in failing:
        yield "truth-of-text"
    if "expires" in failing:
        yield "no-ttl"


def takes(trace: Trace) -> list[Event]:
    """Commands that may take a lock: they set a key other than the value's."""
    return [event for event in trace if event.name in SETS and event.command[1] != KEY.encode()]


LOCK = coroutine_function("redis, key, load, *, ttl, lock_ttl, token")
FILL, WRITE = Rules(LOCK, fill, fill_clues), Rules(LOCK, write, write_clues)
