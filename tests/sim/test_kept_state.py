"""Kinds of what code keeps: each is a process's own, begins anew in the next, and stays together within one."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import random
import re
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property, lru_cache, partial, wraps
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import pytest

from course_lib.sim import Process, Simulation, in_process
from course_lib.sim.own_code import own_names
from course_lib.sim.process import PROCESS

KEPT: list[str] = []
BY_NAME: dict[str, Any] = {"made": 0}
NESTED = {"inner": {"n": 0}}
TOTAL = 0
LOCK = asyncio.Lock()
NUMBERS = itertools.count()
SEEN: set[int] = set()
QUEUE: deque[int] = deque(maxlen=9)
COUNTED: Counter[str] = Counter()
ORDERED: OrderedDict[str, int] = OrderedDict()
BY_LIST: defaultdict[str, list[int]] = defaultdict(list)
WEAK: WeakValueDictionary[str, Any] = WeakValueDictionary()
DICE = random.Random(1)
GATE = threading.Lock()
ALIAS = NESTED["inner"]


def appends() -> int:
    KEPT.append("x")
    return len(KEPT)


def counts() -> int:
    BY_NAME["made"] += 1
    return int(BY_NAME["made"])


def counts_deep() -> int:
    ALIAS["n"] += 1
    return NESTED["inner"]["n"]


def adds() -> int:
    global TOTAL
    TOTAL += 1
    return TOTAL


def takes_numbers() -> int:
    return next(NUMBERS) + 1


def collects() -> int:
    SEEN.add(len(SEEN))
    return len(SEEN)


def queues() -> int:
    QUEUE.append(1)
    return len(QUEUE)


def tallies() -> int:
    COUNTED["x"] += 1
    ORDERED[str(len(ORDERED))] = 1
    BY_LIST["x"].append(1)
    assert len(ORDERED) == len(BY_LIST["x"]) == COUNTED["x"]
    return COUNTED["x"]


def by_default(_kept: list[int] = []) -> int:  # noqa: B006  # what is tested
    _kept.append(1)
    return len(_kept)


def by_keyword(*, _kept: list[int] = []) -> int:  # noqa: B006
    _kept.append(1)
    return len(_kept)


def attribute() -> int:
    attribute.calls = getattr(attribute, "calls", 0) + 1  # type: ignore[attr-defined]
    return int(attribute.calls)  # type: ignore[attr-defined]


@cache
def _remembered(key: str) -> list[int]:
    return []


@lru_cache(maxsize=2)
def _remembered_too(key: str) -> list[int]:
    return []


def caches() -> int:
    _remembered("x").append(1)
    return len(_remembered("x"))


def caches_too() -> int:
    _remembered_too("x").append(1)
    return len(_remembered_too("x"))


def counter() -> Callable[[], int]:
    n = 0

    def more() -> int:
        nonlocal n
        n += 1
        return n

    return more


def closure() -> Callable[[], int]:
    kept: list[int] = []

    def more() -> int:
        kept.append(1)
        return len(kept)

    return more


def counted(function: Callable[[], int]) -> Callable[[], int]:
    calls: list[int] = []

    @wraps(function)
    def called() -> int:
        calls.append(1)
        return function() + 0 * len(calls)

    return called


@counted
def decorated() -> int:
    return appends()


class Keeps:
    made = 0
    names: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.n = 0

    def more(self) -> int:
        self.n += 1
        return self.n

    @classmethod
    def another(cls) -> int:
        cls.made += 1
        return cls.made

    @staticmethod
    def appends() -> int:
        Keeps.names.append("x")
        return len(Keeps.names)


class Deeper(Keeps):
    def more(self) -> int:
        return super().more()

    @cached_property
    def once(self) -> list[int]:
        return []

    @property
    def total(self) -> int:
        return appends()


class Slotted:
    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0

    def more(self) -> int:
        self.n += 1
        return self.n


@dataclass
class Data:
    kept: list[int] = field(default_factory=list)

    def more(self) -> int:
        self.kept.append(1)
        return len(self.kept)


ONE, DEEP, SLOTTED, DATA = Keeps(), Deeper(), Slotted(), Data()


def of_an_object() -> int:
    return ONE.more()


def of_a_subclass() -> int:
    DEEP.once.append(1)
    assert DEEP.more() == len(DEEP.once)
    return DEEP.total


def makes_objects() -> int:
    Deeper()
    return Deeper.another()


@contextmanager
def _held() -> Any:
    KEPT.append("x")
    yield len(KEPT)


def within() -> int:
    with _held() as n:
        return int(n)


def by_globals() -> int:
    kept = globals()["KEPT"]
    kept.append("x")
    return len(kept)


def rolls() -> int:
    COUNTED[str(DICE.random())] += 1
    return len(COUNTED)


def helper_in_helper() -> int:
    return max(appends() for _ in range(1))


class Passes:
    """Passes on what it does not have, and so has nothing before it has been filled."""

    def __init__(self, to: Keeps) -> None:
        self.to = to

    def __getattr__(self, name: str) -> Any:
        return getattr(self.to, name)


PASSES = Passes(Keeps())


def passes_on() -> int:
    return int(PASSES.more())


def nested_lists() -> Callable[[], int]:
    lists: list[Any] = []
    for _ in range(3_000):
        lists = [lists]
    return lambda: len(lists)


def chained() -> Callable[[], int]:
    chain = Passes(Keeps())
    for _ in range(3_000):
        chain = Passes(chain)  # type: ignore[arg-type]
    return lambda: chain.to.n


KEEPERS: dict[str, Callable[[], Any]] = {
    function.__name__: function
    for function in (
        appends, counts, counts_deep, adds, takes_numbers, collects, queues, tallies, by_default, by_keyword, attribute,
        caches, caches_too, decorated, of_an_object, of_a_subclass, makes_objects, within, by_globals, rolls,
        helper_in_helper, passes_on,
    )
} | {
    "nonlocal": counter(), "closure": closure(), "bound method": Keeps().more, "class method": Keeps.another,
    "static method": Keeps.appends, "partial": partial(by_default), "slots": SLOTTED.more, "dataclass": DATA.more,
    "method of a subclass": Deeper().more, "a cached function": cache(counter()),
    "partial of a partial": partial(partial(lambda kept: kept.append(1) or len(kept), []),),
}  # fmt: skip


def called(own: Callable[[], Any], process: Process, times: int) -> list[Any]:
    token = PROCESS.set(process)
    try:
        return [own()() for _ in range(times)]
    finally:
        PROCESS.reset(token)


@pytest.mark.parametrize("name", KEEPERS)
def test_each_process_begins_with_what_was_written(name: str) -> None:
    """And goes on with its own; the control is the same function without it, which goes on where another stopped."""
    function = KEEPERS[name]
    own = in_process(function)
    first, second = Process("a"), Process("b")
    numbers = called(own, first, 3)
    assert called(own, second, 3) == numbers
    if name != "a cached function":
        assert len(set(numbers)) == 3
        assert called(own, first, 1) not in ([number] for number in numbers)
        before = function()
        assert function() != before


def test_what_a_process_shares_stays_shared_within_it() -> None:
    """Two tasks of a process, and two functions of a module, see one list; and a lock is one lock."""
    one, other = in_process(appends), in_process(within)
    process = Process("a")
    start = len(KEPT)
    assert called(one, process, 1) + called(other, process, 1) + called(one, process, 1) == [
        start + n for n in (1, 2, 3)
    ]
    assert called(other, Process("b"), 1) == [start + 1]
    assert len(KEPT) == start


@dataclass(frozen=True)
class Point:
    x: int

    class Part:
        pass


CONSTANTS: list[Any] = [
    None, True, 1, 1.5, 2j, "a", b"a", range(3), slice(1, 2), ..., NotImplemented, re.compile("a"), (1, ("a", None)),
    datetime.datetime(2020, 1, 1), datetime.date(2020, 1, 1), datetime.time(1), datetime.timedelta(1), Decimal("1.5"),
    Fraction(1, 2), UUID(int=1), list[int], str.join, int.__add__, int.real, dict.__dict__["fromkeys"], len,
]  # fmt: skip


@pytest.mark.parametrize("constant", CONSTANTS, ids=lambda one: type(one).__name__)
def test_code_that_only_refers_to_what_cannot_change_is_not_copied(constant: Any) -> None:
    def reads() -> Any:
        return constant

    assert in_process(reads)() is reads


def test_a_copied_class_is_called_by_the_same_names() -> None:
    def made() -> Any:
        appends()
        return Point.Part, Point(1)

    part, point = called(in_process(made), Process("a"), 1)[0]
    assert part is not Point.Part
    assert (part.__module__, part.__qualname__, part.__name__) == (__name__, "Point.Part", "Part")
    assert repr(point) == "Point(x=1)"


def numbers(*, begin: int) -> Any:
    yield from range(begin, 9)


def any_numbers(*first: int) -> Any:
    yield from first


def numbers_from(begin: int) -> Any:
    yield from range(begin, 9)


@pytest.mark.parametrize(
    ("makes", "second"), [(lambda: numbers(begin=3), 4), (lambda: any_numbers(3, 4), 4), (lambda: numbers_from(3), 3)]
)
def test_a_generator_begins_anew_in_each_process_if_it_can_be_copied(makes: Any, second: int) -> None:
    """One that takes its arguments in another way is shared, rather than made with others."""
    kept = makes()

    def takes() -> int:
        appends()
        return int(next(kept))

    own = in_process(takes)
    assert [*called(own, Process("a"), 1), *called(own, Process("b"), 1)] == [3, second]


@pytest.mark.parametrize("deep", [nested_lists, chained])
def test_what_is_nested_too_deeply_to_be_copied_is_refused(deep: Callable[[], Any]) -> None:
    """No part of it is shared between processes instead, and the reason is given."""
    with pytest.raises(RecursionError, match="nested too deeply for it"):
        in_process(deep())


@pytest.mark.parametrize("shared", [True, False])
def test_a_lock_in_a_module_orders_one_process_only(shared: bool) -> None:
    """Three tasks take turns if they are one process; three processes are all in at once."""
    inside: list[float] = []

    async def enters(world: Simulation) -> None:
        async with LOCK:
            await asyncio.sleep(0.1)
            world.note("x", "in")

    own = in_process(enters)

    async def runs(world: Simulation) -> None:
        await own()(world)

    for _ in range(2):
        world = Simulation()
        process = Process("p") if shared else None
        for number in range(3):
            world.client(f"c{number}", runs, world, process=process)
        assert list(world.run().values()) == [None] * 3
        inside = [round(note.t_start, 3) for note in world.trace.notes]
        assert inside == ([0.1, 0.2, 0.3] if shared else [0.1, 0.1, 0.1])


class NotToday(Exception):
    pass


def refuses() -> int:
    KEPT.append("x")
    raise NotToday


def test_an_error_keeps_its_class() -> None:
    """Who catches it knows it by the class that was written."""
    with pytest.raises(NotToday):
        called(in_process(refuses), Process("a"), 1)


@asynccontextmanager
async def _opened(kept: list[int] = []) -> Any:  # noqa: B006
    kept.append(1)
    yield len(kept)


async def opens() -> int:
    async with _opened() as n:
        return int(n)


def test_a_coroutine_function_stays_one() -> None:
    own = in_process(opens)
    process = Process("a")
    assert [asyncio.run(one) for one in called(own, process, 2)] == [1, 2]
    assert [asyncio.run(one) for one in called(own, Process("b"), 1)] == [1]
    assert asyncio.iscoroutinefunction(own())


def test_a_thread_lock_that_one_holds_is_free_for_the_next() -> None:
    def takes() -> bool:
        return GATE.acquire(blocking=False)

    own = in_process(takes)
    assert called(own, Process("a"), 2) == [True, False]
    assert called(own, Process("b"), 1) == [True]
    assert not GATE.locked()


def test_a_weak_dictionary_begins_empty() -> None:
    def keeps() -> int:
        WEAK[str(len(WEAK))] = appends
        return len(WEAK)

    own = in_process(keeps)
    assert called(own, Process("a"), 2) == [1, 2]
    assert called(own, Process("b"), 1) == [1]


@pytest.mark.parametrize(
    ("file", "library"),
    [
        ("/opt/ann/.local/lib/python3.12/site-packages/ipykernel/kernelbase.py", True),
        ("/usr/lib/python3/dist-packages/redis/client.py", True),
        (asyncio.__file__, True),
        ("/opt/ann/packages/shop.py", False),
        ("/opt/ann/my-site-packages/shop.py", False),
    ],
)
def test_a_package_is_nobodys_own_code_wherever_it_is_installed(file: str, library: bool) -> None:
    assert own_names({"__file__": file}) is not library
