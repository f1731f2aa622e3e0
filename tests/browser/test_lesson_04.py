"""Lesson 04 in JupyterLab itself: run all, break a lock by hand, then move every control of the lab by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .desk import ROOT, Desk, speak
from .labs import PICTURE, assert_reads_in_both_themes, changes, numbers, press

LESSON = ROOT / "notebooks" / "04_redlock.ipynb"
LAB = ("locks", "redlock_lab")


@pytest.mark.thorough
def test_the_whole_lesson_runs_and_a_lock_is_broken_by_hand(desk: Desk) -> None:
    """Run all: no error, no other host, each picture speaks in numbers; a question and a puzzle can be answered."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(".jp-Cell-outputArea > * svg[role=img]:visible")
    assert pictures.count() >= 2  # the lab and a control; what questions hold back is not there yet
    speak(pictures)
    desk.screenshot_outputs("lesson-04")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="How many work at once?").first
    desk.answer(question, "three or more", told="leaves “exactly two”", name="lesson-04-predicted")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="between its last look at the lease").first
    desk.answer(question, "nothing bad", told="leaves “an old report overwrites", name="lesson-04-experiment")
    expect(question.locator("svg[role=img]:visible")).to_have_attribute("aria-label", re.compile("old write"))
    puzzle = desk.panel.locator(".jp-Cell-outputArea", has_text="even if its node is replaced").first
    for command in ("alice: SET", "failover: FLUSHALL", "bob: SET"):
        puzzle.get_by_role("button", name=command).click()
    expect(puzzle.get_by_role("status")).to_contain_text("Broken in 3 moves", timeout=30_000)
    desk.screenshot("lesson-04-puzzle", puzzle)
    desk.assert_clean()


@pytest.mark.thorough
def test_every_control_moves_by_keyboard_and_the_picture_follows(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each control has a name, takes keys, and gives another picture with the numbers of its setting."""
    box = lab_of('fault="nodes forget", hit=2')
    assert numbers(box)["two hold"] == "0"

    press(box, desk.slider("nodes hit"), "ArrowRight", "")
    expect(box.locator(PICTURE)).to_have_attribute("aria-label", re.compile("hold at"), timeout=30_000)
    assert numbers(box)["two hold"] == "1"
    press(box, desk.slider("nodes hit"), "Home", "")
    assert press(box, desk.slider("nodes down before"), "ArrowRight", "2 down before", times=2)["two hold"] == "0"
    press(box, desk.slider("workers"), "ArrowRight", "4 × 0.6 s")
    press(box, desk.slider("TTL (s)"), "ArrowRight", "TTL 2.5 s")
    press(box, desk.slider("a job takes (s)"), "ArrowRight", "4 × 0.7 s")
    press(box, desk.slider("when (s)"), "ArrowRight", "at 3.1 s")
    choose = box.get_by_role("combobox", name="what goes wrong")
    paused = changes(box, lambda: choose.select_option(label="the holder pauses as it writes"), "write pauses")
    assert paused["old over new"] == "0"
    press(box, desk.slider("for, or by (s)"), "ArrowRight", "", times=3)
    fence = box.get_by_role("checkbox", name="the resource checks the fence")
    assert press(box, fence, "Space", "no fence")["refused"] == "0"
    box.get_by_role("button", name="Keep this run").click()
    press(box, box.get_by_role("combobox", name="lock", exact=True), "ArrowDown", "Redlock, extended")
    assert box.locator(".course-table tbody tr").count() == 2
    box.get_by_role("button", name="Again").click()
    expect(box.get_by_role("textbox", name="seed")).to_have_value("2")
    desk.screenshot("redlock-keyboard", box)
    desk.assert_clean()


@pytest.mark.thorough
def test_the_lab_reads_in_both_themes(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    assert_reads_in_both_themes(desk, lab_of('lock="unchecked", fault="asking pauses"'), "redlock")
    desk.assert_clean()
