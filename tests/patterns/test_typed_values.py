"""typed.py: what comes back, and that nothing that is stored can crash a reader."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.errors import BadArgument
from course_lib.patterns.typed import Miss, Typed

from . import broken_through


@dataclass(frozen=True)
class Price:
    cents: int
    currency: Literal["EUR", "USD"]


@dataclass(frozen=True)
class Product:
    name: str
    price: Price | None
    weight: float
    tags: list[str]
    stock: dict[str, int]


class Row(TypedDict):
    name: str
    sold: bool


@dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise RuntimeError("odd")


PRODUCTS = st.builds(
    Product,
    name=st.text(),
    price=st.none() | st.builds(Price, cents=st.integers(), currency=st.sampled_from(["EUR", "USD"])),
    weight=st.floats(allow_nan=False) | st.integers(),
    tags=st.lists(st.text(alphabet="∅;v1\ud800x"), max_size=3),
    stock=st.dictionaries(st.text(), st.integers(), max_size=3),
)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "price", "x"]), inner),
    max_leaves=6,
)
BOUNDED = settings(deadline=None, max_examples=80, derandomize=True)


@BOUNDED
@given(PRODUCTS)
def test_what_was_encoded_comes_back(product: Product) -> None:
    """Nested shapes, options, lists, any text; the same value and the same types."""
    typed = Typed(Product, version=3)
    back = typed.decode(typed.encode(product))
    assert back == product
    assert isinstance(back, Product)
    assert back.price is None or isinstance(back.price, Price)


@BOUNDED
@given(st.text() | st.text(alphabet='v12;{}[]",∅').map("v2;".__add__) | JSON.map(lambda raw: f"v2;{json.dumps(raw)}"))
def test_any_text_decodes_to_a_value_or_a_miss(text: str) -> None:
    """Whatever somebody stored there, a reader never crashes."""
    for shape in (Product, Row, int, str):
        found = Typed[Any](shape, version=2).decode(text)
        assert found in (Miss.CHANGED, Miss.CORRUPT) or isinstance(found, dict if shape is Row else shape)


@BOUNDED
@given(JSON, JSON)
def test_a_field_of_another_type_is_corrupt(name: Any, sold: Any) -> None:
    """A TypedDict promises nothing at run time; here it does."""
    found = Typed(Row, version=1).decode("v1;" + json.dumps({"name": name, "sold": sold}))
    assert (found is not Miss.CORRUPT) == (type(name) is str and type(sold) is bool)


@pytest.mark.parametrize(
    ("text", "miss"),
    [
        ('v1;{"name": "duck", "sold": true}', Miss.CHANGED),
        ("v30;", Miss.CHANGED),
        ("", Miss.CORRUPT),
        ("v;{}", Miss.CORRUPT),
        ("v2", Miss.CHANGED),
        ('{"name": "duck", "sold": true}', Miss.CORRUPT),
        ('v3;{"name": "duck"}', Miss.CORRUPT),
        ('v3;{"name": "duck", "sold": true, "more": 1}', Miss.CORRUPT),
        ('v3;{"name": "duck", "sold": 1}', Miss.CORRUPT),
        ('v3;{"name": "duck", "sold": true', Miss.CORRUPT),
        ("v3;" + "[" * 100_000, Miss.CORRUPT),
        ("v3;" + "9" * 10_000, Miss.CORRUPT),
    ],
)
def test_another_version_is_told_from_a_corrupt_value(text: str, miss: Miss) -> None:
    """A roll-out causes the first, somebody's mistake the second; they are counted apart."""
    assert Typed(Row, version=3).decode(text) is miss


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (list[int], ["[]", "[1, 2]"], ['["a"]', "[1, null]", '"12"', '{"1": 2}', "null"]),
        (list[str], ['["a"]'], ['"ab"', '{"a": "b"}']),
        (dict[str, int], ["{}", '{"a": 1}'], ['{"a": "b"}', '[["a", 1]]', "[]"]),
        (dict[str, list[int]], ['{"a": [1]}'], ['{"a": 1}', '{"a": ["b"]}']),
        (int | None, ["1", "null"], ['"1"', "1.0", "true"]),
        (float, ["1", "1.5"], ["true", '"1"', "null"]),
        (bool, ["true"], ["1", '""']),
        (Literal["a", 1], ['"a"', "1"], ['"b"', "2", "null"]),
        (list, ["[]", '[1, "a"]'], ["{}", '"a"']),
        (dict, ["{}", '{"a": [1]}'], ["[]", '"a"']),
    ],
    ids=str,
)
def test_what_is_of_another_shape_is_corrupt(shape: Any, good: list[str], bad: list[str]) -> None:
    """Each item of a list too, and each value of a dict; an int is a float as well, as JSON has one number for both."""
    typed = Typed[Any](shape, version=1)
    assert [typed.decode(f"v1;{text}") for text in good] == [json.loads(text) for text in good]
    assert [typed.decode(f"v1;{text}") for text in bad] == [Miss.CORRUPT] * len(bad)


def test_a_shape_that_refuses_its_own_value_makes_it_corrupt() -> None:
    """Whatever a __post_init__ raises."""
    even = Typed(Even, version=1)
    assert even.decode('v1;{"number": 4}') == Even(4)
    assert even.decode('v1;{"number": 5}') is Miss.CORRUPT


@pytest.mark.parametrize("value", [{"name": "duck"}, {"name": 7, "sold": True}, float("nan"), {1: 2}, object(), None])
def test_a_value_that_would_not_come_back_is_refused(value: Any) -> None:
    """The error reaches who writes, not those who read."""
    with pytest.raises(BadArgument, match="accepted: a .* as JSON can tell it"):
        Typed[Any](Row, version=1).encode(value)


def test_a_tuple_is_refused_as_json_makes_it_a_list() -> None:
    with pytest.raises(BadArgument):
        Typed[Any](list[int], version=1).encode((1, 2))


@pytest.mark.parametrize("version", [0, -1, 1.5, True, "2"])
def test_a_version_is_a_whole_number(version: Any) -> None:
    with pytest.raises(BadArgument, match="version is"):
        Typed(str, version=version)


def test_json_without_a_version_crashes_readers_of_another_shape() -> None:
    """The control: what the lesson's naive service does after a field was renamed overnight."""
    with pytest.raises(KeyError):
        broken_through.name_of('{"title": "duck"}')
    assert Typed(Row, version=2).decode('v1;{"title": "duck"}') is Miss.CHANGED


def test_a_value_that_json_cannot_tell_is_refused_in_words() -> None:
    """One that contains itself, one that is too deep, one with too many digits."""
    endless: list[object] = []
    endless.append(endless)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for shape, value in ((list, endless), (list, deep), (int, 10**5000)):
        with pytest.raises(BadArgument, match="accepted: a .*, the shape of this Typed"):
            Typed(shape, version=1).encode(value)
