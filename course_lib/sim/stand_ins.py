"""What simulated code gets in place of Python's clocks: there each tells the simulation's time, since the real one
stands still. Outside of a simulation they are what they stand for.

While `in_place` holds, a stand-in is found under the name in its module. In the copies that processes have of a
learner's code (`memory.py`) also wherever else that code kept what it stands for: a name of its own, a default.
"""

from __future__ import annotations

import datetime
import os
import random
import time
from asyncio import events
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date as _date
from datetime import datetime as _datetime
from typing import Any

from course_lib.sim.fake_server import EPOCH

StandIn = tuple[Any, str, Any]
"""A module or class, a name in it, and what that name stands for meanwhile."""

instead_of: dict[int, tuple[Any, Any]] = {}
"""What is replaced at this moment: by its id, the original and its stand-in."""


def simulating() -> Any:
    """The simulation's loop, if it runs in this thread; other threads, such as the kernel's, keep what they had."""
    loop: Any = events._get_running_loop()
    return loop if type(loop).__module__ == "course_lib.sim.loop" else None


@contextmanager
def in_place(stand_ins: Iterable[StandIn]) -> Iterator[None]:
    """Put them in place; afterwards everything is as it was."""
    before: list[StandIn] = []
    known = dict(instead_of)
    try:
        for owner, name, stand_in in stand_ins:
            function = getattr(owner, name)
            before.append((owner, name, function))
            instead_of.setdefault(id(function), (function, stand_in))
            setattr(owner, name, stand_in)
        yield
    finally:
        for owner, name, function in reversed(before):
            setattr(owner, name, function)
        instead_of.clear()
        instead_of.update(known)


def clocks() -> Iterator[StandIn]:
    """A stand-in for each of Python's clocks that tells the time, the date, or what has passed."""
    for name, begins in (("time", EPOCH), ("monotonic", 0.0), ("perf_counter", 0.0), ("process_time", 0.0)):
        yield time, name, _seconds(getattr(time, name), begins)
        yield time, f"{name}_ns", _nanoseconds(getattr(time, f"{name}_ns"), begins)
    for name in ("gmtime", "localtime", "ctime"):
        yield time, name, _broken_down(getattr(time, name))
    yield datetime, "datetime", _DateTime
    yield datetime, "date", _Date


def chance_of_a_run() -> Iterator[StandIn]:
    """A stand-in for what `secrets` and `uuid` draw from: in a simulation the run's own stream of random numbers."""
    urandom = os.urandom

    def drawn(size: int) -> bytes:
        return urandom(size) if simulating() is None else random.randbytes(size)

    yield os, "urandom", drawn
    yield random, "_urandom", drawn  # the name under which SystemRandom, and so secrets, has it


WAITS = (
    "time.sleep stops the whole process; write await asyncio.sleep(…). All clients share one thread: while one sleeps "
    "like that, none moves"
)


def _sleep(seconds: float, *, function: Callable[[float], None] = time.sleep) -> None:
    if simulating() is not None:
        raise NotImplementedError(WAITS)
    function(seconds)


@contextmanager
def virtual_clocks() -> Iterator[None]:
    """While it lasts, or for a function that it decorates, simulated code finds these clocks, draws the same random
    numbers each time, and cannot sleep in real time."""
    with in_place((*clocks(), *chance_of_a_run(), (time, "sleep", _sleep))):
        yield


def _seconds(function: Callable[[], float], begins: float) -> Callable[[], float]:
    def told() -> float:
        loop = simulating()
        return function() if loop is None else begins + float(loop.time())

    return told


def _nanoseconds(function: Callable[[], int], begins: float) -> Callable[[], int]:
    def told() -> int:
        loop = simulating()
        return function() if loop is None else int(begins) * 1_000_000_000 + round(loop.time() * 1e9)

    return told


def _broken_down(function: Callable[[float | None], Any]) -> Callable[..., Any]:
    def told(seconds: float | None = None) -> Any:
        loop = simulating()
        return function(EPOCH + loop.time() if seconds is None and loop is not None else seconds)

    return told


class _Real(type):
    """The metaclass of stand-ins for classes: their objects are those of the class in `real`."""

    real: Any

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, cls.real)

    def __subclasscheck__(cls, one: type) -> bool:
        return issubclass(one, cls.real)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.real

    def __hash__(cls) -> int:
        return hash(cls.real)


class _DateTime(_datetime, metaclass=_Real):
    real = _datetime

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return _datetime(*args, **options)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        loop = simulating()
        return _datetime.now(tz) if loop is None else _datetime.fromtimestamp(EPOCH + loop.time(), tz)

    @classmethod
    def today(cls) -> Any:
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)


class _Date(_date, metaclass=_Real):
    real = _date

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return _date(*args, **options)

    @classmethod
    def today(cls) -> Any:
        return _DateTime.now().date()
