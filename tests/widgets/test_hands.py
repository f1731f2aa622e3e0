"""A show of hands: what is typed stays, and nothing is given away before somebody asks."""

from __future__ import annotations

import pytest

from course_lib.widgets.hands import Hands, NoSuchOutcome, hands

CHOICES = {"none": lambda n: n == 0, "some": lambda n: 0 < n < 9, "all": lambda n: n >= 9}


def shown(room: Hands) -> str:
    return " ".join([room.told.value, *(bar.value for bar in room._bars.values())])


def test_the_bars_are_as_long_as_the_hands_are_many() -> None:
    room = hands("How many of nine?", CHOICES)
    room.counts["none"].value, room.counts["all"].value = 10, 5
    assert [f"width:{share}%" in bar.value for share, bar in zip((100, 0, 50), room._bars.values(), strict=True)] == [
        True
    ] * 3
    assert "15 hands." in shown(room)


def test_what_happened_is_shown_when_somebody_asks() -> None:
    """Running all cells before the class settles the question, and shows nothing of it."""
    room = hands("How many now?", CHOICES)
    room.counts["some"].value = 7
    before = shown(room)
    room.button.click()
    assert shown(room) == before, "nothing has happened yet"
    room.settle(3)
    assert shown(room) == before
    room.button.click()
    assert "What happened: some. 7 of 7 hands said so." in shown(room)
    assert [("✓" in bar.value, "✗" in bar.value) for bar in room._bars.values()] == [
        (False, True), (True, False), (False, True),
    ]  # fmt: skip


def test_the_cell_can_run_again() -> None:
    """What was typed is kept, so that a slip costs no second show of hands."""
    hands("Again?", CHOICES).counts["all"].value = 4
    assert hands("Again?", CHOICES).counts["all"].value == 4
    assert hands("Another?", CHOICES).counts["all"].value == 0


def test_an_outcome_that_is_no_choice_is_a_sentence() -> None:
    """A deck whose choices leave something out, or say it twice, is found when it is rehearsed."""
    room = hands("Which?", {"small": lambda n: n < 5, "large": lambda n: n > 3})
    with pytest.raises(NoSuchOutcome, match="4 fits 2 of the choices: small, large"):
        room.settle(4)
    assert room.button.disabled
