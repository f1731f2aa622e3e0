"""JupyterLab in Chromium: a server for each worker, a clean page for each test, and the few verbs a learner has.

The server runs on the Python that runs the tests, listens on 127.0.0.1 only, keeps all its files in a temporary folder
and ends with the tests, however they end: it watches a pipe that the operating system closes when this process is gone.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".artefacts" / "screenshots"
# No sandbox and no GPU in containers; the rest keeps Chromium itself from looking for hosts of its maker.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
IDLE = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return session?.isReady && session.session?.kernel?.status === "idle";
}"""
# The server in a process that ends itself when the pipe from its parent is closed.
WATCHED = """
import os, signal, sys, threading
def watch():
    while sys.stdin.buffer.read(1): pass
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
from jupyterlab.labapp import main
sys.exit(main())
"""


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
        """Execute one of JupyterLab's own commands: no menus to click through."""
        script = "([name, args]) => window.jupyterapp.commands.execute(name, args)"
        self.page.evaluate(script, [name, arguments])

    def open_notebook(self, path: Path | str) -> None:
        """Open a notebook, copied into the lab's folder if it is not there yet, and wait for its kernel."""
        name = Path(path).name
        if Path(path).is_absolute():
            shutil.copy(path, self.lab.folder / name)
        self.page.goto(f"{self.lab.url}/lab/tree/{name}?token={self.lab.token}&reset")
        self.page.wait_for_selector(f"{PANEL} .jp-Cell", timeout=60_000)
        self.wait_idle()

    def run_all(self) -> None:
        """Run every cell and wait until the last has finished."""
        self.command("notebook:run-all-cells")
        unfinished = self.panel.locator(".jp-InputPrompt", has_text="[*]")
        expect(unfinished).to_have_count(0, timeout=240_000)
        self.wait_idle()

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(IDLE, timeout=120_000)

    def save(self) -> None:
        """Save the notebook, outputs and all."""
        self.command("docmanager:save")

    def theme(self, name: str) -> None:
        """`light` or `dark`."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name.capitalize()}")
        light = "true" if name == "light" else "false"
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)
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
        """Store a picture of each output that shows something."""
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

    def assert_clean(self, allow: tuple[str, ...] = ()) -> None:
        """No console error but those that contain an allowed text, and no request to any other host."""
        assert self.foreign == []
        assert [error for error in self.errors if not any(text in error for text in allow)] == []


def speak(pictures: Locator) -> None:
    """Each picture has a text alternative, and that has a number in it and is more than a title."""
    for alternative in pictures.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"):
        assert re.search(r"\d", alternative), alternative
        assert len(alternative) > 40, alternative


def title(box: Locator) -> Locator:
    return box.locator("svg[role=img] text.title")


def numbers(box: Locator, row: int = -1) -> dict[str, str]:
    """A row of the table, by column; the last is this run."""
    names = box.locator(".course-table thead th").all_inner_texts()
    rows = box.locator(".course-table tbody tr")
    cells = rows.nth(row % rows.count()).locator("th,td").all_inner_texts()
    return dict(zip(names, cells, strict=True))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One server for all browser tests of this worker."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "work"
    folder.mkdir()
    made = Lab(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(16), folder)
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", WATCHED, *_options(made)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=_environment(home),
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(made, server, home / "log.txt")
            yield made
        finally:
            assert server.stdin is not None
            server.stdin.close()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Of a module, not of the session: while Playwright runs, no other event loop can run in this thread."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def desk(browser: Browser, lab: Lab) -> Iterator[Desk]:
    """A fresh page; kernels that the test started are gone afterwards."""
    with a_desk(browser, lab) as made:
        yield made


@contextmanager
def a_desk(browser: Browser, lab: Lab) -> Iterator[Desk]:
    """A page of its own, for as long as the caller needs it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = Desk(context.new_page(), lab)
    made.page.on("console", lambda message: made.errors.append(message.text) if message.type == "error" else None)
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    context.on("request", lambda request: None if _own(request.url, lab) else made.foreign.append(request.url))
    earlier = {session["id"] for session in _ask(lab, "GET", "/api/sessions")}
    yield made
    context.close()
    shutil.rmtree(lab.folder.parent / "settings" / "@jupyterlab" / "apputils-extension" / "themes", ignore_errors=True)
    for session in _ask(lab, "GET", "/api/sessions"):
        if session["id"] not in earlier:
            _ask(lab, "DELETE", f"/api/sessions/{session['id']}")


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """`notebook("name", "cell", "cell")` writes a throw-away notebook of code cells and returns its path."""
    return partial(written, tmp_path)


@pytest.fixture
def lab_of(request: pytest.FixtureRequest, desk: Desk, notebook: Callable[..., Path]) -> Callable[[str], Locator]:
    """Open a notebook with the lab that the test's module names in LAB, set up with some fields; return the widget."""
    lab = request.module.LAB

    def opened(given: str = "") -> Locator:
        desk.open_notebook(notebook("lab", f"from course_lib.widgets.{lab} import {lab}\nlab = {lab}({given})\nlab"))
        desk.run_all()
        box = desk.output(0).locator(".widget-vbox").first
        expect(title(box)).to_be_visible()
        return box

    return opened


def written(folder: Path, name: str, *cells: str) -> Path:
    """A notebook of code cells in a folder."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(metadata=kernel, cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def _own(url: str, lab: Lab) -> bool:
    return url.startswith((lab.url, lab.url.replace("http", "ws"), "data:", "blob:", "about:"))


def _options(lab: Lab) -> list[str]:
    return [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={lab.url.rpartition(':')[2]}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={lab.token}",
        f"--ServerApp.root_dir={lab.folder}",
        "--allow-root",
        "--expose-app-in-browser",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the user's own Jupyter is read or written."""
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = json.dumps({"fetchNews": "false", "checkForUpdates": False})
    (settings / "notification.jupyterlab-settings").write_text(quiet)
    tracker = home / "settings" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    whole = json.dumps({"windowingMode": "none"})  # else JupyterLab takes cells that are out of sight off the page
    (tracker / "tracker.jupyterlab-settings").write_text(whole)
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **{name: str(home / place) for name, place in places.items()}}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            _ask(lab, "GET", "/api")
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)


def _ask(lab: Lab, method: str, path: str) -> Any:
    request = urllib.request.Request(lab.url + path, method=method, headers={"Authorization": f"token {lab.token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")
