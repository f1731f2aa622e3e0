"""Be the scheduler in JupyterLab: by keyboard alone, by mouse, in big type, and by a code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .desk import Desk
from .labs import play

PANEL = "from course_lib.widgets.scheduler import Scheduler\npanel = Scheduler({given})\npanel"


def test_a_lock_is_broken_by_keyboard_and_mended(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Six keys break the lock; the same six keys do not break the mended one, nor does any schedule that there is."""
    desk.open_notebook(notebook("panel", PANEL.format(given="'lock', big=True"), "print(list(panel.found))"))
    desk.run_all()
    panel = desk.output(0)
    status = panel.get_by_role("status").first
    expect(status).to_contain_text("0 moves")
    panel.get_by_role("button", name="1 alice: SET lock").focus()
    play(status, "1t2112")
    expect(status).to_contain_text("Broken in 6 moves")
    expect(panel.locator("svg.spacetime:visible text.title")).to_contain_text("got the lock")
    desk.screenshot("scheduler-broken", panel)
    panel.get_by_role("button", name="mended").click()
    expect(panel).to_contain_text("were played", timeout=60_000)
    if "Too many to play all" in panel.inner_text():  # on a machine that has much else to do
        panel.get_by_role("button", name="every schedule").click()
    expect(panel).to_contain_text("All 1,518 schedules were played, and none breaks the promise", timeout=100_000)
    expect(panel.get_by_role("button", name="mended")).to_have_attribute("aria-pressed", "true")
    panel.get_by_role("button", name="1 alice: SET lock").click()
    play(status, "t2112", after=1)
    expect(status).to_contain_text("6 moves")
    expect(status).not_to_contain_text("Broken")
    desk.screenshot("scheduler-mended", panel)
    desk.assert_clean()


@pytest.mark.thorough
def test_a_livelock_is_a_win_and_its_code_opens(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Two clients give way to each other for ever; the code of that schedule, typed into the panel, shows it again."""
    desk.open_notebook(notebook("panel", PANEL.format(given="'transfer'")))
    desk.run_all()
    panel = desk.output(0)
    status = panel.get_by_role("status").first
    expect(status).to_contain_text("0 moves")
    panel.get_by_role("button", name="1 alice: SET a").focus()
    play(status, "121212")
    expect(status).to_contain_text(
        "Broken in 6 moves. After 6 moves all is as it was at the start, though alice and bob have both moved"
    )
    code = status.locator("code").inner_text()
    desk.page.keyboard.press("e")
    expect(panel).to_contain_text("schedules break the promise", timeout=60_000)
    desk.screenshot("scheduler-livelock", panel)
    desk.page.keyboard.press("b")
    expect(status).to_contain_text("0 moves")
    field = panel.get_by_placeholder("a replay code")
    field.fill(code)
    field.press("Enter")
    expect(status).to_contain_text("Broken in 6 moves")
    desk.assert_clean()
