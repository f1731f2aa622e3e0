"""A learner's own passed answers as parts: which are taken, what runs of their notebooks, and that they serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_lib.lessons.capstone.experiment_own import OWN, own
from course_lib.lessons.capstone.experiment_parts import GOOD
from course_lib.lessons.capstone.experiment_storm import Storm
from course_lib.lessons.capstone.experiment_storm_run import play

SOLUTIONS = Path(__file__).resolve().parents[3] / "solutions"


def notebook(folder: Path, answer: str, *others: str, grade_id: str = "05-3") -> Path:
    cells: list[dict[str, Any]] = [{"cell_type": "code", "metadata": {}, "source": other} for other in others]
    cells.append({"cell_type": "code", "metadata": {"nbgrader": {"grade_id": grade_id}}, "source": answer})
    text = json.dumps({"nbformat": 4, "cells": cells})
    (folder / "05_stampedes.ipynb").write_text(text, encoding="utf-8")
    return folder


def everything(exercise: str) -> bool:
    return True


READER = "async def lock_and_wait(redis, key, load, *, ttl, lock_ttl, token):\n    return FREE, await load()"


def test_only_the_answers_cell_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the other cells imports are carried out and texts are read; what they call is not."""
    ran = tmp_path / "ran"
    other = f"import math\nFREE = 'free'\nlock_and_wait = open({str(ran)!r}, 'w')"
    parts = own("05.3", folder=notebook(tmp_path, READER + "\nassert math.pi > 3", other), passed=everything)
    assert list(parts) == ["read"]
    assert not ran.exists()
    assert capsys.readouterr().out == "05.3: your lock_and_wait is the part read.\n"


@pytest.mark.parametrize(
    ("answer", "passed", "says"),
    [
        (READER, False, "your progress file does not say that you have passed it"),
        ("1 / 0", True, "its cell does not run (ZeroDivisionError"),
        ("def (", True, "its cell does not run (SyntaxError"),
        ("other = 1", True, "its cell does not define lock_and_wait"),
    ],
)
def test_an_answer_that_is_left_out_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str, passed: bool, says: str
) -> None:
    assert own("05.3", folder=notebook(tmp_path, answer), passed=lambda _: passed) == {}
    told = capsys.readouterr().out
    assert says in told
    assert told.endswith("The course's part stands in for it.\n")


def test_an_answer_that_is_not_there_is_told_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own("05.3", folder=tmp_path, passed=everything)
    own("05.3", folder=notebook(tmp_path, READER, grade_id="05-2"), passed=everything)
    own("04.3", passed=everything)
    told = capsys.readouterr().out.splitlines()
    assert "there is no notebook exercises/05_….ipynb" in told[0]
    assert "it is not there" in told[1]
    assert told[2] == f"04.3: no part of the service can be made of it. There are {', '.join(OWN)}."


@pytest.mark.parametrize("exercise", OWN)
def test_a_right_answer_serves(exercise: str) -> None:
    """The worked solutions, in the place of the course's parts, at noon."""
    parts = own(exercise, folder=SOLUTIONS, passed=everything)
    seen = play(Storm(**GOOD | {"limiter": "none"} | parts, duration=3.0))
    assert (len(seen.pages) > 100, seen.wrong) == (True, 0)
    if "limiter" in parts:
        assert seen.most_admitted <= seen.storm.policy.limit
        assert len(seen.visits) > len(seen.pages)
