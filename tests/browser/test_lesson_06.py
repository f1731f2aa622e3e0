"""Lesson 06 in JupyterLab itself: run all, bring the old price back by keyboard, and move the lab's controls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .desk import PICTURES, ROOT, SPOKEN, Desk, speak
from .labs import assert_reads_in_both_themes, changes, numbers, play, press

LESSON = ROOT / "notebooks" / "06_invalidation.ipynb"
LAB = ("invalidation", "price_lab")


@pytest.mark.thorough
def test_the_whole_lesson_runs_and_the_old_price_comes_back(desk: Desk) -> None:
    """No error, no other host, every picture speaks; a prediction can be answered; five keys win the race."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(PICTURES)
    expect(pictures).to_have_count(6)  # the TTLs, the second delete, a version without a mark, the lab, all, the ages
    speak(desk.panel.locator(SPOKEN))
    desk.screenshot_outputs("lesson-06")
    question = desk.panel.locator(
        ".jp-Cell-outputArea", has_text="For how long after the change is the old price shown"
    ).first
    desk.answer(question, "about a second", told="more than 3 s", name="lesson-06-predicted")
    panel = desk.panel.locator(".jp-Cell-outputArea", has_text="You win when").first
    panel.get_by_role("button", name="1 reader: GET").focus()
    play(panel.get_by_role("status").first, "11221")
    expect(panel.get_by_role("status").first).to_contain_text("The cache has 12 dollars and the database 15 dollars")
    desk.screenshot("lesson-06-race", panel)
    desk.assert_clean()


@pytest.mark.thorough
def test_every_control_moves_by_keyboard_and_the_numbers_follow(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each has a name, takes keys, and gives another picture with the numbers of its setting; so the list."""
    box = lab_of('strategy="ttl", readers=10, changes=0.5, duration=30.0')
    first = float(numbers(box)["stale (%)"])
    assert float(press(box, desk.slider("TTL (s)"), "Home", "TTL 0.5 s")["stale (%)"]) < first
    press(box, desk.slider("changes per s"), "End", "2 changes/s")
    press(box, desk.slider("each asks (per s)"), "ArrowRight", "10 × 2.1/s")
    press(box, desk.slider("load time (s)"), "ArrowRight", "load 0.06 s")
    strategy = box.get_by_role("combobox", name="strategy")
    assert changes(box, lambda: strategy.select_option("lease"), "lease")["stale (%)"] == "0"
    changes(box, lambda: strategy.select_option("double delete"), "again after 0.1 s")
    press(box, desk.slider("delete again (s)"), "ArrowRight", "again after 0.15 s")
    changes(box, lambda: strategy.select_option("near cache, trusting"), "0 cuts/s")
    press(box, desk.slider("cuts per s"), "End", "1 cuts/s")
    assert_reads_in_both_themes(desk, box, "lab-06")
    desk.assert_clean()
