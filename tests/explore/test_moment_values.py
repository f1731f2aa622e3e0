"""Any object as a short text, and no code of it runs: whatever a learner's class overrides raises if it is asked."""

from __future__ import annotations

import enum
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import redis.asyncio as aioredis

from course_lib.explore.moment.short_text import WIDTH, error_text, is_tool, shortened


class Trap(BaseException):
    """Code of an object ran."""


def trap(*_: Any, **__: Any) -> Any:
    raise Trap


OVERRIDDEN = [
    "__repr__", "__str__", "__getattribute__", "__getattr__", "__eq__", "__hash__", "__len__", "__iter__", "__bool__",
    "__getitem__", "__format__", "__bytes__", "__index__", "__dir__", "items", "keys", "values", "bit_length",
    "__instancecheck__", "__subclasscheck__", "mro",
]  # fmt: skip
TRAPS: dict[str, Any] = dict.fromkeys(OVERRIDDEN, trap)


def hostile_class(name: str, body: dict[str, Any]) -> Any:
    """A class whose own class overrides everything too. In a module pytest would ask it."""
    lies = {each: property(trap) for each in ("__name__", "__mro__", "__module__", "__flags__", "__class__")}
    return type("Meta", (type,), {**{n: f for n, f in TRAPS.items() if n != "mro"}, **lies})(name, (), TRAPS | body)


def lying() -> Any:
    return object.__new__(hostile_class("Lying", {"__class__": property(trap), "__dict__": property(trap)}))


def hostile(base: type, *args: Any) -> Any:
    kind = type(f"My{base.__name__}", (base,), TRAPS | {"__class__": property(trap)})
    return base.__new__(kind, *args)


def test_an_object_that_overrides_everything_is_its_class_s_name() -> None:
    with pytest.raises(Trap):
        repr(lying())  # the traps do spring
    assert shortened(lying()) == "<Lying>"


def test_the_fields_of_a_hostile_object_are_read_where_they_are_stored() -> None:
    kind = hostile_class("Slotted", {"__slots__": ("token", "unset", "__dict__")})
    it, slots = object.__new__(kind), type.__dict__["__dict__"].__get__(kind)
    slots["token"].__set__(it, "abc")
    slots["__dict__"].__get__(it)["n"] = 3
    assert shortened(it) == "Slotted(token='abc', n=3)"


@pytest.mark.parametrize(
    ("base", "args", "text"),
    [(str, ("abc",), "'abc'"), (int, (7,), "7"), (float, (1.5,), "1.5"), (bytes, (b"ab",), "b'ab'"),
     (tuple, ((1, 2),), "(1, 2)"), (complex, (1j,), "1j")],
)  # fmt: skip
def test_what_inherits_from_a_kind_of_python_s_is_read_by_that_kind(base: type, args: Any, text: str) -> None:
    assert shortened(hostile(base, *args)) == text


def test_containers_that_override_everything_are_read_too() -> None:
    many, pairs, some = hostile(list), hostile(dict), hostile(set)
    list.extend(many, [1, 2])
    dict.update(pairs, {"a": 1})
    set.add(some, 4)
    assert [shortened(it) for it in (many, pairs, some)] == ["[1, 2]", "{'a': 1}", "{4}"]
    bomb = lying()
    assert shortened([bomb, {"k": bomb}, (bomb,)]) == "[<Lying>, {'k': <Lying>}, (<Lying>,)]"


def test_the_dict_of_another_class_in_the_place_of_one_s_own_is_left_alone() -> None:
    class Other:
        pass

    Thief: Any = type("Thief", (), {"__slots__": (), "__dict__": vars(Other)["__dict__"]})
    assert shortened(Thief()) == "<Thief>"


def test_what_holds_itself_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    knot: dict[str, Any] = {}
    knot["me"] = knot
    assert (shortened(loop), shortened(knot)) == ("[1, …]", "{'me': …}")


def test_every_text_is_short() -> None:
    for it in ("x" * 10**6, list(range(10**5)), dict.fromkeys(range(10 ** 4), "y" * 99), 10**10_000, b"z" * 10**6,
               set(range(10**4)), [["a" * 50] * 50] * 50, ("t",) * 1_000):  # fmt: skip
        assert len(shortened(it)) <= WIDTH, it


@dataclass
class Lease:
    token: str
    seconds: float = 0.5


@dataclass(slots=True)
class Kept:
    page: bytes


class Color(enum.Enum):
    RED = "r"


@pytest.mark.parametrize(
    ("it", "text"),
    [(None, "None"), (True, "True"), ("it's", '"it\'s"'), ((1,), "(1,)"), ((), "()"), ({}, "{}"), (set(), "set()"),
     ({"b", "a"}, "{'a', 'b'}"), (Lease("t"), "Lease(token='t', seconds=0.5)"), (Kept(b"p"), "Kept(page=b'p')"),
     ([Lease("t")], "[Lease(token='t', seconds=0.5)]"), (Color.RED, "Color.RED"), (Lease, "the class Lease"),
     (OrderedDict(a=1), "{'a': 1}"), (defaultdict(int, a=1), "{'a': 1}"), (namedtuple("P", "x")(1), "(1,)"),
     (ValueError("no", 1), "ValueError('no', 1)"), (list(range(9)), "[0, 1, 2, 3, 4, 5, … 3 more]"),
     ([[[[1]]]], "[[[[… 1]]]]"), (deque("ab"), "['a', 'b']"), (range(3), "range(0, 3)"),
         (Decimal("1.50"), "1.50"), (timedelta(0, 90), "0:01:30"), (date(2024, 2, 1), "2024-02-01"),
         (datetime(2024, 2, 1, 7), "2024-02-01 07:00:00"), (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
         (aioredis.Redis(), "a client of Redis"), (object(), "<object>"),
     ((n for n in "ab"), "<generator>"), (len, "a function"), (enum, "a module")],
)  # fmt: skip
def test_as_a_learner_would_write_it(it: Any, text: str) -> None:
    assert shortened(it) == text


def test_a_time_asks_no_time_zone_of_somebody_s_own() -> None:
    zone = type("Zone", (tzinfo,), {"utcoffset": trap, "tzname": trap, "dst": trap})()
    with pytest.raises(Trap):
        datetime(2024, 2, 1, tzinfo=zone).isoformat()
    assert shortened(datetime(2024, 2, 1, 7, 8, 9, tzinfo=zone)) == "2024-02-01 07:08:09"


def test_an_error_that_overrides_everything_is_told() -> None:
    error = hostile(ValueError, "no page")
    assert error_text(error) == "MyValueError: no page"
    assert error_text(KeyError()) == "KeyError"


def test_tools_are_known() -> None:
    assert all(map(is_tool, (len, enum, Lease, trap, aioredis.Redis(), "".join)))
    assert not any(map(is_tool, (1, "a", Lease("t"), lying())))
