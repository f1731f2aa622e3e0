"""A deck as slides, shown by the extension that `make live` has fetched: keys, the presenter's window, and its fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from course_lib.groups import is_built
from course_lib.slides import FOLDER, PINS
from course_lib.stage.script import steps_of

from .conftest import a_lab, a_room
from .desk import ROOT, SELECT

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not is_built(FOLDER, PINS), reason="what shows slides has not been fetched (make live)"),
]
CONSOLE = "() => window.jupyterapp.commands.execute('notebook:create-console')"
READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady"
# How many pixels of the cells of a slide are below the screen.
BELOW = """() => Math.max(...[...document.querySelectorAll(".jp-Cell.jp-deck-mod-visible")].map(
  (cell) => cell.getBoundingClientRect().bottom - innerHeight))"""
ACTIVE = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
DECK = ROOT / "notebooks" / "decks" / "05_stampede.ipynb"


def test_slides_go_on_by_key_and_the_presenters_window_follows(browser: Browser, tmp_path: Path) -> None:
    """The window is a console of the same kernel, in a second window of the browser; each slide fits 1280 × 720."""
    with a_lab(tmp_path, FOLDER / "share" / "jupyter") as lab, a_room(browser, lab) as desk:
        desk.page.set_viewport_size({"width": 1280, "height": 720})
        desk.open_notebook(DECK)
        desk.run_all()
        window = desk.page.context.new_page()
        window.goto(f"{lab.url}/lab/workspaces/mine/tree/{DECK.name}?token={lab.token}")
        window.wait_for_function(READY, timeout=60_000)
        window.evaluate(CONSOLE)
        prompt = window.locator(".jp-CodeConsole-promptCell .cm-content")
        prompt.fill("from course_lib.stage import presenter; presenter()")
        prompt.press("Shift+Enter")
        note = window.locator(".jp-CodeConsole [role=status] h3")
        expect(note).to_contain_text("1 of 8")
        desk.page.bring_to_front()
        desk.page.evaluate(SELECT, 1)
        desk.command("deck:start")
        steps = steps_of(DECK)
        for place, step in enumerate(steps[1:], 2):
            while (at := desk.page.evaluate(ACTIVE)) < step.cells[0]:  # the code of a slide is a step as well
                desk.page.keyboard.press("ArrowRight")
                desk.page.wait_for_function(f"at => {ACTIVE} > at", arg=at)
            expect(note).to_contain_text(f"{place} of {len(steps)}")
            desk.page.wait_for_function(f"() => ({BELOW})() <= 0")
            if place == 2:  # the room votes; then the arrows go on
                box = desk.page.locator(".jp-deck-mod-visible").get_by_role("spinbutton").first
                box.fill("7")
                box.press("Enter")
                box.press("Escape")
        desk.assert_clean()
