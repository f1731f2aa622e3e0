"""How much memory and time the grader itself may use: to read a notebook, whose file can be anything, and to judge an
answer, whose commands are kept here, and so is what servers hold."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from course_lib.wire.pipe import Silent

MEMORY = 500 << 20
"""Bytes beyond what the process had when it first judged."""
AGAIN, LAST = 1.0, 2
"""AGAIN: seconds after which a worker is told once more that its time is over. LAST: a worker that does not hear of it
is ended when it has computed this many times as long as it may."""


@contextmanager
def bounded(more: int | None = None) -> Iterator[None]:
    """Code in this block that asks for more memory than MEMORY, or than `more` beyond what is used now, gets a
    MemoryError. Only Linux counts a process's data; elsewhere nothing is bounded."""
    if not _data():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _first() + MEMORY if more is None else _data() + more
    resource.setrlimit(resource.RLIMIT_DATA, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise Silent in code that computes for longer here, such as an answer's script in the simulated server. Only in
    the main thread, which is where a worker judges.

    It rings again each second, as an error can be lost: in a callback, or by a `pcall` of a script. If Python itself
    never gets to hear of it, the worker is ended, which costs this notebook only.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise Silent(whole=True)

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
    if multiprocessing.parent_process() is not None:
        signal.setitimer(signal.ITIMER_VIRTUAL, LAST * seconds)  # SIGVTALRM ends a process that does not ask for it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGPROF, before)


def tidy() -> None:
    """Give back the memory that a large answer leaves behind. Otherwise the next one would have less."""
    if _data() > _first() + MEMORY // 5:
        gc.collect()


@cache
def _first() -> int:
    return _data()


def _data() -> int:
    """Bytes of data that this process has; 0 where nobody knows."""
    try:
        import resource

        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    except (ImportError, OSError):
        return 0
