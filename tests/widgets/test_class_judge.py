"""The button that has the class's judge look at a notebook: on a notebook of its own, by a program of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_lib.widgets.class_judge import ClassJudge

RIGHT = "async def keep(redis, key, page, *, ttl):\n    await redis.set(key, page, px=round(ttl * 1000))"


def notebook(folder: Path, source: str) -> Path:
    """A notebook of lesson 00 in which only the first exercise is answered."""
    metadata = {"nbgrader": {"grade": True, "grade_id": "00-1", "locked": False, "points": 4, "schema_version": 3,
                             "solution": True, "task": False}}  # fmt: skip
    cell: dict[str, Any] = {"cell_type": "code", "id": "one", "metadata": metadata, "source": source, "outputs": [],
                            "execution_count": None}  # fmt: skip
    path = folder / "00_cache_aside.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


def test_the_page_of_a_class_stands_below_the_button(tmp_path: Path) -> None:
    panel = ClassJudge("00", notebook(tmp_path, RIGHT))
    panel.judge()
    assert "1 of 5 exercises passed, 4 of 29 points." in panel.notice.value
    assert "srcdoc=" in panel.page.value
    assert not panel.button.disabled


def test_it_finds_the_notebook_it_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = notebook(tmp_path, RIGHT)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert ClassJudge("00")._path() == path
    monkeypatch.setenv("JPY_SESSION_NAME", "a console")
    monkeypatch.chdir(tmp_path)
    found = ClassJudge("00")._path()
    assert found is not None
    assert found.name == path.name
    panel = ClassJudge("01")
    panel.judge()
    assert "There is no notebook of lesson 01 in this folder" in panel.notice.value


def test_a_file_that_is_no_notebook_is_told(tmp_path: Path) -> None:
    path = notebook(tmp_path, RIGHT)
    path.write_text("{", encoding="utf-8")
    panel = ClassJudge("00", path)
    panel.judge()
    assert "0 of 5 exercises passed" in panel.notice.value
