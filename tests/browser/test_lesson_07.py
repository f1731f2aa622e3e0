"""Lesson 07 in JupyterLab itself: run all, bring a session back by keyboard, and move the lab's controls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .desk import PICTURES, ROOT, SPOKEN, Desk, speak
from .labs import assert_reads_in_both_themes, changes, numbers, play, press

LESSON = ROOT / "notebooks" / "07_beyond_caching.ipynb"
LAB = ("beyond_caching", "parcel_lab")


@pytest.mark.thorough
def test_the_whole_lesson_runs_and_the_session_comes_back(desk: Desk) -> None:
    """No error, no other host, every picture speaks; a prediction can be answered; three keys win the race."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(PICTURES)
    expect(pictures).to_have_count(2)  # the three runs, the lab
    speak(desk.panel.locator(SPOKEN))
    desk.screenshot_outputs("lesson-07")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="How often are these two packed").first
    desk.answer(question, "both once", told="4 once, 8 twice", name="lesson-07-predicted")
    panel = desk.panel.locator(".jp-Cell-outputArea", has_text="You win when").first
    panel.get_by_role("button", name="1 log-out: DEL").focus()
    play(panel.get_by_role("status").first, "211")
    expect(panel.get_by_role("status").first).to_contain_text("Ann has logged out, and her session is there")
    desk.screenshot("lesson-07-log-out", panel)
    desk.assert_clean()


@pytest.mark.thorough
def test_every_control_moves_by_keyboard_and_the_numbers_follow(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each has a name, takes keys, and gives another picture with the numbers of its setting; so the list."""
    box = lab_of('strategy="after", rate=2.5, handle=0.6, seed=3, duration=16.0')
    assert (numbers(box)["never"], numbers(box)["still pending"]) == ("1", "1")
    strategy = box.get_by_role("combobox", name="strategy")
    assert changes(box, lambda: strategy.select_option("claim"), "claim after 2 s")["never"] == "0"
    press(box, desk.slider("claim after (s)"), "ArrowRight", "claim after 2.2 s")
    press(box, desk.slider("w1 dies at (s)"), "Home", "0.6 s, claim after 2.2 s, w2")
    press(box, desk.slider("w2 is still for (s)"), "ArrowRight", "w2 still for 4.5 s")
    press(box, desk.slider("workers"), "ArrowRight", "4 workers")
    press(box, desk.slider("parcels per s"), "ArrowRight", "3/s")
    press(box, desk.slider("packing takes (s)"), "ArrowRight", "0.7 s")
    changes(box, lambda: strategy.select_option("WorkQueue"), "WorkQueue")
    assert press(box, desk.slider("unpackable"), "ArrowRight", "1 unpackable")["dead letters"] == "1"
    assert_reads_in_both_themes(desk, box, "lab-07")
    desk.assert_clean()
