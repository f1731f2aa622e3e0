"""Be the scheduler, without a browser: moves, fates, time, undo, codes, and what the panel says."""

from __future__ import annotations

import re

import pytest

from course_lib.scenarios.puzzles import PUZZLES
from course_lib.widgets.scheduler import Scheduler


def shown(panel: Scheduler) -> list[str]:
    return [button.description for button in panel.turns if button.layout.display is None]


def said(panel: Scheduler) -> str:
    return re.sub(r"<[^>]+>", "", panel.told.value)


def test_the_numbered_commands_are_those_that_wait() -> None:
    panel = Scheduler("counter")
    assert shown(panel) == ["1  alice: GET visits", "2  bob: GET visits"]
    panel.turns[1].click()
    assert shown(panel) == ["1  alice: GET visits", "2  bob: SET visits 1"]
    assert "1 move." in said(panel)


def test_breaking_the_promise_names_it_and_gives_a_code() -> None:
    panel = Scheduler("counter")
    for number in (1, 2, 1, 1):
        panel.move(number)
    assert "Broken in 4 moves. Alice and bob both counted to 1: a visit is lost." in said(panel)
    code = re.search(r"<code>(T1-[^<]+)</code>", panel.told.value)
    assert code is not None
    assert list(panel.found) == [code[1]]
    other = Scheduler("counter")
    other.code.value = code[1]
    assert "Broken in 4 moves" in said(other)
    assert "Alice and bob" in other.picture.value


def test_keys_do_what_the_buttons_do() -> None:
    panel = Scheduler("lock")
    for stamp, key in enumerate("1t2112"):
        panel.keys.pressed = f"{key}{stamp}"
    assert "Broken in 6 moves" in said(panel)
    panel.keys.pressed = "u9"
    assert "5 moves." in said(panel)
    panel.keys.pressed = "b10"
    assert "0 moves." in said(panel)
    assert "You have found 1 way." in said(panel)


def test_a_fate_meets_one_command_and_is_used_up() -> None:
    panel = Scheduler("counter")
    panel.fate.value = "its client crashes first"
    panel.move(1)
    assert panel.fate.value == "runs"
    assert shown(panel) == ["1  bob: GET visits"]
    while not panel.game.over:
        panel.move(1)
    assert "the promise was kept" in said(panel)
    assert "alice: CRASHED" in said(panel)


def test_the_mended_version_is_another_game() -> None:
    panel = Scheduler("counter")
    panel.move(1)
    panel.version.value = "mended"
    assert shown(panel) == ["1  alice: INCRBY visits 1", "2  bob: INCRBY visits 1"]
    panel.open(PUZZLES["counter"].code(PUZZLES["counter"].game()))
    assert panel.version.value == "naive"


@pytest.mark.parametrize("code", ["hello", "T1-counter.naive-2-01-0000", "T1-lock.naive-3-0-AAAA"])
def test_a_bad_code_is_a_sentence_and_changes_nothing(code: str) -> None:
    panel = Scheduler("counter")
    panel.move(1)
    panel.code.value = code
    assert 'role="alert"' in panel.told.value
    assert len(panel.game.moves) == 1


def test_a_number_that_is_not_there_does_nothing() -> None:
    panel = Scheduler("counter")
    panel.keys.pressed = "91"
    assert panel.game.moves == []


def test_an_unknown_puzzle_is_named() -> None:
    with pytest.raises(ValueError, match="there is no puzzle 'chess'; there are counter, limiter, lock"):
        Scheduler("chess")
