"""Lesson 01 in JupyterLab itself: run all on real servers, then answer a question and choose a topology."""

from __future__ import annotations

import re
import time

import nbformat
import psutil
from playwright.sync_api import Locator, expect

from .desk import ROOT, Desk, speak

LESSON = ROOT / "notebooks" / "01_topologies.ipynb"
PICTURES = 10  # the fates of writes in five experiments, a failover, a split brain, two maps of slots, and the panel


def servers() -> int:
    """How many Redis or Valkey servers run below this process, JupyterLab's kernels included."""
    return sum(
        child.name().startswith(("redis-server", "valkey-server"))
        for child in psutil.Process().children(recursive=True)
    )


def test_the_whole_lesson_runs_every_picture_speaks_and_no_server_is_left(desk: Desk) -> None:
    """Run all: no error, no other host, each picture speaks in numbers; and when it is over, nothing runs any more."""
    before = servers()
    desk.run_lesson(LESSON)
    deadline = time.monotonic() + 30.0
    while servers() != before and time.monotonic() < deadline:  # a busy machine takes its time to end them
        desk.page.wait_for_timeout(100)
    assert servers() == before
    panel = desk.output(_cell("TopologyPanel(start()"))
    expect(panel.get_by_role("status")).to_contain_text("Press any button or its key: they start again")
    pictures = desk.panel.locator(".jp-Cell-outputArea svg[role=img]:visible")
    expect(pictures).to_have_count(PICTURES)
    speak(pictures)
    expect(desk.panel).not_to_contain_text("Recorded:")
    expect(desk.panel.locator(".course-table td.words").first).to_have_css("text-align", "left")
    desk.screenshot_outputs("lesson-01")
    question = desk.panel.locator(".jp-Cell-outputArea", has_text="What does the first primary answer").first
    desk.answer(
        question,
        "OK: it passes the command on to the right one",
        told="leaves “an error that says who has the slot”",
        name="lesson-01-predicted",
    )
    assert servers() > before  # the control: those that the answer has started are seen
    pressed_after_run_all(desk, panel)
    desk.theme("dark")
    desk.output(_cell("timeline(bench")).scroll_into_view_if_needed()
    desk.screenshot("lesson-01-dark", desk.output(_cell("timeline(bench")))
    desk.assert_clean()


def pressed_after_run_all(desk: Desk, panel: Locator) -> None:
    """Later cells have stopped the panel's servers: the first press starts them, and the writer, and then is done."""
    panel.scroll_into_view_if_needed()
    panel.get_by_role("button", name="2 replica1").click()
    panel.get_by_role("button", name="p pause replica1").click()
    expect(panel.get_by_role("status")).to_contain_text("The servers start again first")
    expect(panel.get_by_role("status")).to_contain_text("you paused replica1", timeout=120_000)
    expect(panel.locator("svg.topology")).to_contain_text("paused", timeout=60_000)
    expect(panel).to_contain_text(re.compile(r"Writer: [1-9][\d,]* acknowledged"), timeout=60_000)
    desk.screenshot("lesson-01-panel-again", panel)


def _cell(source: str) -> int:
    """The number of the code cell that holds this text. JupyterLab makes no editor for one whose source is hidden."""
    cells = [cell.source for cell in nbformat.read(LESSON, as_version=4).cells if cell.cell_type == "code"]
    return next(number for number, text in enumerate(cells) if source in text)
