"""What many tests do with a lab or a panel: press, wait for the picture, read the numbers."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from .desk import Desk

PICTURE = "svg[role=img]:visible"


def title(box: Locator) -> Locator:
    return box.locator(f"{PICTURE} text.title")


def numbers(box: Locator, row: int = -1) -> dict[str, str]:
    """A row of the table, by column; the last is this run."""
    names = box.locator(".course-table thead th").all_inner_texts()
    rows = box.locator(".course-table tbody tr")
    cells = rows.nth(row % rows.count()).locator("th,td").all_inner_texts()
    return dict(zip(names, cells, strict=True))


def changes(box: Locator, act: Callable[[], object], told: str = "") -> dict[str, str]:
    """Do something; wait until the table says so and the picture is another one; return the new numbers."""
    before = box.locator(PICTURE).get_attribute("class") or ""
    act()
    expect(box.locator(".course-table tbody tr").last).to_contain_text(told, timeout=30_000)
    expect(box.locator(PICTURE)).not_to_have_class(before, timeout=30_000)
    return numbers(box)


def press(box: Locator, control: Locator, key: str, told: str, *, times: int = 1) -> dict[str, str]:
    """Press a key on a control of the lab, some times; wait as `changes` does."""

    def act() -> None:
        control.focus()
        for _ in range(times):
            control.page.keyboard.press(key)

    return changes(box, act, told)


def play(status: Locator, keys: str, *, after: int = 0) -> None:
    """Be the scheduler: press each key when the panel tells that all moves before it, `after` and more, are made."""
    for place, key in enumerate(keys, after):
        expect(status).to_contain_text(f"{place} move")
        status.page.keyboard.press(key)


def assert_reads_in_both_themes(desk: Desk, box: Locator, name: str) -> None:
    """The title's ink differs from the page's paper in each theme; the pictures are kept for people to look at."""
    desk.page.set_viewport_size({"width": 1280, "height": 1100})  # the whole lab in one picture
    for theme in ("light", "dark"):
        desk.theme(theme)
        ink = title(box).evaluate("one => getComputedStyle(one).fill")
        paper = box.evaluate("one => getComputedStyle(one.closest('.jp-Notebook')).backgroundColor")
        assert ink != paper
        desk.screenshot(f"{name}-{theme}", box)
