"""The command: it does what its help says, and what cannot be done is said in one sentence."""

from __future__ import annotations

import io
import json
import signal
import sys
import zipfile
from pathlib import Path

import pytest

from course_lib.errors import NoSandbox
from course_lib.grading import check
from course_lib.grading.__main__ import run
from course_lib.grading.batch import options, sample_class
from course_lib.grading.batch.commands import main
from course_lib.grading.batch.gradescope_zip import archive
from course_lib.grading.batch.handout import lesson

from ..programs import ANSWERS, cells
from .judges import by_its_words
from .notebooks import answered, data
from .test_runner import RIGHT, WRONG, everything, hand_in

Said = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Name a folder of submissions"),
        ("in", "Say where the report goes: --out REPORT"),
        ("in --out out --jobs 0", "'0' is not a number from 1 to 256"),
        ("in --out out --jobs x", "'x' is not a number"),
        ("in --out out --time-limit -1", "'-1' is not a number of seconds"),
        ("in --out out --memory-limit 5", "'5' is not an amount such as 512M"),
        ("in --out out --shard 3/2", "'3/2' is not a part such as 1/4"),
        ("in --out out --secret-file nowhere", "nowhere cannot be read"),
        ("in --out out --column 04", "is not a lesson and its column"),
        ("in --out out --lesson 99", "There is no lesson '99'"),
        ("in --out out --exercise 04.9", "There is no exercise '04.9'"),
        ("in --out out --bogus", "Unrecognized arguments: --bogus"),
        ("nowhere --out out", "nowhere is not a folder"),
        ("in --out in/report", "The report cannot go into in, where each folder is a student's"),
        ("in --out out --canvas nowhere.csv", "nowhere.csv cannot be read"),
        ("override out anna 04.1 1 why", "is not a report"),
        ("override out anna", "The following arguments are required"),
        ("export out", "Name a gradebook"),
        ("merge out --out more", "is not a report"),
        ("gradescope --lesson 99 --out x.zip", "There is no lesson '99'"),
        ("class in", "is not empty"),
        ("--try notes.ipynb", "does not begin with the number of a lesson"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    hand_in(tmp_path / "in", anna=RIGHT)
    if "--canvas" in arguments:
        arguments += " --jobs 1"
    try:
        code = main(arguments.split(), by_its_words)
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert "Traceback" not in error


def test_a_cluster_that_ends_it_finds_what_control_c_would_leave() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run(["nowhere", "--out", "out", "--unsafe", "--quiet"]) == 2
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_it_is_called_as_from_where_one_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python3"))
    assert options.python() == ".venv/bin/python"
    monkeypatch.chdir("/")
    assert options.python() == "python"


def test_without_a_sandbox_nothing_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    def none(*, unsafe: bool) -> None:
        raise NoSandbox("Nothing here isolates an answer.")

    monkeypatch.setattr("course_lib.grading.sandbox.probe.probe", none)
    hand_in(tmp_path / "in", anna=RIGHT)
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "Nothing here isolates an answer.\n"
    assert not (tmp_path / "out").exists()


def test_a_class_is_graded_overridden_and_exported(tmp_path: Path, capsys: Said) -> None:
    hand_in(tmp_path / "in", anna=RIGHT, bea=WRONG)
    (tmp_path / "canvas.csv").write_text("Student,ID,SIS Login ID,Section,04 (1)\nA,1,anna,x,\nB,2,bea,x,\n")
    (tmp_path / "secret.txt").write_text("sixteen bytes or more")
    out = tmp_path / "out"
    given = [str(tmp_path / "in"), "--out", str(out), "--jobs", "1", "--canvas", str(tmp_path / "canvas.csv")]
    assert main([*given, "--secret-file", str(tmp_path / "secret.txt")], by_its_words) == 0
    assert "2 students, lesson 04: 1 of 12 exercises passed." in capsys.readouterr().out
    assert b"sixteen bytes" not in (out / "grading.json").read_bytes()
    assert (out / "canvas.csv").read_text().splitlines()[1:] == ["A,1,anna,x,4", "B,2,bea,x,0"]
    assert main(["override", str(out), "bea", "04.1", "3", "It nearly works."]) == 0
    assert "bea now has 3 for 04.1, set by hand: It nearly works." in capsys.readouterr().out
    assert "Set by hand: 3 of 4 points" in (out / "pages" / "bea.html").read_text()
    assert (out / "index.html").read_text().count("1 set by hand") == 1
    assert main(["export", str(out), "--canvas", str(tmp_path / "canvas.csv")]) == 0
    assert (out / "canvas.csv").read_text().splitlines()[2] == "B,2,bea,x,3"
    capsys.readouterr()
    for student, exercise, said in (
        ("nobody", "04.1", "There is no student 'nobody'"), ("bea", "05.1", "05.1 is not graded in"),
    ):  # fmt: skip
        assert main(["override", str(out), student, exercise, "3", "why"]) == 2
        assert said in capsys.readouterr().err
    assert (out / "overrides.csv").read_text().splitlines()[1:] == ["bea,04.1,3,It nearly works."]


def test_a_notebook_of_ones_own_is_judged_as_the_class_is(tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "04_redlock.ipynb"
    path.write_bytes(data(answered(e1=RIGHT)))
    assert main(["--try", str(path), "--out", str(tmp_path / "mine.html")], by_its_words) == 0
    said = capsys.readouterr().out
    assert "1 of 6 exercises passed, 4 of 38 points." in said
    assert "It says" in said
    assert "It says" in (tmp_path / "mine.html").read_text()


# -- what a class can be tried with ------------------------------------------------------------------------------------


def test_a_made_up_class_is_always_the_same_thirty(tmp_path: Path) -> None:
    sample_class.make(tmp_path / "one")
    sample_class.make(tmp_path / "two")
    assert everything(tmp_path / "one") == everything(tmp_path / "two")
    assert len(list((tmp_path / "one" / "submissions").iterdir())) == 30
    assert len(sample_class.everybody()) == len(set(sample_class.everybody())) == 30


QUICK = ("04.1", "04.4")


@pytest.mark.parametrize(
    "exercise", [id if id in QUICK else pytest.param(id, marks=pytest.mark.thorough) for id in sample_class.wrong()]
)
def test_each_made_up_mistake_is_one(exercise: str) -> None:
    """It fails its check, and is not refused as something that cannot be judged."""
    imports = next("".join(cell["source"]) for cell in cells("solutions", "04") if cell["id"] == "imports")
    for source in sample_class.wrong()[exercise]:
        names: dict[str, object] = {}
        exec(compile(f"{imports}\n{source}", "<made up>", "exec"), names)
        assert check(exercise, names[ANSWERS[exercise]]).status == "failed", source


def test_every_exercise_has_made_up_mistakes() -> None:
    assert set(sample_class.wrong()) == {one.exercise for one in lesson("04").asked}


def test_the_zip_for_gradescope_holds_what_grading_needs_and_no_solution() -> None:
    made = archive("04", b"a secret of mine")
    assert made == archive("04", b"a secret of mine")
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        names = set(file.namelist())
        run = file.read("run_autograder").decode()
        requirements = file.read("requirements.txt").decode()
        assert file.getinfo("run_autograder").external_attr >> 16 == 0o755
    assert {"setup.sh", "run_autograder", "exercises/04_redlock.ipynb", "course_lib/grading/__main__.py"} <= names
    assert not [name for name in names if name.startswith(("solutions", "tests")) or "__pycache__" in name]
    assert "--lesson 04 --secret-file secret.txt" in run
    assert "redis==" in requirements
    assert json.dumps(sorted(names)).count("exercises/0") == 1
