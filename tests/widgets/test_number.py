"""A number of a lab, as it is typed: taken as it is, or refused with a sentence; never changed in silence."""

from __future__ import annotations

import pytest

from course_lib.widgets.number import Number


def typed(number: Number, text: str) -> str:
    """Type into the field; returns what stands beside it."""
    number.field.value = text
    return str(number.note.value)


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), (" 3 ", 3.0), ("2e0", 2.0), ("0.125", 0.125), ("4.0", 4.0)])
def test_a_number_is_taken_as_it_is(text: str, value: float) -> None:
    """Also one between two steps of the slider."""
    number = Number("TTL (s)", 2.0, 0.1, 5.0, 0.5)
    assert typed(number, text) == ""
    assert number.value == value
    assert number.field.value == f"{value:g}"
    assert number.slider.value == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("64,0", "could mean two numbers"), ("1e9", "is too large: the number is at most 1,000."),
        ("", "Nothing is typed."), ("abc", "is not a number"), ("-3", "is too small: the number is at least 1."),
        ("1.5", "is not a whole number"), ("nan", "is not a number"), ("1_0", "is not a number"),
        ("9" * 400, "is not a number"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_in_a_sentence(text: str, why: str) -> None:
    """It stays in the field, so that it can be mended; the value and the slider stay as they were."""
    number = Number("clients", 20, 1, 1000, 1)
    said = typed(number, text)
    assert why in said
    assert "clients stays 20." in said
    assert (number.value, number.slider.value, number.field.value) == (20, 20, text)
    number.slider.value = 30
    assert (number.value, number.field.value, number.note.value) == (30, "30", "")


def test_what_was_refused_can_be_typed_back() -> None:
    """The value that it still has, too, which changes nothing but the sentence."""
    number = Number("seed", 7, 0, 999_999)
    assert number.slider is None
    assert typed(number, "seven") != ""
    assert typed(number, "7") == ""
    assert typed(number, "1 000") == ""
    assert (number.value, number.field.value) == (1000, "1000")
    assert typed(number, "123456") == ""
    assert number.field.value == "123456"


def test_a_whole_number_stays_whole() -> None:
    number = Number("limit", 5, 1, 200, 1)
    typed(number, "64.0")
    assert (number.value, type(number.value)) == (64, int)
    number.value = 300
    assert number.value == 200


def test_a_locked_number_says_why() -> None:
    number = Number("burst", 5, 1, 200, 1)
    number.disable("Only buckets have a burst.")
    assert number.disabled
    assert number.slider.disabled
    assert number.field.tooltip == number.slider.tooltip == "Only buckets have a burst."
    number.disable("")
    assert not number.disabled
    assert number.field.tooltip is None


def test_what_a_slider_sends_is_not_sent_back_rounded() -> None:
    """It would overtake what the learner does meanwhile: of ten keys that are pressed quickly, some would be lost."""
    number = Number("rate", 1.0, 0.1, 5.0, 0.1)
    number.slider.value = 1.2000000000000002
    assert (number.value, number.slider.value) == (1.2000000000000002, 1.2000000000000002)
    assert number.field.value == "1.2"
