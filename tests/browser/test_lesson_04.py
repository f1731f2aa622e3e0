"""Lesson 04 in JupyterLab itself: run all, break a lock by hand, then move every control of the lab by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from .conftest import ROOT, Desk, numbers, speak

LESSON = ROOT / "notebooks" / "04_redlock.ipynb"
LAB = "redlock_lab"


def test_the_whole_lesson_runs_and_a_lock_is_broken_by_hand(desk: Desk) -> None:
    """Run all: no error, no other host, each picture speaks in numbers; a question and a puzzle can be answered."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(".jp-Cell-outputArea > * svg[role=img]")
    assert pictures.count() >= 5  # the lab, the sum, two experiments and their control
    speak(pictures)
    desk.screenshot_outputs("lesson-04")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="How many work at once?").first
    desk.answer(question, "three or more", told="leaves “exactly two”", name="lesson-04-predicted")
    puzzle = desk.panel.locator(".jp-Cell-outputArea", has_text="even if its node is replaced").first
    for command in ("alice: SET", "failover: FLUSHALL", "bob: SET"):
        puzzle.get_by_role("button", name=command).click()
    expect(puzzle.get_by_role("status")).to_contain_text("Broken in 3 moves", timeout=30_000)
    desk.screenshot("lesson-04-puzzle", puzzle)
    desk.assert_clean()


def test_every_control_moves_by_keyboard_and_the_picture_follows(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each control has a name, takes keys, and gives another picture with the numbers of its setting."""
    box = lab_of('fault="nodes forget", hit=2')
    assert numbers(box)["two hold"] == "0"

    def until_told(setting: str) -> dict[str, str]:
        expect(box.locator(".course-table tbody tr").last).to_contain_text(setting, timeout=30_000)
        return numbers(box)

    def press(name: str, key: str, times: int) -> None:
        before = box.locator("svg[role=img]").get_attribute("class") or ""
        desk.slider(name).focus()
        for _ in range(times):
            desk.page.keyboard.press(key)
        expect(box.locator("svg[role=img]")).not_to_have_class(before, timeout=30_000)

    press("nodes hit", "ArrowRight", 1)
    expect(box.locator("svg[role=img]")).to_have_attribute("aria-label", re.compile("hold at"), timeout=30_000)
    assert numbers(box)["two hold"] == "1"
    press("nodes hit", "Home", 1)
    press("nodes down before", "ArrowRight", 2)
    assert until_told("2 down before")["two hold"] == "0"
    press("workers", "ArrowRight", 1)
    until_told("4 × 0.6 s")
    press("TTL (s)", "ArrowRight", 1)
    until_told("TTL 2.5 s")
    press("a job takes (s)", "ArrowRight", 1)
    until_told("4 × 0.7 s")
    press("when (s)", "ArrowRight", 1)
    until_told("at 3.1 s")
    choose = box.get_by_role("combobox", name="what goes wrong")
    choose.select_option(label="the holder pauses as it writes")
    assert until_told("write pauses")["old over new"] == "0"
    press("for, or by (s)", "ArrowRight", 3)
    fence = box.get_by_role("checkbox", name="the resource checks the fence")
    fence.focus()
    desk.page.keyboard.press("Space")
    assert until_told("no fence")["refused"] == "0"
    box.get_by_role("button", name="Keep this run").click()
    choose = box.get_by_role("combobox", name="lock", exact=True)
    choose.focus()
    desk.page.keyboard.press("ArrowDown")
    expect(box.locator(".course-table tbody tr").last).to_contain_text("Redlock, extended", timeout=30_000)
    assert box.locator(".course-table tbody tr").count() == 2
    box.get_by_role("button", name="Again").click()
    expect(box.get_by_role("spinbutton", name="seed")).to_have_value("2")
    desk.screenshot("redlock-keyboard", box)
    desk.assert_clean()


def test_the_lab_reads_in_both_themes(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """The title's ink differs from the page's paper in each theme; the pictures are kept for people to look at."""
    box = lab_of('lock="unchecked", fault="asking pauses"')
    desk.page.set_viewport_size({"width": 1280, "height": 1100})  # the whole lab in one picture
    for theme in ("light", "dark"):
        desk.theme(theme)
        ink = box.locator("svg text.title").evaluate("one => getComputedStyle(one).fill")
        paper = box.evaluate("one => getComputedStyle(one.closest('.jp-Notebook')).backgroundColor")
        assert ink != paper
        desk.screenshot(f"redlock-{theme}", box)
    desk.assert_clean()
