"""What becomes of a notebook on a page: folds, pictures in place of dead widgets, links that hold."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from course_lib.notebook import AFTER
from course_lib.website import executed, recorded, staged
from course_lib.website.recorded import HAPPENED, sentence
from course_lib.widgets.predict import Prediction

SVG = '<svg role="img" aria-label="Two holders"><path d="M0 0"/>'
FEW_OR_MANY = {"few": lambda n: n < 9, "many": lambda n: n > 9}
BEGIN = "try:\n    from course_lib.lesson import begin\nexcept ModuleNotFoundError: ..."


def code(source: str, *outputs: Any, hidden: bool = False) -> Any:
    metadata = {"jupyter": {"source_hidden": True}} if hidden else {}
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def page(html: str, model: str = "") -> Any:
    view = {staged.VIEW: {"model_id": model}} if model else {}
    return nbformat.v4.new_output("display_data", {**view, "text/html": html})


def notebook(*cells: Any, **models: tuple[str, dict[str, Any]]) -> Any:
    state = {name: {"model_name": kind, "state": given} for name, (kind, given) in models.items()}
    return nbformat.v4.new_notebook(cells=list(cells), metadata={"widgets": {staged.STATE: {"state": state}}})


def test_what_happened_after_a_question_is_folded_in_a_cell_of_its_own() -> None:
    made = notebook(code("predict(…)", page("<p>How many?</p>"), page(HAPPENED), page("<p>It was 3.</p>"), hidden=True))
    asked, happened = staged.read_on_a_page(made).cells
    assert [staged.html(output) for output in asked.outputs] == ["<p>How many?</p>"]
    assert asked.metadata["tags"] == ["hide-input"]
    assert [staged.html(output) for output in happened.outputs] == ["<p>It was 3.</p>"]
    assert happened.metadata["tags"] == ["remove-input", "hide-output"]


def test_a_cell_that_shows_the_answer_is_folded_and_others_are_not() -> None:
    shown, plain = staged.read_on_a_page(notebook(code(f"{AFTER}\nx"), code("x"))).cells
    assert shown.metadata["tags"] == ["hide-output"]
    assert plain.metadata["tags"] == []


def test_the_cell_that_looks_for_a_server_is_left_out() -> None:
    assert [cell.source for cell in staged.read_on_a_page(notebook(code(BEGIN), code("x"))).cells] == ["x"]


def test_the_lessons_own_first_cells_are_recognized() -> None:
    """The control for the test before: the words by which they are known stand in every lesson."""
    for path in sorted((staged.ROOT / "notebooks").glob("[0-9]*.ipynb")):
        given: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        assert len(given.cells) - len(staged.read_on_a_page(given).cells) == 1, path.name


@pytest.mark.parametrize(
    "control", ["ButtonModel", "FloatSliderModel", "PlayModel", "RadioButtonsModel", "OutputModel"]
)
def test_a_widget_that_asks_a_kernel_gives_way_to_its_picture(control: str) -> None:
    box = {"children": ["IPY_MODEL_any", "IPY_MODEL_control"]}
    shown = code("x", page("", "box"), page('<div class="still-st1">a picture</div>'))
    made = staged.read_on_a_page(notebook(shown, box=("VBoxModel", box), any=("AnyModel", {}), control=(control, {})))
    assert ["still-st1" in staged.html(output) for output in made.cells[0].outputs] == [True]
    assert "widgets" not in made.metadata


def test_a_widget_that_needs_no_kernel_stays_without_the_picture_and_with_its_state() -> None:
    box, after = {"children": ["IPY_MODEL_any"]}, page("<p>more</p>")
    shown = code("x", page("", "box"), page('<div class="still-st1">a picture</div>'), after)
    models: dict[str, Any] = {"box": ("VBoxModel", box), "any": ("AnyModel", {}), "else": ("AnyModel", {})}
    made = staged.read_on_a_page(notebook(shown, **models))
    view, more = made.cells[0].outputs
    assert view.data[staged.VIEW] == {"model_id": "box"}
    assert staged.html(more) == "<p>more</p>"
    assert set(made.metadata["widgets"][staged.STATE]["state"]) == {"box", "any"}


def test_a_picture_is_on_the_page_once_and_follows_the_theme() -> None:
    on_white = base64.b64encode(f"{SVG}<style>:root{{background:#fff}}</style></svg>".encode()).decode()
    image = f'<img alt="Two holders" style="max-width:100%" src="data:image/svg+xml;base64,{on_white}">'
    assert staged.drawn(f'<p class="course-still">{image}</p><p>x</p>') == "<p>x</p>"
    assert staged.drawn(f"<div>{image}</div>") == f"<div>{SVG}</svg></div>"


@pytest.mark.parametrize(
    ("given", "led"),
    [
        ("[a](#4.-Cache-aside,-in-five-lines)", "[a](#4-cache-aside-in-five-lines)"),
        ("[a](GLOSSARY.md#p50)", "[a](GLOSSARY.md#p50)"),
        ("[a](../course_lib/patterns/cache.py)", "[a](../course_lib/patterns/cache_source.md)"),
        ("[a](../notebooks/Progress.ipynb)", "[a](../notebooks/../progress.md)"),
        ("[a](https://redis.io/x.py)", "[a](https://redis.io/x.py)"),
        ('<a href="GLOSSARY.md#lock">a</a>', '<a href="GLOSSARY.html#lock">a</a>'),
        ('<a id="aof"></a>\n\n### AOF', "(aof)=\n\n## AOF"),
        ("## A\n\n### B", "## A\n\n### B"),
    ],
)
def test_links_and_anchors_are_those_of_the_site(given: str, led: str) -> None:
    assert staged.markdown(given) == led


@pytest.mark.parametrize(
    ("question", "happened", "told"),
    [
        ({"unit": "loads"}, 17, "It was 17 loads."),
        ({"unit": "s"}, float("inf"), "It had no end."),
        ({"choices": ["a", "b"]}, "b", "What happened leaves “b”."),
        ({"choices": FEW_OR_MANY}, 3, "What happened (3) leaves “few”."),
        (
            {"choices": {"few": lambda n: n < 9, "many": lambda n: n > 9}},
            9,
            "None of the choices foresaw what happened.",
        ),
    ],
)
def test_what_happened_is_told_in_a_sentence(question: dict[str, Any], happened: Any, told: str) -> None:
    assert sentence(Prediction("How many?", run=lambda: happened, **question), happened) == told


def test_a_recorded_question_runs_and_leaves_its_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """As plain outputs: the question, the mark, what the run shows, the sentence; later cells use the outcome."""
    pages: list[str] = []
    monkeypatch.setattr(recorded, "display", lambda shown: pages.append(getattr(shown, "data", shown)))
    monkeypatch.setattr(Prediction, "_ipython_display_", Prediction._ipython_display_)
    recorded.record()
    asked = Prediction("How `many`?", run=lambda: [1, 2], measure=len, unit="loads")
    asked._ipython_display_()
    assert pages == ["<p><b>Predict.</b> How <code>many</code>?</p>", HAPPENED, [1, 2], "<p>It was 2 loads.</p>"]
    assert asked.outcome == [1, 2]


def test_exercises_come_without_solutions(tmp_path: Path) -> None:
    """The pages are made from what learners are given."""
    for path in (staged.ROOT / "exercises").glob("[0-9]*.ipynb"):
        assert "BEGIN SOLUTION" not in path.read_text(encoding="utf-8")


# -- what is run once and kept ----------------------------------------------------------------------------------------


def test_a_lesson_is_run_anew_when_it_the_library_or_the_lock_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not when what builds pages from outputs has."""
    counts = {
        "notebooks/a.ipynb": True, "requirements.lock": True, "course_lib/sim/loop.py": True,
        "course_lib/website/recorded.py": True, "course_lib/website/staged.py": False, "course_lib/bootstrap.py": False,
        "course_lib/notes.txt": False,
    }  # fmt: skip
    for name in counts:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    monkeypatch.setattr(executed, "ROOT", tmp_path)
    key, told = executed.key(tmp_path / "notebooks/a.ipynb"), {}
    for name in counts:
        (tmp_path / name).write_text("after")
        told[name] = executed.key(tmp_path / "notebooks/a.ipynb") != key
        (tmp_path / name).write_text("before")
    assert told == counts
    monkeypatch.setattr(executed.sys, "version", "another Python")
    assert executed.key(tmp_path / "notebooks/a.ipynb") != key


def test_of_each_lesson_one_run_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, runs = iter(["one", "one", "two"]), []
    monkeypatch.setattr(executed, "FOLDER", tmp_path / "kept")
    monkeypatch.setattr(executed, "ROOT", tmp_path)
    monkeypatch.setattr(executed, "key", lambda path: next(keys))
    monkeypatch.setattr(executed, "run", lambda path: runs.append(path) or notebook(code("1")))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "other-one.ipynb").write_text("another lesson's")
    for _ in range(3):
        assert executed.executed(tmp_path / "a.ipynb").cells[0].source == "1"
    assert len(runs) == 2
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["a-two.ipynb", "other-one.ipynb"]


def test_what_records_outcomes_runs_first_and_is_no_part_of_the_lesson(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a kernel of this Python, which keeps no record of anybody's progress."""
    ran: list[list[str]] = []

    class Client:
        def __init__(self, made: Any, **options: Any) -> None:
            self.made, self.km = made, SimpleNamespace(kernel_spec=SimpleNamespace(argv=["python"]))

        def create_kernel_manager(self) -> None:
            pass

        def execute(self, env: dict[str, str]) -> None:
            assert env["COURSE_PROGRESS"] == "off"
            assert not env["IPYTHONDIR"].startswith(str(Path.home() / ".ipython"))
            assert self.km.kernel_spec.argv == [sys.executable]
            ran.append([cell.source for cell in self.made.cells])

    monkeypatch.setattr(executed, "NotebookClient", Client)
    monkeypatch.delenv("COURSE_PROGRESS", raising=False)
    nbformat.write(notebook(code("1"), code("2")), tmp_path / "a.ipynb")
    assert [cell.source for cell in executed.run(tmp_path / "a.ipynb").cells] == ["1", "2"]
    assert ran == [[executed.OPENING, "1", "2"]]
