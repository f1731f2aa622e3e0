"""Worker processes that end with this one: by Control-C, by an error, and also if this process is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any


class Pool:
    """`jobs` processes, each of them fresh: nothing is inherited but one end of a pipe, whose other end is ours."""

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(self._theirs,))

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """As any executor does."""
        return self._executor.submit(function, *args)

    def end(self) -> None:
        """Stop all work at once; afterwards no process is left."""
        self._ours.close()  # the process that waits at the other end leaves
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._theirs.close()


def _begin(theirs: Connection) -> None:
    """In a new worker. Control-C goes to every process of a terminal; the first of them decides what happens then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_the_other, args=(theirs,), daemon=True).start()


def _leave_with_the_other(theirs: Connection) -> None:
    try:
        theirs.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
