"""JupyterLab in Chromium: a server for each worker, one page for all tests, a clear desk for each.

The server runs on the Python that runs the tests, listens on 127.0.0.1 only, keeps all its files in a temporary folder
and ends with the tests, however they end: it watches a pipe that the operating system closes when this process is gone.
"""

from __future__ import annotations

import json
import os
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
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, expect, sync_playwright

from course_lib import bootstrap

from .desk import BLANK, ROOT, SIZE, Desk, Lab
from .labs import title

expect.set_options(timeout=30_000)  # ms; a busy machine takes its time, and an idle one waits no longer than it must

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
# The server in a process that ends itself when the pipe from its parent is closed.
WATCHED = """
import os, signal, sys, threading
sys.modules["rfc3987_syntax"] = None  # as in tests/conftest.py
def watch():
    while sys.stdin.buffer.read(1): pass
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
from jupyterlab.labapp import main
sys.exit(main())
"""


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One server for all browser tests of this worker."""
    with a_lab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@contextmanager
def a_lab(home: Path, *more: Path) -> Iterator[Lab]:
    """A server that keeps its files in a folder, and has besides what is in folders that Jupyter looks through."""
    folder = home / "work"
    folder.mkdir()
    made = Lab(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(16), folder)
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", WATCHED, *_options(made)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=_environment(home, *more),
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


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """Of this folder, not of the session: while Playwright runs, no other event loop can run in this thread."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="package")
def room(browser: Browser, lab: Lab) -> Iterator[Desk]:
    """JupyterLab is loaded once for all tests of this folder: that costs more than most of them do in it."""
    with a_room(browser, lab) as made:
        yield made


@contextmanager
def a_room(browser: Browser, lab: Lab) -> Iterator[Desk]:
    """A page of its own, for as long as the caller needs it."""
    context = browser.new_context(viewport=SIZE)
    made = Desk(context.new_page(), lab)
    made.page.on("console", lambda message: made.errors.append(message.text) if message.type == "error" else None)
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    context.on("request", lambda request: None if _own(request.url, lab) else made.foreign.append(request.url))
    yield made
    context.close()


@pytest.fixture
def desk(room: Desk, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """No notebook is open; kernels that the test started are gone afterwards. A failed test leaves nobody its page."""
    room.errors.clear()
    room.foreign.clear()
    failed, earlier = request.session.testsfailed, _sessions(room.lab)
    yield room
    if request.session.testsfailed > failed:
        room.page.goto(BLANK)
    room.clear()
    settings = room.lab.folder.parent / "settings"
    shutil.rmtree(settings / "@jupyterlab" / "apputils-extension" / "themes", ignore_errors=True)
    for session in _sessions(room.lab) - earlier:
        _ask(room.lab, "DELETE", f"/api/sessions/{session}")


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """`notebook("name", "cell", "cell")` writes a throw-away notebook of code cells and returns its path."""
    return partial(written, tmp_path)


@pytest.fixture
def lab_of(request: pytest.FixtureRequest, desk: Desk, notebook: Callable[..., Path]) -> Callable[[str], Locator]:
    """Open a notebook with the lab that the test's module names in LAB, set up with some fields; return the widget."""
    lesson, lab = request.module.LAB

    def opened(given: str = "") -> Locator:
        cell = f"from course_lib.lessons.{lesson}.lab import {lab}\nlab = {lab}({given})\nlab"
        desk.open_notebook(notebook("lab", cell))
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
        "--LanguageServerManager.autodetect=False",  # as in `make lab`
    ]


def _environment(home: Path, *more: Path) -> dict[str, str]:
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
    kernel = home / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", bootstrap.EXTENSION]
    spec = {"argv": argv, "display_name": "Python 3 (ipykernel)", "language": "python", "metadata": {"debugger": True}}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    jupyter = os.pathsep.join(map(str, [home / "jupyter", *more]))
    own = {"JUPYTER_PATH": jupyter, "COURSE_HOLD_BACK": "off"}  # the tests run all, and answer nothing
    path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **own, "PYTHONPATH": path, **{name: str(home / place) for name, place in places.items()}}


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


def _sessions(lab: Lab) -> set[str]:
    return {session["id"] for session in _ask(lab, "GET", "/api/sessions")}


def _ask(lab: Lab, method: str, path: str) -> Any:
    request = urllib.request.Request(lab.url + path, method=method, headers={"Authorization": f"token {lab.token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")
