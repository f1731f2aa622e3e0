"""The page for instructors says what the tests show, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import test_hostile
from .layers import ROOT

PAGE = ROOT / "solutions/WHAT_THE_GRADER_PROTECTS.md"
LAYERS = ("bubblewrap", "Landlock", "no sandbox (--unsafe)")
SAYS = {"refused", "**possible**", "ends that child", "cut off"}


def rows(text: str) -> list[tuple[tuple[str, ...], str]]:
    """Of each row of the table: what it says of each layer, and the name of what shows it."""
    table = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    return [(tuple(said), shown.strip("`")) for _, *said, shown in cells]


def untrue(text: str) -> list[str]:
    """Rows that say more, or less, than their test."""
    wrong = []
    for said, shown in rows(text):
        assert len(said) == len(LAYERS)
        assert set(said) <= SAYS
        if shown.startswith("test_"):
            continue
        for layer, word in zip(LAYERS, said, strict=True):
            holds = set(getattr(test_hostile, shown)) <= set(test_hostile.REFUSED[layer])
            if holds != (word == "refused"):
                wrong.append(f"{shown}, {layer}: {word}")
    return wrong


def test_each_row_of_the_table_is_true() -> None:
    assert untrue(PAGE.read_text(encoding="utf-8")) == []


def test_each_row_names_a_test_that_there_is() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = [shown for _, shown in rows(PAGE.read_text(encoding="utf-8"))]
    assert len(named) == len(set(named)) > 10
    assert [name for name in named if name.startswith("test_") and f"def {name}(" not in sources] == []


def test_every_deed_is_in_the_table() -> None:
    named = [shown for _, shown in rows(PAGE.read_text(encoding="utf-8")) if not shown.startswith("test_")]
    assert sorted(deed for name in named for deed in getattr(test_hostile, name)) == sorted(test_hostile.ALL)


@pytest.mark.parametrize(("old", "new"), [("refused | **possible** | `READS`", "refused | refused | `READS`")])
def test_a_row_that_says_too_much_is_seen(old: str, new: str) -> None:
    """The control."""
    text = PAGE.read_text(encoding="utf-8")
    assert old in text
    assert untrue(text.replace(old, new)) == ["READS, no sandbox (--unsafe): refused"]


def test_the_number_of_things_that_the_probe_tries_is_that_of_the_page() -> None:
    from course_lib.grading.sandbox import misbehave

    given = dict.fromkeys(("secret", "hidden", "judge", "readable", "victim", "name", "port"), "")
    tried = len([*misbehave.deeds({**given, "abstract": "x", "memory": 1, "open_files": 1})])
    assert f"tries {tried} forbidden things" in PAGE.read_text(encoding="utf-8")
