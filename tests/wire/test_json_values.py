"""What a child sends is a value or a refusal; whatever it is, the parent goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.explore import OneFault
from course_lib.wire import json_values
from course_lib.wire.json_values import Decoder, Encoder, Opaque, SeenAt, as_json
from course_lib.wire.pipe import MOST, Broken

ENCODE = Encoder(lambda it: None, lambda error: SeenAt(3, "raise it", True))
DECODE = Decoder(lambda number: ("handed", number))


def there_and_back(value: Any) -> Any:
    return DECODE(json.loads(json.dumps(ENCODE(value))))


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
NESTED = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=3) | st.integers(), max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.sets(st.integers() | st.text(), max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_values_come_as_they_are(value: Any) -> None:
    assert there_and_back(value) == value
    assert type(there_and_back(value)) is type(value)


@settings(max_examples=100, deadline=None)
@given(st.lists(NESTED | st.sampled_from("ltdbsfiheEDN?"), max_size=5))
def test_what_nobody_wrote_is_refused(plain: Any) -> None:
    try:
        DECODE(plain)
    except Broken:
        pass


def test_no_error_of_a_child_interrupts_the_grader() -> None:
    where = [1, "x", False]
    for bases in (["builtins.KeyboardInterrupt"], ["builtins.KeyboardInterrupt", "builtins.OSError"]):
        for exact in (True, False):
            error = DECODE(["e", "KeyboardInterrupt", exact, bases, ["\ud800"], where])
            assert isinstance(error, BaseException)
            assert not isinstance(error, KeyboardInterrupt)
            str(error).encode()
    nested: Any = 1
    for _ in range(5_000):
        nested = ["l", [nested]]
    for plain in (nested, ["E", 0, where], ["D", "course_lib.explore.one_fault", "OneFault", [["no", 1]]]):
        with pytest.raises(Broken):
            DECODE(plain)


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return f"<AlwaysEqual at {id(self):#x}>"


def test_an_object_with_its_own_notion_of_being_equal_equals_nothing() -> None:
    came = there_and_back(AlwaysEqual())
    assert isinstance(came, Opaque)
    assert came not in (1, "page", True, None)
    assert repr(came) == "<AlwaysEqual>"


@dataclass
class Own:
    name: str = "a class of the answer's"


@pytest.mark.parametrize("value", [Own(), [Own()], object(), len, {1: Own()}])
def test_what_is_no_plain_value_is_opaque(value: Any) -> None:
    came = there_and_back(value)
    came = came[0] if isinstance(came, list) else came[1] if isinstance(came, dict) else came
    assert isinstance(came, Opaque)


def test_a_value_without_an_end_is_cut() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "…" in repr(there_and_back(endless))
    for long in ([0] * 200_001, "x" * 200_001, [[0] * 120_000] * 2):
        assert len(json.dumps(ENCODE(long))) < MOST / 3
        assert "…" in repr(there_and_back(long))[-50:]


def test_a_record_of_the_course_comes_whole_and_no_other() -> None:
    assert there_and_back(OneFault("crash", at=2, client="c1")) == OneFault("crash", at=2, client="c1")
    with pytest.raises(Broken, match="there is no record"):
        DECODE(["D", "subprocess", "Popen", [["args", "true"]]])
    with pytest.raises(Broken, match="there is no record"):
        DECODE(["D", "course_lib.grading.sandbox.child", "Ended", []])


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_json_is_written_as_the_module_writes_it_with_and_without_its_private_part(value: Any) -> None:
    plain = ENCODE(value)
    wanted = json.dumps(plain, separators=(",", ":")).encode()
    assert as_json(plain) == wanted
    for part in (None, lambda: None, lambda *_: lambda *_: ["something else"]):
        with patch.object(json.encoder, "c_make_encoder", part):
            written = json_values._writer()
        assert written(plain).encode() == wanted


class Missing(LookupError):
    pass


def test_an_error_keeps_its_name_its_bases_and_where_it_arose() -> None:
    came = there_and_back(Missing("page", 7))
    assert type(came).__name__ == "Missing"
    assert isinstance(came, LookupError)
    assert came.args == ("page", 7)
    assert came.seen_at == SeenAt(3, "raise it", True)
    assert type(there_and_back(KeyError("page"))) is KeyError
    assert type(there_and_back(ExceptionGroup("two", [ValueError("a"), KeyError("b")]))) is ExceptionGroup
