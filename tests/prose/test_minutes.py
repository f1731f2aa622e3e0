"""How long a lesson takes: an estimate of its core path, which is at most 45 minutes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .texts import LESSONS, Cell, cells, plain

WORDS_A_MINUTE = 180
CODE, PREDICTION, PANEL = 0.75, 1.5, 3.0
"""Minutes for a cell of code (read, run, look), for a prediction with what explains it, for a panel."""

PANELS = re.compile(r"\b\w*_lab\(|\bScheduler\(|\bTopologyPanel\(|\bpanel\(")
CORE = 45
"""Minutes at most, exercises apart."""

NOT_YET: dict[str, int] = {}
"""Lessons whose core path is longer, and how long it may be: these numbers may only shrink."""


def core_minutes(notebook: list[Cell]) -> float:
    """Minutes to read and run what does not stand in a section *Further*; a folded answer is not counted."""
    return sum(map(minutes, (cell for cell in notebook if not cell.further)))


def minutes(cell: Cell) -> float:
    """What one cell takes."""
    if cell.kind == "markdown":
        text = re.sub(r"<details>.*?</details>", "", cell.text, flags=re.DOTALL)
        return len(re.findall(r"\w[\w'’.,-]*", plain(text))) / WORDS_A_MINUTE
    return PANEL if PANELS.search(cell.text) else PREDICTION if "predict(" in cell.text else CODE


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_core_path_takes_at_most_45_minutes(path: Path) -> None:
    found = core_minutes(cells(path))
    print(f"{path.stem}: {found:.0f} minutes")
    assert found <= NOT_YET.get(path.stem[:2], CORE)


def stated(title: str) -> int:
    """The minutes that a lesson's first cell promises for its core; where it has two sittings, their sum."""
    time = title.partition("**Time:**")[2].partition("minutes")[0]
    return sum(int(number) for number in re.findall(r"\d+", time))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_says_how_long_it_takes(path: Path) -> None:
    notebook = cells(path)
    assert stated(notebook[0].text) == pytest.approx(core_minutes(notebook), abs=5)


def test_the_minutes_of_two_sittings_are_added() -> None:
    """The control."""
    assert stated("**Time:** two sittings, of about 28 and 17 minutes: sections 1 to 5.") == 45
    assert stated("**Time:** about 35 minutes, 10 more for the rest.") == 35


def test_folded_answers_and_further_sections_are_not_counted() -> None:
    """The control for the estimate: 360 words are two minutes wherever they are not folded or put last."""
    words = "word " * 360
    told = Cell("markdown", "a", words, "1. Core", False)
    folded = told._replace(text=f"<details><summary>Why?</summary>\n{words}</details>")
    assert core_minutes([told]) == pytest.approx(2)
    assert core_minutes([folded, told._replace(further=True)]) == 0
    assert (
        core_minutes([Cell("code", "b", "find(naive)", "", False), Cell("code", "c", "predict(\n)", "", False)]) == 2.25
    )
