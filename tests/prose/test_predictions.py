"""A prediction is not answered before it is asked: not in the lesson's title or opening, nor in its section."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .leaks import leaks
from .predictions import questions, truth
from .texts import LESSONS

KNOWN: dict[str, int] = {}
"""Predictions whose answer may be read before, by notebook: these numbers may only shrink."""

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
