"""Replay codes: the same schedule again, here or elsewhere; and clear words for a code that is not one."""

from __future__ import annotations

from typing import Any

import pytest

from course_lib.errors import BadReplayCode
from course_lib.explore import codes
from course_lib.grading import check, exercise, replay

from .programs import ANSWERS, answers, wrong

FAILING = [(id, name, answer) for id in ANSWERS for name, answer in wrong(id)[:3]]


@pytest.mark.parametrize(("id", "name", "answer"), FAILING, ids=[f"{id} {name}" for id, name, _ in FAILING])
def test_a_code_shows_the_same_run_again(id: str, name: str, answer: Any) -> None:
    """To the last reply: the traces' digests are equal, and so is the sentence."""
    first = check(id, answer)
    assert first.code is not None
    again = replay(id, first.code, answer)
    assert first.shown is not None
    assert again.shown is not None
    assert again.shown.trace.digest() == first.shown.trace.digest()
    assert again.message == first.message
    assert again.code == first.code
    assert not again.passed


def test_a_code_may_be_typed_by_hand() -> None:
    """In small letters, with O for 0 and l for 1, with blanks."""
    code = check("05.3", dict(wrong("05.3"))["no-second-look"]).code
    assert code is not None
    typed = code.lower().replace("0", "o").replace("-", " ").replace("r1 ", "r1-") + " "
    assert replay("05.3", typed, answers("solutions")["05.3"]).code == code


def test_a_right_answer_survives_a_classmates_code() -> None:
    code = check("05.3", dict(wrong("05.3"))["no-second-look"]).code
    assert code is not None
    verdict = replay("05.3", code, answers("solutions")["05.3"])
    assert verdict.passed
    assert "in this schedule" in verdict.message


def _code() -> str:
    code = check("05.3", dict(wrong("05.3"))["no-second-look"]).code
    assert code is not None
    return code


def test_every_wrong_character_is_noticed() -> None:
    """Each character of a code is replaced by each other digit; none is taken for a schedule."""
    code = _code()
    for place in range(len("R1-"), len(code)):
        for digit in codes.DIGITS:
            if code[place] not in (digit, "-"):
                with pytest.raises(BadReplayCode):
                    codes.decode(code[:place] + digit + code[place + 1 :], "05.3", 1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda code: "hello", "is no replay code"),
        (lambda code: "", "is no replay code"),
        (lambda code: code.replace("R1-", "R2-"), "another version of the course"),
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
    later = {**known, "05.3": replace(known["05.3"], revision=2)}
    monkeypatch.setattr(exercise, "words", lambda lesson: later)
    with pytest.raises(BadReplayCode, match="out of date"):
        replay("05.3", code, answers("solutions")["05.3"])


def test_a_code_for_a_schedule_that_does_not_exist_is_refused() -> None:
    from course_lib.explore import Schedule

    for trial, schedule in ((99, Schedule(2)), (0, Schedule(2, 0, "clock step", 3)), (0, Schedule(100_000))):
        with pytest.raises(BadReplayCode, match="does not have"):
            replay("05.3", codes.encode("05.3", 1, trial, schedule), answers("solutions")["05.3"])
