"""What a verdict looks like: everything that the picture says is said in words, and nothing breaks the page."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from course_lib.grading import Verdict, check, hint

from .programs import answers, wrong


@cache
def failed() -> Verdict:
    return check("05.3", dict(wrong("05.3"))["no-second-look"])


@cache
def passed() -> Verdict:
    return check("05.1", answers("solutions")["05.1"])


def html(shown: Any) -> str:
    found: str = shown._repr_mimebundle_()["text/html"]
    return found


def test_a_failure_shows_what_broke_where_and_how_to_see_it_again() -> None:
    page, text = html(failed()), str(failed())
    for part in (page, text):
        assert failed().message in part
        assert "✗ broken" in part
        assert "✓ holds" in part
        assert "One expiry costs one load" in part
        assert f"{failed().code}" in part
        assert "hint(" in part
    assert "<svg" in page
    assert re.search(r"A second load at \d+(\.\d)? ms", page)
    assert 'role="img"' in page
    assert failed().shown is not None
    assert all(line in text for line in failed().shown.trace.text().splitlines())


def test_a_success_says_how_much_was_tried_why_it_works_and_what_it_does_not_do() -> None:
    for part in (html(passed()), str(passed())):
        assert re.search(r"\d+ schedules: \d+ sampled without a fault", part)
        assert "Why it works." in part
        assert "What it does not protect against." in part
    assert "hint(" not in str(passed())


def test_what_a_learner_wrote_cannot_break_the_page() -> None:
    async def shouts(redis: Any, key: str, load: Any, **policy: Any) -> Any:
        print("<script>alert(1)</script>")
        return "<b>&</b></div>"

    page = html(check("05.3", shouts))
    assert "<script>" not in page
    assert "<b>&" not in page


def test_the_last_line_of_a_cell_shows_text_and_html() -> None:
    for shown in (failed(), passed(), hint("05.1")):
        assert set(shown._repr_mimebundle_()) == {"text/html", "text/plain"}
    assert isinstance(failed(), Verdict)


THEMES = {
    "light": "--jp-ui-font-color1:#222;--jp-ui-font-color2:#555;--jp-layout-color0:#fff;--jp-border-color2:#d0d0d0",
    "dark": "--jp-ui-font-color1:#eee;--jp-ui-font-color2:#aaa;--jp-layout-color0:#111;--jp-border-color2:#444",
}
LAB = """
.jp-RenderedHTMLCommon table{table-layout:fixed;margin-left:auto;margin-bottom:1em;border-collapse:collapse}
.jp-RenderedHTMLCommon tbody tr:nth-child(even){background:#808080}
.jp-RenderedHTMLCommon td,.jp-RenderedHTMLCommon th{text-align:right;max-width:none;padding:.5em}
.jp-RenderedHTMLCommon p{margin:0 0 1em}
"""  # what JupyterLab's own style sheet says of tables
CONTRAST = """() => {
  const lum = c => {
    const parts = c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(x => c.startsWith('color(') ? x : x / 255);
    const v = parts.map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2];
  };
  const box = document.querySelector('.course-check'), paper = lum(getComputedStyle(box).backgroundColor);
  const worst = {};
  for (const e of box.querySelectorAll('p,td,th,code,summary,b,span')) {
    if (!e.textContent.trim()) continue;
    const ink = lum(getComputedStyle(e).color);
    const ratio = (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
    const name = e.tagName + '.' + e.className;
    worst[name] = Math.min(worst[name] ?? 99, ratio);
  }
  return [worst, box.scrollWidth <= box.clientWidth + 1, document.documentElement.scrollWidth <= innerWidth];
}"""


@pytest.mark.parametrize("theme", THEMES)
def test_every_word_can_be_read_in_either_theme(theme: str, chromium: str, tmp_path: Path) -> None:
    """A contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3), and nothing sticks out of the page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 800, "height": 900})
        for shown in (failed(), passed(), hint("05.1"), check("05.1", None)):
            root = f"<style>:root{{{THEMES[theme]}}}</style>"
            page.set_content(f"<!doctype html><meta charset=utf-8>{root}<style>{LAB}</style>"
                             f'<div class="jp-RenderedHTMLCommon">{html(shown)}</div>')  # fmt: skip
            worst, fits, no_scroll = page.evaluate(CONTRAST)
            assert {name: ratio for name, ratio in worst.items() if ratio < 4.5} == {}
            assert fits
            assert no_scroll
            widths = page.evaluate("() => [...document.querySelectorAll('td.says')].map(e => e.offsetWidth)")
            assert all(width > 400 for width in widths)  # a sentence has room, whatever the notebook says of tables
            tr = "() => [...document.querySelectorAll('tr')].map(e => getComputedStyle(e).backgroundColor)"
            assert set(page.evaluate(tr)) <= {"rgba(0, 0, 0, 0)"}
        browser.close()
