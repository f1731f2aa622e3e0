"""What a cell meets that is run too early: before its question has an answer, or before the cells that it needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib import notebook
from course_lib.notebook import EARLY, HELD, made

CELLS = {
    "first": "from math import sqrt, pi as p\nimport os.path\nasync def go(x): y = x",
    "ask": "guess = 3",
    "show": "# After your answer\nfrom math import floor\nshown = floor(2.5)\nprint(shown)",
    "late": "print(sqrt(4))\nlater = 1",
}

Run = Callable[[str], str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a cell of that notebook, as JupyterLab asks for it; returns what it showed."""
    made_of = [{"cell_type": "code", "id": id, "source": [source]} for id, source in CELLS.items()]
    (tmp_path / "lesson.ipynb").write_text(json.dumps({"cells": made_of}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "lesson.ipynb"))
    monkeypatch.delenv("COURSE_HOLD_BACK", raising=False)
    monkeypatch.setattr(notebook, "_asked", {})
    shell: Any = InteractiveShell()
    shell.get_parent = lambda: {"metadata": {"cellId": shell.cell}}
    monkeypatch.setattr(notebook, "get_ipython", lambda: shell)
    notebook.load_ipython_extension(shell)
    notebook.load_ipython_extension(shell)

    def ran(cell: str, source: str | None = None) -> str:
        shell.cell = cell
        shell.run_cell(CELLS[cell] if source is None else source)
        if cell == "ask":
            notebook.ask(lambda: bool(shell.user_ns.get("answered")))
        return capsys.readouterr().out

    ran.shell = shell  # type: ignore[attr-defined]
    return ran


def test_a_cell_waits_for_the_answer_to_the_question_above(run: Run) -> None:
    """It says so, and runs once there is one; what it imports is there for later cells in either case."""
    run("ask")
    assert run("show") == f"{HELD}\n"
    assert "shown" not in run.shell.user_ns  # type: ignore[attr-defined]
    assert "floor" in run.shell.user_ns  # type: ignore[attr-defined]
    run("late", "answered = True")
    assert run("show") == "2\n"


def test_a_cell_runs_as_ever_where_nobody_was_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No question yet; or a program that executes the notebook, which sends no ids; or where it is switched off."""
    assert run("show") == "2\n"
    run("ask")
    monkeypatch.setenv("COURSE_HOLD_BACK", "off")
    assert run("show") == "2\n"
    monkeypatch.delenv("COURSE_HOLD_BACK")
    assert run("show") == f"{HELD}\n"
    run.shell.get_parent = dict  # type: ignore[attr-defined]
    assert run("show") == "2\n"


def test_a_question_further_down_holds_nothing_back_above_it(run: Run) -> None:
    """After Run All each question has been asked; what counts is the one above the cell."""
    run("ask")
    assert run("late", "# After your answer\nprint(1)") == f"{HELD}\n"
    assert run("first", "# After your answer\nprint(1)") == "1\n"


def test_a_cell_before_those_it_needs_says_so(run: Run) -> None:
    """A name that a cell above makes; any other keeps its traceback."""
    early = run("late")
    assert early == EARLY.format("sqrt") + "\n"
    assert "Traceback" in run("late", "nobody_makes_this")
    assert "Traceback" in run("first", "later")
    run("first")
    assert run("late") == "2.0\n"


def test_which_names_a_cell_makes() -> None:
    assert made(CELLS["first"]) == {"sqrt", "p", "os", "go"}
    assert made("a, (b, *c) = 1, (2, 3)\nfor d in e:\n    f = d\nwith g as h: pass\nk = [m for m in n]") == set(
        "abcdfhk"
    )
    assert made("not python at all") == set()
