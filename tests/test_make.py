"""`make` alone lists what there is; `make lab` opens JupyterLab on the lesson map, and a taken port is no riddle."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import LONGEST, pytest_collection_modifyitems
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = [
    "env",
    "lab",
    "live",
    "test",
    "peers",
    "bench",
    "mutants",
    "check",
    "exercises",
    "reference",
    "site",
    "lock",
    "clean",
]


def make(*arguments: str) -> str:
    """As from a terminal, even when the tests themselves were started by make."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, env=plain).stdout


def test_a_bare_make_lists_every_target_with_a_line() -> None:
    listed = re.findall(r"^  (\w+) +\S.*$", make(), re.MULTILINE)
    assert set(TARGETS) <= set(listed)
    assert set(listed) == set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_arguments_are_passed_on() -> None:
    assert "-m jupyterlab" in make("-n", "lab")
    assert make("-n", "lab", "LAB_ARGS=--no-browser --port=9999").rstrip().endswith("--no-browser --port=9999")
    assert make("-n", "test", "TEST_ARGS=-x tests/test_make.py").rstrip().endswith("-x tests/test_make.py")


def test_the_tests_that_take_longest_begin_first() -> None:
    """Every name in the list is there; a file that is not in it comes after those that are, in its old order."""
    tests = ROOT / "tests"
    assert [name for name in LONGEST if not (tests / name).exists()] == []
    named = [tests / name if name.endswith(".py") else tests / name / "test_any.py" for name in LONGEST]
    others = [tests / "test_b.py", tests / "test_a.py"]
    kept = list[Any]().append
    items: list[Any] = [
        SimpleNamespace(path=path, nodeid=str(path), add_marker=kept) for path in (*others, *reversed(named))
    ]
    every_test: Any = SimpleNamespace(option=SimpleNamespace(thorough=True))
    pytest_collection_modifyitems(every_test, items)
    assert [item.path for item in items] == [*named, *others]


def test_the_makefile_is_one_that_gnu_make_3_81_reads() -> None:
    """macOS ships 3.81: what later versions brought is absent."""
    later = [
        r"\.ONESHELL",
        r"!=",
        r"::=",
        r"\$\(file\b",
        r"^[^#\n]*&:",
        r"\.RECIPEPREFIX",
        r"\$\(intcmp\b",
        r"\$\(let\b",
    ]
    assert [feature for feature in later if re.search(feature, re.sub(r"#.*", "", MAKEFILE), re.MULTILINE)] == []


# -- make lab ---------------------------------------------------------------------------------------------------------


class Lab:
    """`make lab` as a learner starts it whose home cannot be written: Jupyter keeps its files in a place of its own."""

    def __init__(self, folder: Path, arguments: str) -> None:
        self.log = folder / "log"
        (folder / "a file").touch()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON", "XDG_"))}
        own = {"HOME": str(folder / "a file")}
        more = [f"WORKSPACES={folder / 'workspaces'}", f"OWN_HOME={folder / 'home'}"]
        command = ["make", "-o", "env", "lab", f"COURSE={sys.executable}", *more, f"LAB_ARGS=--no-browser {arguments}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**kept, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_it_says(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + 60
        while not (said := re.search(pattern, self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return said

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)


@pytest.fixture(scope="module")
def taken_port() -> Iterator[int]:
    """A port on which somebody else's server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, taken_port: int) -> Iterator[Lab]:
    """`make lab` on a port that is taken."""
    started = Lab(tmp_path_factory.mktemp("lab"), f"--port={taken_port}")
    try:
        yield started
    finally:
        started.stop()


def test_a_taken_port_is_said_and_another_is_used(lab: Lab, taken_port: int) -> None:
    lab.wait_until_it_says(f"The port {taken_port} is already in use, trying another port")
    address = lab.wait_until_it_says(r"http://127\.0\.0\.1:(\d+)/\S+")
    assert int(address[1]) != taken_port
    assert "Traceback" not in lab.log.read_text()


def test_a_taken_port_without_another_is_a_sentence(tmp_path: Path, taken_port: int) -> None:
    """The learner insisted on this port, so JupyterLab says why it does not start, and stops."""
    lab = Lab(tmp_path, f"--port={taken_port} --port-retries=0")
    try:
        assert lab.process.wait(60) != 0
    finally:
        lab.stop()
    assert f"could not be started because port {taken_port} is not available" in lab.log.read_text()
    assert "Traceback" not in lab.log.read_text()


def test_a_home_that_cannot_be_written_is_a_sentence(lab: Lab) -> None:
    """Jupyter keeps its files elsewhere, and starts; for root, too; and it lists no language server that is missing."""
    lab.wait_until_it_says("a file cannot be written, so Jupyter keeps its own files in .venv/home")
    lab.wait_until_it_says(r"http://127\.0\.0\.1:\d+/\S+")
    log = lab.log.read_text()
    assert "Traceback" not in log
    assert "language-server" not in log


def test_it_opens_on_the_lesson_map_rendered(lab: Lab, chromium: str) -> None:
    """The address that JupyterLab prints leads to the map as a page, with no pop-up and no request to another host.

    Its text is a column, by the course's style sheet: JupyterLab alone sets no bound.
    """
    address = lab.wait_until_it_says(r"http://127\.0\.0\.1:\d+/\S+")[0]
    title = re.search(r"^# (.+)$", (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert title is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        try:
            elsewhere = requests_elsewhere(page)
            page.goto(address)
            expect(page.locator(".jp-MarkdownViewer h1")).to_contain_text(title[1], timeout=60_000)
            expect(page.locator(".jp-MarkdownViewer p").first).to_have_css("max-width", re.compile(r"^\d+px$"))
            page.wait_for_load_state("networkidle")
            expect(page.locator(".jp-Dialog, .jp-toast-message")).to_have_count(0)
            assert elsewhere == []
        finally:
            browser.close()


def requests_elsewhere(page: Page) -> list[str]:
    """A list that grows with each request to another host than this one."""
    seen: list[str] = []
    local = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:")
    page.on("request", lambda request: None if local.match(request.url) else seen.append(request.url))
    return seen
