"""Replay codes: the same schedule again, here or elsewhere; and clear words for a code that is not one."""

from __future__ import annotations

import html
from functools import cache
from typing import Any

import pytest

from course_lib.errors import BadReplayCode
from course_lib.explore import code_of, schedule_of
from course_lib.explore.replay_code import DIGITS
from course_lib.grading import check, exercise, replay

from .programs import answers, wrong


@cache
def _code() -> str:
    code = check("05.3", dict(wrong("05.3"))["no-second-look"]).code
    assert code is not None
    return code


@pytest.mark.parametrize(("id", "name"), [("05.3", "no-second-look"), ("03.2", "looks-first")])
def test_the_line_that_is_printed_plays_it_again_as_it_stands(id: str, name: str) -> None:
    """In a cell of the notebook in which the function was written, under the name that it has there."""
    answer = dict(wrong(id))[name]
    first = check(id, answer)
    (line,) = [line for line in str(first).splitlines() if line.startswith("Replay: ")]
    assert first._repr_mimebundle_()["text/html"].count(html.escape(line.removeprefix("Replay: "))) == 1
    again = eval(line.removeprefix("Replay: "), {"replay": replay, answer.__name__: answer})
    assert (again.message, again.code) == (first.message, first.code)


def test_what_has_no_name_is_called_answer() -> None:
    verdict = check("03.4", ["alice"])
    assert f'replay("03.4", "{verdict.code}", answer)' in str(verdict)
    assert "with your own for <code>answer</code>" in verdict._repr_mimebundle_()["text/html"]


def test_a_code_may_be_typed_by_hand() -> None:
    """In small letters, with O for 0 and l for 1, with blanks."""
    typed = _code().lower().replace("0", "o").replace("-", " ").replace("r2 ", "r2-") + " "
    assert replay("05.3", typed, answers("solutions")["05.3"]).code == _code()


def test_a_right_answer_survives_a_classmates_code() -> None:
    verdict = replay("05.3", _code(), answers("solutions")["05.3"])
    assert verdict.passed
    assert "in this schedule" in verdict.message


def test_every_wrong_character_is_noticed() -> None:
    """Each character of a code is replaced by each other digit; none is taken for a schedule."""
    code = _code()
    for place in range(len("R2-"), len(code)):
        for digit in DIGITS:
            if code[place] not in (digit, "-"):
                with pytest.raises(BadReplayCode):
                    schedule_of(code[:place] + digit + code[place + 1 :], "05.3", 1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda code: "hello", "is no replay code"),
        (lambda code: "", "is no replay code"),
        (lambda code: code.replace("R2-", "R3-"), "another version of the course"),
        (lambda code: code[:-1], "is mistyped"),
        (lambda code: code + "0", "is mistyped"),
        (lambda code: code.replace("-0", "-U", 1), "is mistyped"),
    ],
)
def test_a_bad_code_is_refused_in_words(spoil: Any, said: str) -> None:
    with pytest.raises(BadReplayCode, match=said):
        replay("05.3", spoil(_code()), answers("solutions")["05.3"])


def test_a_code_of_another_exercise_says_which() -> None:
    with pytest.raises(BadReplayCode, match="belongs to exercise 05.3, not to 05.1"):
        replay("05.1", _code(), answers("solutions")["05.1"])


def test_a_code_of_an_earlier_revision_is_out_of_date(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    code, known = _code(), exercise.words("05")
    later = {**known, "05.3": replace(known["05.3"], revision=known["05.3"].revision + 1)}
    monkeypatch.setattr(exercise, "words", lambda lesson: later)
    with pytest.raises(BadReplayCode, match="out of date"):
        replay("05.3", code, answers("solutions")["05.3"])


def test_a_code_for_a_schedule_that_does_not_exist_is_refused() -> None:
    from course_lib.explore import Schedule

    revision = exercise.words("05")["05.3"].revision
    for trial, schedule in ((99, Schedule(2)), (0, Schedule(2, 0, "clock step", 3)), (0, Schedule(100_000))):
        with pytest.raises(BadReplayCode, match="does not have"):
            replay("05.3", code_of("05.3", revision, trial, schedule), answers("solutions")["05.3"])
