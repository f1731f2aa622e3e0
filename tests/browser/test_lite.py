"""The edition for a browser alone, which `make lite` wrote, as a learner meets it: a check, a wrong and a right answer.

The workflow for GitHub Pages builds it and runs this. A kernel takes seconds to start there, so one test does it all.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .desk import EXECUTED, ROOT, SIZE
from .test_accessible import violations

LITE = ROOT / ".artefacts" / "lite"
CELL = ".jp-NotebookPanel .jp-Cell"
READY = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return session?.isReady && session.session?.kernel?.status === 'idle';
}"""
RUN = """async ([id, source]) => {
  const app = window.jupyterapp, { content: book } = app.shell.currentWidget;
  const at = [...book.model.cells].findIndex((cell) => cell.id === id);
  book.activeCellIndex = at;
  if (source) book.activeCell.model.sharedModel.setSource(source);
  await app.commands.execute('notebook:run-cell');
  return book.model.cells.get(at).toJSON().outputs
    .map((one) => one.data?.['text/plain'] ?? one.text ?? `${one.ename}: ${one.evalue}`).flat().join('');
}"""
WRONG = "async def count(redis, key, *, window):\n    hits = await redis.incr(key)\n    return hits\n"

pytestmark = pytest.mark.skipif(
    not (LITE / "index.html").exists(), reason="the edition for a browser is not built (make lite)"
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Any web server can serve the edition: this one knows nothing of it."""

    def log_message(self, format: str, *args: object) -> None:
        """Not a word."""


@pytest.fixture
def address() -> Iterator[str]:
    serve = functools.partial(Quiet, directory=str(LITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """It asks no other host for anything."""
    context = browser.new_context(viewport=SIZE)
    foreign: list[str] = []
    own = (address, "data:", "blob:")
    context.on("request", lambda asked: None if asked.url.startswith(own) else foreign.append(asked.url))
    yield context.new_page()
    context.close()
    assert foreign == []


def opened(page: Page) -> None:
    page.wait_for_selector(CELL, timeout=120_000)
    page.wait_for_function(READY, timeout=240_000, polling=100)


def answer(id: str) -> str:
    """What solves it, of the worked solutions."""
    found: Path = next((ROOT / "solutions").glob(f"{id[:2]}_*.ipynb"))
    cells = json.loads(found.read_text(encoding="utf-8"))["cells"]
    return next("".join(cell["source"]) for cell in cells if cell["id"] == f"answer-{id.replace('.', '-')}")


def test_an_answer_is_judged_and_kept(page: Page, address: str) -> None:
    page.set_default_timeout(240_000)
    looks: list[str] = []  # into the folders of the page: a kernel waits for the answer to each
    page.context.on("request", lambda asked: looks.append(asked.url) if asked.url.endswith("api/drive") else None)
    page.goto(f"{address}/lab/index.html?path=exercises/03_lua_atomicity.ipynb")
    opened(page)
    assert len(looks) < 20, "imports look into the notebook's folder first"

    def run(id: str, source: str = "") -> str:
        return str(page.evaluate(RUN, [id, source]))

    run("begin")
    assert "Error" not in run("imports")
    run("answer-03-1", WRONG)
    verdict = run("check-03-1")
    assert "Not yet" in verdict
    assert "without a TTL" in verdict
    assert "once your own answer has passed" in run("check-03-2", "solution('03.1')")
    run("answer-03-1", answer("03.1"))  # a script in Lua
    assert "6 of 6 points" in run("check-03-1")
    expect(page.locator(".jp-Notebook")).to_contain_text("Noted in progress.txt")
    assert "A worked solution" in run("check-03-2", "print(solution('03.1')._repr_mimebundle_()['text/html'])")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    page.reload()
    opened(page)
    expect(page.locator(".jp-Notebook")).to_contain_text("redis.call('INCR', KEYS[1])")
    run("imports")
    assert "6 of 6" in run("check-03-2", "print(progress())")


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing: axe comes by it")
@pytest.mark.parametrize("number", ["00", "02", "03", "04", "05", "06", "07"])
def test_axe_finds_no_violation_in_a_lesson(page: Page, address: str, number: str) -> None:
    """After Run All, with all sections unfolded."""
    page.set_default_timeout(600_000)
    lesson = next((ROOT / "notebooks").glob(f"{number}_*.ipynb"))
    page.goto(f"{address}/lab/index.html?path=notebooks/{lesson.name}")
    opened(page)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(EXECUTED, polling=500)
    page.wait_for_function(READY, polling=500)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:expand-all-headings')")
    assert violations(page) == []
