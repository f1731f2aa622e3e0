"""Sampled orders in several processes, with faults or without: the findings of one, sooner where there are many orders.

A trial must come from a function of a module, which the other processes import; a notebook's cell cannot be imported.
An enumeration plays few schedules by design, so it stays in one process.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import chain
from math import ceil
from multiprocessing import get_context
from multiprocessing.pool import Pool
from time import monotonic
from typing import NamedTuple

from course_lib.explore.activity import Activity
from course_lib.explore.captured_output import held_back
from course_lib.explore.loop import UNLIMITED, Budget, Progress, play_all
from course_lib.explore.strategies.delays import delayed
from course_lib.explore.strategies.pct import SAMPLED, STRUCK_PROBES, drawn_orders, sample, struck_orders
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Schedule, Trial, play
from course_lib.sim.stand_ins import virtual_clocks

AT_ONCE = 50
"""Orders that are handed to a process at a time, at least; at most twenty times as many, where there are very many."""

PAYS = 2.0
"""Seconds of work below which starting processes, which takes about one, is not worth it."""

Make = Callable[[], Trial]


class Part(NamedTuple):
    """What came of some orders: how many broke which promise, how many steps they took, the longest, and the simplest
    failure of each promise; if asked for, what there was to judge, and the runs to keep. With faults, a part is one
    order with all its faults."""

    outcomes: Counter[tuple[str, ...]]
    steps: int
    turns: int
    failing: dict[str, Schedule]
    seen: Activity | None = None
    kept: Sequence[Schedule] = ()


def sample_in_processes(
    make: Make, clients: int, schedules: int, *, faults: int = 0, depth: int = 3, seed: int = 0,
    processes: int | None = None, pays: float = PAYS, progress: Progress | None = None,
) -> Tally:  # fmt: skip
    """As `sample(make(), …)`, whose findings it has to the last, in `processes` processes (default: one for each core).

    However it ends, by an interrupt or by the death of this process, the other processes end too.
    Units: `pays` in seconds of work left, below which it goes on in this process.
    Raises: ValueError for a `make` that another process cannot import.
    """
    _check(make)
    found = Tally(make(), clients, SAMPLED, faults)
    return sample_elsewhere(
        found, make, schedules, depth=depth, seed=seed, processes=processes, pays=pays, progress=progress
    )


def sample_elsewhere(
    found: Tally, make: Make, schedules: int, *, executor: Executor | None = None, depth: int = 3, seed: int = 0,
    processes: int | None = None, pays: float = PAYS, budget: Budget = UNLIMITED, progress: Progress | None = None,
) -> Tally:  # fmt: skip
    """As `sample`, into `found`, where work that pays is done by an executor, which need not be one of processes; by
    default, by processes that are started for it. The findings are the same, however many work on it; only where the
    budget's steps may end it, all is played here."""
    began, most, faults = monotonic(), schedules, found.faults or 0
    here = partial(sample, found.trial, found.clients, faults=faults, depth=depth, seed=seed, budget=budget,
                   progress=progress, into=found)  # fmt: skip
    here(schedules=min(AT_ONCE, most))
    while faults and found.complete and found.drawn < STRUCK_PROBES and found.schedules < most:
        here(schedules=found.schedules + 1)  # one more order, and each fault in it
    if not found.schedules:  # there is nothing to strike
        return here(schedules=most)
    rest, each = most - found.schedules, found.schedules / max(1, found.drawn)
    took = monotonic() - began
    workers = min(processes or os.cpu_count() or 1, -(-rest // AT_ONCE))
    alone = executor is None and (workers < 2 or took / found.schedules * rest < pays)
    if not found.complete or alone or rest < 1 or 2 * found.steps / found.schedules * most > budget.steps:
        return here(schedules=most)
    found.complete = False
    size = max(AT_ONCE, min(20 * AT_ONCE, rest // (8 * workers)))
    if faults:
        parts = _dealt(found.drawn, found.drawn + ceil(rest / each), ceil(size / each))
    else:
        parts = _dealt(found.schedules, most, size)
    work = partial(_played, make, found.clients, faults, depth, seed, found.commands, found.seen is not None,
                   found.trial.delays)  # fmt: skip
    done: Iterator[list[Part]]
    with ExitStack() as stack:
        if executor is None:  # leaving it ends its processes
            done = stack.enter_context(_started(workers)).imap(work, parts)
        else:
            done = _in_turn([executor.submit(work, part) for part in parts], stack)
        for part in chain.from_iterable(done):
            if found.schedules >= most:
                break  # not all orders have equally many sends: the number where none was struck was enough
            with _ONE:
                _merge(found, part)
            if progress is not None:
                progress(found)
            if monotonic() - began >= budget.seconds:
                return found
    found.complete = True
    return here(schedules=most) if found.schedules < most else found


def _dealt(first: int, end: int, size: int) -> list[tuple[int, int]]:
    return [(start, min(start + size, end)) for start in range(first, end, size)]


def _in_turn(futures: Sequence[Future[list[Part]]], stack: ExitStack) -> Iterator[list[Part]]:
    """The parts in their order. However the caller stops, no part begins afterwards, and those that have begun are
    ended."""
    for future in futures:
        stack.callback(wait, [future])
    for future in futures:
        stack.callback(future.cancel)  # what is pushed last is called first
    return (future.result() for future in futures)


def importable(make: Make) -> bool:
    """Could another process make it?"""
    try:
        pickle.dumps(make)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return all(getattr(one, "__module__", "") != "__main__" for one in _functions(make))


def _functions(given: object) -> Iterator[object]:
    """The functions in a partial: the one that it calls, and those among its arguments."""
    if isinstance(given, partial):
        for one in (given.func, *given.args, *given.keywords.values()):
            yield from _functions(one)
    elif isinstance(given, list | tuple):
        for one in given:
            yield from _functions(one)
    elif callable(given):
        yield given


def _check(make: Make) -> None:
    if not importable(make):
        raise ValueError(f"{make!r} cannot be imported by another process; give a function of a module, or use sample")


def _started(workers: int) -> Pool:
    """A process ignores interrupts from its start if the process that starts it does; later it does so by itself."""
    if threading.current_thread() is not threading.main_thread():
        return get_context("spawn").Pool(workers, initializer=_deaf)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return get_context("spawn").Pool(workers, initializer=_deaf)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)


def _deaf() -> None:
    """Ignore interrupts: they are for the process that started this one, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_ONE = threading.Lock()
"""For executors that use threads: the stand-ins for Python's clocks exist only once in a process."""


def _played(
    make: Make,
    clients: int,
    faults: int,
    depth: int,
    seed: int,
    commands: int,
    looks: bool,
    delays: bool,
    numbers: tuple[int, int],
) -> list[Part]:
    with _ONE, virtual_clocks(), held_back():
        trial = delayed(make()) if delays else make()
        world, parts = trial.world(), []
        for some in ((number, number + 1) for number in range(*numbers)) if faults else (numbers,):
            found = Tally(trial, clients, faults=faults, commands=commands, seen=Activity() if looks else None)
            orders = partial(struck_orders, found, world) if faults else partial(drawn_orders, found)
            parts.append(_part(play_all(orders(range(*some), depth, seed), found, world)))
        return parts


def _part(found: Tally) -> Part:
    failing = {promise: run.schedule for promise, run in found.failing.items()}
    if (seen := found.seen) is None:
        return Part(found.outcomes, found.steps, found.turns, failing)
    kept = [run.schedule for run in seen.kept]
    brief = replace(seen, kept=[], _histories=set())  # hashes, which differ from process to process
    return Part(found.outcomes, found.steps, found.turns, failing, brief, kept)


def _merge(found: Tally, part: Part) -> None:
    found.outcomes += part.outcomes
    found.drawn += bool(found.faults)
    found.steps, found.turns = found.steps + part.steps, max(found.turns, part.turns)
    for promise, schedule in part.failing.items():
        found.keep(promise, play(found.trial, schedule))
    if found.seen is not None and part.seen is not None:
        found.seen = found.seen + part.seen
        for schedule in part.kept:  # those in which a client was told what none had been told before in that part
            found.seen.keep(play(found.trial, schedule))
