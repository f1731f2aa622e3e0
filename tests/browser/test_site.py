"""The pages that `make site` wrote, opened from the folder: nothing leaves, nothing overflows, axe finds no fault.

The workflow for GitHub Pages builds them and runs this; it takes minutes, as all lessons are run for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from course_lib.website.tools import package

from .desk import ROOT

SITE = ROOT / ".artefacts" / "site"
PAGES = sorted(path for path in SITE.rglob("*.html") if "lite" not in path.relative_to(SITE).parts)
LOCAL = ("file:", "data:", "blob:")
UNFOLD = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"
IDLE = "() => new Promise((done) => requestIdleCallback(done, { timeout: 2000 }))"  # what a script asks for late
AXE = "() => axe.run({ resultTypes: ['violations'] })"

pytestmark = pytest.mark.skipif(not PAGES, reason="the site is not built (make site)")


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    size: Any = {"width": 390, "height": 844} if request.param == "dark" else {"width": 1280, "height": 900}
    context = browser.new_context(color_scheme=request.param, viewport=size, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_every_page_works_from_a_folder(page: Page) -> None:
    """With a wide light window and a narrow dark one."""
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.context.on("request", lambda asked: None if asked.url.startswith(LOCAL) else faults.append(asked.url))
    for path in PAGES:
        page.goto(path.as_uri())
        if (over := page.evaluate(OVERFLOW)) > 1:
            faults.append(f"{over} pixels too wide")
        page.evaluate(UNFOLD)
        page.evaluate(IDLE)
        assert faults == [], path.name


def test_the_search_finds_a_lesson(page: Page) -> None:
    page.goto(f"{(SITE / 'search.html').as_uri()}?q=stampede")
    page.locator("#search-results a", has_text="Survive the stampede").first.wait_for()


def test_axe_finds_no_violation(page: Page) -> None:
    axe = (package("axe-core") / "axe.min.js").read_text(encoding="utf-8")
    found = []
    for path in PAGES:
        page.goto(path.as_uri())
        page.evaluate(UNFOLD)
        page.evaluate(axe)
        for violation in page.evaluate(AXE)["violations"]:
            found += [f"{path.name}: {violation['id']}: {node['html'][:160]}" for node in violation["nodes"]]
    assert found == []
