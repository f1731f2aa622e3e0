"""Each lesson after Run All, as assistive technology meets it: axe finds no fault of ours, and no mouse is needed."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import Page, expect

from course_lib.lessons import LESSONS
from course_lib.website.tools import package

from .desk import ROOT, SELECT, Desk

AXE = """async () => (await axe.run(
  { include: [[".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook"]] }, { resultTypes: ["violations"] },
)).violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} ${node.html.slice(0, 160)}`))"""
JUPYTERS = (".cm-content", ".jp-WindowedPanel-viewport", ".jp-collapseHeadingButton")
"""Editors without a name, a feed whose cells are no articles, and buttons without words are JupyterLab's."""
# Marks everything in the outputs that can be used now, with a number; returns what each is. Of choices the first.
MARK = """() => {
  const kinds = "button, input, select, textarea, summary, a[href], [role=slider], [tabindex='0']";
  const within = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell-outputArea";
  const open = (one) => one.matches("summary") || !one.closest("details:not([open])");
  const later = (one) => one.type === "radio" && one !== one.closest(".widget-radio").querySelector("input:enabled");
  return [...document.querySelectorAll(within)].flatMap((area) => [...area.querySelectorAll(kinds)])
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && open(one) && !later(one))
    .map((one, at) => { one.dataset.reached = at; return one.outerHTML.slice(0, 160); });
}"""
# What has the focus: its number, if it has one, and whether one sees that it has it.
FOCUS = """() => {
  const one = document.activeElement, ring = one.matches("svg *") ? one : one.closest(":focus-visible");
  const style = ring && getComputedStyle(ring);
  const seen = style && (style.outlineStyle !== "none" || style.getPropertyValue("--thin") !== "");
  return [one.dataset.reached ?? null, Boolean(seen)];
}"""


def violations(page: Page) -> list[str]:
    """What axe finds in the outputs and prose of the notebook on top, without what is JupyterLab's."""
    page.evaluate((package("axe-core") / "axe.min.js").read_text(encoding="utf-8"))
    return [one for one in page.evaluate(AXE) if not any(theirs in one for theirs in JUPYTERS)]


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing: axe comes by it")
@pytest.mark.parametrize("number", LESSONS)
def test_axe_finds_no_violation(desk: Desk, number: str) -> None:
    """In both themes, with all sections unfolded."""
    desk.run_lesson(next((ROOT / "notebooks").glob(f"{number}_*.ipynb")))
    desk.command("notebook:expand-all-headings")
    for theme in ("light", "dark"):
        desk.theme(theme)
        assert violations(desk.page) == [], theme


@pytest.mark.thorough
@pytest.mark.parametrize("number", ["03", "04"])
def test_the_tab_key_reaches_every_control_and_one_sees_which(desk: Desk, number: str) -> None:
    """Predictions, labs, puzzles, diagrams and their panes, with all sections unfolded."""
    desk.run_lesson(next((ROOT / "notebooks").glob(f"{number}_*.ipynb")))
    desk.command("notebook:expand-all-headings")
    expect(desk.panel.locator("button[aria-label=Stop]:enabled")).to_have_count(0)
    desk.wait_idle()
    marked: list[str] = desk.page.evaluate(MARK)
    assert len(marked) > 100
    desk.page.evaluate(SELECT, 0)
    reached: dict[int, bool] = {}
    for _ in range(3 * len(marked)):  # those of JupyterLab itself besides
        desk.page.keyboard.press("Tab")
        place, seen = desk.page.evaluate(FOCUS)
        if place == "0" and len(reached) > 1:
            break  # once around
        if place is not None:
            reached[int(place)] = seen
    assert [what for place, what in enumerate(marked) if place not in reached] == []
    assert [marked[place] for place, seen in reached.items() if not seen] == []
