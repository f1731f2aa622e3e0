"""Lesson 02 in JupyterLab itself: run all, then move every control of the lab by keyboard."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from .conftest import ROOT, Desk, numbers, speak

LESSON = ROOT / "notebooks" / "02_key_versioning.ipynb"
LAB = "rollout_lab"
CHARTS = 5  # the lab's picture, miss shares, the bump, the expiries, and memory on a real server


def test_the_whole_lesson_runs_and_every_picture_speaks(desk: Desk) -> None:
    """Run all: no error, no other host, each picture speaks in numbers, and a question can be answered."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(".jp-Cell-outputArea svg[role=img]")
    expect(pictures).to_have_count(CHARTS)
    speak(pictures)
    desk.screenshot_outputs("lesson-02")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="Which code crashes?").first
    desk.answer(question, "version 1 alone", told="leaves “both”", name="lesson-02-predicted")
    desk.assert_clean()


def test_every_control_moves_by_keyboard_and_the_picture_follows(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each slider has a name, takes keys, and gives another picture with the numbers of its setting; so the list."""
    box = lab_of("")
    assert int(numbers(box)["crashes"]) > 100

    def press(name: str, key: str, times: int, setting: str) -> dict[str, str]:
        """Press a key on a slider; wait until the table says so and the picture is another; return the numbers."""
        before = box.locator("svg[role=img]").get_attribute("class")
        desk.slider(name).focus()
        for _ in range(times):
            desk.page.keyboard.press(key)
        expect(box.locator(".course-table tbody tr").last).to_contain_text(setting, timeout=30_000)
        expect(box.locator("svg[role=img]")).not_to_have_class(before or "")
        return numbers(box)

    press("share of v2", "ArrowRight", 2, "70% in 4 s")
    press("deploy takes (s)", "Home", 1, "70% in 0 s")
    press("TTL (s)", "ArrowRight", 2, "TTL 5 s")
    press("writes (per s)", "ArrowRight", 3, "7 writes/s")
    choose = box.get_by_role("combobox", name="strategy")
    choose.focus()
    desk.page.keyboard.press("ArrowDown")
    expect(box.locator(".course-table tbody tr").last).to_contain_text("version, own deleted", timeout=30_000)
    stale = numbers(box)
    assert (int(stale["crashes"]), int(stale["stale"]) > 0) == (0, True)
    desk.page.keyboard.press("ArrowDown")
    expect(box.locator(".course-table tbody tr").last).to_contain_text("version, both deleted", timeout=30_000)
    assert (numbers(box)["crashes"], numbers(box)["stale"]) == ("0", "0")
    before = box.locator("svg[role=img]").get_attribute("class")
    seed = box.get_by_role("spinbutton", name="seed")
    seed.fill("9")
    seed.press("Enter")
    expect(box.locator("svg[role=img]")).not_to_have_class(before or "", timeout=30_000)
    desk.screenshot("rollout-keyboard", box)
    desk.assert_clean()


def test_the_lab_reads_in_both_themes(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """The title's ink differs from the page's paper in each theme; the pictures are kept for people to look at."""
    box = lab_of("")
    desk.page.set_viewport_size({"width": 1280, "height": 1100})  # the whole lab in one picture
    for theme in ("light", "dark"):
        desk.theme(theme)
        ink = box.locator("svg text.title").evaluate("one => getComputedStyle(one).fill")
        paper = box.evaluate("one => getComputedStyle(one.closest('.jp-Notebook')).backgroundColor")
        assert ink != paper
        desk.screenshot(f"rollout-{theme}", box)
    desk.assert_clean()
