"""Be the scheduler, without a browser: moves, fates, time, undo, codes, and what the panel says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from course_lib.explore import Simulation, Trial
from course_lib.explore.puzzles import PUZZLES, Puzzle
from course_lib.widgets import scheduler
from course_lib.widgets.scheduler import Scheduler


def shown(panel: Scheduler) -> list[str]:
    return [button.description for button in panel.turns if button.layout.display is None]


def _all(box: Any) -> list[Any]:
    """The widget with all that it holds."""
    return [box, *(one for child in getattr(box, "children", ()) for one in _all(child))]


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
    code = re.search(r"<code>(R2-[^<]+)</code>", panel.told.value)
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
    assert "You have found 1 way to break it." in said(panel)


def test_a_fate_meets_one_command_and_is_used_up() -> None:
    panel = Scheduler("counter")
    panel.keys.pressed = "x1"
    assert panel.fate.value == "crash"
    panel.move(1)
    assert panel.fate.value == "run"
    assert shown(panel) == ["1  bob: GET visits"]
    while not panel.game.over:
        panel.move(1)
    assert "the promise was kept" in said(panel)
    assert "alice: CRASHED" in said(panel)


@pytest.mark.parametrize(
    ("key", "fate", "fault"), [("q", "lose request", "request lost"), ("r", "lose reply", "reply lost")]
)
def test_a_key_arms_a_fate_and_the_same_key_disarms_it(key: str, fate: str, fault: str) -> None:
    panel = Scheduler("counter")
    panel.keys.pressed = f"{key}1"
    assert panel.fate.value == fate
    panel.keys.pressed = f"{key}2"
    assert panel.fate.value == "run"
    panel.keys.pressed = f"{key}3"
    panel.move(1)
    assert panel.game.play.trace.events[0].fault == fault


def proof(panel: Scheduler) -> str:
    return re.sub(r"<[^>]+>", "", panel.proof.value)


def test_choosing_the_mended_code_plays_every_schedule_of_it() -> None:
    """What it says is what the puzzle counts; the naive code is counted on demand, and says how many break it."""
    panel = Scheduler("transfer")
    assert proof(panel) == ""
    panel.version.value = "mended"
    every = PUZZLES["transfer"].all_schedules(mended=True)
    assert f"✓ All {every.schedules} schedules were played, and none breaks the promise" in proof(panel)
    assert f"{every.played[1].schedules} with one message lost or one crash" in proof(panel)
    panel.version.value = "naive"
    assert proof(panel) == ""
    panel.keys.pressed = "e1"
    assert "✗ 90 of all 538 schedules break the promise: 12 of 36 without a fault" in proof(panel)
    code = re.search(r"<code>(R2-[^<]+)</code>", panel.proof.value)
    assert code is not None
    panel.open(code[1])
    assert "Broken in 6 moves" in said(panel)


def test_what_cannot_be_played_in_time_is_not_called_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "PATIENCE", (0.0, 30.0))
    panel = Scheduler("counter")
    panel.version.value = "mended"
    assert proof(panel).startswith("Too many to play all of them: none of the 0 that were played breaks the promise")
    assert proof(panel).endswith("the first 0 in which 1 s passes once. Press e to play for longer.")
    assert "✓" not in proof(panel)
    panel.keys.pressed = "e1"
    assert "✓ All 18 schedules were played" in proof(panel)


def test_what_was_found_before_the_time_was_over_is_told_and_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which sort was played whole is told apart; and to press e again, for as long, is not recommended."""
    whole = PUZZLES["counter"].all_schedules()
    whole.played[2].complete = False
    monkeypatch.setattr(Puzzle, "all_schedules", lambda *_, **__: whole)
    panel = Scheduler("counter")
    panel.every()
    assert "✗ 20 of the first 84 schedules break the promise: 4 of all 6 without a fault" in proof(panel)
    assert "16 of the first 24 in which 1 s passes once. There are too many to play all of them.Show" in proof(panel)
    assert "R2-counter.naive-2-0110-44GNJ" in proof(panel)


def test_a_way_to_break_it_is_the_move_that_does_and_was_made_by_hand() -> None:
    """More moves after it, and those taken back, are no further ways; nor is a code that was opened."""
    panel = Scheduler("lock")
    for key in "1t2112":
        panel.keys.pressed = f"{key}{len(panel.game.moves)}"
    panel.wait()
    panel.undo()
    assert "Broken in 6 moves" in said(panel)
    assert "You have found 1 way to break it." in said(panel)
    other = Scheduler("lock")
    other.open(*panel.found)
    assert "Broken in 6 moves" in said(other)
    assert "You have found" not in said(other)


def test_a_livelock_is_a_win_where_the_promise_is_progress() -> None:
    """Six moves, and all is as it was at the start; in the mended version the same moves get somewhere."""
    panel = Scheduler("transfer")
    for number in (1, 2, 1, 2, 1):
        panel.move(number)
        assert "Broken" not in said(panel)
    panel.move(2)
    assert "Broken in 6 moves. After 6 moves all is as it was at the start, though alice and bob have both" in said(
        panel
    )
    assert "After 6 moves all is as it was at the start<" in panel.picture.value
    panel.version.value = "mended"
    for number in (1, 2, 1, 2, 1, 2):
        panel.move(number)
    assert "Broken" not in said(panel)
    assert "You have found" not in said(panel), "that was the other code"


def test_the_win_and_what_each_client_runs_stand_on_the_panel() -> None:
    panel = Scheduler("lock", big=True)
    assert "You win when</b> a client gets the lock while another one holds it" in panel.head.value
    shown = [part.value for part in _all(panel.box) if "What each client runs" in str(getattr(part, "value", ""))]
    assert len(shown) == 1
    assert "async def frees_any_lock" in shown[0]
    assert "async def frees_its_own_lock" in shown[0]


def test_a_room_calls_the_moves() -> None:
    """A list is played from the start, with fates and time; the same list typed again is the same game."""
    panel = Scheduler("counter")
    panel.move(2)
    panel.code.value = "1 2 1 1"
    assert "Broken in 4 moves" in said(panel)
    panel.play("r1 T x1")
    assert [getattr(move, "kind", "run") for move in panel.game.moves] == ["lose reply", "wait", "crash"]
    assert "mistyped" not in said(panel)
    panel.code.value = "1 7 2"
    assert "Move 2, “7”, is not there: 2 commands can run." in said(panel)
    assert len(panel.game.moves) == 1


def test_the_mended_version_is_another_game() -> None:
    panel = Scheduler("counter")
    panel.move(1)
    panel.version.value = "mended"
    assert shown(panel) == ["1  alice: INCRBY visits 1", "2  bob: INCRBY visits 1"]
    panel.open(PUZZLES["counter"].code(PUZZLES["counter"].game()))
    assert panel.version.value == "naive"


@pytest.mark.parametrize("code", ["hello", "R2-counter.naive-2-01-00000", "R2-lock.naive-3-0-AAAAA"])
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


def test_more_commands_than_keys_can_be_chosen_by_their_buttons() -> None:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number:02}", world.redis().incr, "n")

    trial = Trial("many.naive", ("none",), build, lambda run: (), sizes=(12,))
    panel = Scheduler(Puzzle("many", "Nothing.", "nothing", trial, trial, clients=12))
    assert len(shown(panel)) == 12
    panel.turns[11].click()
    assert len(panel.game.moves) == 1
    assert len(shown(panel)) == 11
    assert "What each client runs" not in "".join(str(getattr(part, "value", "")) for part in panel.box.children)


def test_an_unknown_puzzle_is_named() -> None:
    with pytest.raises(ValueError, match="there is no puzzle 'chess'; there are counter, limiter, lock, transfer"):
        Scheduler("chess")
