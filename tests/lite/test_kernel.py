"""Which notebook a cell of the browser's kernel is of: many have a cell with the same id, and none the same source."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.lite import kernel


def test_the_notebook_is_the_one_with_that_cell_and_its_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "")
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setattr("course_lib.notebook.running", lambda: "begin")
    for name in ("00", "03", "07"):
        cells = [{"id": "title", "source": ["# Title"]}, {"id": "begin", "source": ["x = 1\n", f'begin("{name}")']}]
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    kernel._say_which_notebook(SimpleNamespace(raw_cell="something that no notebook has"))
    assert "JPY_SESSION_NAME" not in os.environ
    kernel._say_which_notebook(SimpleNamespace(raw_cell='x = 1\nbegin("03")\n'))
    assert Path(os.environ["JPY_SESSION_NAME"]).name == "03.ipynb"
