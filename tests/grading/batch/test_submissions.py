"""What is handed in may be anything: an answer is found where a reader would find it, and nothing is a traceback."""

from __future__ import annotations

import copy
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.grading.batch import task
from course_lib.grading.batch.answers import Submission, submission
from course_lib.grading.batch.folders import Student, content, handed_in, lessons_in, shown, slug, students
from course_lib.grading.batch.handout import NoSuchLesson, lesson, lesson_of
from course_lib.grading.batch.judge_interface import Limits
from course_lib.grading.batch.magics import as_python
from course_lib.grading.batch.notebook_file import LARGEST, Unreadable, notebook

from ..programs import ANSWERS
from .judges import by_its_words
from .notebooks import RELEASE, answered, cell, code, data, handed_out, without_ids

FOUR = lesson("04")


def read(made: Any) -> Submission:
    return submission(notebook(data(made)), FOUR)


def counted(made: Any, exercise: str = "04.1") -> str:
    """The source of the cell that counts."""
    (source,) = [one.source for one in read(made).cells if one.exercise == exercise]
    return source


def test_the_name_of_each_answer_is_the_one_that_the_notebook_checks() -> None:
    asked = [one for number in sorted({id[:2] for id in ANSWERS}) for one in lesson(number).asked]
    assert {one.exercise: one.answer for one in asked} == ANSWERS
    assert all(one.points > 0 and one.stub for one in asked)


@pytest.mark.parametrize("id", ["04.9", "99.1", "redlock", ""])
def test_an_exercise_that_is_not_there_is_refused_with_those_that_are(id: str) -> None:
    with pytest.raises(NoSuchLesson, match="There are: 0"):
        lesson_of(id)


# -- which cell is the answer ------------------------------------------------------------------------------------------


def test_a_notebook_as_it_was_handed_out_has_every_answer_and_no_remark() -> None:
    found = read(handed_out())
    assert (found.found, found.remarks) == (tuple(one.exercise for one in FOUR.asked), ())
    assert found.untouched == found.found
    assert read(answered(e1=RELEASE)).untouched == found.found[1:]
    assert len(found.cells) == sum(one["cell_type"] == "code" for one in handed_out()["cells"])


def test_without_metadata_answers_are_found_by_their_names() -> None:
    found = read(without_ids(answered(e1=RELEASE)))
    assert len(found.found) == 6
    assert all("lost its id" in remark for remark in found.remarks)
    assert counted(without_ids(answered(e1=RELEASE))) == RELEASE


def test_without_metadata_but_with_the_cells_own_ids_these_are_believed() -> None:
    made = answered(e1=RELEASE)
    cell(made, "04.1")["metadata"] = {}
    assert counted(made) == RELEASE
    assert "lost its nbgrader id" in read(made).remarks[0]


def test_a_notebook_of_an_earlier_edition_is_read_as_well() -> None:
    """Its ids were those of the exercises, with a dot, which nbgrader refuses."""
    made = answered(e1=RELEASE)
    cell(made, "04.1")["metadata"]["nbgrader"]["grade_id"] = "04.1"
    assert counted(made) == RELEASE
    assert read(made).remarks == ()


def test_of_a_cell_that_was_copied_the_last_one_counts_that_was_changed() -> None:
    made = answered(e1=RELEASE)
    second = copy.deepcopy(cell(made, "04.1")) | {"source": "release = second = None"}
    unsolved = cell(handed_out(), "04.1")
    made["cells"] += [second, unsolved]
    assert counted(made) == "release = second = None"
    assert "all claim to be its answer" in read(made).remarks[0]
    made["cells"].remove(second)
    assert counted(made) == RELEASE
    assert "both claim to be its answer" in read(made).remarks[0]


def test_a_helper_with_the_name_of_another_answer_is_not_taken_for_it() -> None:
    """The control: 04.3 defines a `release` of its own, further down."""
    made = answered(e1=RELEASE, e3="async def release(node): ...\nasync def redlock(nodes, key, token): ...")
    assert counted(made) == RELEASE
    assert read(made).remarks == ()


@pytest.mark.parametrize("keeps_its_id", [True, False])
def test_cells_that_were_merged_answer_each_of_their_exercises(keeps_its_id: bool) -> None:
    """JupyterLab's Merge Cells keeps the first one's id. The control is the second answer, without the merger."""
    made = answered(e1=RELEASE)
    first, second = cell(made, "04.1"), cell(made, "04.2")
    second["source"] = f"async def {lesson('04').asked[1].answer}():\n    pass"
    apart = read(made)
    first["source"] = "\n\n".join(map("".join, (first["source"], second["source"])))
    made["cells"].remove(second)
    if not keeps_its_id:
        first["metadata"], first["id"] = {}, "another"
    merged = read(made)
    assert {"04.1", "04.2"} <= {*merged.found} - {*merged.untouched} == {*apart.found} - {*apart.untouched}
    assert [one.exercise for one in merged.cells if one.source == first["source"]] == ["04.1", "04.2"]


def test_an_answer_in_a_cell_of_its_own_is_found_where_the_given_one_was_left_empty() -> None:
    made = answered()
    made["cells"].append(code(RELEASE))
    assert counted(made) == RELEASE
    assert "its own cell is empty" in read(made).remarks[0]


def test_moved_cells_are_found_and_reported() -> None:
    made = answered(e1=RELEASE)
    first = cell(made, "04.1")
    made["cells"].remove(first)
    made["cells"].append(first)
    assert counted(made) == RELEASE
    assert "another order" in read(made).remarks[0]


def test_a_deleted_cell_a_text_cell_and_a_renamed_answer_are_told_apart() -> None:
    made = answered(e3=RELEASE.replace("release", "my_redlock"))
    made["cells"].remove(cell(made, "04.1"))
    cell(made, "04.2")["cell_type"] = "markdown"
    found = read(made)
    assert found.found == ("04.3", "04.4", "04.5", "04.6")
    assert "was deleted" in found.remarks[0]
    assert "text cell" in found.remarks[1]
    assert "does not define `redlock`" in found.remarks[2]


# -- formats and files -------------------------------------------------------------------------------------------------


def test_a_notebook_of_format_3_is_read() -> None:
    cells = [
        {"cell_type": "code", "input": RELEASE, "language": "python", "outputs": [], "metadata": {}},
        {"cell_type": "heading", "level": 1, "source": "x", "metadata": {}},
    ]
    found = read({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells, "metadata": {}}]})
    assert found.cells[0].source == RELEASE
    assert found.cells[0].exercise == "04.1"
    assert "old format 3" in found.remarks[0]
    assert read({"nbformat": 2, "worksheets": [7, {"cells": 3}]}).cells == ()


WHOLE = data(handed_out())
BROKEN = {
    "empty": (b" \n", "empty"),
    "cut off": (WHOLE[: len(WHOLE) // 2], "ends too early"),
    "not text": (b'{"cells": "\xff"}', "UTF-8"),
    "not json": (b"<html>Log in first</html>", "line 1"),
    "a list": (b"[1, 2]", "no notebook"),
    "another table": (b'{"name": "x"}', "no notebook"),
    "nested": (b"[" * 200_000, "nested too deeply"),
    "a huge number": (b'{"cells": [' + b"1" * 10_000 + b"]}", "cannot be read"),
    "an archive": (b"PK\x03\x04rest", "zip"),
    "too many cells": (b'{"nbformat": 4, "cells": [' + b"0," * 5_000 + b"0]}", "more than 5,000 cells"),
    "too much code": (data({"cells": [code("#" * 2_000_000)], "nbformat": 4}), "characters of code"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_notebook_is_refused_in_a_sentence(kind: str) -> None:
    given_data, said = BROKEN[kind]
    with pytest.raises(Unreadable, match=said) as caught:
        notebook(given_data)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-be"])
def test_another_encoding_is_read_and_reported(encoding: str) -> None:
    found = notebook(json.dumps(handed_out(), ensure_ascii=False).encode(encoding))
    assert len(found.cells) == len(handed_out()["cells"])
    assert "not plain UTF-8" in found.remarks[0]


def test_damaged_cells_cost_only_themselves() -> None:
    made = answered(e1=RELEASE)
    made["cells"] += [7, None, {"cell_type": "code", "source": 3}, code("x = '\ud800\0'")]
    found = read(made)
    assert len(found.found) == 6
    assert sum("damaged" in remark for remark in found.remarks) == 3
    assert "characters that no text can have" in found.remarks[-1]
    assert (
        read({"cells": [7] * 30, "nbformat": 4}).remarks[-1] == f"There are {30 + len(FOUR.asked) - 20} remarks more."
    )


def test_what_takes_all_time_or_memory_to_read_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def became(raw: bytes) -> tuple[str, ...]:
        asked = tuple(one.exercise for one in FOUR.asked)
        judged = task.judged(task.Task("anna", "04", "", raw, asked, by_its_words, b"", Limits()))
        return tuple({f"{one.status}: {one.sentence}" for one in judged.results})

    magics, tables = data(answered(e1="!ls\n" * 400 + "x = 1\n" * 4_000)), b'{"x": [' + b"{}," * 800_000 + b"{}]}"
    said = (
        "unreadable: The file takes too much time or memory to read.",
        "unreadable: The file holds JSON, but no notebook: it has no cells.",
    )
    assert became(tables) == said[1:]  # the control
    monkeypatch.setattr(task, "SPACE", 20 << 20)
    assert became(tables) == ("unreadable: The file cannot be read: it is too large.",)
    monkeypatch.setattr(task, "SPACE", 1 << 30)
    monkeypatch.setattr(task, "READING", 0.1)
    assert became(magics) == said[:1]


def test_fifty_megabytes_of_outputs_are_dropped() -> None:
    made = answered(e1=RELEASE)
    cell(made, "04.1")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 1_000_000}] * 50
    began = time.process_time()  # a busy machine takes its time
    found = notebook(data(made))
    assert time.process_time() - began < 5
    assert sum(len(one.source) for one in found.cells) < 50_000


# -- magics ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "plain", "removed"),
    [
        ("x = 10 % 3\n", "x = 10 % 3\n", ()),
        ("%load_ext time\nx = 1\n", "None\nx = 1\n", ("%load_ext time",)),
        ("!pip install redis\ny = 2\n", "None\ny = 2\n", ("!pip install redis",)),
        ("é = 1; files = 2\nfiles = !ls\n", "é = 1; files = 2\nfiles = None\n", ("!ls",)),
        ("%%time\nasync def f():\n    pass\n", "\nasync def f():\n    pass\n", ("%%time",)),
        ("%%bash\nrm -rf /\n", "\n\n", ("%%bash",)),
        ("%%capture\n%matplotlib inline\nz = 3\n", "\nNone\nz = 3\n", ("%%capture", "%matplotlib inline")),
        ("def broken(:\n", "def broken(:\n", ()),
        ("print?\n", "None\n", ("%pinfo print",)),
    ],
)
def test_what_only_a_notebook_understands_is_left_out_line_for_line(
    source: str, plain: str, removed: tuple[str, ...]
) -> None:
    assert as_python(source) == (plain, removed)


# -- a fuzzer ----------------------------------------------------------------------------------------------------------

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("04.1"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "worksheets", "x"]),
        inner, max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
CODE = st.sampled_from(["!ls", "%%time\n%%time\n", "x = (", "\0", "\ud800", "?", "(" * 500, "%%bash", "a = !b\n", "\\"])


def places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a notebook, and how one gets there."""
    inner = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


SMALL = {**handed_out(), "cells": [one for one in handed_out()["cells"] if one["cell_type"] == "code"][:4]}
PLACES = [place for place in places(SMALL) if place]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(st.data())
def test_no_change_of_a_notebook_is_a_traceback(draw: st.DataObject) -> None:
    """Anything in place of anything, once or several times; and bytes that are lost on the way."""
    made = copy.deepcopy(SMALL)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.sampled_from(PLACES))
        try:
            inside: Any = made
            for key in place[:-1]:
                inside = inside[key]
            inside[place[-1]] = draw.draw(JUNK | CODE)
        except (KeyError, IndexError, TypeError):
            continue  # it is gone already
    raw = data(made)
    if draw.draw(st.booleans()):
        at = draw.draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw.draw(st.binary(max_size=3)) + raw[at + draw.draw(st.integers(0, 30)) :]
    try:
        found = submission(notebook(raw), FOUR)
    except Unreadable:
        return
    assert set(found.found) <= {one.exercise for one in FOUR.asked}
    assert sum(one.exercise is not None for one in found.cells) == len(found.found)
    json.dumps(found.remarks, ensure_ascii=False).encode()


# -- folders -----------------------------------------------------------------------------------------------------------


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data(handed_out()))
    return folder


def test_folders_are_students_and_nothing_else_is(tmp_path: Path) -> None:
    put(tmp_path / "bea", "04_redlock.ipynb")
    put(tmp_path / "anna")
    put(tmp_path, "04_redlock.ipynb")
    (tmp_path / ".git").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "bea")
    found, remarks = students(tmp_path)
    assert [student.name for student in found] == ["anna", "bea"]
    assert len(remarks) == 2
    assert lessons_in(found) == {"04"}


def test_names_that_look_alike_are_two_students(tmp_path: Path) -> None:
    for name in ("é", "e\N{COMBINING ACUTE ACCENT}"):
        put(tmp_path / name)
    found, remarks = students(tmp_path)
    assert [student.name for student in found] == ["é", "é (2)"]
    assert "look the same" in remarks[0]


def one_of(folder: Path) -> tuple[Any, list[str]]:
    (found,), remarks = handed_in(Student("anna", folder), [FOUR])
    return found, remarks


def test_the_notebook_with_the_name_that_was_handed_out_counts(tmp_path: Path) -> None:
    put(tmp_path, "04_redlock (1).ipynb", "04_redlock.ipynb", "notes.ipynb", ".ipynb_checkpoints/04_redlock.ipynb")
    found, remarks = one_of(tmp_path)
    assert found.path == tmp_path / "04_redlock.ipynb"
    assert "There are 2 notebooks" in found.remarks[0]
    assert "notes.ipynb" in remarks[0]


def test_a_copy_and_nbgraders_folders_are_found(tmp_path: Path) -> None:
    put(tmp_path / "a", "Copy of 04_redlock.ipynb")
    put(tmp_path / "b", "locks/04_redlock.ipynb")
    assert one_of(tmp_path / "a")[0].path is not None
    assert "was taken for" in one_of(tmp_path / "a")[0].remarks[0]
    assert one_of(tmp_path / "b")[0].path == tmp_path / "b" / "locks" / "04_redlock.ipynb"
    assert one_of(tmp_path / "b")[0].remarks == ()
    assert one_of(put(tmp_path / "c"))[0].path is None


def test_no_link_leads_out_of_a_students_folder(tmp_path: Path) -> None:
    bea = put(tmp_path / "bea", "04_redlock.ipynb", "deep/04_redlock.ipynb")
    anna = put(tmp_path / "anna", "own.ipynb")
    (anna / "04_redlock.ipynb").symlink_to(bea / "04_redlock.ipynb")
    (anna / "folder").symlink_to(bea / "deep")
    (anna / "04_loop.ipynb").symlink_to(anna / "04_loop.ipynb")
    (anna / "04_inside.ipynb").symlink_to(anna / "own.ipynb")
    found, _ = one_of(anna)
    assert found.path == anna / "04_redlock.ipynb"
    with pytest.raises(Unreadable, match="out of the folder"):
        content(found.path, anna)
    with pytest.raises(Unreadable, match="itself|symbolic links"):
        content(anna / "04_loop.ipynb", anna)
    assert content(anna / "04_inside.ipynb", anna) == WHOLE  # the control


def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "04_folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "04_pipe.ipynb")
    with (tmp_path / "04_large.ipynb").open("wb") as file:
        file.truncate(LARGEST + 1)
    for name, said in (
        ("folder", "opened|not a file|directory"),
        ("pipe", "not a file"),
        ("large", "larger"),
        ("no", "opened"),
    ):
        with pytest.raises(Unreadable, match=said):
            content(tmp_path / f"04_{name}.ipynb", tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../../etc", "..", "a/b", "Ümit", "CON", "con", "-rf", ".hidden", "a" * 300, "anna\n", "李", "=1+1", "Anna"],
)
def test_a_name_never_leaves_its_place_in_the_report(name: str) -> None:
    made = slug(name)
    assert made not in ("", ".", "..")
    assert not set(made) & set('/\\:*?"<>|\n')
    assert len(made) < 80
    assert made != slug(name + "x")


def test_names_that_differ_only_in_case_have_two_files() -> None:
    names = ["anna", "Anna", "ANNA", "ánna", "anna "]
    assert len({slug(name).casefold() for name in names}) == 5
    assert slug("anna") == "anna"
    assert slug("anna@example.org") == "anna@example.org"


def test_a_name_is_shown_without_what_hides_or_turns_it() -> None:
    assert shown("a\N{RIGHT-TO-LEFT OVERRIDE}b\x1b[31m") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m"
    assert shown("Ümit O’Neil 李") == "Ümit O’Neil 李"
