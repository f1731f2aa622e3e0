"""Be the scheduler in JupyterLab: by keyboard alone, and by mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from .conftest import Desk

PANEL = "from course_lib.widgets.scheduler import Scheduler\npanel = Scheduler({given})\npanel"


def test_a_lock_is_broken_by_keyboard_and_mended(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Six keys break the lock; the same six keys do not break the mended one; each state is said and drawn."""
    desk.open_notebook(notebook("panel", PANEL.format(given="'lock', big=True"), "print(list(panel.found))"))
    desk.run_all()
    panel = desk.output(0)
    status = panel.get_by_role("status")
    expect(status).to_contain_text("0 moves")
    panel.get_by_role("button", name="1 alice: SET lock").focus()
    for place, key in enumerate("1t2112"):
        expect(status).to_contain_text(f"{place} move")
        desk.page.keyboard.press(key)
    expect(status).to_contain_text("Broken in 6 moves")
    expect(panel.locator("svg.spacetime text.title")).to_contain_text("got the lock")
    desk.screenshot("scheduler-broken", panel)
    panel.get_by_role("button", name="mended").click()
    expect(status).to_contain_text("0 moves")
    panel.get_by_role("button", name="1 alice: SET lock").click()
    for place, key in enumerate("t2112"):
        expect(status).to_contain_text(f"{place + 1} move")
        desk.page.keyboard.press(key)
    expect(status).to_contain_text("6 moves")
    expect(status).not_to_contain_text("Broken")
    desk.screenshot("scheduler-mended", panel)
    desk.assert_clean()
