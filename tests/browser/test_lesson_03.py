"""Lesson 03 in JupyterLab itself: run all, predict, be the scheduler, and move every control of the lab by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .desk import ROOT, Desk, speak
from .labs import assert_reads_in_both_themes, numbers, play, press

LESSON = ROOT / "notebooks" / "03_lua_atomicity.ipynb"
LAB = ("atomicity", "limiter_lab")
CHARTS = 6  # retries, who must come before whom, the five limiters twice, the lab's picture, the PINGs on a real server
DIAGRAMS = 6  # four smallest failures and two lost replies; the two schedulers draw from the first move on
# What the prose derives, and the explorer must have counted.
COUNTED = {"explore(count": (84, 90), "explore(published": (684, 702), "explore(scripted": (0, 6)}


def test_the_whole_lesson_runs_and_every_picture_speaks(desk: Desk) -> None:
    """Run all: no error, no other host, each picture speaks in numbers; a prediction and a schedule can be made."""
    desk.run_lesson(LESSON)
    for kind, count in (
        ("svg[role=img]:visible", CHARTS),
        ("svg.spacetime > g[role=img]:not([tabindex]):visible", DIAGRAMS),
    ):
        pictures = desk.panel.locator(f".jp-Cell-outputArea {kind}")
        expect(pictures).to_have_count(count)
        speak(pictures)
    for call, counts in COUNTED.items():
        cell = desk.panel.locator(".jp-CodeCell").filter(has=desk.page.locator(".jp-InputArea", has_text=call)).last
        told = (
            cell.locator(".course-explored:visible").first.inner_text().replace("None of", "0 of").replace("all ", "")
        )
        assert f"{counts[0]} of {counts[1]} schedules of 3 clients" in told
    desk.screenshot_outputs("lesson-03")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="GET, then MULTI, SET, EXEC").first
    desk.answer(
        question, "none: a transaction is atomic", told="leaves “as many as before”", name="lesson-03-predicted"
    )
    panel = desk.panel.locator(".jp-Cell-outputArea", has_text="No visit is lost").first
    panel.get_by_role("button", name="1 alice: GET visits").focus()
    status = panel.get_by_role("status")
    play(status, "1211")
    expect(status).to_contain_text("Broken in 4 moves")
    desk.assert_clean()


@pytest.mark.thorough
def test_every_control_moves_by_keyboard_and_the_picture_follows(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each slider has a name, takes keys, and gives another picture with the numbers of its setting; so the lists."""
    box = lab_of("limit=50, rate=100")
    assert numbers(box)["most in any window"] == "100"
    assert press(box, desk.slider("limit"), "ArrowRight", "51 per 2 s")["most in any window"] == "102"
    press(box, desk.slider("window (s)"), "ArrowRight", "51 per 2.5 s")
    press(box, desk.slider("asked (per s)"), "ArrowRight", "boundary, 110/s")
    choose = box.get_by_role("combobox", name="limiter")
    assert press(box, choose, "ArrowDown", "sliding log")["most in any window"] == "51"
    press(box, choose, "ArrowDown", "sliding counter")
    press(box, choose, "ArrowDown", "token bucket")
    press(box, desk.slider("burst (buckets)"), "Home", "burst 1,")
    press(box, box.get_by_role("combobox", name="arrivals"), "ArrowDown", "patient, 110/s")
    desk.screenshot("limiter-keyboard", box)
    desk.assert_clean()


@pytest.mark.thorough
def test_the_lab_reads_in_both_themes(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    assert_reads_in_both_themes(desk, lab_of("limit=50, rate=100"), "limiter")
    desk.assert_clean()
