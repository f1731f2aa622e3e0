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
from asyncio import events
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from course_lib.errors import CourseError
from course_lib.explore import EPOCH

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
    """What was seen while the guard was up: `blocked` is the first call that was forbidden, `printed` the output.

    `names` are those of the answer's own module, where `from time import sleep` has left a name of its own.
    """

    def __init__(self, names: dict[str, Any] | None = None) -> None:
        self.blocked: Blocked | None = None
        self.printed = Capped()
        self._names: dict[str, Any] = {} if names is None else names
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
        """Put the stand-ins in place of the functions, under each name that the answer's module has for them too."""
        before: list[tuple[Any, str, Any]] = []
        for owner, name, stand_in in self._stand_ins():
            function = getattr(owner, name)
            before.append((owner, name, function))
            setattr(owner, name, stand_in)
            for own_name in [own_name for own_name, value in self._names.items() if value is function]:
                before.append((self._names, own_name, function))
                self._names[own_name] = stand_in
        try:
            yield
        finally:
            for place, name, function in before:
                if place is self._names:
                    self._names[name] = function
                else:
                    setattr(place, name, function)

    def _stand_ins(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        """(module or class, name, stand-in): where no simulated code runs, each does what the function itself does.

        From os.urandom secrets and uuid draw.
        """
        yield time, "sleep", self._forbidden(time.sleep, WAITS)
        yield socket.socket, "connect", self._forbidden(socket.socket.connect, CONNECTS)
        yield asyncio, "open_connection", self._forbidden(asyncio.open_connection, CONNECTS)
        for name, begins in (("time", EPOCH), ("monotonic", 0.0), ("perf_counter", 0.0)):
            yield time, name, _virtual(getattr(time, name), begins)
        urandom = os.urandom

        def drawn(size: int) -> bytes:
            return urandom(size) if _simulating() is None else random.randbytes(size)

        yield os, "urandom", drawn
        yield random, "_urandom", drawn  # the name under which SystemRandom, and so secrets, has it

    def _forbidden(self, function: Callable[..., Any], why: str) -> Callable[..., Any]:
        def stand_in(*args: Any, **options: Any) -> Any:
            if _simulating() is None:
                return function(*args, **options)
            error = Blocked(why)
            self.blocked = self.blocked or error
            raise error

        return stand_in


def _virtual(function: Callable[[], float], begins: float) -> Callable[[], float]:
    """A clock that tells the simulation's time: there the real one stands still."""

    def told() -> float:
        loop = _simulating()
        return function() if loop is None else begins + float(loop.time())

    return told


def _simulating() -> Any:
    """The simulation's loop, if it runs in this thread; other threads, such as the kernel's, keep what they had."""
    loop: Any = events._get_running_loop()
    return loop if type(loop).__module__ == "course_lib.sim.loop" else None
