"""The lesson map: its minutes are true, each lesson can be opened from it, and nothing on it only looks live."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course_lib.grading.exercise import words

from .test_minutes import core_minutes
from .texts import cells

ROOT = Path(__file__).resolve().parents[2]
MAP = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
FIRST_SCREEN = 25  # lines


def row(path: Path) -> list[str]:
    """The cells of a lesson's row."""
    (line,) = (line for line in MAP.splitlines() if line.startswith(f"| {path.name[:2]} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_can_be_opened_and_its_minutes_are_true(path: Path) -> None:
    """Within ten of the estimate, for the core; for the exercises, what they say of themselves."""
    _, lesson, _, minutes, exercises = row(path)
    assert f"]({path.name})" in lesson
    assert int(minutes.split()[0].strip(",")) == pytest.approx(core_minutes(cells(path)), abs=10)
    if of := words(path.name[:2]):
        assert f"[{sum(one.minutes for one in of.values())} minutes](../exercises/{path.name})" in exercises


def test_the_first_screen_says_where_to_begin_and_how_to_go_on() -> None:
    first = "\n".join(MAP.splitlines()[:FIRST_SCREEN])
    for part in (
        "lesson 00" if not NOTEBOOKS[0].name.startswith("00") else NOTEBOOKS[0].name,
        "Shift+Enter",
        "Run All",
    ):
        assert part in first
    assert "## How a lesson works" in first
    assert MAP.count("Shift+Enter") == 1


def test_nothing_on_the_map_looks_live_and_is_a_picture() -> None:
    assert not re.search(r"!\[|<img", MAP)
