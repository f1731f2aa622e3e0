"""The decks as an instructor gives them: what the notes say to press is pressed, and what they promise is asserted."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, expect

from course_lib.widgets.deck import _RULES

from .desk import ROOT, Desk

DECKS = ROOT / "notebooks" / "decks"


@dataclass
class Deck:
    """A deck of which each cell has been run, as before a class."""

    desk: Desk
    ids: list[str]

    def cell(self, id: str) -> Locator:
        """The output of the code cell with that id."""
        return self.desk.output(self.ids.index(id))

    def picture(self, id: str) -> Locator:
        """What is written in the picture of that cell: of its widths the one that is seen."""
        return self.cell(id).locator("svg[role=img]:visible")

    def vote(self, *counts: int) -> Locator:
        """Type how many hands went up for each choice; returns the room's cell."""
        room = self.cell("vote")
        room.scroll_into_view_if_needed()
        boxes = room.get_by_role("spinbutton")
        expect(boxes).to_have_count(len(counts))
        for place, count in enumerate(counts):
            boxes.nth(place).fill(str(count))
            boxes.nth(place).press("Enter")
        expect(room.get_by_role("status").last).to_contain_text(f"{sum(counts)} hands.")
        return room


def given(desk: Desk, name: str) -> Deck:
    """Open a deck and run all of it."""
    path = DECKS / f"{name}.ipynb"
    desk.open_notebook(path)
    desk.run_all()
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return Deck(desk, [one["id"] for one in cells if one["cell_type"] == "code"])


def press(desk: Desk, stage: Locator, *keys: str) -> Locator:
    """Press keys in a theatre; returns its line of text."""
    stage.scroll_into_view_if_needed()
    stage.get_by_role("group", name="Theatre").focus()
    for key in keys:
        desk.page.keyboard.press(key)
    return stage.get_by_role("status")


def play(desk: Desk, stage: Locator) -> Locator:
    """Play as fast as it goes."""
    return press(desk, stage, "+", "+", "Space")


def told(room: Locator, sentence: str) -> None:
    room.scroll_into_view_if_needed()
    room.get_by_role("button", name="What happened").click()
    expect(room.get_by_role("status").last).to_contain_text(sentence)


def test_a_lost_update(desk: Desk) -> None:
    """150 customers all get the discount; two customers freeze at the counter's 1; with a script it is 100."""
    deck = given(desk, "03_lost_update")
    expect(deck.cell("claim")).to_contain_text("one after another: 100 discounts")
    room = deck.vote(12, 3, 9, 1)
    desk.page.evaluate("document.body.dataset.jpDeckMode = 'presenting'")  # on slides Escape leaves the box
    room.get_by_role("spinbutton").last.press("Escape")
    assert desk.page.evaluate("document.activeElement.matches('.jp-Cell')")
    desk.page.evaluate("delete document.body.dataset.jpDeckMode")
    expect(play(desk, deck.cell("breaks"))).to_have_text(
        "The end. 150 discounts, and the counter says 3.", timeout=40_000
    )
    told(room, "What happened: all 150. 1 of 25 hands said so.")
    line = press(desk, deck.cell("small"), ".")
    for who, what in (("alice", "GET used ⇒ nil"), ("bob", "GET used ⇒ nil"), ("bob", "SET used 1 ⇒ OK")):
        expect(line).to_contain_text(f"{who} → redis {what}")
        desk.page.keyboard.press(".")
    desk.page.keyboard.press("Space")
    expect(line).to_contain_text("Broken here: used is 1", timeout=20_000)
    holds = deck.cell("holds")
    expect(holds).to_contain_text("None of all 6 schedules of 3 clients breaks a promise")
    expect(play(desk, holds)).to_have_text("The end. 100 discounts, and the counter says 100.", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_a_stampede(desk: Desk) -> None:
    """300 loads at once; with a lock one; after a crash everybody waits until the lock expires."""
    deck = given(desk, "05_stampede")
    room = deck.vote(20, 5, 0, 2)
    expect(press(desk, deck.cell("breaks"), "f")).to_contain_text("300 loads at once, the most in this run")
    told(room, "What happened: 300: every one of them. 2 of 27 hands said so.")
    expect(deck.cell("holds")).to_contain_text("300 readers: 300 callers: 1 load")
    line = press(desk, deck.cell("price"), "f", "f", "f")
    for _ in range(4):
        if "expires" in line.inner_text():
            break
        desk.page.keyboard.press("f")
    expect(line).to_contain_text("lock:{page} expires")
    desk.assert_clean()


@pytest.mark.thorough
def test_two_holders(desk: Desk) -> None:
    """w5 pauses, its lock expires, its DEL frees another's, and two work; with a token one; a long job breaks it."""
    deck = given(desk, "04_two_holders")
    room = deck.vote(20, 5, 1)
    stage = deck.cell("breaks")
    line, seen = press(desk, stage, "f"), []
    for _ in range(12):
        seen.append(line.inner_text())
        if "both work" in seen[-1]:
            break
        desk.page.keyboard.press("f")
    assert re.search(r"w5.*SET job(.|\n)*w5.*pause 800 ms(.|\n)*job expires(.|\n)*both work", "\n".join(seen)), seen
    told(room, "What happened: exactly two. 5 of 26 hands said so.")
    expect(deck.cell("holds")).to_contain_text(re.compile("The same pause: +5 workers: .*at most 1 at once"))
    expect(play(desk, deck.cell("late"))).to_contain_text("Broken here: w1 and w2 both work", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_an_old_price(desk: Desk) -> None:
    """The reader stores what the writer has deleted; by chance that is the usual order; with versions it never is."""
    deck = given(desk, "06_old_price")
    room = deck.vote(9, 4, 2, 1)
    line = press(desk, deck.cell("breaks"), ".", ".", ".", ".", ".", ".")
    expect(line).to_contain_text("Broken here: 12 dollars stays")
    told(room, "What happened: in one. 4 of 16 hands said so.")
    expect(deck.cell("often")).to_contain_text("it stays in 88 of 100 runs")
    holds = deck.cell("holds")
    expect(holds).to_contain_text("None of all 10 schedules of 2 clients breaks a promise")
    expect(holds).to_contain_text("the old price stays in 0 of 100 runs")
    expect(play(desk, holds)).to_have_text("The end. The newer version stays.", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_logged_out(desk: Desk) -> None:
    """The request brings the session back; with XX it is told no; and two tabs lose a book."""
    deck = given(desk, "07_logged_out")
    room = deck.vote(12, 6, 1, 0)
    line = press(desk, deck.cell("breaks"), ".", ".", ".", ".")
    expect(line).to_contain_text("Broken here: it is back")
    told(room, "What happened: after one. 6 of 19 hands said so.")
    line = press(desk, deck.cell("holds"), ".", ".", ".")
    expect(line).to_contain_text("XX EX 1800 ⇒ nil")
    expect(play(desk, deck.cell("price"))).to_contain_text("Broken here: birch is lost", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_a_slow_page(desk: Desk) -> None:
    """400 readers wait a second; with copies for five seconds 2.4 ms; and an old price is shown for 3.6 s."""
    deck = given(desk, "00_slow_page")
    expect(deck.cell("claim")).to_contain_text("the median wait is 50 ms")
    room = deck.vote(3, 14, 6, 2)
    expect(deck.picture("breaks")).to_contain_text("The database every time: median wait 1,049 ms")
    told(room, "What happened: a second or more. 2 of 25 hands said so.")
    expect(deck.cell("holds")).to_contain_text("78 of 100 pages come from Redis; the median wait is 2.4 ms")
    expect(play(desk, deck.cell("price"))).to_have_text(
        "The end. the new price is seen after 3.6 s; 3 reads of the old one; 3 loads in all.", timeout=60_000
    )
    desk.assert_clean()


@pytest.mark.thorough
def test_ok_and_gone(desk: Desk) -> None:
    """On real servers or as recorded: what a primary that is cut off has acknowledged is gone; what two replicas have
    confirmed is not; and where a replica must be near, the rest is refused."""
    deck = given(desk, "01_ok_and_gone")
    room = deck.vote(8, 9, 3)
    gone = re.compile(r"[1-9]\d* of [\d,]+ acknowledged writes are gone")
    expect(deck.picture("breaks")).to_contain_text(gone)
    told(room, "What happened: OK, and gone when the cable is back. 3 of 20 hands said so.")
    sure = re.compile(r"OK, and confirmed by two: +[1-9]\d*, of these gone: 0")
    expect(deck.cell("wait")).to_contain_text(sure)
    expect(deck.cell("holds")).to_contain_text("refused")
    desk.assert_clean()


@pytest.mark.thorough
def test_a_rolling_deploy(desk: Desk) -> None:
    """Both versions crash; with a version in the key none does, and a writer that deletes one key leaves the other."""
    deck = given(desk, "02_rolling_deploy")
    room = deck.vote(10, 7, 2, 4)
    expect(deck.picture("breaks")).to_contain_text("One key for both shapes: 244 crashes")
    told(room, "What happened: both. 4 of 23 hands said so.")
    line = press(desk, deck.cell("small"), ".", ".", ".", ".")
    expect(line).to_contain_text("Broken here: bob ended with KeyError: 'first'")
    expect(deck.cell("holds")).to_contain_text("None of all 6 schedules of 2 clients breaks a promise")
    expect(deck.picture("holds")).to_contain_text("26 stale reads")
    price = deck.cell("price")
    expect(price).to_contain_text("the key of his version: 2 reads of the old name. Both keys: 0.")
    expect(press(desk, price, "f")).to_contain_text("stale read")
    desk.assert_clean()


@pytest.mark.thorough
def test_under_fire(desk: Desk) -> None:
    """Of seven parts the keys, mended alone, leave the fewest error pages; all seven leave none."""
    deck = given(desk, "08_under_fire")
    room = deck.vote(2, 7, 9, 11, 0)
    stage = deck.cell("breaks")
    expect(press(desk, stage, "f", "f", "f")).to_contain_text("app2  pause 500 ms")
    expect(play(desk, stage)).to_have_text(
        "The end. 289 of 515 pages are error pages, and 28 baskets are lost.", timeout=60_000
    )
    rows = deck.cell("alone").locator("tbody tr")
    told_of = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    counts = {part: int(errors) for part, errors, _ in told_of}
    assert min(counts, key=lambda part: counts[part]) == "keys"
    assert counts["read"] > counts["nothing"]
    told(room, "What happened: the keys: they say which version of the program. 2 of 29 hands said so.")
    expect(deck.cell("keys")).to_contain_text("Nothing breaks: 252 error pages before, 0 now")
    expect(deck.cell("holds")).to_contain_text("All seven parts: 0 error pages, 0 baskets lost")
    desk.assert_clean()


SLIDE = """<body {mode}="presenting"><style>{rules}</style>
<div class="jp-RenderedHTMLCommon"><p>words</p><div class="course-fit"><div class="usual">usual</div>
<div class="wide">wide</div></div></div>
<div class="course-live"><svg role="img" viewBox="0 0 100 300"><rect width="100" height="300"/></svg></div></body>"""


@pytest.mark.parametrize("slides", [True, False])
def test_on_slides_words_are_large_and_a_picture_fits(browser: Browser, slides: bool) -> None:
    """Of its widths the narrow one, no higher than the screen; in a notebook, the control, nothing of it holds."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    try:
        page.set_content(SLIDE.format(rules=_RULES, mode="data-jp-deck-mode" if slides else "data-other"))
        assert (page.locator("p").evaluate("e => getComputedStyle(e).fontSize") == "27px") == slides
        assert page.get_by_text("usual").is_visible()
        assert page.get_by_text("wide").is_hidden() == slides
        box = page.locator("svg").bounding_box()
        assert box
        assert (box["height"] <= 0.82 * 720 + 1) == slides
        page.set_viewport_size({"width": 1920, "height": 1080})
        assert (page.locator("p").evaluate("e => getComputedStyle(e).fontSize") == "40.5px") == slides
    finally:
        page.close()
