"""Sampled orders in several processes: the same findings as in one, sooner where there are many orders.

A trial must come from a function of a module, which the other processes import; a notebook's cell cannot be imported.
An enumeration plays few schedules by design, so it stays in one process.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.pool import Pool
from time import monotonic

from course_lib.explore.loop import Progress, play_all
from course_lib.explore.strategies.pct import drawn_orders, sample
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Schedule, Trial, play

AT_ONCE = 50
"""Orders that are handed to a process at a time, at least; at most twenty times as many, where there are very many."""

PAYS = 2.0
"""Seconds of work below which starting processes, which takes about one, is not worth it."""

Make = Callable[[], Trial]
Part = tuple[Counter[tuple[str, ...]], int, int, dict[str, Schedule]]
"""How many orders broke what; steps; the longest; and the simplest failure of each promise."""


def sample_in_processes(
    make: Make, clients: int, schedules: int, *, depth: int = 3, seed: int = 0, processes: int | None = None,
    pays: float = PAYS, progress: Progress | None = None,
) -> Tally:  # fmt: skip
    """As `sample(make(), …)`, whose findings it has to the last, in `processes` processes (default: one for each core).

    However it ends, by an interrupt or by the death of this process, the other processes end too.
    Units: `pays` in seconds of work left, below which it goes on in this process.
    Raises: ValueError for a `make` that another process cannot import.
    """
    _check(make)
    trial, began = make(), monotonic()
    found = sample(trial, clients, min(AT_ONCE, schedules), depth=depth, seed=seed, progress=progress)
    left = (monotonic() - began) / AT_ONCE * (schedules - found.schedules)
    workers = min(processes or os.cpu_count() or 1, -(-(schedules - found.schedules) // AT_ONCE))
    if workers < 2 or left < pays:
        return sample(trial, clients, schedules, depth=depth, seed=seed, progress=progress, into=found)
    found.complete = False
    size = max(AT_ONCE, min(20 * AT_ONCE, (schedules - found.schedules) // (8 * workers)))
    parts = [(start, min(start + size, schedules)) for start in range(found.schedules, schedules, size)]
    work = partial(_played, make, clients, depth, seed, found.commands)
    with _started(workers) as pool:  # leaving it ends its processes
        for part in pool.imap(work, parts):
            _merge(found, part)
            if progress is not None:
                progress(found)
    found.complete = True
    return found


def _check(make: Make) -> None:
    try:
        pickle.dumps(make)
        importable = getattr(make, "__module__", "__main__") != "__main__"
    except (pickle.PicklingError, AttributeError, TypeError):
        importable = False
    if not importable:
        raise ValueError(f"{make!r} cannot be imported by another process; give a function of a module, or use sample")


def _started(workers: int) -> Pool:
    """A process that starts is as deaf to interrupts as the one that starts it; later it sees to that itself."""
    if threading.current_thread() is not threading.main_thread():
        return get_context("spawn").Pool(workers, initializer=_deaf)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return get_context("spawn").Pool(workers, initializer=_deaf)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)


def _deaf() -> None:
    """An interrupt is for the process that started this one, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _played(make: Make, clients: int, depth: int, seed: int, commands: int, part: tuple[int, int]) -> Part:
    trial = make()
    found = Tally(trial, clients, commands=commands)
    play_all(drawn_orders(found, range(*part), depth, seed), found, trial.world())
    failing = {promise: run.schedule for promise, run in found.failing.items()}
    return found.outcomes, found.steps, found.turns, failing


def _merge(found: Tally, part: Part) -> None:
    outcomes, steps, turns, failing = part
    found.outcomes += outcomes
    found.steps, found.turns = found.steps + steps, max(found.turns, turns)
    for promise, schedule in failing.items():
        found.keep(promise, play(found.trial, schedule))
