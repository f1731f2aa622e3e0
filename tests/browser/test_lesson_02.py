"""Lesson 02 in JupyterLab itself: run all, then move every control of the lab by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from course_lib.lessons.keys.picture_keyspace import memory

from .desk import ROOT, Desk, speak
from .labs import assert_reads_in_both_themes, changes, numbers, press

LESSON = ROOT / "notebooks" / "02_key_versioning.ipynb"
LAB = ("keys", "rollout_lab")
ROWS = [{"state": state, "keys": 1, "used_memory (MB)": mb} for state, mb in (("before", 4.1), ("after", 7.2))]
CHART = f"from course_lib.lessons.keys.picture_keyspace import memory\nmemory({ROWS})"
CHARTS = 5  # the lab's picture, miss shares, the bump, the expiries, and memory on a real server


@pytest.mark.thorough
def test_the_whole_lesson_runs_and_every_picture_speaks(desk: Desk) -> None:
    """Run all: no error, no other host, each picture speaks in numbers, and a question can be answered."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(".jp-Cell-outputArea svg[role=img]:visible")
    expect(pictures).to_have_count(CHARTS)
    speak(pictures)
    desk.screenshot_outputs("lesson-02")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="Which code crashes?").first
    desk.answer(question, "only version 1", told="leaves “both”", name="lesson-02-predicted")
    desk.assert_clean()


@pytest.mark.thorough
def test_every_control_moves_by_keyboard_and_the_picture_follows(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each slider has a name, takes keys, and gives another picture with the numbers of its setting; so the list."""
    box = lab_of("")
    assert int(numbers(box)["crashes"]) > 100
    press(box, desk.slider("share of v2"), "ArrowRight", "70% in 4 s", times=2)
    press(box, desk.slider("deploy takes (s)"), "Home", "70% in 0 s")
    press(box, desk.slider("TTL (s)"), "ArrowRight", "TTL 5 s", times=2)
    press(box, desk.slider("writes (per s)"), "ArrowRight", "7 writes/s", times=3)
    choose = box.get_by_role("combobox", name="strategy")
    stale = press(box, choose, "ArrowDown", "version, own deleted")
    assert (int(stale["crashes"]), int(stale["stale"]) > 0) == (0, True)
    none = press(box, choose, "ArrowDown", "version, both deleted")
    assert (none["crashes"], none["stale"]) == ("0", "0")
    seed = box.get_by_role("textbox", name="seed")
    seed.fill("9")
    changes(box, lambda: seed.press("Enter"))
    desk.screenshot("rollout-keyboard", box)
    desk.assert_clean()


@pytest.mark.thorough
def test_the_lab_reads_in_both_themes(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    assert_reads_in_both_themes(desk, lab_of(""), "rollout")
    desk.assert_clean()


def test_a_chart_follows_the_theme_and_without_trust_is_an_image(desk: Desk, notebook: Callable[..., Path]) -> None:
    """A notebook from somebody else loses inline SVG: an image is left. Once run, it has the theme's colors."""
    path = notebook("chart", CHART)
    stored = nbformat.read(path, as_version=4)
    bundle = memory(ROWS)._repr_mimebundle_()
    stored.cells[0].outputs = [nbformat.v4.new_output("display_data", data=bundle)]
    nbformat.write(stored, path)
    desk.open_notebook(path)
    chart, image = desk.output(0).locator("svg[role=img]:visible"), desk.output(0).locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("one => one.naturalWidth") > 500
    expect(desk.output(0)).not_to_contain_text("MB", use_inner_text=True)  # words of the picture that it has lost
    expect(chart).to_have_count(0)
    desk.run_all()
    expect(chart).to_be_visible()
    expect(image).to_be_hidden()
    inks = {}
    for theme in ("light", "dark"):
        desk.theme(theme)
        inks[theme] = chart.locator("text").first.evaluate("one => getComputedStyle(one).fill")
        marks = chart.locator("path[style*=color-mix]").first.evaluate("one => getComputedStyle(one).fill")
        assert marks.startswith("color(srgb 0."), marks
    assert inks == {"light": "rgba(0, 0, 0, 0.87)", "dark": "rgba(255, 255, 255, 0.87)"}
    desk.assert_clean()
