"""Judge mutants in processes of their own, which are killed when one takes too long.

The check has a guard for each schedule; it cannot stop a loop that catches every interrupt, and a thousand slow
schedules are slow. As a program (`python judging.py`) this is such a process: it reads exercises and sources, line by
line as JSON, and answers each with the status of the verdict.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

if __package__:
    from .operators import Mutant
    from .solutions import ROOT, answer
else:
    HERE = Path(__file__).resolve().parent
    sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]
    from mutants.operators import Mutant
    from mutants.solutions import ROOT, answer

LIMIT = 120.0
"""Seconds for a mutant. The slowest solution takes 5 s on a machine that has nothing else to do, 25 s on a busy one."""


class Judged(NamedTuple):
    """What became of a mutant: the verdict's status, or `killed`, or `does not run`; and the seconds it took."""

    exercise: str
    mutant: Mutant
    status: str
    seconds: float


Judge = Callable[[str, str], str]


def verdict_of(exercise: str, source: str) -> str:
    """The status of the check's verdict on an exercise's cell with that source."""
    from course_lib.grading import check

    try:
        handed = answer(exercise, source)
    except Exception:
        return "does not run"
    return check(exercise, handed).status


class Worker:
    """Judges in a process of its own, which is started when it is needed."""

    def __init__(self, limit: float = LIMIT) -> None:
        self.limit = limit
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, exercise: str, source: str) -> str:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(self.limit, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps([exercise, source]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            self.close()
        return str(json.loads(line)) if line else "killed"

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def judged(
    mutants: Iterable[tuple[str, Mutant]], *, jobs: int = 1, judge: Callable[[], Judge] = Worker
) -> Iterator[Judged]:
    """Each mutant with its verdict, in order; `judge` makes what judges, once for each job."""
    mine = threading.local()
    made: list[Judge] = []

    def ask(case: tuple[str, Mutant]) -> Judged:
        if not hasattr(mine, "judge"):
            mine.judge = judge()
            made.append(mine.judge)
        exercise, mutant = case
        begin = time.monotonic()
        return Judged(exercise, mutant, mine.judge(exercise, mutant.source), time.monotonic() - begin)

    pool = ThreadPoolExecutor(jobs)
    try:
        yield from pool.map(ask, mutants)
    finally:
        pool.shutdown(cancel_futures=True)
        for one in made:
            if isinstance(one, Worker):
                one.close()


if __name__ == "__main__":
    for request in sys.stdin:
        print(json.dumps(verdict_of(*json.loads(request))), flush=True)
