"""A notebook that was saved with its outputs, and is opened again where none of its widgets lives any more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from .desk import ROOT, Desk

CELLS = {
    "from course_lib.widgets.predict import predict\npredict('How many?', run=lambda: 3)": "How many?",
    "from course_lib.widgets.scheduler import Scheduler\nScheduler('lock')": "Be the scheduler.",
    "from course_lib.lessons.stampedes.lab import stampede_lab\nstampede_lab(clients=50)": "img",
    "from views.samples import *\nfrom course_lib.widgets.spacetime import SpaceTime\nSpaceTime(two_holders())": "img",
    "import course_lib.widgets.progress as one\nfor it in (0, 1):\n    with one.Bar('bar', 2, patience=0.0) as bar:\n"
    "        bar.update()\n    print('done', it)": "done 1",
    "from course_lib.grading import check\nasync def once(redis, key, load, *, ttl, lock_ttl, token):\n"
    "    return await load()\ncheck('05.3', once)": "Not yet",
    "from course_lib.widgets.explore import explore\nasync def count(redis, me):\n"
    "    await redis.set('n', int(await redis.get('n') or 0) + 1)\n    return await redis.get('n')\n"
    "explore(count, lambda run: 'lost' if len(set(run.results.values())) < 2 else None)": "Broken",
}
"""What makes a widget, and what is there without it: a text, or a picture. The bar makes two."""
LOST = "model not found"


def test_what_was_saved_with_widgets_shows_what_they_showed(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Each widget's still picture or text is there, and no sentence of JupyterLab's about the lost widget."""
    path = notebook("saved", *CELLS)
    desk.open_notebook(path)
    desk.run_all()
    expect(desk.output(3).locator("svg.spacetime:visible")).to_be_visible()
    expect(desk.output(3).locator("img")).to_be_hidden()
    expect(desk.output(4).get_by_role("progressbar")).to_have_count(0)
    desk.save()
    desk.command("kernelmenu:shutdown")
    desk.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel")
    desk.open_notebook(path.name, afresh=True)
    lost = desk.panel.locator(".jp-OutputArea-output", has_text=LOST)
    expect(lost).to_have_count(len(CELLS) + 1)  # only now has JupyterLab looked for all of them
    for one in lost.all():
        expect(one).to_be_hidden()
    for cell, still in enumerate(CELLS.values()):
        shown = desk.output(cell)
        expect(shown.locator("img") if still == "img" else shown.get_by_text(still).first).to_be_visible()
    expect(desk.output(3).locator("img")).to_have_attribute("alt", re.compile("Two clients hold the lock at 41 ms"))
    assert LOST not in desk.panel.locator(".jp-Notebook").inner_text()
    assert "Run this cell to use" not in desk.panel.locator(".jp-Notebook").inner_text()
    desk.screenshot("saved-trusted")
    desk.assert_clean(allow=("widget model not found",))  # what JupyterLab says on the console of every lost widget


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run elsewhere: JupyterLab does not trust it, and shows no widget and no script of it."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    here = f"import sys; sys.path += [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
    made.cells[0].source = here + made.cells[0].source
    NotebookClient(made, kernel_name="python3", store_widget_state=False).execute()
    place = tmp_path_factory.mktemp("saved") / "untrusted.ipynb"
    nbformat.write(made, place)
    return place


def test_without_trust_the_same_is_shown(desk: Desk, executed: Path) -> None:
    desk.open_notebook(executed)
    for cell, still in enumerate(CELLS.values()):
        shown = desk.output(cell)
        expect(shown.locator("img") if still == "img" else shown.get_by_text(still).first).to_be_visible()
    assert LOST not in desk.panel.locator(".jp-Notebook").inner_text()
    desk.screenshot("saved-untrusted")
    desk.assert_clean()


def test_as_a_page_the_same_is_shown(executed: Path) -> None:
    """What nbconvert writes holds each text, and each picture."""
    html, _ = HTMLExporter().from_filename(str(executed))
    for still in CELLS.values():
        assert re.search("<img[^>]* alt=" if still == "img" else re.escape(still), html)
    assert html.count("<img") >= 2
    assert LOST not in html
