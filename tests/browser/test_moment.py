"""The moment, opened, as a learner meets it: panes that follow the picture, and lead back into it."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from .desk import Desk

COUNT = """
from course_lib.widgets.explore import explore
async def count(redis, me):
    seen = int(await redis.get("visits") or 0)
    await redis.set("visits", seen + 1, ex=9)
    return seen

def no_visit_is_lost(run):
    if len(set(run.results.values())) < len(run.results):
        return "two clients counted the same visit"

explore(count, no_visit_is_lost)
"""
CHECK = """
from course_lib.grading import check
async def lock_and_wait(redis, key, load, *, ttl, lock_ttl, token):
    return await load()

check("05.3", lock_and_wait)
"""
MANY = """
from course_lib.explore import Schedule, Trial, play
from course_lib.explore.moment import reopened
from course_lib.widgets.spacetime import SpaceTime
async def counts(redis):
    for _ in range(50):
        seen = int(await redis.get("visits") or 0)
        await redis.set("visits", seen + 1, ex=9)

trial = Trial("many", ("p",), lambda world, n: [world.client(w, counts, world.redis()) for w in "ab"], lambda run: ())
run = play(trial, Schedule(2))
print(len(run.trace))
SpaceTime(run.trace, opened=lambda: reopened(trial, run), at=0.0)
"""
# Waits for the words that follow a key press on a slider, and returns how long that took.
MEASURE = """async ([handle, words]) => {
  const took = [];
  for (let i = 0; i < 40; i++) {
    const before = words.textContent, start = performance.now();
    handle.dispatchEvent(new KeyboardEvent("keydown", { key: "PageUp", bubbles: true, cancelable: true }));
    while (words.textContent === before && performance.now() - start < 2000)
      await new Promise((go) => setTimeout(go, 1));
    took.push(performance.now() - start);
  }
  return took;
}"""
MARK = "e => getComputedStyle(e, '::before').content"


def test_panes_follow_the_picture_and_lead_back_into_it(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Step, scrub, press a line of code, go to where it broke, and read all of it as text; by keyboard as well."""
    desk.open_notebook(notebook("moment", COUNT))
    desk.run_all()
    shown = desk.output(0)
    panes, words = shown.locator(".course-moment"), shown.locator(".course-moment [aria-live]")
    redis, promises = (
        shown.get_by_role("group", name="Redis", exact=True),
        shown.get_by_role("group", name="Promises", exact=True),
    )
    clients = shown.get_by_role("group", name="Clients", exact=True)
    expect(promises).to_contain_text("✗ broken since", timeout=30_000)
    expect(clients).to_contain_text("returned 0")
    step, back = (shown.get_by_role("button", name=name, exact=True) for name in ("Step", "Step back"))

    back.click()
    expect(promises).to_contain_text("✓ holds")
    expect(redis).to_contain_text("visits")
    back.click()
    back.click()
    back.click()
    expect(shown.locator("[class*=-status]").first).to_contain_text("1 of 4")
    expect(words).to_contain_text(re.compile(r"^At 1 ms redis holds nothing; alice is in line \d+ of count"))
    expect(redis).to_contain_text("No key")
    expect(clients.locator("[aria-current=step]")).to_have_text(re.compile(r"redis\.get.*alice.*bob"))
    step.click()
    step.click()
    expect(redis.locator("tr.moved")).to_contain_text("visits new")
    expect(words).to_contain_text("believes")

    desk.slider("Time (ms)").focus()
    told = words.inner_text()
    desk.page.keyboard.press("Home")
    expect(words).not_to_have_text(told)
    expect(redis).to_contain_text("No key")

    line = clients.get_by_role("button", name=re.compile(r"redis\.set"))
    line.focus()
    desk.page.keyboard.press("Enter")
    expect(line).to_have_attribute("aria-pressed", "true")
    expect(shown.get_by_role("status").first).to_contain_text("sent 2 commands, marked ◆")
    lit = [row.evaluate(MARK) for row in shown.locator("ol.lines li").all()]
    assert [("◆" in mark) for mark in lit] == [False, False, True, True]
    desk.screenshot("moment-line", shown)
    desk.page.keyboard.press("Enter")
    expect(line).to_have_attribute("aria-pressed", "false")

    shown.locator("ol.lines li").nth(3).click()
    expect(words).to_contain_text(re.compile("^At 4 ms"))
    expect(clients.locator("[aria-current=step]")).to_have_text(re.compile(r"redis\.set"))
    desk.page.keyboard.press(".")
    expect(words).to_contain_text(re.compile("^At 1 ms"))
    assert panes.evaluate("e => e.scrollWidth <= e.clientWidth")
    desk.assert_clean()


def test_a_failing_check_is_opened_where_it_failed(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Head and sentence, the run with its panes, the table; and not the page that a saved notebook shows."""
    desk.open_notebook(notebook("failing", CHECK))
    desk.run_all()
    shown = desk.output(0)
    expect(shown.get_by_role("group", name="Promises", exact=True)).to_contain_text("✗ broken since", timeout=30_000)
    expect(shown.locator(".head:visible")).to_have_count(1)
    expect(shown.get_by_role("table", name="What was checked")).to_be_visible()
    expect(shown.locator("svg.spacetime:visible")).to_have_count(1)
    expect(shown.locator("td.says:visible").first).to_be_visible()
    expect(shown.get_by_role("group", name="Clients", exact=True)).to_contain_text("lock_and_wait")
    shown.locator("button.go").first.focus()
    desk.page.keyboard.press("Enter")  # the first of two facts: by then the promise still held
    back = shown.get_by_role("button", name="when it breaks").first
    expect(back).to_be_focused()
    expect(shown.get_by_role("group", name="Promises", exact=True)).not_to_contain_text("broken since")
    desk.page.keyboard.press("Enter")
    expect(shown.get_by_role("group", name="Promises", exact=True)).to_contain_text("✗ broken since")
    expect(shown.locator("button.go:focus")).to_have_count(1)
    for theme in ("light", "dark"):
        desk.theme(theme)
        desk.screenshot(f"moment-check-{theme}", shown)
    desk.assert_clean()


def test_a_key_on_the_slider_moves_two_hundred_events(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Each key changes the words; the code stays as it was sent. How long it takes, the test prints, and how long
    without panes."""
    desk.open_notebook(notebook("many", MANY, "SpaceTime(run.trace, at=0.0)"))
    desk.run_all()
    shown = desk.output(0)
    expect(shown).to_contain_text("200")
    expect(shown.locator(".course-moment [aria-live]")).to_contain_text("At ")
    code = shown.locator(".course-moment li.row").first.element_handle()
    took = []
    for cell, words in ((1, ":has(> [class*=-status])"), (0, ".course-moment [aria-live]")):
        slider = desk.output(cell).get_by_role("slider", name="Time (ms)").element_handle()
        told = desk.output(cell).locator(words).first.element_handle()
        took = desk.page.evaluate(MEASURE, [slider, told])[1:]
        what = "without panes" if cell else "slider to moment"
        print(f"{what}: median {statistics.median(took):.0f} ms, p95 {sorted(took)[-2]:.0f} ms")
    assert max(took) < 2000, "each key moved it; MEASURE gives up after 2 s"
    assert desk.page.evaluate("one => one.isConnected", code)
