"""Lesson 08 in JupyterLab itself: run all, answer a question, and assemble a service in the lab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .desk import PICTURES, ROOT, SPOKEN, Desk, speak
from .labs import assert_reads_in_both_themes, changes, numbers, title

LESSON = ROOT / "notebooks" / "08_capstone.ipynb"
LAB = ("capstone", "fire_lab")


@pytest.mark.thorough
def test_the_whole_lesson_runs_and_the_sheet_is_filled(desk: Desk) -> None:
    """No error, no other host, every picture speaks; a prediction can be answered; the sheet has what was measured."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(PICTURES)
    expect(pictures).to_have_count(8)  # naive, its moment, the lab, all seven, the frontier, two reviews, the real one
    speak(desk.panel.locator(SPOKEN))
    desk.screenshot_outputs("lesson-08")
    decisions = desk.panel.locator("table.decisions")
    expect(decisions).to_contain_text("until a basket was kept again")
    assert "not measured" not in decisions.inner_text()
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="of 100 pages, how many are stale").first
    desk.answer(question, "a few", told="of 100", name="lesson-08-predicted")
    desk.assert_clean()


@pytest.mark.thorough
def test_a_service_is_assembled_in_the_lab(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each part has a name and changes what it should, until the level is passed."""
    box = lab_of("")
    expect(title(box)).to_contain_text("fails on loads at once and wrong answers")
    first = numbers(box)
    keys, read = (box.get_by_role("combobox", name=name, exact=True) for name in ("keys", "read"))
    assert changes(box, lambda: keys.select_option("versioned"), "versioned")["wrong"] == "0"
    assert float(changes(box, lambda: read.select_option("lock and wait"), "lock and wait")["at once"]) <= 10
    assert float(first["at once"]) > 10
    expect(title(box)).to_contain_text("passes")
    expect(box.get_by_role("combobox", name="topology", exact=True)).to_be_disabled()
    weather = box.get_by_role("combobox", name="weather", exact=True)
    changes(box, lambda: weather.select_option(index=1), "2")
    expect(title(box)).to_contain_text("Level 2, seed 0: fails on wrong answers, stale and admitted in a window")
    assert_reads_in_both_themes(desk, box, "lab-08")
    desk.assert_clean()
