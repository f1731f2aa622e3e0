"""Lesson 05 in JupyterLab itself: run all, then move every control by keyboard and by mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .desk import PICTURES, ROOT, SPOKEN, Desk, speak
from .labs import assert_reads_in_both_themes, changes, numbers, press, title

LESSON = ROOT / "notebooks" / "05_stampedes.ipynb"
LAB = ("stampedes", "stampede_lab")


@pytest.mark.thorough
def test_the_whole_lesson_runs_and_every_picture_speaks(desk: Desk) -> None:
    """Run all: no error, no other host, each picture has a text alternative, and a question can be answered."""
    desk.run_lesson(LESSON)
    pictures = desk.panel.locator(PICTURES)
    expect(pictures).to_have_count(7)
    spoken = desk.panel.locator(SPOKEN)
    assert spoken.count() == pictures.count()
    speak(spoken)
    paragraph = desk.panel.locator(".jp-MarkdownOutput > p:not(:has(img))").first.bounding_box()
    assert paragraph is not None
    assert paragraph["width"] <= 46 * 14  # px: about ninety characters a line, whatever the screen
    desk.screenshot_outputs("lesson-05")
    desk.answer(desk.output(3), "about half", told="1,000", name="lesson-05-predicted")
    desk.assert_clean()


def test_every_slider_moves_by_keyboard_and_the_numbers_follow(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Each slider has a name, takes arrow keys, and changes what it should."""
    box = lab_of("clients=200")
    first = numbers(box)
    press(box, desk.slider("clients"), "ArrowRight", "205 × 1/s", times=5)
    twice = press(box, desk.slider("each asks (per s)"), "ArrowRight", "205 × 2/s", times=10)
    assert float(twice["requests"]) > 1.5 * float(first["requests"])
    slow = press(box, desk.slider("load time (s)"), "ArrowRight", "load 0.2 s", times=10)
    assert float(slow["loads"]) > 1.5 * float(first["loads"])
    press(box, desk.slider("TTL (s)"), "ArrowRight", "TTL 1.3 s", times=3)
    box.get_by_role("combobox", name="strategy").select_option("XFetch")
    expect(title(box)).to_contain_text("XFetch")
    press(box, desk.slider("β (XFetch)"), "ArrowRight", "β 1.5", times=2)
    desk.screenshot("lab-keyboard", box)
    desk.assert_clean()


def test_the_mouse_drags_a_slider_and_the_last_value_wins(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """A drag over many values ends with the picture of the value at which the mouse was let go, and no later one."""
    box = lab_of("clients=50, seed=3")
    track = box.locator(".course-number", has_text="clients").locator(".noUi-target, .noUi-base").first
    place = track.bounding_box()
    assert place is not None
    y = place["y"] + place["height"] / 2
    handle = desk.slider("clients").bounding_box()
    assert handle is not None
    desk.page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    desk.page.mouse.down()
    for step in range(40):
        desk.page.mouse.move(place["x"] + place["width"] * (0.1 + 0.02 * step), y)
    desk.page.mouse.up()
    chosen = desk.slider("clients").get_attribute("aria-valuenow")
    assert chosen is not None
    wanted = f"{float(chosen):g} ×"
    expect(box.locator(".course-table tbody tr").last).to_contain_text(wanted, timeout=30_000)
    settled = box.locator("svg[role=img]:visible").get_attribute("class")
    desk.wait_idle()
    expect(box.locator("svg[role=img]:visible")).to_have_class(settled or "")
    desk.assert_clean()


@pytest.mark.thorough
def test_each_strategy_can_be_chosen_and_keeps_its_promise(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Naive loads with the crowd; the lock loads once and makes others wait; with revalidation nobody waits."""
    box = lab_of("clients=300")
    choose = box.get_by_role("combobox", name="strategy")
    seen = {}
    labels = [text.replace("\xa0", " ") for text in choose.locator("option").all_text_contents()]
    for place, label in enumerate(labels):
        choose.select_option(index=place)
        expect(box.locator(".course-table tbody tr").last).to_contain_text(label, timeout=30_000)
        seen[label] = numbers(box)
    assert set(seen) >= {"naive cache-aside", "lock and wait", "stale-while-revalidate", "XFetch"}
    assert float(seen["naive cache-aside"]["loads"]) > 15
    assert float(seen["lock and wait"]["loads"]) == 1
    assert float(seen["lock and wait"]["worst (ms)"]) > 90
    assert float(seen["stale-while-revalidate"]["worst (ms)"]) < 60
    assert float(seen["stale-while-revalidate"]["stale (%)"]) > 0
    assert float(seen["lock and placeholder"]["stale (%)"]) > 0
    assert 1 <= float(seen["XFetch"]["loads"]) < 15
    desk.assert_clean()


@pytest.mark.thorough
def test_again_keep_and_clear(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """Again counts the seed up and runs anew, Keep adds a row to the table, Clear takes the kept rows away."""
    box = lab_of("clients=100, seed=7")
    rows = box.locator(".course-table tbody tr")
    expect(rows).to_have_count(1)
    box.get_by_role("button", name="Keep this run").click()
    expect(rows).to_have_count(2)
    kept = numbers(box, 0)
    changes(box, lambda: box.get_by_role("button", name="Again").click())
    expect(box.get_by_role("textbox", name="seed")).to_have_value("8")
    assert numbers(box, 0) == kept
    box.get_by_role("button", name="Clear table").click()
    expect(rows).to_have_count(1)
    seed = box.get_by_role("textbox", name="seed")
    seed.fill("7")
    again = changes(box, lambda: seed.press("Enter"))
    assert {**again, "run": kept["run"]} == kept
    desk.screenshot("lab-kept", box)
    desk.assert_clean()


def test_a_long_run_shows_progress_and_can_be_stopped(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    """300,000 requests take a quarter of a minute: a bar appears, Stop ends it, the picture stays, and it goes on."""
    box = lab_of("clients=1000, ttl=5.0, rate=0.1, duration=60.0")
    before = title(box).text_content()
    desk.slider("each asks (per s)").focus()
    desk.page.keyboard.press("End")
    expect(box.locator(".widget-hprogress")).to_be_visible(timeout=60_000)
    box.get_by_role("button", name="Stop").click()
    expect(box).to_contain_text("Stopped", timeout=60_000)
    assert title(box).text_content() == before
    desk.slider("each asks (per s)").focus()
    assert changes(box, lambda: desk.page.keyboard.press("Home"))["requests"] != ""
    desk.assert_clean()


def test_the_lab_reads_in_both_themes(desk: Desk, lab_of: Callable[[str], Locator]) -> None:
    assert_reads_in_both_themes(desk, lab_of('strategy="placeholder", clients=400'), "lab")
    desk.assert_clean()
