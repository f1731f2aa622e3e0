"""Memory over half an hour of random use: does what the kernel and the page keep level off, and is no process left?

`make soak` runs it, SOAK_MINUTES=3 for a shorter look. Each minute it prints the kernel's resident memory, the page's
JavaScript heap after a collection, and how many nodes the page has.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
from browser.conftest import a_room, browser, lab, written  # noqa: F401  # fixtures
from browser.desk import Desk, Lab
from playwright.sync_api import Browser, Locator

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
SAMPLES = 30
SLACK = {"kernel MB": 12.0, "heap MB": 6.0, "nodes": 400.0}
"""What may come on top of the share below: caches that are still being filled."""
GROWTH = 1.10
"""The last third of the time may have so many times what the second third had."""
CELLS = (
    """import ipywidgets
from course_lib.lessons.stampedes import stampede_lab
from course_lib.stage import failures
from course_lib.widgets.scheduler import Scheduler
from course_lib.widgets.spacetime import SpaceTime
from views import samples
panels = [stampede_lab(), failures(), Scheduler("counter"), SpaceTime(samples.five_clients())]
for place, panel in enumerate(panels):
    panel.box.add_class(f"soak{place}")
ipywidgets.VBox([panel.box for panel in panels])""",
    "import os\nprint('kernel', os.getpid())",
)
"""All in one cell: for each cell that becomes the active one, JupyterLab makes a toolbar and keeps the old."""
# One of the buttons that can be pressed now, chosen and pressed in one go: a panel may change them at any time.
CLICK = """(panel, drawn) => {
  const can = (one) => !one.disabled && one.checkVisibility() && !one.textContent.includes("real servers");
  const buttons = [...panel.querySelectorAll("button")].filter(can);
  buttons[Math.floor(drawn * buttons.length)].click();
}"""
# The kernel takes messages in turn: once it has answered, it has done what was pressed before.
ANSWERED = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestKernelInfo()"


@pytest.fixture
def desk(browser: Browser, lab: Lab) -> Iterator[Desk]:  # noqa: F811
    with a_room(browser, lab) as made:
        yield made


def test_memory_levels_off(desk: Desk, tmp_path: Path) -> None:
    """The same random uses in each run: sliders, failures and undo, moves of a puzzle, steps, a theatre that plays."""
    desk.open_notebook(written(tmp_path, "soak", *CELLS))
    desk.run_all()
    kernel = int(desk.output(len(CELLS) - 1).inner_text().split()[-1])
    draw, seen = random.Random(1), {name: list[float]() for name in SLACK}
    began, due = time.monotonic(), 0.0
    uses = acts(desk, draw)
    count = 0
    while (passed := time.monotonic() - began) < MINUTES * 60:
        if passed >= due:
            due += MINUTES * 60 / SAMPLES
            as_at_the_start(desk)
            for name, value in measured(desk, kernel).items():
                seen[name].append(value)
            told = ", ".join(f"{values[-1]:,.0f} {name}" for name, values in seen.items())
            print(f"  soak {passed / 60:5.1f} min, {count:5} uses: {told}", flush=True)
        draw.choice(uses)()
        count += 1
    desk.assert_clean()
    desk.clear()
    assert until_gone(kernel), "the kernel has not ended"
    for name, values in seen.items():
        assert len(values) >= 6, "the time was too short to say anything"
        assert_level(name, values, SLACK[name])


def panel(desk: Desk, place: int) -> Locator:
    """Lab, failure deck, puzzle, diagram."""
    return desk.panel.locator(f".soak{place}")


def as_at_the_start(desk: Desk) -> None:
    """What was set and pressed is taken back, as a picture of 1,000 clients is larger than one of two."""
    for handle in panel(desk, 0).get_by_role("slider").all():
        if handle.get_attribute("aria-disabled") != "true":
            pressed(handle, "Home")
    panel(desk, 1).get_by_role("button", name="[b] reset").click()
    panel(desk, 2).get_by_role("button", name="[b] start again").click()
    panel(desk, 3).get_by_role("slider").first.press("Home")
    desk.wait_idle()


def acts(desk: Desk, draw: random.Random) -> list[Callable[[], object]]:
    """What somebody does, a use each."""
    stampede, stage, puzzle, diagram = (panel(desk, place) for place in range(4))

    def slide() -> None:
        handle = draw.choice(stampede.get_by_role("slider").all())
        if handle.get_attribute("aria-disabled") != "true":
            pressed(handle, draw.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown"]))

    def click(within: Locator) -> Callable[[], None]:
        def one() -> None:
            within.evaluate(CLICK, draw.random())
            desk.page.evaluate(ANSWERED)
            desk.wait_idle()

        return one

    return [slide, slide, click(stage), click(stage), click(puzzle), click(diagram)]


def pressed(handle: Locator, key: str) -> None:
    handle.focus()
    handle.page.keyboard.press(key)
    handle.page.wait_for_timeout(200)


def measured(desk: Desk, kernel: int) -> dict[str, float]:
    """The kernel's resident memory, and the page's heap and nodes after a collection."""
    devtools = desk.page.context.new_cdp_session(desk.page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    page = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    devtools.detach()
    status = Path(f"/proc/{kernel}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {"kernel MB": resident / 1024, "heap MB": page["JSHeapUsedSize"] / 2**20, "nodes": page["Nodes"]}


def assert_level(name: str, values: list[float], slack: float) -> None:
    """The last third of the values is no more than the second one, its share and the slack apart."""
    third = len(values) // 3
    before, after = median(values[third : 2 * third]), median(values[2 * third :])
    print(f"  soak, {name}: {before:,.1f} in the second third, {after:,.1f} in the last")
    assert after <= before * GROWTH + slack, name


def until_gone(pid: int) -> bool:
    """Within 20 s."""
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not Path(f"/proc/{pid}").exists()
