"""Lesson 00 in JupyterLab itself: run all, break the first race by keyboard, and move the lab's controls."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from .desk import PICTURES, ROOT, SPOKEN, Desk, speak
from .labs import changes, numbers, play, press

LESSON = ROOT / "notebooks" / "00_cache_aside.ipynb"
LAB = ("cache_aside", "shop_lab")


def test_the_whole_lesson_runs_and_the_last_copy_is_sold_twice(desk: Desk) -> None:
    """No error, no other host, every picture speaks; a prediction can be answered; four keys win the first race."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(PICTURES)
    expect(pictures).to_have_count(5)  # the slow page, the first reads, the lab, the hit ratios, what check shows
    speak(desk.panel.locator(SPOKEN))
    desk.screenshot_outputs("lesson-00")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="how many find the page").first
    desk.answer(question, "30 to 60", told="leaves “more than 60”", name="lesson-00-predicted")
    panel = desk.panel.locator(".jp-Cell-outputArea", has_text="You win when").first
    panel.get_by_role("button", name="1 alice: GET").focus()
    play(panel.get_by_role("status").first, "1211")
    expect(panel.get_by_role("status").first).to_contain_text("Alice and Bob both bought the last copy")
    desk.screenshot("lesson-00-race", panel)
    desk.assert_clean()


def test_every_control_moves_by_keyboard_and_the_numbers_follow(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each slider has a name, takes keys, and gives another picture with the numbers of its setting; so the list."""
    box = lab_of("readers=100, books=200, ttl=2.0")
    first = float(numbers(box)["hits (%)"])
    assert float(press(box, desk.slider("popularity (skew)"), "End", "skew 2")["hits (%)"]) > first
    assert float(press(box, desk.slider("popularity (skew)"), "Home", "skew 0")["hits (%)"]) < first
    press(box, desk.slider("TTL (s)"), "Home", "TTL 0.5 s")
    press(box, desk.slider("readers"), "ArrowRight", "110 readers")
    press(box, desk.slider("keys that fit"), "Home", "10 keys")
    source = box.get_by_label("a page comes from")
    assert changes(box, lambda: source.select_option("the database every time"), "database")["hits (%)"] == "0"
    desk.assert_clean()
