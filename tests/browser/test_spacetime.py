"""The space-time diagram as a learner meets it: in JupyterLab, by mouse and by keyboard, with and without a kernel."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from .conftest import a_room, written
from .desk import Desk, Lab

IMPORTS = "from views.samples import *\nfrom course_lib.widgets.spacetime import SpaceTime\n"
# Waits for the style that follows a key press on a slider, and returns how long that took.
MEASURE = """async ([handle, key]) => {
  const took = [];
  for (let i = 0; i < 40; i++) {
    const before = document.querySelector(".spacetime .cursor").getBoundingClientRect().x, start = performance.now();
    handle.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    while (document.querySelector(".spacetime .cursor").getBoundingClientRect().x === before
           && performance.now() - start < 2000) await new Promise(requestAnimationFrame);
    took.push(performance.now() - start);
  }
  return took;
}"""


@pytest.fixture(scope="module")
def desk_of_five(browser: Browser, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A page of its own for the tests that look at one diagram: opened and run once."""
    with a_room(browser, lab) as desk:
        cell = IMPORTS + "shown = SpaceTime(five_clients())\nshown"
        desk.open_notebook(written(tmp_path_factory.mktemp("five"), "five", cell))
        yield desk
        desk.clear()


@pytest.fixture
def five(desk_of_five: Desk) -> Iterator[Locator]:
    """The diagram of five clients, as new."""
    desk_of_five.run_all()
    shown = desk_of_five.output(0)
    expect(shown.locator("svg.spacetime:visible")).to_be_visible()
    expect(shown.get_by_role("status")).to_contain_text("The whole run")
    yield shown
    desk_of_five.assert_clean()


def test_stepping_by_mouse_moves_picture_status_and_text_trace(five: Locator) -> None:
    """One press on Step shows the first moment in all three, a second press the next."""
    expect(five.get_by_role("status")).to_contain_text("The whole run")
    expect(five.locator(".cursor")).to_be_hidden()
    five.get_by_role("button", name="Step", exact=True).click()
    expect(five.get_by_role("status")).to_contain_text("1 of 19 · 0.5 ms · a → redis GET page:42")
    expect(five.locator(".cursor")).to_be_visible()
    first = five.locator(".cursor .now").bounding_box()
    expect(five.locator("li.r0")).to_have_css("font-weight", "600")
    expect(five.locator(".e0 .tip")).to_be_visible()
    five.get_by_role("button", name="Step", exact=True).click()
    expect(five.get_by_role("status")).to_contain_text("2 of 19")
    expect(five.locator("li.r0")).to_have_css("font-weight", "400")
    second = five.locator(".cursor .now").bounding_box()
    assert first
    assert second
    assert second["x"] > first["x"]
    five.get_by_role("button", name="Step back").click()
    expect(five.get_by_role("status")).to_contain_text("1 of 19")


def test_every_control_is_reached_and_worked_by_keyboard(desk_of_five: Desk, five: Locator) -> None:
    """Tab goes through buttons, Play and slider in this order, each with a name; keys work them."""
    five.get_by_role("button", name="Step back").focus()
    names = []
    for _ in range(7):
        focused = "e => e.getAttribute('aria-label') || e.textContent.trim()"
        names.append(desk_of_five.page.locator(":focus").evaluate(focused))
        desk_of_five.page.keyboard.press("Tab")
    assert names[:6] == ["Step back", "Step", "Next fault", "Play", "Back to the whole run", "Time (ms)"]
    five.get_by_role("button", name="Next fault").focus()
    desk_of_five.page.keyboard.press("Enter")
    expect(five.get_by_role("status")).to_contain_text("[reply lost]")
    slider = desk_of_five.slider("Time (ms)")
    slider.focus()
    desk_of_five.page.keyboard.press("Home")
    expect(five.get_by_role("status")).to_contain_text("Before the first command")
    desk_of_five.page.keyboard.press("End")
    expect(five.get_by_role("status")).to_contain_text("19 of 19")


def test_its_keys_work_while_it_has_the_focus(desk_of_five: Desk, five: Locator) -> None:
    """A click gives it the focus and Escape leaves it; in between JupyterLab hears none of its keys."""
    keyboard, status = desk_of_five.page.keyboard, five.get_by_role("status")
    before = desk_of_five.cells
    five.get_by_text("Click here to use keys").or_(five.get_by_text("Keys work here")).locator("visible=true").click()
    keyboard.press(".")
    expect(status).to_contain_text("1 of 19")
    keyboard.press("f")
    expect(status).to_contain_text("[reply lost]")
    keyboard.press(",")
    keyboard.press("x")  # JupyterLab would cut the cell
    keyboard.press("Escape")
    told = status.inner_text()
    keyboard.press(".")
    assert status.inner_text() == told
    assert desk_of_five.cells == before


def test_dragging_the_slider_moves_the_cursor(desk_of_five: Desk, five: Locator) -> None:
    """A press in the middle of the slider shows a moment in the middle of the run."""
    track = five.locator(".noUi-target").bounding_box()
    assert track
    desk_of_five.page.mouse.click(track["x"] + track["width"] / 2, track["y"] + track["height"] / 2)
    expect(five.get_by_role("status")).to_contain_text(re.compile(r"1\d of 19"))
    expect(five.locator(".cursor")).to_be_visible()


def test_next_fault_visits_each_fault_and_begins_again(five: Locator) -> None:
    """Three things went wrong; the fourth press shows the first of them again."""
    button = five.get_by_role("button", name="Next fault")
    for told in ("[reply lost]", "crash", "[request lost]", "[reply lost]"):
        button.click()
        expect(five.get_by_role("status")).to_contain_text(told)


def test_play_runs_to_the_end_and_back_to_the_whole_run(desk: Desk, notebook: Callable[..., Path]) -> None:
    """Play visits the last moment by itself; its second button shows the whole run again."""
    desk.open_notebook(notebook("play", IMPORTS + "shown = SpaceTime(two_holders()); shown.play.interval = 40\nshown"))
    desk.run_all()
    shown = desk.output(0)
    shown.get_by_role("button", name="Play").click()
    expect(shown.get_by_role("status")).to_contain_text("10 of 10", timeout=10_000)
    shown.get_by_role("button", name="Back to the whole run").click()
    expect(shown.get_by_role("status")).to_contain_text("The whole run")
    desk.assert_clean()


def test_hover_and_focus_show_command_and_reply(desk_of_five: Desk, five: Locator) -> None:
    """The words of a message appear under the mouse, and for the keyboard when the message has the focus."""
    tip = five.locator(".e0 .tip")
    expect(tip).to_be_hidden()
    five.locator(".e0 .hit").hover(force=True, position={"x": 0, "y": 1})
    desk_of_five.page.mouse.move(*_middle_of_request(five, 0))
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("GET page:42 ⇒ nil")
    desk_of_five.page.mouse.move(2, 2)
    expect(tip).to_be_hidden()
    desk_of_five.slider("Time (ms)").focus()
    for _ in range(4):
        desk_of_five.page.keyboard.press("Tab")
        if desk_of_five.page.evaluate("document.activeElement.matches('g.m')"):
            break
    expect(five.locator("g.m:focus-visible .tip")).to_be_visible()


def test_a_click_on_a_line_of_the_text_trace_goes_there(five: Locator) -> None:
    """The text trace is a way to move, not only to read."""
    five.locator("li.r11").click()
    expect(five.get_by_role("status")).to_contain_text("12 of 19")


def test_the_current_line_is_scrolled_into_view(five: Locator) -> None:
    """At the last moment the last line stands within the list's frame; at the first the first."""
    five.get_by_role("button", name="Step back").click()
    expect(five.get_by_role("status")).to_contain_text("19 of 19")
    inside = """row => { const a = row.getBoundingClientRect(), b = row.closest("ol").getBoundingClientRect();
                         return a.top >= b.top - 1 && a.bottom <= b.bottom + 1; }"""
    handle = five.locator("li.r18").element_handle()
    five.page.wait_for_function(inside, arg=handle)
    assert not five.locator("li.r0").evaluate(inside)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_pictures_of_two_to_a_thousand_clients(desk: Desk, notebook: Callable[..., Path], theme: str) -> None:
    """Each is drawn, named for a screen reader, and kept as a test artefact; text has the color of the theme."""
    samples = ("two_holders()", "five_clients()", "five_nodes()", "crowd(50, 20)", "crowd(1000, 5)")
    desk.page.set_viewport_size({"width": 1500, "height": 1000})
    desk.open_notebook(notebook("gallery", *(IMPORTS + f"SpaceTime({sample})" for sample in samples)))
    desk.theme(theme)
    desk.run_all()
    for i, sample in enumerate(samples):
        shown = desk.output(i)
        shown.scroll_into_view_if_needed()
        expect(shown.get_by_role("img", name=re.compile("^Space-time diagram: "))).to_be_visible()
        color = shown.locator("svg .title").evaluate("e => getComputedStyle(e).fill")
        assert ("255, 255, 255" in color) == (theme == "dark")
        desk.screenshot(f"spacetime-{re.sub(r'[^a-z0-9]+', '-', sample).strip('-')}-{theme}", shown)
    desk.assert_clean()


def test_scrubbing_fifty_clients_moves_the_cursor_and_draws_nothing_anew(
    desk: Desk, notebook: Callable[..., Path]
) -> None:
    """That is why it is smooth: each key moves the cursor in the picture that is there. How fast, the test prints."""
    desk.open_notebook(notebook("fifty", IMPORTS + "SpaceTime(crowd(50, 20))"))
    desk.run_all()
    handle = desk.slider("Time (ms)")
    handle.focus()
    picture = desk.output(0).locator("svg.spacetime").element_handle()
    took = desk.page.evaluate(MEASURE, [handle.element_handle(), "ArrowLeft"])[1:]
    median, p95 = statistics.median(took), sorted(took)[int(len(took) * 0.95) - 1]
    print(f"slider to picture: median {median:.0f} ms, p95 {p95:.0f} ms")
    assert max(took) < 2000, "each key moved it; MEASURE gives up after 2 s"
    assert desk.page.evaluate("one => one === document.querySelector('svg.spacetime')", picture)


def _middle_of_request(shown: Locator, index: int) -> tuple[float, float]:
    """Where the request of an event is half-way, on the page."""
    place = shown.locator(f".e{index} .hit").evaluate(
        """e => { const p = e.getPointAtLength(e.getTotalLength() / 4), m = e.getScreenCTM();
                  return [p.x * m.a + m.e, p.y * m.d + m.f]; }"""
    )
    return place[0], place[1]
