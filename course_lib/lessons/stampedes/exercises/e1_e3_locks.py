"""A locked cache-aside: 05.1, in which the lock is to be filled in, and 05.3, in which all of it is to be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from redis.exceptions import DataError

from course_lib.explore import Trial
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import loads, overlap
from course_lib.grading.lock_commands import SETS, exclusive, value, wrongly_taken
from course_lib.grading.rules import LOSSES, Failing, Judge, Rules, named, trial
from course_lib.lessons.stampedes.exercises import e1_e3_judges as judges
from course_lib.lessons.stampedes.exercises.crowd import KEY, Answer, Setting, all_at_once, odd_row, one_by_one
from course_lib.trace import Event

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
    """What the broken promises point to. In a script or a transaction, a lock may be taken unseen."""
    first = {promise: run.trace for promise, run in failing.items()}
    taken, sent = takes(first.get("one-load", ())), {event.name for event in first.get("one-load", ())}
    errors = failing["absent"].results.values() if "absent" in failing else ()
    return named({
        "no-lock": "one-load" in failing and not taken and not sent & {"EVAL", "EVALSHA", "FCALL", "EXEC"},
        "takes-in-two-steps": taken and not any(map(exclusive, taken)),
        "one-load": "one-load" in failing,
        "never-expires": "replaced" in failing and failing["replaced"].schedule.kind,
        "sleeps-too-long": "replaced" in failing,
        "frees-anothers-lock": "own-lock" in failing,
        "no-second-look": "once" in first and len(loads(first["once"])) > 1 and overlap(first["once"]) is None,
        "keeps-lock-on-error": "freed" in failing,
        "cannot-store-none": any(isinstance(result, DataError) for result in errors),
        "forgets-absence": "absent" in failing,
        "truth-of-text": "any-text" in failing,
        "no-ttl": "expires" in failing,
    })  # fmt: skip


def takes(trace: Iterable[Event]) -> list[Event]:
    """Commands that may take a lock: they set a key other than the value's."""
    return [event for event in trace if event.name in SETS and event.command[1] != KEY.encode()]


LOCK = coroutine_function("redis, key, load, *, ttl, lock_ttl, token")
FILL, WRITE = Rules(LOCK, fill, fill_clues), Rules(LOCK, write, write_clues)
