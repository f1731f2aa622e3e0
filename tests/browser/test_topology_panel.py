"""The topology panel in JupyterLab: a failover seen as it happens, by keyboard alone; clicks; and its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from .desk import Desk, speak

CELLS = (
    "from course_lib.servers import Topology\ntopology = Topology('sentinel').start()",
    "from course_lib.widgets.topology_panel import TopologyPanel\n"
    "counts = {'acknowledged': 1204, 'no reply': 3}\n"
    "panels = [*globals().get('panels', []), TopologyPanel(topology, counts=lambda: counts)]\npanels[-1]",
    "import asyncio\nwhile panels[0].follows:\n    await asyncio.sleep(0.05)\n"
    "print([panel.follows for panel in panels])",
    "topology.stop()",
)

# For a projector: from the first button to the last line of the picture it is no higher than the notebook.
FITS = """() => {
  const panel = document.querySelector(".course-projector"), picture = panel?.querySelector("svg.topology");
  if (!picture) return false;
  const high = picture.getBoundingClientRect().bottom - panel.querySelector("button").getBoundingClientRect().top;
  return high <= panel.closest(".jp-WindowedPanel-outer").clientHeight;
}"""


def test_a_failover_is_broken_loose_watched_and_put_right(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Nothing but keys: pick, kill, see the new primary by itself, restart; then clicks; then the topology stops. For a
    projector, with what has happened, it fits the screen."""
    desk.open_notebook(notebook("topology", *CELLS))
    for _ in range(2):
        desk.command("notebook:run-cell-and-select-next")
    panel = desk.output(1)
    status, picture = panel.get_by_role("status"), panel.locator("svg.topology")
    expect(status).to_contain_text("Pick a node", timeout=60_000)
    expect(picture.locator("text.title")).to_have_text("primary is the primary; replica1 and replica2 follow")
    speak(picture)
    desk.screenshot("topology-panel-whole", panel)

    panel.get_by_role("button", name="1 primary").focus()
    expect(panel.get_by_role("button", name="1 primary")).to_have_attribute("aria-pressed", "true")
    desk.page.keyboard.press("k")
    expect(status).to_contain_text("you killed primary", timeout=30_000)
    promoted = panel.locator("li", has_text=re.compile("replica[12] is primary"))
    expect(promoted).not_to_have_count(0, timeout=30_000)
    expect(status).to_contain_text(re.compile(r"since \d\d:\d\d:\d\d"), timeout=30_000)
    expect(picture.locator("text.title")).to_contain_text(re.compile("replica[12] is the primary"))
    desk.screenshot("topology-panel-failed-over", panel)
    for key, name in (("4", "4 sentinel1"), ("1", "1 primary")):  # ipywidgets makes the buttons anew
        desk.page.keyboard.press(key)
        expect(panel.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
        expect(panel.get_by_role("button", name=name, exact=True)).to_be_focused()  # a frame later, and then keys work
    desk.page.keyboard.press("r")
    became = panel.locator("li", has_text=re.compile("primary is a replica of replica[12]"))
    expect(became).not_to_have_count(0, timeout=30_000)

    picture.locator("[data-pick=sentinel3]").dispatch_event("click")  # as a screen reader does it
    expect(panel.get_by_role("button", name="6 sentinel3")).to_have_attribute("aria-pressed", "true")
    picture.locator("[data-pick=sentinel1]").hover()
    desk.page.mouse.down()
    picture.evaluate("drawn => drawn.replaceWith(drawn.cloneNode(true))")  # as after a look at the nodes
    desk.page.mouse.up()
    expect(panel.get_by_role("button", name="4 sentinel1")).to_have_attribute("aria-pressed", "true")
    expect(panel.get_by_role("button", name="6 sentinel3")).to_have_attribute("aria-pressed", "false")
    panel.get_by_role("button", name="m promote sentinel1").click()
    expect(panel.get_by_role("alert")).to_contain_text("Promote sentinel1 did not work", timeout=30_000)
    panel.get_by_role("button", name="c partition sentinel1").click()
    expect(picture).to_contain_text("sentinel1 is cut off", timeout=30_000)
    desk.theme("dark")
    desk.screenshot("topology-panel-cut-off-dark", panel)
    desk.theme("light")
    desk.page.set_viewport_size({"width": 1280, "height": 720})
    panel.get_by_label("projector").check()
    desk.page.wait_for_function(FITS, timeout=15_000)
    desk.screenshot("topology-panel-projector", panel)

    desk.command("notebook:run-cell-and-select-next")
    expect(status).to_contain_text("Pick a node", timeout=30_000)
    desk.command("notebook:run-cell-and-select-next")
    expect(desk.output(2)).to_have_text("[False, True]", timeout=30_000)
    desk.command("notebook:run-cell")
    expect(status).to_contain_text("The topology does not run", timeout=30_000)
    desk.assert_clean()
