"""Keys of a widget never reach the notebook, wherever the focus is; and one sees where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, expect
from thorough import unless

from course_lib.widgets.scheduler import KEYS
from course_lib.widgets.topology_buttons import ACTS

from .conftest import a_room
from .desk import Desk, Lab

SCHEDULER = "from course_lib.widgets.scheduler import Scheduler\nscheduler = Scheduler('lock')\nscheduler"
# A topology without servers: it notes what it is asked to do.
TOPOLOGY = """from course_lib.servers import NodeStatus
from course_lib.widgets.topology_panel import TopologyPanel
class Noted:
    is_running = True
    def __init__(self):
        self.asked = []
    def status(self):
        return [NodeStatus("primary", "data", 17001, "up", "primary", keys=3)]
    def __getattr__(self, verb):
        return lambda *name: self.asked.append(verb)
noted = Noted()
TopologyPanel(noted)"""
PREDICT = """from course_lib.widgets.predict import predict
predict("Which?", choices=["one", "other"], run=lambda: "one")"""
DIAGRAM = "from views.samples import *\nfrom course_lib.widgets.spacetime import SpaceTime\nSpaceTime(two_holders())"
LAB = "from course_lib.lessons.stampedes.lab import stampede_lab\nstampede_lab(clients=50)"
CELLS = (  # the texts are Markdown: keys of JupyterLab's act on them, too
    *("before = 1", SCHEDULER, "# A text", TOPOLOGY, "# A text", "print(len(scheduler.game.moves))"),
    *("print(len(noted.asked))", PREDICT, "# A text", DIAGRAM, "# A text", LAB, "# A text", "last = 1"),
)
EDITS = ("Delete", "Backspace", "Shift+M", "Shift+A", "Shift+K")
JUPYTERS = [*"abcdyzvmrxjkhldd", "i", "i", "0", "0", *EDITS]
"""What JupyterLab has keys for, if the focus is in the notebook: cut, add, delete, merge, turn into Markdown …"""


@dataclass(frozen=True)
class Panel:
    """A widget that offers keys: its cell; one that tells how often it was pressed; a key that counts, and a button."""

    cell: int
    heard: int
    keys: str
    counts: str
    button: str

    @property
    def offered(self) -> list[str]:
        """Every key twice, the second time of no use perhaps; as Caps Lock sends it; and those of JupyterLab."""
        return [*self.keys, *self.keys, *self.keys.upper(), *JUPYTERS]


PANELS = {
    "scheduler": Panel(1, 5, KEYS, "1", "start again"),
    "topology": Panel(3, 6, "123456789" + "".join({act.key: 0 for act in ACTS.values()}), "k", "1 primary"),
}
EACH = pytest.mark.parametrize(
    "panel", [pytest.param(panel, id=name, marks=unless(name == "scheduler")) for name, panel in PANELS.items()]
)


@pytest.fixture(scope="module")
def room(browser: Browser, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A page of its own with one notebook for all tests of this file."""
    new = {True: nbformat.v4.new_markdown_cell, False: nbformat.v4.new_code_cell}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(metadata=kernel, cells=[new[cell == "# A text"](cell) for cell in CELLS])
    place = tmp_path_factory.mktemp("keys") / "keys.ipynb"
    nbformat.write(made, place)
    with a_room(browser, lab) as desk:
        desk.open_notebook(place)
        yield desk
        desk.clear()


@pytest.fixture
def desk(room: Desk) -> Iterator[Desk]:
    """The cells are as they were, before and after each test."""
    sources = [source for _, source in room.cells]
    assert sources == list(CELLS)
    yield room
    assert [source for _, source in room.cells] == sources
    room.assert_clean()


def run(desk: Desk, cell: int) -> Locator:
    """Run a cell by Shift-Enter; the widget that it shows."""
    desk.run_cell(cell)
    return desk.panel.locator(".jp-Cell").nth(cell).locator(".jp-Cell-outputArea")


def presses(desk: Desk, panel: Panel) -> int:
    """How many keys or buttons the panel has heard, and not taken back."""
    return int(run(desk, panel.heard).inner_text())


def assert_kept(desk: Desk, keys: Iterable[str]) -> None:
    """Kinds and sources of all cells are what they were, after each of these keys."""
    before = desk.cells
    for key in keys:
        desk.page.keyboard.press(key)
        assert desk.cells == before, key


@EACH
def test_a_panel_that_was_run_has_the_focus_and_keeps_every_key(desk: Desk, panel: Panel) -> None:
    """From Shift-Enter on the panel hears its keys, and says so; the next Shift-Enter goes on with the next cell."""
    shown = run(desk, panel.cell)
    box = shown.locator(".course-keyed")
    expect(box).to_be_focused()
    expect(box.get_by_text("Keys work here")).to_be_visible()
    expect(box).to_have_css("outline-style", "solid")
    desk.screenshot(f"keys-with-focus-{panel.counts}")
    assert_kept(desk, [panel.counts, *panel.offered])
    desk.page.keyboard.press("Control+s")
    expect(box).to_be_focused()
    desk.page.keyboard.press("Shift+Enter")
    expect(box).not_to_be_focused()
    expect(desk.panel.locator(".jp-Cell").nth(panel.cell + 2)).to_be_focused()


@EACH
def test_a_panel_without_the_focus_says_what_to_do_and_hears_nothing(desk: Desk, panel: Panel) -> None:
    """The focus in its cell, in another one, or nowhere; a click on the panel, or on a button in it, gives it back."""
    shown = run(desk, panel.cell)
    box = shown.locator(".course-keyed")
    expect(box).to_be_focused()
    desk.page.keyboard.press("Escape")
    expect(desk.panel.locator(".jp-Cell").nth(panel.cell)).to_be_focused()
    invites = box.get_by_text("Click here to use keys")
    expect(invites).to_be_visible()
    expect(box).to_have_css("outline-style", "none")
    desk.screenshot(f"keys-without-focus-{panel.counts}")
    desk.page.keyboard.press("k")  # the cell's: JupyterLab goes to the one above it
    expect(desk.panel.locator(".jp-Cell").nth(panel.cell - 1)).to_be_focused()
    desk.page.evaluate("document.activeElement.blur()")
    assert_kept(desk, panel.offered)
    expect(invites).to_be_visible()
    assert presses(desk, panel) == 0

    invites.click()
    expect(box).to_be_focused()
    expect(invites).to_be_hidden()
    assert_kept(desk, panel.offered)
    button = shown.get_by_role("button", name=panel.button)
    button.click()
    expect(button).to_be_focused()
    expect(box).to_have_css("outline-style", "solid")
    assert_kept(desk, panel.offered)
    presses(desk, panel)  # by now all of them have been heard
    button.click()
    before = presses(desk, panel)
    button.focus()
    assert_kept(desk, 3 * panel.counts)
    assert presses(desk, panel) == before + 3, "each is heard, however quick they are"


def test_in_a_text_field_of_a_panel_keys_are_text(desk: Desk) -> None:
    """They move nothing on the panel and change no cell; Escape gives the focus to the panel."""
    panel = PANELS["scheduler"]
    shown = run(desk, panel.cell)
    field = shown.get_by_placeholder("a replay code")
    field.click()
    typed = [key for key in panel.offered if key not in EDITS]
    assert_kept(desk, typed)
    expect(field).to_have_value("".join(typed))
    expect(shown.locator(".course-keyed")).to_have_css("outline-style", "solid")
    field.fill("")
    desk.page.keyboard.press("Escape")
    expect(shown.locator(".course-keyed")).to_be_focused()
    assert presses(desk, panel) == 0


def test_a_button_that_goes_away_leaves_the_focus_to_its_panel(desk: Desk) -> None:
    """A command that waits no more, an undo when nothing is left to undo: the next key is still the panel's."""
    shown = run(desk, PANELS["scheduler"].cell)
    box, status = shown.locator(".course-keyed"), shown.get_by_role("status").first
    shown.get_by_role("button", name="1 alice: SET").click()
    expect(status).to_contain_text("1 move.")
    undo = shown.get_by_role("button", name="[u] undo")
    undo.click()
    expect(undo).to_be_disabled()
    expect(box).to_be_focused()
    shown.get_by_role("button", name="[x] client crashes first").click()
    expect(shown.get_by_role("button", name="[x] client crashes first")).to_have_attribute("aria-pressed", "true")
    third = shown.get_by_role("button", name="3 carol: SET")
    third.click()
    expect(third).to_be_hidden()
    expect(box).to_be_focused()
    desk.page.keyboard.press("1")
    expect(status).to_contain_text("2 moves.")
    assert_kept(desk, JUPYTERS)


@pytest.mark.parametrize(("cell", "control", "keys"), [
    (7, "[type=radio]", ["ArrowDown", "ArrowUp", "ArrowDown", "Space"]),
    (9, "[role=slider]", ["ArrowLeft", "ArrowUp", "Home", "End"]),
    (9, "button:enabled", ["Space", "Enter", "ArrowDown"]),
    (11, "select", ["ArrowDown", "ArrowUp"]),
    (11, "[role=slider]", ["ArrowLeft", "ArrowUp", "PageDown"]),
    (11, ".course-number input", ["ArrowDown"]),
])  # fmt: skip
def test_the_keys_of_any_control_stay_with_it(desk: Desk, cell: int, control: str, keys: list[str]) -> None:
    """In widgets that offer no keys of their own: the cells are as they were, and the focus is still in the widget."""
    shown = run(desk, cell)
    has = shown.locator(control).first
    expect(has).to_be_visible()
    has.focus()
    assert_kept(desk, [*keys, *JUPYTERS, *keys])
    expect(shown.locator(":focus")).to_have_count(1)


def test_run_all_leaves_the_focus_to_the_notebook(desk: Desk) -> None:
    """Panels do not fight for it, and none scrolls into view; each says what to do."""
    desk.run_all()
    for panel in PANELS.values():
        shown = desk.panel.locator(".jp-Cell").nth(panel.cell)
        expect(shown.get_by_text("Click here to use keys")).to_be_visible()
    expect(desk.panel.locator(".course-keyed:focus-within")).to_have_count(0)


def test_the_keys_of_jupyterlab_do_change_the_cells_elsewhere(desk: Desk) -> None:
    """The control: with the focus in a cell, the same keys act on the notebook, so that `assert_kept` can fail."""
    desk.run_cell(0)
    desk.page.keyboard.press("b")
    with pytest.raises(AssertionError, match="x"):
        assert_kept(desk, "x")
    assert [source for _, source in desk.cells] == list(CELLS)
