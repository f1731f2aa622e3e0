"""The run that a failed check shows, opened: the same run, in the learner's own lines."""

from __future__ import annotations

import pytest

from course_lib.errors import CourseError
from course_lib.explore import schedule_of
from course_lib.grading import opened_run
from course_lib.grading.checker import check
from course_lib.grading.exercise import find
from course_lib.grading.opened_run import opened_again

from . import programs


@pytest.mark.parametrize("exercise", ["03.1", "05.3"])
def test_the_shown_run_is_opened_in_the_answer_s_own_lines(exercise: str) -> None:
    _, answer = programs.wrong(exercise)[0]
    shown = check(exercise, answer).shown
    assert shown is not None
    assert shown.violation is not None
    found = opened_again(exercise, shown, answer)
    assert found.same == ""
    assert found.limit == ""
    assert found.files[0] == answer.__code__.co_filename
    assert all(not client.name.startswith("judge") for client in found.at(None).clients)
    lines = {found.line_of(n) for n in range(len(found.trace.events))}
    first, source = found.file_lines(answer.__code__.co_filename)
    assert lines
    assert all(line is not None and first <= line[1] < first + len(source) for line in lines)
    assert found.at(shown.trace.events[-1]).clients[0].chains
    assert all(promise.holds for promise in found.states[0].promises)
    assert not all(promise.holds for promise in found.at(None).promises)


def test_a_run_of_the_second_trial_is_opened_in_that_trial() -> None:
    answer = next(answer for name, answer in programs.wrong("03.1") if name == "whole-seconds")
    shown = check("03.1", answer).shown
    assert shown is not None
    assert schedule_of(shown.code, "03.1", find("03.1").words.revision)[0] == 1
    assert opened_again("03.1", shown, answer).same == ""


def test_clients_with_the_judge_s_name_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were c1 the judge's, c2 alone would be shown."""
    answer = programs.wrong("03.1")[0][1]
    shown = check("03.1", answer).shown
    assert shown is not None
    monkeypatch.setattr(opened_run, "JUDGE", "c1")
    assert [client.name for client in opened_again("03.1", shown, answer).at(None).clients] == ["c2"]


def test_an_answer_that_holds_on_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = next(answer for _, answer in programs.wrong("03.1"))
    shown = check("03.1", answer).shown
    assert shown is not None

    async def count(redis: object, key: str, window: float) -> int:
        while True:
            pass

    monkeypatch.setattr("course_lib.grading.guard.LIMIT", 0.2)
    with pytest.raises(CourseError, match="held on"):
        opened_again("03.1", shown, count)


@pytest.mark.parametrize(
    ("exercise", "texts"),
    [("03.1", ["is told 1", "is told 1"]), ("05.3", ["loads", "loads too"]),
     ("04.2", ["gets the lock", "gets it too, and c2 has it still"])],
)  # fmt: skip
def test_a_promise_that_two_facts_break_names_both(exercise: str, texts: list[str]) -> None:
    shown = check(exercise, programs.wrong(exercise)[0][1]).shown
    assert shown is not None
    assert shown.violation is not None
    first, second = shown.violation.facts
    assert [first.text, second.text] == texts
    assert first.who != second.who
    assert first.t < second.t
