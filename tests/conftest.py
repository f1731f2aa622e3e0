"""What every test may use, the order of the files, and CI's rule: with COURSE_STRICT set, a skipped test has failed."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import sys
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from course_lib.servers import Found

# The only reasons for which CI may skip a test; a test says exactly one of them.
PERMITTED_SKIPS = {
    "COURSE_SLOW is not set": "builds a second environment, as CI has just done, or runs containers",
    "this machine does not offer that sandbox": "the probe then takes another or refuses, as tests hold anywhere",
    "Linux only: elsewhere the probe tries the system's own sandbox": "macOS and Windows have other sandboxes, or none",
    "no container engine answers here": "it runs where Docker or Podman is, with COURSE_SLOW set",
    "the package index could not supply the peers": "theirs is the fault that a test shows, and .ci/run has tried",
    "the site is not built (make site)": "the workflow for GitHub Pages builds it, runs all lessons for it, and looks",
    "the edition for a browser is not built (make lite)": "the workflow for GitHub Pages builds it, and tests it",
    "npm is missing: axe comes by it": "GitHub's runners have npm; the site's own test needs it as well",
    "dask is not installed": "it stands for any cluster's executor; the course itself needs none",
    "that checker has no release for this Python": "CI runs the same tests under each Python in a job of its own",
    "this Python is not installed": "CI runs the same tests under each Python in a job of its own",
}

# What takes longest, the longest first: a worker takes a file at a time, and a long one that begins late is waited for
# while the other workers have nothing to do. A worker keeps its browser from one file of tests/browser to the next.
LONGEST = (
    "browser/test_lesson_01.py",
    "browser/test_lesson_03.py",
    "browser/test_lesson_00.py",
    "browser",
    "grading/test_programs.py",
    "test_notebooks.py",
    "servers/test_topology.py",
    "test_bootstrap.py",
    "grading",
    "lessons",
    "servers",
    "patterns",
)

# Files that are dealt in parts: what a worker takes at a time of the programs is an exercise, of the notebooks one.
PARTS = {
    "test_programs.py": re.compile(r"\[(\d\d\.\d)\b"),
    "test_notebooks.py": re.compile(r"to_its_end\[(.*)\]"),
}

# Tests of real processes: servers, browsers, kernels. A busy machine can hold such a process up for longer than a test
# waits, so each has a second try. What was seen at the first is told at the end of the run; --fail-on-flaky allows no
# second try. A simulated test has one: it gives the same again.
REAL_FOLDERS = {"browser", "servers", "peers"}
REAL_FILES = re.compile(r"test_(\w+_)?(real|processes|notebooks|kernel|kernel_is_safe|window|remote)\.py")
REAL_SERVER = re.compile(r"\[.*(Redis|Valkey) \d")

# The grammars of two dozen kinds of URI, which jsonschema would compile for three seconds in each process that imports
# nbformat. It does without them, as where they are not installed: no notebook has a field of such a format.
sys.modules["rfc3987_syntax"] = None

# What one process has compiled, the other hundreds need not compile again, also where Python was told to keep nothing.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Whoever works on the course has a record of progress beside the notebooks, too: no test writes there.
os.environ["COURSE_PROGRESS"] = "off"


def pytest_configure(config: pytest.Config) -> None:
    """xdist deals the files as they are collected, not those with most tests first, which are not the longest.

    And a shell that starts us in the background lets us, and so all that we start, ignore Control-C, which tests send.
    """
    if config.option.thorough:
        os.environ["COURSE_THOROUGH"] = "1"
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="all programs and all seeds: more than an hour")


@pytest.hookimpl(optionalhook=True)  # one process runs without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A worker takes a file at a time, so that it starts its servers once; of some files a part."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class OurScheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            found = (part.search(nodeid) for name, part in PARTS.items() if file.endswith(name))
            part = next(filter(None, found), None)
            return f"{file} {part[1]}" if part else file

    return OurScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first; else as they stand. Those that are `thorough` only where that is wanted."""
    if not config.option.thorough:
        _deal_servers(items)
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("thorough")])
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    for item in filter(_is_real, items):
        item.add_marker(pytest.mark.flaky(reruns=1))
    tests = Path(__file__).parent
    places = {tests / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: min(places.get(part, len(places)) for part in (item.path, *item.path.parents)))


def _is_real(item: pytest.Item) -> bool:
    folders = set(item.path.relative_to(Path(__file__).parent).parent.parts)
    return bool(folders & REAL_FOLDERS or REAL_FILES.fullmatch(item.path.name) or REAL_SERVER.search(item.nodeid))


def _deal_servers(items: list[pytest.Item]) -> None:
    """A test that takes `found` is there for each server of this machine: of these, one is enough, and not always the
    same. The contracts of patterns are held by every server in every run: they take a world."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        case = getattr(item, "callspec", None)
        if case and isinstance(found := case.params.get("found"), Found):
            cases.setdefault(item.nodeid.replace(found.flavor, "").replace(found.version, ""), []).append(item)
    for test, its in cases.items():
        chosen = its[zlib.crc32(test.encode()) % len(its)]
        for item in its:
            if item is not chosen:
                item.add_marker("thorough")


def pytest_collection_finish() -> None:
    """What is there now stays: gc.collect(), which many tests call, need not look through thousands of tests again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test (pytest.skip, skipif, importorskip inside it)."""
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself while it is imported."""
    return _strict((yield))


def _strict(report: Any) -> Any:
    if os.environ.get("COURSE_STRICT") and report.skipped and not hasattr(report, "wasxfail"):
        path, line, reason = report.longrepr
        reason = reason.removeprefix("Skipped: ")
        if reason not in PERMITTED_SKIPS:
            report.outcome = "failed"
            report.longrepr = f"{path}:{line}: skipped, which COURSE_STRICT does not allow: {reason}"
    return report


def installed_chromium() -> str | None:
    """The path of the browser that $COURSE_CHROMIUM names, or of one on PATH."""
    names = (os.environ.get("COURSE_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser: an installed one, or the one that `playwright install chromium` brought."""
    if (found := installed_chromium()) is not None:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        brought = playwright.chromium.executable_path
    if not os.path.exists(brought):
        pytest.skip("no Chromium: install your system's, or run `.venv/bin/python -m playwright install chromium`")
    return brought
