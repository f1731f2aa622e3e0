"""Frames a second of the theatre with a crowd, on a page of its own in Chromium; and what it costs to draw a frame."""

from __future__ import annotations

from browser.conftest import browser  # noqa: F401  # a fixture
from browser.theatre_page import page_of
from playwright.sync_api import Browser, expect
from views.samples import crowd, two_holders

from course_lib.lessons.stampedes import burst
from course_lib.widgets.theatre import theatre

FLOOR = 0.85  # of the frames that a page gets here that draws nothing: on a machine that does nothing else, 60
RATIO = 4  # a crowd of 300 may cost so many times what two clients cost
WIDE = {"width": 1280, "height": 800}
# Frames and the milliseconds that each took to draw, over the first seconds of a play.
WATCH = """seconds => new Promise((done) => {
  document.querySelector("[data-do=toggle]").click();  // it plays; else nothing is drawn
  const { stats } = document.querySelector("canvas"), start = performance.now(), { frames, drawing } = stats;
  setTimeout(() => {
    const drawn = stats.frames - frames;
    done([(drawn * 1000) / (performance.now() - start), (stats.drawing - drawing) / drawn]);
  }, seconds * 1000);
})"""


# How often a page that draws nothing is asked for a frame: what this machine has to give at this moment.
IDLE = """seconds => new Promise((done) => {
  const start = performance.now();
  let frames = 0;
  const next = (now) => {
    frames++;
    if (now - start < seconds * 1000) requestAnimationFrame(next); else done((frames * 1000) / (now - start));
  };
  requestAnimationFrame(next);
})"""


async def naive(redis, load, caller):  # noqa: ANN001, ANN201
    if (page := await redis.get("page")) is None:
        page = await load()
        await redis.set("page", page, px=1000)
    return page


def test_frames_a_second(browser: Browser) -> None:  # noqa: F811
    """Print both for two clients, 300 that stampede and 1,000; fail where 300 lose frames that the machine has."""
    plays = {"2 clients": two_holders(), "300 clients": burst(naive, callers=300), "1,000 clients": crowd(1000, 5)}
    page = browser.new_page(viewport=WIDE)
    idle = page.evaluate(IDLE, 2)
    page.close()
    print(f"  theatre, nothing to draw {idle:5.1f} frames a second")
    rates, costs = {}, {}
    for name, shown in plays.items():
        page = browser.new_page(viewport=WIDE)
        page.set_content(page_of(theatre(shown)))
        expect(page.locator("canvas")).to_be_visible()
        rates[name], costs[name] = page.evaluate(WATCH, 4)
        page.close()
        print(f"  theatre, {name:14} {rates[name]:5.1f} frames a second, {costs[name]:5.2f} ms to draw one")
    ratio, share = costs["300 clients"] / costs["2 clients"], rates["300 clients"] / idle
    print(f"  theatre, 300 clients: {share:.0%} of the frames (floor {FLOOR:.0%}), {ratio:.1f} times the cost of 2")
    assert ratio <= RATIO
    assert share >= FLOOR
