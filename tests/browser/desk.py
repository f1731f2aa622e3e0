"""What a learner does in JupyterLab, as a few verbs, and what every test looks at: errors, foreign hosts, words."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, ViewportSize, expect

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".artefacts" / "screenshots"
BLANK = "about:blank"
SIZE: ViewportSize = {"width": 1280, "height": 900}
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
# What has a name and no role that may have one: to a screen reader the name is lost (axe: aria-prohibited-attr).
MISNAMED = """() => [...document.querySelectorAll(".jp-Cell-outputArea :is(div,span,p,pre,code,label,b,i)")]
  .filter((one) => one.hasAttribute("aria-label") || one.hasAttribute("aria-labelledby"))
  .filter((one) => ["none", "presentation", "generic", "paragraph"].includes(one.getAttribute("role") ?? "none"))
  .map((one) => one.outerHTML.slice(0, 200))"""
PICTURES = ".jp-Cell-outputArea svg:is([role=img], .spacetime):visible"
SPOKEN = ".jp-Cell-outputArea :is(svg[role=img], svg.spacetime > g[role=img]:not([tabindex])):visible"
"""The pictures of a notebook that are seen, for which the page chooses among widths; and what speaks for each."""
SLOW = ("[anywidget] Failed to initialize model",)
"""anywidget 0.11 gives each model two seconds to be ready, and a machine that runs three browsers may take longer."""
IDLE = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return session?.isReady && session.session?.kernel?.status === "idle";
}"""
# Whether each cell of code has been executed, or one has failed, after which the others are not.
EXECUTED = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model);
  const code = cells.filter((cell) => cell.type === "code" && cell.sharedModel.getSource().trim());
  const outputs = (cell) => Array.from({ length: cell.outputs.length }, (_, at) => cell.outputs.get(at));
  const failed = code.some((cell) => outputs(cell).some((output) => output.type === "error"));
  return failed || code.every((cell) => cell.executionCount !== null);
}"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
  (cell) => [cell.model.type, cell.model.sharedModel.getSource()])"""
SELECT = """(cell) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  Object.assign(notebook, { activeCellIndex: cell, mode: "command" });
  notebook.activate();
  return notebook.activeCell.model.executionCount;
}"""
RUN = """([cell, before]) => {
  const count = window.jupyterapp.shell.currentWidget.content.widgets[cell].model.executionCount;
  return count !== null && count !== before;
}"""
# Ends every kernel and closes every notebook, without a question about what is not saved.
CLEAR = """async () => {
  const open = [...window.jupyterapp.shell.widgets("main")];
  await Promise.all(open.map((one) => one.sessionContext?.shutdown()));
  for (const one of open) one.dispose();
}"""


@dataclass
class Lab:
    """A running JupyterLab: its address, its token, and the folder that it shows."""

    url: str
    token: str
    folder: Path


@dataclass
class Desk:
    """One browser page on a JupyterLab, and what a learner does there. Errors and foreign requests are collected."""

    page: Page
    lab: Lab
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def command(self, name: str, **arguments: Any) -> None:
        """Execute one of JupyterLab's own commands, to its end: no menus to click through."""
        script = "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }"
        self.page.evaluate(script, [name, arguments])

    def open_notebook(self, path: Path | str, *, afresh: bool = False) -> None:
        """Open a notebook, copied into the lab's folder if it is not there yet, and wait for its kernel.

        `afresh`: load the page anew, which keeps nothing but what was saved; the first notebook always does.
        """
        name = Path(path).name
        if Path(path).is_absolute():
            shutil.copy(path, self.lab.folder / name)
            if (images := Path(path).with_name("images")).exists():
                shutil.copytree(images, self.lab.folder / "images", dirs_exist_ok=True)
        if afresh or self.page.url == BLANK:
            self.page.goto(f"{self.lab.url}/lab/tree/{name}?token={self.lab.token}&reset")
        else:
            self.command("docmanager:open", path=name)
        self.page.wait_for_selector(f"{PANEL} .jp-Cell", timeout=60_000)
        self.wait_idle()

    def run_all(self) -> None:
        """Run every cell and wait until the last has finished."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(EXECUTED, timeout=240_000, polling=100)
        unfinished = self.panel.locator(".jp-InputPrompt", has_text="[*]")
        expect(unfinished).to_have_count(0, timeout=240_000)
        self.wait_idle()

    def run_cell(self, cell: int) -> None:
        """Run a cell of code as a learner does, by Shift-Enter; the next one is selected. Waits until it has ended."""
        before = self.page.evaluate(SELECT, cell)
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(RUN, arg=[cell, before], timeout=120_000, polling=50)
        self.wait_idle()

    @property
    def cells(self) -> list[list[str]]:
        """Kind and source of each cell, as they are now."""
        return list(self.page.evaluate(CELLS))

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(IDLE, timeout=120_000, polling=50)  # ms; else each frame, which has to be drawn

    def save(self) -> None:
        """Save the notebook and all that the kernel shows: the last of it comes after what a reader waits for."""
        self.wait_idle()
        self.command("docmanager:save")

    def theme(self, name: str) -> None:
        """`light` or `dark`."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name.capitalize()}")
        light = "true" if name == "light" else "false"
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light, timeout=30_000)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=30_000)

    @property
    def panel(self) -> Locator:
        """The notebook that is on top."""
        return self.page.locator(PANEL)

    def output(self, cell: int) -> Locator:
        """The output area of code cell `cell`, counted from 0."""
        return self.panel.locator(".jp-CodeCell").nth(cell).locator(".jp-Cell-outputArea")

    def slider(self, name: str) -> Locator:
        """The handle of a slider by its accessible name."""
        return self.panel.get_by_role("slider", name=name)

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Store a picture of the page, or of a part of it, among the test artefacts."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        place = SCREENSHOTS / f"{name}.png"
        (of or self.page).screenshot(path=place)
        return place

    def run_lesson(self, lesson: Path) -> None:
        """Open a lesson and run all of it: no cell may end in an error, and nothing is skipped for want of a server."""
        self.open_notebook(lesson)
        self.run_all()
        assert self.panel.locator(".jp-Cell-outputArea", has_text="Skipped:").count() == 0
        assert self.panel.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0

    def screenshot_outputs(self, name: str) -> None:
        """Store a picture of each output that shows something, if COURSE_SCREENSHOTS is set: it takes half a minute."""
        if not os.environ.get("COURSE_SCREENSHOTS"):
            return
        for cell in range(self.panel.locator(".jp-CodeCell").count()):
            if self.output(cell).inner_text().strip():
                self.output(cell).scroll_into_view_if_needed()
                self.screenshot(f"{name}-cell-{cell:02}", self.output(cell))

    def answer(self, question: Locator, choice: str, *, told: str, name: str) -> None:
        """Predict and run; what happened must rule something out and tell what it is said to tell."""
        question.scroll_into_view_if_needed()
        question.get_by_role("radio", name=choice).check()
        question.get_by_role("button", name="Run").click()
        expect(question).to_contain_text("is ruled out", timeout=30_000)
        expect(question).to_contain_text(told)
        self.screenshot(name, question)

    def clear(self) -> None:
        """Leave the page as a test wants to find it: no notebook, no kernel, light, of the usual size."""
        if self.page.url != BLANK:
            self.page.evaluate(CLEAR)
            self.theme("light")
        self.page.set_viewport_size(SIZE)

    def assert_clean(self, allow: tuple[str, ...] = ()) -> None:
        """No console error but those that contain an allowed text, no request to any other host, no name without a
        role that may have one."""
        assert self.page.evaluate(MISNAMED) == []
        assert self.foreign == []
        errors = [error for error in self.errors if not any(text in error for text in (*allow, *SLOW))]
        assert not errors, "\n".join(errors)


def speak(pictures: Locator) -> None:
    """Each picture has a text alternative, and that has a number in it and is more than a title."""
    for alternative in pictures.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"):
        assert re.search(r"\d", alternative), alternative
        assert len(alternative) > 40, alternative
