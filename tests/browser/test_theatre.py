"""The theatre in Chromium: it plays, steps, jumps, freezes where a promise breaks, and speaks; by mouse and by keys."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from views.samples import crowd, five_clients, five_nodes, two_holders

from course_lib.widgets.theatre import Theatre, theatre

from .desk import SCREENSHOTS, Desk
from .theatre_page import page_of

SAMPLES = {"two": two_holders, "five": five_clients, "nodes": five_nodes, "crowd": lambda: crowd(300, 5)}
# How much of the canvas is not paper: what is drawn at all, as a share.
DRAWN = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), paper = [...data.slice(-4)];
  let other = 0;
  for (let i = 0; i < data.length; i += 4) other += data[i] !== paper[0] || data[i + 1] !== paper[1];
  return other / (data.length / 4);
}"""

# Whether the last pixel of the canvas has the color that the room's theme gives to paper.
IN_ITS_PAPER = """() => {
  const canvas = document.querySelector(".theatre-room canvas"), { width, height } = canvas;
  const drawn = canvas.getContext("2d").getImageData(width - 2, height - 2, 1, 1).data.slice(0, 3);
  const dark = document.body.dataset.jpThemeLight === "false";
  return getComputedStyle(canvas.parentElement).backgroundColor === `rgb(${[...drawn].join(", ")})`
    && (drawn[0] < 128) === dark;
}"""

# Keeps every line that is told, however shortly.
LISTEN = """() => {
  const line = document.querySelector(".theatre-line");
  window.told = [];
  new MutationObserver(() => window.told.push(line.textContent)).observe(line, { childList: true });
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without JupyterLab; whatever it asks another host for, or reports as an error, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    opened, wrong = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: wrong.append(request.url))
    yield opened
    context.close()
    assert wrong == []


def shown(page: Page, play: Theatre, theme: str = "light") -> None:
    page.set_content(page_of(play, theme=theme))
    expect(page.locator("canvas")).to_be_visible()


def test_it_plays_and_freezes_where_the_promise_breaks(page: Page) -> None:
    """Play runs to the violated moment, names it, and stands still; pressed again, it goes on to the end."""
    shown(page, theatre(two_holders()))
    status, play = page.get_by_role("status"), page.get_by_role("button", name="Play")
    for _ in range(2):
        page.get_by_role("button", name="Faster").click()
    play.click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(status).to_have_text("41.0 ms · Broken here: Two clients hold the lock", timeout=15_000)
    expect(play).to_be_visible()
    play.click()
    expect(status).to_have_text("The end. Two clients hold the lock at 41 ms.", timeout=15_000)
    expect(page.get_by_role("button", name="Again")).to_be_visible()


def test_every_key_works(page: Page) -> None:
    """Steps, the next event, speed, the beginning and the end; and Space plays."""
    shown(page, theatre(two_holders()))
    status, press = page.get_by_role("status"), page.keyboard.press
    page.get_by_role("group", name="Theatre").focus()
    press(".")
    expect(status).to_contain_text("0.5 ms · a → redis SET lock tok-a NX PX 30 ⇒ OK")
    press("f")
    expect(status).to_contain_text("4 ms · a pause 37 ms")
    press("f")
    expect(status).to_contain_text("30.5 ms · redis lock expires")
    press(",")
    expect(status).to_contain_text("4 ms · a pause 37 ms")
    press("Home")
    expect(status).to_contain_text("Press Play, or step")
    press("+")
    expect(page.locator(".theatre-speed")).to_have_text("2×")
    press("-")
    expect(page.locator(".theatre-speed")).to_have_text("1×")
    press(" ")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    press(" ")
    press("End")
    expect(status).to_contain_text("The end")


def test_every_control_has_a_name_and_tab_reaches_it(page: Page) -> None:
    shown(page, theatre(two_holders()))
    page.get_by_role("group", name="Theatre").focus()
    names = []
    for _ in range(9):
        page.keyboard.press("Tab")
        focused = "e => e.ariaLabel || e.closest('label')?.textContent.trim() || e.textContent.trim()"
        names.append(page.locator(":focus").evaluate(focused))
    assert names == [
        "‹ Back", "▶ Play", "Step ›", "⚑ Next event", "Slower", "Faster", "Moment of the run", "projector",
        "The whole run in words",
    ]  # fmt: skip
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem")).to_have_count(11)
    assert "taken by b at 33.5 ms" in page.locator("details p").inner_text()
    assert "taken by b at 33.5 ms" in str(page.get_by_role("img").get_attribute("aria-label"))


def test_reduced_motion_steps(page: Page) -> None:
    """Then Play goes from line to line, up to the violation, and draws nothing in between."""
    page.emulate_media(reduced_motion="reduce")
    play = theatre(two_holders())
    shown(page, play)
    page.evaluate(LISTEN)
    for _ in range(2):
        page.get_by_role("button", name="Faster").click()
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("status")).to_contain_text("Broken here", timeout=30_000)
    told, lines = page.evaluate("window.told"), [cue[1] for cue in play.staged.cues]
    broken = lines.index("41 ms · a  violation: Two clients hold the lock")
    assert told == [*lines[:broken], "41.0 ms · Broken here: Two clients hold the lock"]
    assert page.locator("canvas").evaluate("canvas => canvas.stats.frames") == 0


@pytest.mark.parametrize("look", ["light", "dark", "projector light", "projector dark"])
def test_what_is_shown_fits_the_screen_and_is_drawn(page: Page, look: str) -> None:
    """At 1280 × 720, on a projector too, all but the text of the whole run is on the screen, in the theme's colors."""
    for name, sample in SAMPLES.items():
        play = theatre(sample(), projector=look.startswith("projector"))
        play.go(len(play.staged.cues) // 2)
        shown(page, play, look.removeprefix("projector "))
        paper = page.locator(".theatre-room").evaluate("e => getComputedStyle(e).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == look.endswith("light")
        expect(page.get_by_role("status")).to_contain_text(" ms · ")
        line = page.get_by_role("status").bounding_box()
        assert line
        assert line["y"] + line["height"] < 720
        assert 0.01 < page.locator("canvas").evaluate(DRAWN) < 0.9
        if os.environ.get("COURSE_SCREENSHOTS"):
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"theatre-{name}-{look.replace(' ', '-')}.png")


LONG = "A worker that stands still for longer than its lock lives comes back, and both of them write the result"
# Keeps every word that is drawn.
INK = """() => {
  window.drawn = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (words, ...rest) {
    window.drawn.push(words);
    fillText.call(this, words, ...rest);
  };
}"""
# The theatre is in a cell, which is shown as a slide, with a list of 200 pixels below it.
ON_A_SLIDE = """() => {
  const room = document.getElementById("room"), list = document.createElement("div");
  list.style.height = "200px";
  room.classList.add("jp-Cell");
  room.append(list);
  document.body.dataset.jpDeckMode = "presenting";
  room.style.width = "900px";
}"""


def test_a_long_title_is_read_to_its_end_and_a_slide_needs_no_scrolling(page: Page) -> None:
    """For a projector, in a notebook of 912 pixels: before the play, where it freezes, and at the end."""
    page.set_content(page_of(theatre(two_holders(), title=LONG, ends=LONG + ".", projector=True), wide=912))
    page.evaluate(INK)
    high = page.locator("canvas").evaluate("e => e.offsetHeight")
    page.evaluate(ON_A_SLIDE)
    page.wait_for_function("high => document.querySelector('canvas').offsetHeight < high", arg=high)
    assert page.locator("#room").evaluate("e => e.offsetHeight") <= 720
    page.get_by_role("group", name="Theatre").focus()
    page.keyboard.press("End")
    drawn = page.evaluate("window.drawn")
    assert [words for words in drawn if words.endswith("…") and not words.startswith("SET")] == []
    assert {LONG, LONG + "."} <= {f"{one} {other}" for one, other in itertools.pairwise(drawn)}


def test_in_jupyterlab_its_keys_are_its_own(desk: Desk, notebook: Callable[..., Path]) -> None:
    """JupyterLab neither cuts a cell by X nor runs one; Python hears where it stands; and a projector is a switch."""
    cell = "from views.samples import *\nfrom course_lib.widgets.theatre import theatre\n"
    desk.open_notebook(notebook("theatre", f"{cell}shown = theatre(two_holders())\nshown", "print(shown.line)"))
    desk.run_all()
    stage = desk.output(0)
    expect(stage.locator("canvas")).to_be_visible()
    before = desk.cells
    stage.get_by_role("group", name="Theatre").focus()
    for key in (".", "x", "b", "f"):
        desk.page.keyboard.press(key)
    expect(stage.get_by_role("status")).to_contain_text("4 ms · a pause 37 ms")
    assert desk.cells == before
    for theme in ("dark", "light"):
        desk.theme(theme)
        desk.page.wait_for_function(IN_ITS_PAPER, timeout=15_000)
    desk.run_cell(1)
    expect(desk.output(1)).to_have_text(re.compile("4 ms · a +pause 37 ms"))
    stage.get_by_label("projector").check()
    expect(stage.locator(".theatre-room")).to_have_css("font-size", "21px")
    desk.assert_clean()
