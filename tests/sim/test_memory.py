"""What a process keeps is its own: nothing that code remembers passes to another process, or to a later run."""

from __future__ import annotations

import asyncio
import datetime
import functools
import itertools
import random
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from time import monotonic as its_own_name
from typing import Any

import pytest

from course_lib.sim import Process, Simulation, clocks, in_place, in_process
from course_lib.sim.copies import Copies
from course_lib.sim.fake_server import EPOCH

SEEN: list[int] = []
COUNTS: dict[str, int] = {}
LOCK = asyncio.Lock()
THREADS = threading.Lock()
TOTAL = 0
NUMBERS = itertools.count(1)
TOKENS = (number for number in itertools.count(1))
TALLY: Counter[str] = Counter()
QUEUE: deque[int] = deque()
GROUPS: defaultdict[str, list[int]] = defaultdict(list)


def in_a_list() -> int:
    SEEN.append(1)
    return len(SEEN)


def in_a_dict() -> int:
    COUNTS["n"] = COUNTS.get("n", 0) + 1
    return COUNTS["n"]


def in_a_global() -> int:
    global TOTAL
    TOTAL += 1
    return TOTAL


def in_a_counter() -> int:
    TALLY["n"] += 1
    QUEUE.append(1)
    GROUPS["n"].append(1)
    assert TALLY["n"] == len(QUEUE) == len(GROUPS["n"])
    return TALLY["n"]


def in_an_iterator() -> int:
    return next(NUMBERS)


def in_a_generator() -> int:
    return next(TOKENS)


def in_a_default(seen: list[int] = []) -> int:  # noqa: B006
    seen.append(1)
    return len(seen)


def in_a_keyword(*, seen: dict[str, int] = {}) -> int:  # noqa: B006
    seen["n"] = seen.get("n", 0) + 1
    return seen["n"]


def in_an_attribute() -> int:
    in_an_attribute.calls = getattr(in_an_attribute, "calls", 0) + 1  # type: ignore[attr-defined]
    return in_an_attribute.calls  # type: ignore[attr-defined,no-any-return]


def in_a_closure() -> Callable[[], int]:
    calls = 0

    def count() -> int:
        nonlocal calls
        calls += 1
        return calls

    return count


@functools.cache
def made() -> list[int]:
    return []


def in_a_cache() -> int:
    made().append(1)
    return len(made())


class Kept:
    calls = 0
    seen: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.own = 0

    @classmethod
    def in_the_class(cls) -> int:
        cls.calls += 1
        return cls.calls

    @staticmethod
    def in_its_list() -> int:
        Kept.seen.append(1)
        return len(Kept.seen)

    def in_an_object(self) -> int:
        self.own += 1
        return self.own

    def __call__(self) -> int:
        return self.in_an_object()


@dataclass
class Noted:
    seen: list[int] = field(default_factory=list)


NOTED = Noted()


def in_a_dataclass() -> int:
    NOTED.seen.append(1)
    return len(NOTED.seen)


def by_a_method_of_a_list(append: Any = SEEN.append) -> int:
    append(1)
    return len(SEEN)


def in_names_by_text() -> int:
    globals()["LATE"] = globals().get("LATE", 0) + 1
    return int(globals()["LATE"])


@contextmanager
def counted() -> Any:
    yield in_a_list()


def behind_a_librarys_decorator() -> int:
    with counted() as number:
        return int(number)


PLACES = [
    in_a_list, in_a_dict, in_a_global, in_a_counter, in_an_iterator, in_a_generator, in_a_default, in_a_keyword,
    in_an_attribute, in_a_closure(), in_a_cache, Kept.in_the_class, Kept.in_its_list, Kept().in_an_object, Kept(),
    in_a_dataclass, by_a_method_of_a_list, in_names_by_text, behind_a_librarys_decorator, partial(in_a_default),
]  # fmt: skip


def ran(code: Any, processes: int = 2, times: int = 3) -> list[list[Any]]:
    """What each process of one run, which calls it several times, gets from it."""
    world, own = Simulation(), in_process(code)

    async def body() -> list[Any]:
        found = []
        for _ in range(times):
            found.append(own()())
            await asyncio.sleep(0.1)
        return found

    for number in range(processes):
        world.client(f"c{number}", body)
    return list(world.run().values())


@pytest.mark.parametrize("place", PLACES, ids=[getattr(place, "__qualname__", repr(type(place))) for place in PLACES])
def test_each_process_of_each_run_remembers_for_itself(place: Any) -> None:
    """And within one process what is kept is kept, however often the code is asked for."""
    assert ran(place) == [[1, 2, 3], [1, 2, 3]]
    assert ran(place) == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("place", [in_a_list, in_a_closure(), in_a_cache])
def test_without_it_all_would_count_together(place: Any) -> None:
    """The control."""
    world = Simulation()

    async def body() -> list[int]:
        return [place() for _ in range(3)]

    world.client("c0", body)
    world.client("c1", body)
    assert list(world.run().values()) == [[1, 2, 3], [4, 5, 6]]
    SEEN.clear()
    made.cache_clear()


def test_two_clients_of_one_process_share_what_they_keep() -> None:
    world, own, process = Simulation(), in_process(in_a_list), Process("p")

    async def body() -> int:
        return int(own()())

    world.client("a", body, process=process)
    world.client("b", body, process=process)
    assert sorted(world.run().values()) == [1, 2]


@pytest.mark.parametrize("lock", [lambda: LOCK, lambda: THREADS])
def test_a_lock_excludes_only_its_own_process(lock: Any) -> None:
    async def hold() -> bool:
        free: bool = not lock().locked()
        taken = lock().acquire()
        if not isinstance(taken, bool):
            await taken
        return free

    world, own = Simulation(), in_process(hold)

    async def body() -> bool:
        return bool(await own()())

    world.client("a", body)
    world.client("b", body)
    assert list(world.run().values()) == [True, True]
    assert not lock().locked()


def test_what_keeps_nothing_is_not_copied() -> None:
    """It costs nothing then: a right answer is the same function in each process."""

    async def answer(redis: Any, key: str) -> Any:
        kept = [1]
        kept.append(2)
        return await redis.get(key)

    assert in_process(answer)() is answer


def test_one_thing_stays_one_thing_in_the_copy() -> None:
    """A function, and a list under two names; and a class whose methods call it by name and by super()."""
    first: list[int] = []
    second = first

    class Base:
        def kind(self) -> str:
            return "base"

    class Derived(Base):
        def kind(self) -> str:
            return super().kind() + type(self).__name__

    def use() -> tuple[bool, str, bool]:
        first.append(1)
        return first is second, Derived().kind(), isinstance(Derived(), Base)

    assert in_process(use)()() == (True, "baseDerived", True)
    assert first == []


class Color(Enum):
    RED = 1


class Base:
    def sibling(self) -> Any:
        return Derived()

    def name(self) -> str:
        return "base"


class Derived(Base):
    def name(self) -> str:
        return f"derived from {super().name()}"


def test_a_class_whose_base_refers_to_it_has_one_copy() -> None:
    """Otherwise `super()` in it would be of another class than its objects."""
    copy = Copies({}).copy(Derived)
    assert copy is not Derived
    assert copy().name() == copy().sibling().name() == "derived from base"


class Poses:
    __class__ = property(lambda self: int)  # type: ignore[assignment]  # as mocks do


def test_a_class_whose_objects_pose_as_others_has_a_copy_that_does_the_same() -> None:
    copy = Copies({}).copy(Poses)
    assert copy is not Poses
    assert isinstance(copy(), int)
    assert type(copy()) is copy


def test_an_enum_and_an_exception_are_what_they_were() -> None:
    class Busy(Exception):
        pass

    def use() -> bool:
        SEEN.append(1)
        try:
            raise Busy("x")
        except Busy as busy:
            return Color(1) is Color.RED and str(busy) == "x"

    assert in_process(use)()()


def test_two_processes_do_not_draw_the_same() -> None:
    """Each has a generator of its own, which depends on the run's seed alone."""
    drawn = random.Random()

    def use() -> float:
        return drawn.random()

    first, second = ran(use)
    assert set(first).isdisjoint(second)
    assert ran(use) == [first, second]


# -- clocks -----------------------------------------------------------------------------------------------------------


def by_default(clock: Callable[[], float] = time.monotonic) -> float:
    return clock()


class OfAClass:
    clock = staticmethod(time.monotonic)

    def __call__(self) -> float:
        return self.clock()


CLOCKS: list[tuple[str, Callable[[], float], float]] = [
    ("time", lambda: time.time(), EPOCH),  # noqa: TID251
    ("time_ns", lambda: time.time_ns() / 1e9, EPOCH),
    ("monotonic", lambda: time.monotonic(), 0.0), ("monotonic_ns", lambda: time.monotonic_ns() / 1e9, 0.0),
    ("perf_counter", lambda: time.perf_counter(), 0.0), ("perf_counter_ns", lambda: time.perf_counter_ns() / 1e9, 0.0),
    ("process_time", lambda: time.process_time(), 0.0), ("loop", lambda: asyncio.get_running_loop().time(), 0.0),
    ("now", lambda: datetime.datetime.now().timestamp(), EPOCH),
    ("now of a zone", lambda: datetime.datetime.now(datetime.UTC).timestamp(), EPOCH),
    ("today", lambda: datetime.datetime.today().timestamp(), EPOCH),
    ("utcnow", lambda: datetime.datetime.utcnow().replace(tzinfo=datetime.UTC).timestamp(), EPOCH),
    ("gmtime", lambda: time.mktime(time.localtime()), EPOCH), ("default", by_default, 0.0),
    ("own name", lambda: its_own_name(), 0.0), ("partial", partial(by_default), 0.0), ("class", OfAClass(), 0.0),
    ("default of now", lambda now=datetime.datetime.now: now().timestamp(), EPOCH),
]  # fmt: skip


@pytest.mark.parametrize(("clock", "begins"), [(clock, begins) for _, clock, begins in CLOCKS],
                         ids=[name for name, _, _ in CLOCKS])  # fmt: skip
def test_every_clock_tells_the_simulations_time(clock: Any, begins: float) -> None:
    with in_place(clocks()):
        ((first, _, third),) = ran(clock, processes=1)
    coarse = 1.0 if third == int(third) else 1e-5
    assert first - begins == pytest.approx(0.0, abs=coarse)
    assert third - begins == pytest.approx(0.2, abs=coarse)


def test_clocks_are_real_outside_and_put_back_afterwards() -> None:
    """The control, too: a real clock stands still in a run."""
    before = [sys.modules["time"].time, time.monotonic_ns, datetime.datetime, datetime.date, its_own_name]
    with in_place(clocks()):
        assert time.time() > EPOCH + 1  # noqa: TID251
        assert isinstance(datetime.datetime.now(), datetime.datetime)
        assert datetime.datetime.now().year >= 2024
        assert isinstance(datetime.datetime(2020, 1, 2) + datetime.timedelta(1), before[2])  # type: ignore[arg-type]
    assert [sys.modules["time"].time, time.monotonic_ns, datetime.datetime, datetime.date, its_own_name] == before
    ((first, _, third),) = ran(time.monotonic, processes=1)
    assert third - first < 0.1
