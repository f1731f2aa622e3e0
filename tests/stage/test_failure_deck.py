"""The failure deck without a browser: presses, undo, reset, codes, and the switch to real servers."""

from __future__ import annotations

import asyncio
import re

import pytest

from course_lib.errors import NoServer
from course_lib.stage import failure_deck as made
from course_lib.stage.failure_deck import FailureDeck, failures
from course_lib.stage.presses import FAULTS, Press, Scene
from course_lib.stage.simulated import simulated


def said(deck: FailureDeck) -> str:
    return re.sub(r"<[^>]+>", "", deck.status.value)


def test_press_undo_and_reset() -> None:
    """The list says what followed each press; taken back, the run is the one before, event for event."""
    deck = failures()
    whole = deck.played.trace.digest()
    deck.press("p", 900)
    deck.press("l", 4000)
    assert [press.letter for press in deck.scene.presses] == ["P", "R"]
    assert re.search(r"acknowledged orders gone 0 → \d+", deck.told[0])
    assert deck.told[1] == "4.0 s  lose a reply: orders stored twice 0 → 1"
    assert "2 failures, usual programs, simulated" in said(deck)
    deck.undo()
    assert len(deck.told) == 1
    deck.reset()
    assert deck.played.trace.digest() == whole


def test_without_a_moment_presses_follow_each_other() -> None:
    """The theatre is not within the run; then each strikes a while after the one before, and all of them do."""
    deck = failures()
    for key in "le":
        deck.press(key)
    assert [press.ms for press in deck.scene.presses] == [1000, 1800]
    deck.theatre.stage.now = 2512.4
    deck.press("h")
    assert deck.scene.presses[-1] == Press("H", 2512)
    assert deck.theatre.stage.play["from"] == 2452


def test_a_run_has_so_many_failures_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "MOST", 2)
    deck = failures()
    for ms in (1000, 2000, 3000):
        deck.press("l", ms)
    assert len(deck.scene.presses) == 2
    assert "2 failures are enough for one run" in said(deck)


def test_a_code_opens_the_same_run_and_a_bad_one_changes_nothing() -> None:
    deck = failures()
    deck.press("e", 1500)
    other = failures(deck.code)
    assert other.played.trace.digest() == deck.played.trace.digest()
    assert other.told == deck.told
    other.typed.value = deck.code.replace("1500", "1600")
    assert "mistyped" in said(other)
    assert other.code == deck.code
    other.typed.value = Scene(seed=4).code
    assert other.scene == Scene(seed=4)


def test_the_mended_programs_meet_the_same_failures() -> None:
    deck = failures()
    deck.press("h", 1200)
    assert "overwritten" in said(deck)
    deck.mend()
    assert "Every promise is kept" in said(deck)
    assert deck.scene.presses == (Press("H", 1200),)
    assert deck.theatre.staged.ends == "Every promise is kept"


def test_each_failure_has_a_button_with_its_key() -> None:
    deck = failures()
    names = [one.description for one in deck.acts.children]
    assert names[: len(FAULTS)] == [f"[{fault.key}] {fault.name}" for fault in FAULTS]
    deck.keys.pressed = "c0"
    assert deck.scene.presses[0].fault.name == "skew a clock"
    deck.keys.pressed = "u1"
    assert deck.scene.presses == ()


def test_the_switch_runs_the_same_presses_on_real_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """And back again stops them. Here what the servers do is told by the simulation."""
    asked: list[Scene] = []

    class Told:
        stopped = 0

        def play(self, scene: Scene) -> object:
            asked.append(scene)
            return simulated(scene)

        def stop(self) -> None:
            self.stopped += 1

    told = Told()
    monkeypatch.setattr(made, "_SERVERS", [told])
    deck = failures()
    deck.press("e", 1500)
    deck.switch()
    assert asked == [deck.scene]
    assert deck.told == ["1.5 s  expire the hot key"], "there is no real run without it to compare with"
    deck.press("l", 3000)
    assert deck.told[1].endswith("orders stored twice 0 → 1")
    deck.switch()
    assert told.stopped == 1
    assert len(asked) == 2


def test_where_there_is_no_server_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on in the simulation: in a notebook, where runs on servers are tasks."""

    class Absent:
        def play(self, scene: Scene) -> object:
            raise NoServer("There is no server here.")

        def stop(self) -> None:
            return

    monkeypatch.setattr(made, "_SERVERS", [Absent()])

    async def pressed() -> FailureDeck:
        deck = failures()
        deck.switch()
        await asyncio.sleep(0)
        assert deck.busy
        assert deck.acts.children[0].disabled
        while deck._tasks:
            await asyncio.sleep(0.01)
        return deck

    deck = asyncio.run(pressed())
    assert "There is no server here. Back in the simulation." in said(deck)
    assert not deck.real
    assert not deck.acts.children[0].disabled


def test_a_saved_notebook_shows_the_last_run(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    monkeypatch.setattr("course_lib.widgets.fallback.show", lambda box, still, uid: kept.append(still) or kept.append)
    deck = failures()
    deck._ipython_display_()
    deck.press("k", 1000)
    assert deck.code in kept[-1]
    assert "kill primary" in kept[-1]
    assert "kill primary" not in kept[0]
    assert deck.code not in kept[0]


def test_the_list_and_the_verdict_tell_the_same() -> None:
    """What a later failure takes back of an earlier one's harm is told, too: the verdict counts what is left."""
    deck = failures()
    deck.press("p", 940)
    deck.press("k", 1000)
    (first, left), (second, now) = (re.search(r"orders gone (\d+) → (\d+)", line).groups() for line in deck.told)  # type: ignore[union-attr]
    assert (first, second) == ("0", left)
    assert int(now) < int(left)
    assert f"{now} acknowledged orders are gone" in said(deck)
