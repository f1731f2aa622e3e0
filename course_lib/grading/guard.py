"""Keeps a check from hanging, and makes its text the same each time, while code runs that can be wrong in any way.

It trusts the learner: this is not a sandbox. The judge of a class runs code in a process of its own.
"""

from __future__ import annotations

import asyncio
import builtins
import io
import itertools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any, Protocol

from course_lib.errors import CourseError
from course_lib.explore import WAITS, StandIn, chance_of_a_run, clocks, in_place, own_names, put_back, seen, simulating

LIMIT = 5.0
"""Seconds of real time for one schedule, which usually takes a few milliseconds."""
AGAIN = 0.01
"""Seconds after which it is interrupted again, if it goes on."""
SOON = [5e-6 * number for number in range(1, 21)]
"""Seconds after which an interrupt follows the last: while that one is being caught, and so outside of its `try`."""


ASKS = "input waits for a person, and nobody is there while simulated code runs; take what you are given"
CONNECTS = "simulated code has no network; use only the client of Redis that you are given"


_CLOCKS = time.monotonic, time.process_time
"""The real clocks, kept here: for the answer these names are the simulation's time."""


class Stuck(KeyboardInterrupt):
    """One schedule took more than LIMIT. An interrupt, because asyncio lets nothing else out of a task at once."""


class Blocked(CourseError):
    """The answer called a function that waits in real time, which would stop every client of its process."""


class Capped(io.StringIO):
    """Keeps the first 2,000 characters that are written."""

    def write(self, text: str) -> int:
        return super().write(text[: max(0, 2_000 - self.tell())])


class Watch(Protocol):
    """What a check asks of its guard."""

    stuck: bool

    @property
    def blocked(self) -> BaseException | None:
        """The first call that was forbidden."""

    @property
    def printed(self) -> Any:
        """Has `getvalue()`: what the answer has printed since the schedule began."""

    def begin(self) -> None:
        """A schedule begins."""


class Guard:
    """What was seen while the guard was up: `blocked` is the first call that was forbidden, `printed` the output;
    `stuck`: a schedule took too long, whether or not the answer caught that; `replaced` names what was put back.

    `alone`: the answer has this process to itself, and another watches over that: nothing is limited or put back.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self.blocked: Blocked | None = None
        self.stuck = False
        self.replaced: list[str] = []
        self.printed = Capped()
        main = threading.current_thread() is threading.main_thread()
        self._began: tuple[float, ...] = (0.0, 0.0)
        self._alone, self._timed = alone, not alone and main and hasattr(signal, "setitimer")

    def begin(self) -> None:
        """A schedule begins: it has LIMIT seconds, and what was printed before it is forgotten.

        The limit needs a POSIX system and the main thread, where notebooks run their cells. Elsewhere interrupt the
        kernel. Code that catches every interrupt is interrupted again and again, wherever it is.
        """
        self.printed.seek(0)
        self.printed.truncate()
        if self._timed:
            self._began = tuple(now() for now in _CLOCKS)
            signal.setitimer(signal.ITIMER_REAL, LIMIT, AGAIN)

    @contextmanager
    def up(self) -> Iterator[Guard]:
        """Hold back output, let simulated code neither wait nor draw nor read a clock outside, limit each schedule; at
        the end put back what the code has replaced, also in its cell, before the check."""
        if self._alone:
            with self._held_back():
                yield self
            return
        self.replaced = put_back(PRISTINE, only_own=True)
        with self._held_back():
            before = seen()
            try:
                with self._alarm():
                    yield self
            finally:
                self.replaced += put_back(before)

    @contextmanager
    def _held_back(self) -> Iterator[None]:
        with redirect_stdout(self.printed), redirect_stderr(Capped()), in_place(self._stand_ins()):
            yield

    @contextmanager
    def _alarm(self) -> Iterator[None]:
        if not self._timed:
            yield
            return

        soon = itertools.cycle(SOON)

        def ring(_: int, frame: FrameType | None) -> None:
            if self.stuck and not _in_answer(frame):
                return  # it let go after all, and what runs now only tidies up
            if not self.stuck and self._others_run():
                return
            self.stuck = True
            signal.setitimer(signal.ITIMER_REAL, next(soon), AGAIN)
            raise Stuck

        before = signal.signal(signal.SIGALRM, ring)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _others_run(self) -> bool:
        """Is the machine busy with others? Then this process has computed, but for less than half of the time; and it
        may go on for longer, up to six times as long. One that has not computed at all waits in real time."""
        passed, computed = (now() - then for now, then in zip(_CLOCKS, self._began, strict=True))
        return LIMIT / 250 < computed < LIMIT / 2 and passed < 6 * LIMIT

    def _stand_ins(self) -> Iterator[StandIn]:
        """(module or class, name, stand-in): where no simulated code runs, each does what the function itself does."""
        yield time, "sleep", self._forbidden(time.sleep, WAITS)
        yield socket.socket, "connect", self._forbidden(socket.socket.connect, CONNECTS)
        yield asyncio, "open_connection", self._forbidden(asyncio.open_connection, CONNECTS)
        yield from clocks()
        yield builtins, "input", self._forbidden(builtins.input, ASKS, always=True)
        yield from _exits()
        yield from chance_of_a_run()

    def _forbidden(self, function: Callable[..., Any], why: str, *, always: bool = False) -> Callable[..., Any]:
        def stand_in(*args: Any, **options: Any) -> Any:
            if simulating() is None and not always:
                return function(*args, **options)
            error = Blocked(why)
            self.blocked = self.blocked or error
            raise error

        return stand_in


PRISTINE = [(owner, names) for owner, names in seen() if owner.__name__.partition(".")[0] != "course_lib"
            and not getattr(owner, "__module__", "").startswith("course_lib")]  # fmt: skip


def _exits() -> Iterator[StandIn]:
    """Stand-ins for functions that end the kernel, or close its input: here they only end the answer, as sys.exit
    does."""

    def leave(*args: Any) -> None:
        raise SystemExit

    yield os, "_exit", leave
    yield os, "abort", leave
    for name in ("exit", "quit"):
        if hasattr(builtins, name):
            yield builtins, name, leave
    if (autocall := sys.modules.get("IPython.core.autocall")) is not None:  # a notebook's `exit` ends its kernel
        for kind in ("ExitAutocall", "ZMQExitAutocall"):
            yield getattr(autocall, kind), "__call__", leave


_DRIVERS = ("course_lib.sim.event_queue", "course_lib.sim.loop", "course_lib.explore.trial", __name__)


def _in_answer(frame: FrameType | None) -> bool:
    """Does the answer's code run there, or what it has called?"""
    while frame is not None and frame.f_globals.get("__name__") not in _DRIVERS:
        if own_names(frame.f_globals):
            return True
        frame = frame.f_back
    return False
