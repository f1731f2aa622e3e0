"""Every notebook runs from its first cell to its last, and stands in git without outputs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import installed_chromium
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
NOTEBOOKS = LESSONS + sorted(path for folder in ("exercises", "solutions") for path in (ROOT / folder).glob("*.ipynb"))


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The kernel is this Python, with nothing of the user's own."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    return monkeypatch


def executed(path: Path) -> nbformat.NotebookNode:
    made = nbformat.read(path, as_version=4)
    client = NotebookClient(
        made, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.create_kernel_manager()
    assert client.km is not None
    client.km.kernel_spec.argv[0] = sys.executable
    return client.execute()


def said(notebook: nbformat.NotebookNode) -> str:
    """All text that the cells printed."""
    return "".join(o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", []))


def test_every_lesson_runs_to_its_end(settings: pytest.MonkeyPatch) -> None:
    """Once: in its browser test where there is a browser, else here. tests/grading runs exercises and solutions."""
    for path in LESSONS:
        in_the_browser = ROOT / "tests" / "browser" / f"test_lesson_{path.name[:2]}.py"
        if installed_chromium() and in_the_browser.exists():
            assert "run_lesson(LESSON)" in in_the_browser.read_text(encoding="utf-8")
        else:
            executed(path)


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_without_a_server_a_lesson_says_so_in_one_sentence_and_runs(settings: pytest.MonkeyPatch, path: Path) -> None:
    settings.setenv("COURSE_REDIS", "/nowhere/redis-server")
    text = said(executed(path))
    assert len(re.findall("Skipped:|Recorded:", text)) == 1
    assert "/nowhere/redis-server" in text


def test_the_page_of_progress_runs(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It shows what is in the record, here one that says nothing."""
    settings.setenv("COURSE_PROGRESS", str(tmp_path / "progress.txt"))
    shown = executed(ROOT / "notebooks" / "Progress.ipynb").cells[1].outputs[0]["data"]["text/plain"]
    assert shown.startswith("Your progress: 0 of ")
    assert "Nothing is noted yet" in shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_code_cell_is_at_most_fifteen_lines(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        graded = "nbgrader" in cell.metadata or path.parent.name != "notebooks"
        if cell.cell_type == "code" and not graded:
            assert len([line for line in cell.source.splitlines() if line.strip()]) <= 15, cell.source[:80]
