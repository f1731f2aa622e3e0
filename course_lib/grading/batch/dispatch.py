"""Tasks on an executor, a few at a time; a worker that dies costs the task that killed it, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from typing import Any, Protocol

from course_lib.grading.batch.pool import Pool
from course_lib.grading.batch.task import DIED, Judged, Task, all_alike, judged

AHEAD = 64
"""How many tasks a foreign executor holds at a time."""


class Submits(Protocol):
    """What is used of an executor."""

    def submit(self, function: Any, /, *args: Any) -> Future[Any]: ...


def spread(tasks: Iterable[Task], executor: Executor | None, jobs: int) -> Iterator[tuple[Task, Judged]]:
    """Each task with what it came to, in the order in which they are done. Without an executor: `jobs` processes.

    Raises: KeyboardInterrupt, and then no process of ours is left, and no task of ours waits.
    """
    waiting = iter(tasks)
    while True:
        suspects: list[Task] = []
        with _workers(executor, jobs) as workers:
            ahead = AHEAD if executor is not None else 2 * jobs
            yield from _until_it_breaks(waiting, workers, ahead, suspects)
        if not suspects:
            return
        for task in suspects:  # each alone, as one of them has ended the process in which it was
            with _workers(executor, 1) as workers:
                yield task.light, _alone(task, workers)


def _until_it_breaks(
    waiting: Iterator[Task], workers: Submits, ahead: int, suspects: list[Task]
) -> Iterator[tuple[Task, Judged]]:
    """Results, until a worker dies: then `suspects` has the tasks that were under way, and the rest still waits."""
    running: dict[Future[Judged], Task] = {}
    try:
        while not suspects:
            while len(running) < ahead and not suspects and (task := next(waiting, None)) is not None:
                try:
                    running[workers.submit(judged, task)] = task
                except BrokenExecutor:
                    suspects.append(task)
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                found = _result(future, task)
                if found is None:
                    suspects.append(task)
                else:
                    yield task.light, found
        for future, task in running.items():  # the pool is broken: they all end at once
            found = _result(future, task)
            if found is None:
                suspects.append(task)
            else:
                yield task.light, found
    finally:
        for future in running:
            future.cancel()


def _alone(task: Task, workers: Submits) -> Judged:
    try:
        found = _result(workers.submit(judged, task), task)
    except BrokenExecutor:
        found = None
    return found or all_alike(task, "error", DIED, "The worker process died, in company and alone.")


def _result(future: Future[Judged], task: Task) -> Judged | None:
    """None if the worker died under it."""
    try:
        return future.result()
    except BrokenExecutor:
        return None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an executor's own: a cluster says in many ways that a worker was lost
        return all_alike(task, "error", DIED, f"{type(error).__name__}: {error}")


@contextmanager
def _workers(executor: Executor | None, jobs: int) -> Iterator[Submits]:
    if executor is not None:
        yield executor
        return
    pool = Pool(jobs)
    try:
        yield pool
    finally:
        pool.end()
