"""The controls of a lab, a puzzle or a diagram and its picture fit one screen: on a small laptop, and on a projector at
150 %. At 200 % a picture scrolls in its own box, with letters that can be read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from browser.conftest import written
from browser.desk import ROOT, SELECT, Desk
from course_lib.lessons import LESSONS

SIZES = {"a laptop": (1280, 800), "1920 × 1080 at 150 %": (1280, 720)}
CALL = re.compile(r"^(\w+_lab)\(.*\)$", re.MULTILINE)
TO_THE_TOP = "(place) => window.jupyterapp.shell.currentWidget.content.scrollToItem(place, 'start')"
# A puzzle after its promise was broken, and a diagram of five clients.
PANELS = {
    "a puzzle that is broken": """from course_lib.widgets.scheduler import Scheduler
panel = Scheduler("lock")
panel.move(1)
panel.wait()
for number in (2, 1, 1, 2):
    panel.move(number)
panel""",
    "a space-time diagram": """from course_lib.widgets.spacetime import SpaceTime
from views.samples import five_clients
SpaceTime(five_clients())""",
}
FITS = """(place) => {
  const lab = window.jupyterapp.shell.currentWidget.content.widgets[place].node.querySelector(".course-panel");
  const kinds = ".widget-slider, .widget-button, .widget-dropdown, .told, svg[role=img], svg.spacetime";
  const parts = [...lab.querySelectorAll(kinds)];
  const boxes = parts.map((one) => one.getBoundingClientRect()).filter((one) => one.height);
  const high = Math.max(...boxes.map((one) => one.bottom)) - Math.min(...boxes.map((one) => one.top));
  const smallest = lab.querySelector("svg:is([role=img], .spacetime) .s");
  return {
    parts: parts.length,
    "too high": Math.max(0, high - lab.closest(".jp-WindowedPanel-outer").clientHeight),
    text: Math.floor(smallest.getBoundingClientRect().height / smallest.getBBox().height * 12),
  };
}"""


# What sticks out of an output at 200 %: pictures and tables scroll there, controls must not need it.
OUT = """(place) => {
  const output = window.jupyterapp.shell.currentWidget.content.widgets[place].node.querySelector(".course-panel");
  const room = output.getBoundingClientRect().right + 1, kinds = "button, input, select, [role=slider], [role=status]";
  return [...output.querySelectorAll(kinds)].filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => one.getBoundingClientRect().right > room).map((one) => one.outerHTML.slice(0, 120));
}"""


def labs() -> dict[str, str]:
    """The call of each lesson that shows its lab, with where that comes from."""
    found = {}
    for number, folder in LESSONS.items():
        for path in (ROOT / "notebooks").glob(f"{number}_*.ipynb"):
            for cell in json.loads(path.read_text())["cells"]:
                if (call := CALL.search("".join(cell["source"]))) and cell["cell_type"] == "code":
                    found[folder] = f"from course_lib.lessons.{folder} import {call[1]}\n{call[0]}"
    return found


def test_a_panel_and_its_picture_fit_one_screen(desk: Desk, tmp_path: Path) -> None:
    """And the smallest words of the picture are at least nine pixels high then; with *projector* ten, in puzzles."""
    assert len(labs()) == 8
    panels = labs() | PANELS
    desk.open_notebook(written(tmp_path, "fit", *panels.values()))
    desk.run_all()
    for size, (wide, high) in SIZES.items():
        desk.page.set_viewport_size({"width": wide, "height": high})
        for place, name in enumerate(panels):
            desk.page.evaluate(SELECT, place)
            desk.page.evaluate(TO_THE_TOP, place)
            desk.page.wait_for_function(f"(place) => ({FITS})(place)['too high'] === 0", arg=place, timeout=15_000)
            told = desk.page.evaluate(FITS, place)
            assert told["parts"] >= (8 if name in labs() else 5), name
            assert told["text"] >= 9, f"{name} on {size}: {told}"
            desk.screenshot(f"fit_{name.replace(' ', '_')}_{high}")
    desk.page.set_viewport_size({"width": 640, "height": 400})  # a laptop at 200 %
    for place, name in enumerate(panels):
        desk.page.evaluate(SELECT, place)
        desk.page.wait_for_function(f"(place) => ({OUT})(place).length === 0", arg=place, timeout=15_000)
        assert desk.page.evaluate(FITS, place)["text"] >= 9, name
    desk.page.set_viewport_size({"width": wide, "height": high})
    for place in range(len(labs()), len(panels)):
        desk.page.evaluate(SELECT, place)
        desk.output(place).get_by_role("checkbox", name="projector").check()
        expect(desk.output(place).locator(".course-projector")).to_be_visible()
        desk.page.wait_for_function(f"(place) => ({FITS})(place)['too high'] === 0", arg=place, timeout=15_000)
        assert desk.page.evaluate(FITS, place)["text"] >= 10
