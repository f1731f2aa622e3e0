"""exercises/ is made from solutions/, always in the same bytes; both run from top to bottom."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.grading import make_exercises
from course_lib.grading.exercise import grade_id, words
from course_lib.grading.make_exercises import BEGIN, END, BadSource, exercise, main, text

from .programs import LESSONS, ROOT, cells

NAME = "05_stampedes.ipynb"
NAMES = {path.name[:2]: path.name for path in (ROOT / "solutions").glob("[0-9]*.ipynb")}


def source(lesson: str = "05") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "solutions" / NAMES[lesson]).read_text(encoding="utf-8"))
    return loaded


def by_id(notebook: dict[str, Any], id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(cell for cell in notebook["cells"] if cell["id"] == id)
    return found


def test_the_exercises_are_what_the_solutions_make() -> None:
    """`make exercises` would change nothing."""
    assert main(["--check"]) == 0


def test_the_command_fails_on_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The control: an edited exercise, a missing one, and one without a source are each named."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / NAME).write_text(text(source()), encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    made = tmp_path / "exercises" / NAME
    made.write_text(made.read_text(encoding="utf-8").replace("About", "around"), encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    made.with_name("06_none.ipynb").write_text("{}", encoding="utf-8")
    main([], tmp_path)
    assert main(["--check"], tmp_path) == 1
    assert "06_none.ipynb has no source" in capsys.readouterr().err


def test_the_command_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "course_lib.grading.make_exercises", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_generating_twice_gives_the_same_bytes() -> None:
    once = text(exercise(source(), NAME))
    assert once == text(exercise(source(), NAME))
    assert once.endswith("}\n")
    assert once == nbformat.writes(nbformat.reads(once, as_version=4)) + "\n"


SECRETS = {
    "00": ("px=round", "page is not None", "redis.get(key)", "redis.mget", "gone = True", '"reader", "reader"'),
    "01": ("data.find", "{{{user}}}", "wait(1, 50) >= 1", "known // 2 + 1", "Cut(at=1.5", "write.node"),
    "02": ("re.fullmatch", "json.dumps", "redis.delete", "incr(", "scan_iter", '"reader", "reader"', 'KEEPTTL" in'),
    "03": ("KEYS[1]) < 0", "pipe.watch", "ZREMRANGEBYSCORE", '"bob", "bob"', '"crash", at=2', 'kind != "refused"'),
    "04": ("ARGV[1] then return", "nx=True, px=", "0.09 * draw()", "0.01 * ttl", '"pause", at=2', "tonumber", "died ="),
    "05": ("nx=True", "math.log", "left_ms / 1000", "clock() - start", '"pause", at=3, seconds=0.1', "died ="),
    "06": ("delete(*keys)", "tonumber(held)", "~= ARGV[1]", "notes := await", "at=3, seconds=0.5", "its_key"),
    "07": ("'RENAME'", "math.min(idle_ms", "redis.xclaim", "511 - game", "at=4, seconds=3.0", "one.t_start >= sent"),
    "08": ("load=2.5", "held or not", "work=0.8", "'INCR'", "promised - there"),
}


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_solution_is_left(lesson: str) -> None:
    """Neither marker nor any line from between the markers, unless the learner is given it elsewhere."""
    left = "".join("".join(cell["source"]) for cell in cells("exercises", lesson))
    assert "SOLUTION" not in left
    for secret in SECRETS[lesson]:
        assert secret in "".join("".join(cell["source"]) for cell in cells("solutions", lesson))
        assert secret not in left


def test_outputs_and_an_editors_traces_are_emptied() -> None:
    marked = source()
    cell = by_id(marked, "check-05-1")
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "secret"}]
    cell["execution_count"] = 7
    cell["metadata"]["collapsed"] = True
    assert text(exercise(marked, NAME)) == text(exercise(source(), NAME))


@pytest.mark.parametrize("lesson", LESSONS)
def test_cells_carry_nbgraders_metadata(lesson: str) -> None:
    """nbgrader's schema 3: answers are its "manually graded" cells, checks are its read-only ones."""
    for notebook in (source(lesson), exercise(source(lesson), NAMES[lesson])):
        found = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
        graded = {metadata["grade_id"]: metadata for metadata in found}
        for id, its in words(lesson).items():
            assert graded[grade_id(id)] == {
                "grade": True, "grade_id": grade_id(id), "locked": False, "points": its.points, "schema_version": 3,
                "solution": True, "task": False,
            }  # fmt: skip
            assert graded[f"{grade_id(id)}-check"]["locked"]
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", id) for id in graded)  # nbgrader refuses a notebook with any other


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda nb: by_id(nb, "answer-05-1")["source"].remove(f"        {BEGIN}\n"), "do not alternate"),
        (lambda nb: by_id(nb, "answer-05-1")["source"].remove(f"        {END}\n"), "no complete solution"),
        (lambda nb: by_id(nb, "answer-05-1")["metadata"].clear(), "its metadata do not say so"),
        (lambda nb: by_id(nb, "answer-05-1")["metadata"]["nbgrader"].update(points=99), "points"),
        (lambda nb: by_id(nb, "answer-05-1")["metadata"]["nbgrader"].update(grade_id="05-9"), "grade_id"),
        (lambda nb: nb["cells"].append(copy.deepcopy(by_id(nb, "answer-05-1"))), "two cells"),
        (lambda nb: nb["cells"].remove(by_id(nb, "answer-05-3")), "no cell has the grade_id '05-3'"),
    ],
)
def test_a_bad_source_is_refused_in_words(change: Any, said: str) -> None:
    broken = source()
    change(broken)
    with pytest.raises(BadSource, match=said):
        exercise(broken, NAME)


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_exercise_states_minutes_points_and_contract(lesson: str) -> None:
    prose = "".join("".join(cell["source"]) for cell in cells("exercises", lesson) if cell["cell_type"] == "markdown")
    for id, its in words(lesson).items():
        assert f"## {id} {its.title}\n\n*About {its.minutes} minutes, {its.points} points.*" in prose
    assert prose.count("**Contract.**") == len(words(lesson))


# -- run from top to bottom -------------------------------------------------------------------------------------------


def executed(folder: str, lesson: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Run a notebook in this Python, as JupyterLab does, and return each code cell's outputs."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / folder / NAMES[lesson], as_version=4)
    nbformat.validate(notebook)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT / folder)}}
    ).execute()
    return {cell.id: list(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"}


def verdicts(outputs: dict[str, list[Any]]) -> dict[str, str]:
    """The text of each check's output, and nothing on stderr anywhere."""
    assert [out for outs in outputs.values() for out in outs if out.get("name") == "stderr"] == []
    return {id: outs[-1]["data"]["text/plain"] for id, outs in outputs.items() if id.startswith("check")}


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_solutions_pass_in_a_notebook(lesson: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = verdicts(executed("solutions", lesson, monkeypatch))
    assert len(said) == len(words(lesson))
    assert all(text.startswith("✓ Passed") for text in said.values()), said


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_unsolved_notebook_runs_to_its_end(lesson: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = verdicts(executed("exercises", lesson, monkeypatch))
    assert len(said) == len(words(lesson))
    assert all(text.startswith("○ Not answered yet") for text in said.values()), said


SLOW = """
from course_lib.grading import bar, check
bar.PATIENCE = 0.0
{then}
check("05.5", lambda trace: None if trace.notes else "nothing happened")
"""


@pytest.mark.parametrize(("then", "bars"), [("", 1), ("bar.PATIENCE = 1e9", 0)])
def test_a_slow_check_shows_a_bar_that_goes_away(then: str, bars: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control is a check that is quicker than anybody's patience."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SLOW.format(then=then))])  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    seen: list[str] = []
    process = client.process_message

    def listen(message: Any, cell: Any, index: int) -> Any:
        seen.append(str(message["content"].get("data", {}).get("text/html", "")))
        return process(message, cell, index)

    monkeypatch.setattr(client, "process_message", listen)
    client.execute()
    assert any("<progress" in html for html in seen) == bool(bars)
    (*others, widget, verdict) = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in widget["data"]
    assert [out["data"]["text/html"] for out in others] == [""] * bars
    assert verdict["data"]["text/plain"].startswith("✗ Not yet")


def test_the_generator_knows_where_the_course_is() -> None:
    assert make_exercises.ROOT == ROOT
