"""What keeps a check from hanging, and its text the same each time, while code runs that can be wrong in any way.

It trusts the learner: this is not a sandbox. The judge of a class runs code in a process of its own.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from course_lib.errors import CourseError
from course_lib.explore import StandIn, clocks, in_place, simulating

LIMIT = 5.0
"""Seconds of real time for one schedule, which usually takes a few milliseconds."""


WAITS = (
    "time.sleep stops the whole process; write await asyncio.sleep(…). All clients share one thread: while one sleeps "
    "like that, none moves"
)
CONNECTS = "simulated code has no network; use only the client of Redis that you are given"


class Stuck(KeyboardInterrupt):
    """One schedule took more than LIMIT. An interrupt, because asyncio lets nothing else out of a task at once."""


class Blocked(CourseError):
    """The answer called what waits in real time, which would stop every client of its process."""


class Capped(io.StringIO):
    """Keeps the first 2,000 characters that are written."""

    def write(self, text: str) -> int:
        return super().write(text[: max(0, 2_000 - self.tell())])


class Guard:
    """What was seen while the guard was up: `blocked` is the first call that was forbidden, `printed` the output."""

    def __init__(self) -> None:
        self.blocked: Blocked | None = None
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
        """Hold back output, let simulated code neither wait nor draw nor read a clock outside, limit each schedule."""
        with redirect_stdout(self.printed), redirect_stderr(Capped()), in_place(self._stand_ins()), self._alarm():
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

    def _stand_ins(self) -> Iterator[StandIn]:
        """(module or class, name, stand-in): where no simulated code runs, each does what the function itself does.

        From os.urandom secrets and uuid draw.
        """
        yield time, "sleep", self._forbidden(time.sleep, WAITS)
        yield socket.socket, "connect", self._forbidden(socket.socket.connect, CONNECTS)
        yield asyncio, "open_connection", self._forbidden(asyncio.open_connection, CONNECTS)
        yield from clocks()
        urandom = os.urandom

        def drawn(size: int) -> bytes:
            return urandom(size) if simulating() is None else random.randbytes(size)

        yield os, "urandom", drawn
        yield random, "_urandom", drawn  # the name under which SystemRandom, and so secrets, has it

    def _forbidden(self, function: Callable[..., Any], why: str) -> Callable[..., Any]:
        def stand_in(*args: Any, **options: Any) -> Any:
            if simulating() is None:
                return function(*args, **options)
            error = Blocked(why)
            self.blocked = self.blocked or error
            raise error

        return stand_in
