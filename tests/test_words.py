"""Numbers and lists as a sentence says them."""

from __future__ import annotations

import pytest

from course_lib.words import capital, counted, either, listed, ms, printable, shorten


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 ms"), (-0.0, "0 ms"), (0.00042, "0.42 ms"), (0.0113, "11.3 ms"), (0.0205, "20.5 ms"),
        (0.041, "41 ms"), (0.1999, "199.9 ms"), (0.2004, "200 ms"), (1.25, "1,250 ms"), (-0.001, "-1 ms"),
    ],
)  # fmt: skip
def test_milliseconds_have_the_digits_that_help(seconds: float, said: str) -> None:
    assert ms(seconds) == said
    assert ms(seconds, unit=False) == said.removesuffix(" ms")


def test_one_thing_is_singular_and_thousands_are_set_apart() -> None:
    assert [counted(n, "load") for n in (0, 1, 1000)] == ["0 loads", "1 load", "1,000 loads"]
    assert [counted(n, "primary", "primaries") for n in (1, 2)] == ["1 primary", "2 primaries"]


def test_a_list_ends_with_and_or_with_or() -> None:
    assert [listed(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert [either(list(words)) for words in ("a", "ab", "abc")] == ["a", "a or b", "a, b or c"]


def test_a_capital_letter_begins_the_text() -> None:
    assert [capital(text) for text in ("", "key X", "Key")] == ["", "Key X", "Key"]


def test_what_is_too_long_ends_with_an_ellipsis() -> None:
    assert [shorten(text, 4) for text in ("", "four", "fives")] == ["", "four", "fiv…"]


def test_what_a_file_cannot_hold_or_a_reader_cannot_see_is_an_escape() -> None:
    for text in ("a page\n\tof 李雷’s <b>&amp;</b> 🌙", ""):
        assert printable(text) == text
    hides = "a\x00\x1b[2J\r\x9b\u202eb\u2066\ud800"
    assert printable(hides) == r"a\x00\x1b[2J\r\x9b\u202eb\u2066\ud800"
    assert printable(hides).encode().decode().isprintable()
