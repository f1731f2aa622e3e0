"""The decks as an instructor gives them: what the notes say to press is pressed, and what they promise is asserted."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, expect

from .desk import ROOT, Desk

DECKS = ROOT / "notebooks" / "decks"


def cell(desk: Desk, id: str, name: str) -> Locator:
    """The output of the code cell with that id."""
    deck = json.loads((DECKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return desk.output([one["id"] for one in deck if one["cell_type"] == "code"].index(id))


def picture(desk: Desk, id: str, name: str) -> Locator:
    """What is written in the picture of that cell: of its widths the one that is seen."""
    return cell(desk, id, name).locator("svg[role=img]:visible")


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


def vote(desk: Desk, room: Locator, *counts: int) -> None:
    """Type how many hands went up for each choice."""
    room.scroll_into_view_if_needed()
    boxes = room.get_by_role("spinbutton")
    expect(boxes).to_have_count(len(counts))
    for place, count in enumerate(counts):
        boxes.nth(place).fill(str(count))
        boxes.nth(place).press("Enter")
    expect(room.get_by_role("status").last).to_contain_text(f"{sum(counts)} hands.")


def told(room: Locator, sentence: str) -> None:
    room.scroll_into_view_if_needed()
    room.get_by_role("button", name="What happened").click()
    expect(room.get_by_role("status").last).to_contain_text(sentence)


def test_a_lost_update(desk: Desk) -> None:
    """150 customers all get the discount; two customers freeze at the counter's 1; with a script it is 100."""
    name = "03_lost_update"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    expect(cell(desk, "claim", name)).to_contain_text("one after another: 100 discounts")
    room = cell(desk, "vote", name)
    vote(desk, room, 12, 3, 9, 1)
    expect(play(desk, cell(desk, "breaks", name))).to_have_text(
        "The end. 150 discounts, and the counter says 3.", timeout=40_000
    )
    told(room, "What happened: all 150. 1 of 25 hands said so.")
    line = press(desk, cell(desk, "small", name), ".")
    for who, what in (("alice", "GET used ⇒ nil"), ("bob", "GET used ⇒ nil"), ("bob", "SET used 1 ⇒ OK")):
        expect(line).to_contain_text(f"{who} → redis {what}")
        desk.page.keyboard.press(".")
    desk.page.keyboard.press("Space")
    expect(line).to_contain_text("Broken here: used is 1", timeout=20_000)
    holds = cell(desk, "holds", name)
    expect(holds).to_contain_text("None of all 6 schedules of 3 clients breaks a promise")
    expect(play(desk, holds)).to_have_text("The end. 100 discounts, and the counter says 100.", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_a_stampede(desk: Desk) -> None:
    """300 loads at once; with a lock one; after a crash everybody waits until the lock expires."""
    name = "05_stampede"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    room = cell(desk, "vote", name)
    vote(desk, room, 20, 5, 0, 2)
    expect(press(desk, cell(desk, "breaks", name), "f")).to_contain_text("300 loads at once, the most in this run")
    told(room, "What happened: 300: every one of them. 2 of 27 hands said so.")
    expect(cell(desk, "holds", name)).to_contain_text("300 readers: 300 callers: 1 load")
    line = press(desk, cell(desk, "price", name), "f", "f", "f")
    for _ in range(4):
        if "expires" in line.inner_text():
            break
        desk.page.keyboard.press("f")
    expect(line).to_contain_text("lock:{page} expires")
    desk.assert_clean()


@pytest.mark.thorough
def test_two_holders(desk: Desk) -> None:
    """w5 pauses, its lock expires, its DEL frees another's, and two work; with a token one; a long job breaks it."""
    name = "04_two_holders"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    room = cell(desk, "vote", name)
    vote(desk, room, 20, 5, 1)
    stage = cell(desk, "breaks", name)
    line, seen = press(desk, stage, "f"), []
    for _ in range(12):
        seen.append(line.inner_text())
        if "both work" in seen[-1]:
            break
        desk.page.keyboard.press("f")
    assert re.search(r"w5.*SET job(.|\n)*w5.*pause 800 ms(.|\n)*job expires(.|\n)*both work", "\n".join(seen)), seen
    told(room, "What happened: exactly two. 5 of 26 hands said so.")
    expect(cell(desk, "holds", name)).to_contain_text(re.compile("The same pause: +5 workers: .*at most 1 at once"))
    expect(play(desk, cell(desk, "late", name))).to_contain_text("Broken here: w1 and w2 both work", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_an_old_price(desk: Desk) -> None:
    """The reader stores what the writer has deleted; by chance that is the usual order; with versions it never is."""
    name = "06_old_price"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    room = cell(desk, "vote", name)
    vote(desk, room, 9, 4, 2, 1)
    line = press(desk, cell(desk, "breaks", name), ".", ".", ".", ".", ".", ".")
    expect(line).to_contain_text("Broken here: 12 dollars stays")
    told(room, "What happened: in one. 4 of 16 hands said so.")
    expect(cell(desk, "often", name)).to_contain_text("it stays in 88 of 100 runs")
    holds = cell(desk, "holds", name)
    expect(holds).to_contain_text("None of all 10 schedules of 2 clients breaks a promise")
    expect(holds).to_contain_text("the old price stays in 0 of 100 runs")
    expect(play(desk, holds)).to_have_text("The end. The newer version stays.", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_logged_out(desk: Desk) -> None:
    """The request brings the session back; with XX it is told no; and two tabs lose a book."""
    name = "07_logged_out"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    room = cell(desk, "vote", name)
    vote(desk, room, 12, 6, 1, 0)
    line = press(desk, cell(desk, "breaks", name), ".", ".", ".", ".")
    expect(line).to_contain_text("Broken here: it is back")
    told(room, "What happened: after one. 6 of 19 hands said so.")
    line = press(desk, cell(desk, "holds", name), ".", ".", ".")
    expect(line).to_contain_text("XX EX 1800 ⇒ nil")
    expect(play(desk, cell(desk, "price", name))).to_contain_text("Broken here: birch is lost", timeout=40_000)
    desk.assert_clean()


@pytest.mark.thorough
def test_a_slow_page(desk: Desk) -> None:
    """400 readers wait a second; with copies for five seconds 2.4 ms; and an old price is shown for 3.6 s."""
    name = "00_slow_page"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    expect(cell(desk, "claim", name)).to_contain_text("the median wait is 50 ms")
    room = cell(desk, "vote", name)
    vote(desk, room, 3, 14, 6, 2)
    expect(picture(desk, "breaks", name)).to_contain_text("The database every time: median wait 1,049 ms")
    told(room, "What happened: a second or more. 2 of 25 hands said so.")
    expect(cell(desk, "holds", name)).to_contain_text("78 of 100 pages come from Redis; the median wait is 2.4 ms")
    expect(play(desk, cell(desk, "price", name))).to_have_text(
        "The end. the new price is seen after 3.6 s; 3 reads of the old one; 3 loads in all.", timeout=60_000
    )
    desk.assert_clean()


@pytest.mark.thorough
def test_ok_and_gone(desk: Desk) -> None:
    """On real servers or as recorded: what a primary that is cut off has acknowledged is gone; what two replicas have
    confirmed is not; and where a replica must be near, the rest is refused."""
    name = "01_ok_and_gone"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    room = cell(desk, "vote", name)
    vote(desk, room, 8, 9, 3)
    gone = re.compile(r"[1-9]\d* of [\d,]+ acknowledged writes are gone")
    expect(picture(desk, "breaks", name)).to_contain_text(gone)
    told(room, "What happened: OK, and gone when the cable is back. 3 of 20 hands said so.")
    sure = re.compile(r"OK, and confirmed by two: +[1-9]\d*, of these gone: 0")
    expect(cell(desk, "wait", name)).to_contain_text(sure)
    expect(cell(desk, "holds", name)).to_contain_text("refused")
    desk.assert_clean()


@pytest.mark.thorough
def test_a_rolling_deploy(desk: Desk) -> None:
    """Both versions crash; with a version in the key none does, and a writer that deletes one key leaves the other."""
    name = "02_rolling_deploy"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    room = cell(desk, "vote", name)
    vote(desk, room, 10, 7, 2, 4)
    expect(picture(desk, "breaks", name)).to_contain_text("One key for both shapes: 244 crashes")
    told(room, "What happened: both. 4 of 23 hands said so.")
    line = press(desk, cell(desk, "small", name), ".", ".", ".", ".")
    expect(line).to_contain_text("Broken here: bob ended with KeyError: 'first'")
    expect(cell(desk, "holds", name)).to_contain_text("None of all 6 schedules of 2 clients breaks a promise")
    expect(picture(desk, "holds", name)).to_contain_text("26 stale reads")
    price = cell(desk, "price", name)
    expect(price).to_contain_text("the key of his version: 2 reads of the old name. Both keys: 0.")
    expect(press(desk, price, "f")).to_contain_text("stale read")
    desk.assert_clean()


@pytest.mark.thorough
def test_under_fire(desk: Desk) -> None:
    """Of seven parts the keys, mended alone, leave the fewest error pages; all seven leave none."""
    name = "08_under_fire"
    desk.open_notebook(DECKS / f"{name}.ipynb")
    desk.run_all()
    room = cell(desk, "vote", name)
    vote(desk, room, 2, 7, 9, 11, 0)
    stage = cell(desk, "breaks", name)
    expect(press(desk, stage, "f", "f", "f")).to_contain_text("app2  pause 500 ms")
    expect(play(desk, stage)).to_have_text(
        "The end. 289 of 515 pages are error pages, and 28 baskets are lost.", timeout=60_000
    )
    rows = cell(desk, "alone", name).locator("tbody tr")
    told_of = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    counts = {part: int(errors) for part, errors, _ in told_of}
    assert min(counts, key=lambda part: counts[part]) == "keys"
    assert counts["read"] > counts["nothing"]
    told(room, "What happened: the keys: they say which version of the program. 2 of 29 hands said so.")
    expect(cell(desk, "keys", name)).to_contain_text("Nothing breaks: 252 error pages before, 0 now")
    expect(cell(desk, "holds", name)).to_contain_text("All seven parts: 0 error pages, 0 baskets lost")
    desk.assert_clean()
