"""The presenter's window: the notes of the step that is shown, the next one, and the clock."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course_lib.stage.failure_deck import OPEN, failures
from course_lib.stage.script import DECKS, NoDeck, deck_of, steps_of
from course_lib.stage.window import Presenter, presenter
from course_lib.widgets import deck as shown
from course_lib.widgets.browser.slide import Slide

ALL = sorted(DECKS.glob("*.ipynb"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "SLIDES", [])
    OPEN.clear()


def said(window: Presenter) -> str:
    return re.sub(r"<[^>]+>", "", window.now.value)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_deck_is_steps_with_minutes(path: Path) -> None:
    """Each cell from the first slide on is in one step; what a note marks is marked, and no sign of it is left."""
    steps = steps_of(path)
    cells = [cell for step in steps for cell in step.cells]
    assert cells == list(range(cells[0], cells[-1] + 1))
    assert 8 <= sum(step.minutes for step in steps) <= 10
    assert all(step.title for step in steps)
    told = "".join(step.html for step in steps)
    assert "<b>" in told
    assert "**" not in told
    assert "`" not in told


def test_the_deck_is_that_of_the_kernel_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/notebooks/decks/03_lost_update.ipynb")
    assert deck_of().stem == "03_lost_update"
    assert deck_of("05").stem == "05_stampede"
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/Untitled.ipynb")
    for name in ("", "99"):
        with pytest.raises(NoDeck, match="05_stampede"):
            deck_of(name)


def test_it_leafs_through_the_notes_and_the_clock_begins_with_the_second_step() -> None:
    window = presenter("05")
    assert "This is cache-aside, as lesson 00 has it" in said(window)
    assert "The key has just expired" in window.next.value
    assert window.clock.began == 0
    window.forward.click()
    began = window.clock.began
    assert began > 1.7e12
    assert "Count hands, type the numbers" in said(window)
    assert window.clock.due == 3
    window.keys.pressed = "p0"
    window.keys.pressed = "n1"
    assert window.at == 1
    assert window.clock.began == began
    for _ in window.steps:
        window.go(window.at + 1)
    assert window.forward.disabled
    assert "the end" in window.next.value


def test_it_follows_the_slides() -> None:
    """Whichever cell of a slide is the active one, also its note; a cell before the first slide changes nothing."""
    shown.SLIDES[:] = [Slide()]
    window = presenter("05")
    shown.SLIDES[0].cell = 6
    assert "Each dot is a reader" in said(window)
    shown.SLIDES[0].cell = 7
    assert window.at == 2
    shown.SLIDES[0].cell = 0
    assert window.at == 2


def test_it_has_the_keys_of_the_failure_deck() -> None:
    """As soon as there is one: its buttons, and what came of them."""
    window = presenter("failures")
    assert window.failures.children == ()
    deck = failures()
    window.go(1)
    assert window.failures.children[0] is deck.acts
    window.failures.children[0].children[3].click()
    assert [press.letter for press in deck.scene.presses] == ["E"]
    assert "loads at once" in window.failures.children[1].value
