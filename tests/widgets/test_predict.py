"""Predict, without a browser: what unlocks the run, what is said, what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from course_lib.widgets.predict import predict
from course_lib.widgets.prediction_words import number_of, objection, shown


def test_the_run_is_held_back_until_there_is_an_answer() -> None:
    """Neither the button nor the method runs anything before."""
    ran: list[int] = []
    asked = predict("How many?", run=lambda: ran.append(1))
    assert asked.button.disabled
    assert asked.run() is None
    assert ran == []
    asked.answer(3).run()
    assert ran == [1]


@pytest.mark.parametrize(
    ("answer", "happened", "sentence"),
    [
        (12, 17, "You said 12 loads; it was 17 loads, 5 more than you said and 1.42 times your number."),
        (20, 1, "You said 20 loads; it was 1 load, 19 less than you said and 0.05 times your number."),
        (17, 17, "You said 17 loads, and it was 17 loads: exactly your number."),
        (0, 5, "You said 0 loads; it was 5 loads, 5 more than you said."),
    ],
)
def test_a_number_is_set_beside_what_happened(answer: float, happened: float, sentence: str) -> None:
    """The difference always, the ratio where there is one."""
    asked = predict("How many?", unit="loads", run=lambda: happened).answer(answer)
    assert asked.run() == happened
    assert asked.sentence == sentence
    assert asked.entry.disabled


def test_what_happened_rules_choices_out_and_not_a_key() -> None:
    """The same question, two outcomes: the same answer stands once and falls once."""
    choices = {"one": lambda n: n == 1, "a few": lambda n: 1 < n < 50, "all": lambda n: n >= 50}
    for happened, fate in ((1, "is ruled out"), (7, "still stands")):
        asked = predict("How many loads?", choices=choices, run=lambda n=happened: n).answer("a few")
        asked.run()
        assert asked.sentence.startswith(f"You said “a few”, which {fate}.")
        assert f"What happened ({happened})" in asked.sentence


def test_an_outcome_that_no_choice_foresaw_is_said_to_be_one() -> None:
    """Even the author's choices can be wrong."""
    asked = predict("Who?", choices=["a", "b"], run=lambda: "c").answer("a")
    asked.run()
    assert asked.sentence.endswith("rules out “a” and “b”: none of the choices foresaw it.")


def test_measure_and_verdict_are_the_authors() -> None:
    """The part of the outcome that was asked about, and a sentence of one's own."""
    asked = predict("How many?", run=lambda: {"loads": 4}, measure=lambda o: o["loads"]).answer(2)
    asked.run()
    assert "it was 4, 2 more" in asked.sentence
    told = predict("How many?", run=lambda: 4, verdict=lambda outcome, answer: f"{answer:g} < {outcome}").answer(2)
    told.run()
    assert told.sentence == "2 < 4"


def test_a_failed_run_keeps_no_outcome_and_can_run_again() -> None:
    """The error in words, escaped, its traceback folded; then the answer can be revised and run again."""
    results = iter([ValueError("<b>bad</b>"), 3])

    def run() -> int:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    asked = predict("How many?", run=run).answer(2)
    assert asked.run() is None
    assert "ValueError: &lt;b&gt;bad&lt;/b&gt;" in asked.result.value
    assert "<details><summary>" in asked.result.value
    assert not asked.button.disabled
    assert asked.answer(3).run() == 3


@pytest.mark.parametrize("text", ["64,0", "1,00", "12,3456", "0,5"])
def test_a_number_that_could_mean_two_is_refused_and_never_changed(text: str) -> None:
    """A comma before decimals means ten times less than one before thousands."""
    assert "could mean two numbers" in objection(text, "", None, None)


def test_right_or_wrong_is_said_first() -> None:
    """Beside the button; a number within a tenth is close."""
    for answer, fate in ((17, "✓ Right"), (16, "≈ Close"), (12, "✗ Not so")):
        asked = predict("How many?", unit="loads", run=lambda: 17).answer(answer)
        asked.run()
        assert fate in asked.notice.value
        assert "kept" not in asked.notice.value


@pytest.mark.parametrize("text", ["many", "", "1/2", "nan", "inf", "1e999", "1_000"])
def test_what_is_no_number_is_refused_in_words(text: str) -> None:
    """Never a traceback, and never a number that nobody typed."""
    asked = predict("How many?", run=lambda: 1)
    asked.entry.value = text
    assert asked.prediction is None
    assert asked.button.disabled
    if text:
        assert "is not a number" in asked.notice.value
        with pytest.raises(ValueError, match="is not a number"):
            asked.answer(text)


def test_numbers_are_read_as_people_write_them() -> None:
    """Thousands apart, with the unit, with a power of ten; the range is part of the question."""
    assert [number_of(text, "ms") for text in ("1,000", "1 000 ms", "2.5e3", " 7ms ")] == [1000, 1000, 2500, 7]
    assert [number_of(text) for text in ("12,345.5", "−3", "1e9", "1.5")] == [12345.5, -3, 1e9, 1.5]
    assert objection("21", "", 0, 20) == "21 is too large: the number is at most 20."
    assert objection("-1", "", 0, 20) == "-1 is too small: the number is at least 0."


def test_numbers_are_shown_with_three_digits() -> None:
    """Whole numbers in full."""
    assert [shown(x) for x in (1234567, 1.41666, 0.0123456, 1234.5, 0)] == ["1,234,567", "1.42", "0.0123", "1,234", "0"]


def test_an_unknown_choice_is_refused() -> None:
    """A test that misspells a choice must not pass."""
    with pytest.raises(ValueError, match="none of the choices"):
        predict("Who?", choices=["a", "b"], run=lambda: "a").answer("c")


def test_what_never_ends_is_told_without_a_number() -> None:
    """Of infinity there are no digits, and no hours."""
    choices: dict[str, Any] = {"soon": lambda hours: hours < 1, "never": lambda hours: hours > 24}
    asked = predict("When?", choices=choices, unit="hours", run=lambda: float("inf")).answer("never")
    asked.run()
    assert (
        asked.sentence
        == "You said “never”, which still stands. What happened (no end) rules out “soon”, and leaves “never”."
    )
