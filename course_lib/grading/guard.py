"""What keeps a check from hanging, and its text the same each time, while code runs that may be wrong in any way.

It trusts the learner: this is no sandbox. The judge of a class runs code in a process of its own.
"""

from __future__ import annotations

import io
import os
import random
import signal
import threading
import time
from asyncio import events
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from course_lib.errors import CourseError

LIMIT = 5.0
"""Seconds of real time for one schedule, which usually takes a few milliseconds."""


class Stuck(KeyboardInterrupt):
    """One schedule took more than LIMIT. An interrupt, because asyncio lets nothing else out of a task at once."""


class Blocked(CourseError):
    """The answer called time.sleep, which would stop every client of its process."""


class Capped(io.StringIO):
    """Keeps the first 2,000 characters that are written."""

    def write(self, text: str) -> int:
        return super().write(text[: max(0, 2_000 - self.tell())])


class Guard:
    """What was seen while the guard was up."""

    def __init__(self) -> None:
        self.blocked = False
        self.printed = Capped()
        self._timed = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def begin(self) -> None:
        """A schedule begins: it has LIMIT seconds, and what was printed before it is forgotten.

        The limit needs a POSIX system and the main thread, where notebooks run their cells. Elsewhere interrupt the
        kernel. Code that catches every interrupt in a loop without await cannot be stopped either way.
        """
        self.printed.seek(0)
        self.printed.truncate()
        if self._timed:
            signal.setitimer(signal.ITIMER_REAL, LIMIT, 0.5)

    @contextmanager
    def up(self) -> Iterator[Guard]:
        """Hold back output, forbid time.sleep, fix what is drawn from the system, and limit each schedule's time."""
        with redirect_stdout(self.printed), redirect_stderr(Capped()), self._replaced(), self._alarm():
            yield self

    @contextmanager
    def _alarm(self) -> Iterator[None]:
        if not self._timed:
            yield
            return

        def ring(*_: object) -> None:
            raise Stuck

        before = signal.signal(signal.SIGALRM, ring)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    @contextmanager
    def _replaced(self) -> Iterator[None]:
        """time.sleep, and in simulated code os.urandom, from which secrets and uuid draw."""
        sleep, urandom, draw = time.sleep, os.urandom, random._urandom  # type: ignore[attr-defined]  # secrets's own

        def no_sleep(seconds: float) -> None:
            self.blocked = self.blocked or _simulated()
            if _simulated():
                raise Blocked("time.sleep stops the whole process; write await asyncio.sleep(…)")
            sleep(seconds)

        def drawn(size: int) -> bytes:
            return random.randbytes(size) if _simulated() else urandom(size)

        time.sleep, os.urandom, random._urandom = no_sleep, drawn, drawn  # type: ignore[attr-defined,assignment]
        try:
            yield
        finally:
            time.sleep, os.urandom, random._urandom = sleep, urandom, draw  # type: ignore[attr-defined]


def _simulated() -> bool:
    """Does simulated code run in this thread? Other threads, such as the kernel's, keep what they had."""
    loop: Any = events._get_running_loop()
    return loop is not None and type(loop).__module__ == "course_lib.sim.loop"
