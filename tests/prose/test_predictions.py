"""A prediction is not answered before it is asked: not in the lesson's title or opening, nor in its section."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .leaks import leaks
from .predictions import bare_numbers, questions, truth
from .texts import LESSONS, cells

KNOWN: dict[str, int] = {}
"""Predictions whose answer may be read before, by notebook: these numbers may only shrink."""

RIGHT: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("right.toml").read_text(encoding="utf-8"))
LEAKED = (
    # what once stood before a prediction, the question, the answer, the other options, the unit
    (
        "At noon the cached page expires, and the database is asked for the same page a hundred times, or a thousand.",
        "The key is missing. 1,000 callers ask for it. How many loads?",
        "1,000: nobody finds the value in time", ("1: the first one fills the cache", "about half"), "loads",
    ),
    ("A second copy of the reply is counted twice.", "What does INCR return in the end?", "2", ("1",), ""),
    (
        "Acknowledged writes are gone when the cut is healed.", "What becomes of them?",
        "acknowledged, and gone when the cut is healed", ("refused: it has no replicas left",), "",
    ),
    ("It then holds 535 keys.", "How many keys does the cache hold?", 535.0, (), "keys"),
)  # fmt: skip


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_prediction_is_answered_before_it_is_asked(path: Path) -> None:
    """The run that is held back is made only where some option could have been read before: most need none."""
    found: dict[str, list[str]] = {}
    for one in questions(path):
        said = {}
        for option in one.options:
            others = [other for other in one.options if other != option]
            said[option] = leaks(one.before, one.asks, option, others=others, unit=one.unit)
        if any(said.values()) or not one.options:
            right = truth(path, one.cell)
            if isinstance(right, float):
                told = leaks(one.before, one.asks, right, unit=one.unit)
            else:
                told = [sentence for option in right for sentence in said[option]]
            if told:
                found[one.cell] = told
    assert len(found) <= KNOWN.get(path.stem, 0), found


@pytest.mark.parametrize(("before", "asks", "answer", "others", "unit"), LEAKED)
def test_a_leak_is_found(before: str, asks: str, answer: str | float, others: tuple[str, ...], unit: str) -> None:
    """The control: sentences that gave an answer away, and none of which does for another answer."""
    assert leaks(before, asks, answer, others=others, unit=unit)
    assert not leaks("A load takes 50 ms. The writer writes, and you look.", asks, answer, others=others, unit=unit)


def test_the_run_that_is_held_back_says_what_is_right(tmp_path: Path) -> None:
    """The control for the truth: the option that the run allows, from the statements that it rests on and no others."""
    notebook = tmp_path / "00.ipynb"
    source = [
        "limit = 3\nraise_if_run = 1 / 1\n",
        "boom = 1 / 0",
        "predict('How many?', choices={'three': lambda n: n == 3, 'four': lambda n: n == 4}, run=lambda: limit)",
    ]
    stored = [{"cell_type": "code", "id": f"c{place}", "source": text} for place, text in enumerate(source)]
    notebook.write_text(json.dumps({"cells": stored}), encoding="utf-8")
    (one,) = questions(notebook)
    assert (one.cell, one.options) == ("c2", ["three", "four"])
    assert truth(notebook, "c2") == ["three"]


def known() -> Iterator[tuple[str, list[str]]]:
    """What came true of each prediction for which that is recorded, and its options."""
    for path in LESSONS:
        for one in questions(path):
            right = RIGHT.get(path.stem[:2], {}).get(one.cell, "")
            if one.options and right:
                assert right in one.options, f"{path.stem}, {one.cell}: what right.toml has is none of the options"
                yield right, list(one.options)


def gives_away(right: str, options: list[str]) -> bool:
    """Is the right option much longer than any other?"""
    return len(right) > max(1.4 * len(other) for other in options if other != right)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_number_that_is_told_has_a_unit(path: Path) -> None:
    """The verdict says “What happened (1.8 s) rules out …”, and not “(1.8)”."""
    assert [asked for cell in cells(path) if cell.kind == "code" for asked in bare_numbers(cell.text)] == []


def test_a_number_without_a_unit_is_found() -> None:
    """The control."""
    asked = 'predict("How long?", choices={"long": lambda s: s >= 8}, run=wait)'
    assert bare_numbers(asked) == ["How long?"]
    assert bare_numbers(asked.replace(", run", ', unit="s", run')) == []
    assert bare_numbers(asked.replace("s >= 8", "s.name == 'x'")) == []


def test_the_longest_option_is_not_the_right_one() -> None:
    """Not more often than by chance; and nowhere is it so long that it must be the one with the exceptions in it."""
    asked = list(known())
    longest = sum(right == max(options, key=len) for right, options in asked)
    assert len(asked) > 20
    assert longest <= sum(1 / len(options) for _, options in asked)
    assert [right for right, options in asked if gives_away(right, options) and len(right) > 40] == []
    worst = ["the lease is over, so nothing is written", "never two leases at once, and yet an old report overwrites a"]
    assert gives_away(worst[1], worst)  # the control: what once stood in lesson 04


def test_the_record_of_what_is_right_is_true() -> None:
    """Of some that are cheap to run; and every prediction of a lesson that is recorded at all is recorded."""
    path = next(path for path in LESSONS if path.stem.startswith("00"))
    for cell in ("predict3", "predict5"):
        assert truth(path, cell) == [RIGHT["00"][cell]]
    for path in LESSONS:
        if (its := RIGHT.get(path.stem[:2])) is not None:
            assert set(its) == {one.cell for one in questions(path) if one.options}
