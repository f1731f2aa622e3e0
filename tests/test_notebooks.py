"""Every notebook runs from its first cell to its last, and stands in git without outputs."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import installed_chromium
from nbclient import NotebookClient
from thorough import THOROUGH, unless

from course_lib import notebook

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


def in_the_browser(path: Path) -> bool:
    """Whether the lesson's browser test is among those of this run: some are only where all is tested."""
    test = ROOT / "tests" / "browser" / f"test_lesson_{path.name[:2]}.py"
    if not installed_chromium() or not test.exists():
        return False
    text = test.read_text(encoding="utf-8")
    assert "run_lesson(LESSON)" in text
    return THOROUGH or "@pytest.mark.thorough\ndef test_the_whole_lesson" not in text


def pictures(notebook: nbformat.NotebookNode) -> list[str]:
    """What is said of each picture that a cell shows."""
    shown = [o.get("data", {}).get("text/html", "") for cell in notebook.cells for o in cell.get("outputs", [])]
    return re.findall(r'<svg[^>]* role="img"[^>]* aria-label="([^"]*)"', "".join(shown))


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_a_lesson_runs_to_its_end(settings: pytest.MonkeyPatch, path: Path) -> None:
    """Once: in its browser test where there is one in this run, else here. tests/grading runs exercises and solutions.

    What needs a server finds one, and each picture has a text alternative with a number in it.
    """
    if not in_the_browser(path):
        made = executed(path)
        assert not re.search("Skipped:|Recorded:", said(made))
        assert pictures(made)
        assert [words for words in pictures(made) if not re.search(r"\d", words)] == []


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=unless(path.name[:2] in ("01", "07"))) for path in LESSONS], ids=name
)
def test_without_a_server_a_lesson_says_so_in_one_sentence_and_runs(settings: pytest.MonkeyPatch, path: Path) -> None:
    """In every run the one lesson that shows a recording, and of those that skip, the one that is done soonest."""
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


# -- what JupyterLab makes of it --------------------------------------------------------------------------------------

LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": notebook.VERSION,
}
"""What JupyterLab writes into a notebook when a kernel of the course answers. tests/browser opens one and looks."""


def cells_of(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def prices(text: str) -> list[str]:
    """What JupyterLab would set as a formula although it is none: between two dollar signs outside of code, without a
    sign of TeX in it and more than one letter. A sign alone is shown as it is."""
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    between = [
        two or one
        for block in text.split("\n\n")
        for two, one in re.findall(r"\$\$(.+?)\$\$|\$([^$]+)\$", block, re.DOTALL)
    ]
    return [inside for inside in between if not re.search(r"[\\^_]", inside) and not re.fullmatch(r"\w", inside)]


def test_a_price_is_no_formula() -> None:
    """Two dollar signs in one paragraph make a formula of what is between them. The control finds such a paragraph."""
    assert prices("It was $12, and is $15 now; `$1` and `$2` are code, and $\\tau$ and $u$ are formulas") == [
        "12, and is "
    ]
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert cell["cell_type"] == "code" or not prices("".join(cell["source"])), (path.name, cell["id"])


@pytest.mark.parametrize("path", [*NOTEBOOKS, ROOT / "notebooks" / "Progress.ipynb"], ids=name)
def test_to_open_a_notebook_does_not_change_it(path: Path) -> None:
    """Else closing it asks a question, and the next `git pull` is refused."""
    assert json.loads(path.read_text(encoding="utf-8"))["metadata"]["language_info"] == LANGUAGE


def only_asks(source: str) -> bool:
    """Whether a cell imports and asks a question, and does nothing else."""
    *before, last = ast.parse(source).body
    called = last.value.func if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else None
    asks = isinstance(called, ast.Name) and called.id == "predict"
    return asks and all(isinstance(part, ast.Import | ast.ImportFrom) for part in before)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_what_is_no_part_of_the_lesson_is_out_of_sight(path: Path) -> None:
    """The first cell, and those that only ask: JupyterLab folds their source, and one click shows it."""
    first, *others = cells_of(path)
    plumbing = [first, *(cell for cell in others if only_asks("".join(cell["source"])))]
    assert [cell["id"] for cell in plumbing if not cell["metadata"].get("jupyter", {}).get("source_hidden")] == []


def loaded(source: str) -> set[str]:
    """The names that a cell uses."""
    names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}


def missed(cells: list[str]) -> set[str]:
    """Names that cells need and that only cells make which are held back; and held cells without a question above."""
    there: set[str] = set()
    found: set[str] = set()
    lost: set[str] = set()
    asked = False
    for source in cells:
        if source.startswith(notebook.AFTER):
            kept = [part for part in ast.parse(source).body if isinstance(part, notebook.KEPT)]
            there |= set().union(*(notebook.made(ast.unparse(part)) for part in kept))
            lost |= notebook.made(source)
            found |= set() if asked else {source}
        else:
            found |= (loaded(source) - notebook.made(source) - there) & lost
            there |= notebook.made(source)
        asked = asked or "predict(" in source
    return found


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_run_all_needs_nothing_of_a_cell_that_waits_for_an_answer(path: Path) -> None:
    """Such a cell imports and defines, and no more, so what it computes must not be missed by the cells after it."""
    assert missed(["".join(cell["source"]) for cell in cells_of(path)]) == set()


def test_what_would_be_missed_is_seen() -> None:
    """The control."""
    after = f"{notebook.AFTER}\nfrom math import pi\nx = 1\ndef f(): return x"
    assert missed(["predict(1)", after, "print(x, pi, f())"]) == {"x"}
    assert missed(["predict(1)", after, "x = 2", "print(x)"]) == set()
    assert missed([after, "predict(1)"]) == {after}
