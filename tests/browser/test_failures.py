"""The failure deck in JupyterLab: keys strike at the moment on the stage; undo, codes, mended programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from .desk import SELECT, Desk

CELL = "from course_lib.stage import failures\ndeck = failures()\ndeck"


def test_a_failure_is_pressed_while_the_theatre_plays(desk: Desk, notebook: Callable[..., Path]) -> None:
    """It strikes at the moment that is shown, and the play goes on; what followed is in the list and in a code."""
    desk.open_notebook(notebook("failures", CELL, "print(len(deck.scene.presses))"))
    desk.run_all()
    panel = desk.output(0)
    status = panel.locator(".told")
    expect(status).to_contain_text("Every promise is kept. Nothing pressed, usual programs, simulated.")
    panel.get_by_role("group", name=re.compile("^Theatre")).focus()
    desk.page.keyboard.press("Space")
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    desk.page.wait_for_function("() => document.querySelector('.theatre-room input[type=range]').value > 120")
    desk.page.keyboard.press("p")
    expect(status).to_contain_text(
        re.compile(r"\d+ acknowledged orders are gone. 1 failure, .*R2-failures-8-S1P\d+\.-")
    )
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    struck = int(re.search(r"S1P(\d+)\.", status.inner_text())[1])  # type: ignore[index]
    assert 500 < struck < 4200
    expect(panel.locator("ol li").first).to_contain_text(re.compile(r"partition: .*acknowledged orders gone 0 → \d+"))
    desk.screenshot("failures-partition", panel)
    desk.page.keyboard.press("m")
    expect(status).to_contain_text(
        re.compile(r"Every promise is kept. 1 failure, mended programs.*R2-failures\.mended-8")
    )
    code = re.search(r"R2-\S+", status.inner_text())
    assert code is not None
    desk.page.keyboard.press("b")
    expect(status).to_contain_text("Nothing pressed")
    desk.page.keyboard.press("m")
    desk.page.keyboard.press("Space")  # it stands still, so that both strike at one moment
    expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
    for key in "ae":
        desk.page.keyboard.press(key)
    expect(status).to_contain_text(re.compile(r"\d+ loads at once, and the database stands 4"))
    desk.screenshot("failures-crowd", panel)
    desk.page.keyboard.press("u")
    expect(status).to_contain_text("Every promise is kept. 1 failure, usual programs, simulated.")
    typed = panel.get_by_role("textbox", name="Open")
    typed.fill(code[0])
    typed.press("Enter")
    expect(status).to_contain_text(code[0])
    desk.assert_clean()


def test_the_presenters_window_follows_the_slides(desk: Desk, notebook: Callable[..., Path]) -> None:
    """The cell that is active is the slide; its note is shown, and the failure deck's keys are there."""
    cells = ["from course_lib.stage import deck, presenter\ndeck()", "window = presenter('05')\nwindow", "2", "3", "4"]
    desk.open_notebook(notebook("presenter", *cells))
    desk.run_all()
    window = desk.output(1)
    expect(window.get_by_role("timer")).to_contain_text("of 9:00")
    status = window.get_by_role("status")
    for cell, note in ((3, "This is cache-aside"), (4, "Count hands, type the numbers")):
        desk.page.evaluate(SELECT, cell)
        expect(status).to_contain_text(note)
    # Without the mouse, which would make this cell the slide: the window stands in a console, and only here beside it.
    window.get_by_role("button", name="Next").evaluate("button => button.click()")
    expect(status).to_contain_text("Each dot is a reader")
    expect(window.get_by_role("timer")).to_contain_text(re.compile(r"^\d:\d\d of 9:00"))
    desk.screenshot("presenter", window)
    desk.assert_clean()
