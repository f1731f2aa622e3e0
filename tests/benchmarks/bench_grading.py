"""The grader of a class: what the wire costs, how long a submission takes, and how many are judged in a minute."""

from __future__ import annotations

import json
import resource
import shutil
import sysconfig
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from grading.programs import ANSWERS, ROOT, answers
from peers import otter_course
from peers.environment import skip_without
from peers.nbgrader_course import GROUP, Course
from wire.children import forked

from course_lib.errors import NoSandbox
from course_lib.grading import check
from course_lib.grading.batch.judge_interface import Limits
from course_lib.grading.exercise import find
from course_lib.grading.sandbox.probe import probe
from course_lib.grading.wire import check as wired
from course_lib.grading.wire.judged import serve
from course_lib.grading.wire.one_core import on_one_core
from course_lib.wire.remote import Remote

from .table import Row, Table

LESSON = "04"
EXERCISES = [id for id in ANSWERS if id.startswith(LESSON)]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    print(f"\n\n{table.text()}\n\n{LIMITED}")


LIMITED = """What limits it: nearly all of the time is the checks' own, the simulation of a few hundred schedules, which
a grader that runs the same checks has as well. So five times nbgrader's speed cannot be had with the same checks. On
the wire each reply that an answer waits for is besides a message to its child and one back, of about 0.1 ms."""


def computed() -> float:
    """Seconds of computing so far, here and in children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def beside(exercises: list[str], times: int = 3) -> list[float]:
    """How often the time of the notebook's checks goes into that of the same checks on the wire."""
    solutions = answers("solutions")
    ratios = []
    for _ in range(times):
        here = there = 0.0
        for id in exercises:
            answer = solutions[id]
            begin = computed()
            assert check(id, answer).passed
            here += computed() - begin
            child = partial(serve, load=lambda answer=answer: answer)
            begin = computed()
            with on_one_core(), forked(child, wired.CHILDREN) as pipes:
                assert wired.check(find(id), Remote(pipes)).passed
            there += computed() - begin
        ratios.append(there / here)
    return ratios


def test_the_wire_costs_at_most_twice_the_check(table: Table) -> None:
    """By time of computing, all six exercises of the lesson together.

    What limits it: each reply that an answer waits for is a message to its child and one back, of about 0.1 ms, and
    the simulation of one command takes 0.05 ms.
    """
    assert table.add(Row("the wire, beside the notebook's check", "times", beside(EXERCISES), 2.0)).holds


def test_many_plain_calls_on_the_wire(table: Table) -> None:
    """01.2 asks an answer for 15,000 keys: two hundred in a message."""
    assert table.add(Row("the same of 01.2, 15,000 plain calls", "times", beside(["01.2"]), 3.0)).holds


@pytest.fixture(scope="module")
def class_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight students whose answers are right: nothing takes longer to judge."""
    folder = tmp_path_factory.mktemp("class")
    (notebook,) = (ROOT / "solutions").glob(f"{LESSON}_*.ipynb")
    for number in range(8):
        (folder / f"student{number}").mkdir()
        shutil.copy(notebook, folder / f"student{number}" / notebook.name)
    return folder


def test_a_class_in_ten_minutes(table: Table, class_of: Path, tmp_path: Path) -> None:
    """Two hundred submissions of six exercises, on two cores."""
    from course_lib.grading.batch.runner import Wanted, grade
    from course_lib.grading.wire.submission import judge_submission

    try:
        probe()
    except NoSandbox:
        pytest.skip("nothing isolates an answer on this machine")
    begin = time.perf_counter()
    made = grade(
        class_of, tmp_path / "report", judge=judge_submission, jobs=2, wanted=Wanted(limits=Limits()), bar=False
    )
    rate = 60 * 8 / (time.perf_counter() - begin)
    assert [
        pupil.scores for pupil in made.pupils if not all(s.result.status == "passed" for s in pupil.scores.values())
    ] == []
    one = table.add(Row("seconds of a core for a submission", "s", [2 * 60 / rate], 4.0 * 2))
    many = table.add(Row("submissions in a minute, two cores (/s is /min)", "/s", [rate], 20.0))
    assert one.holds
    assert many.holds


def test_beside_nbgraders_autograde(table: Table, tmp_path: Path) -> None:
    """The same answers and checks, which nbgrader runs in a kernel for each student, one student after another.

    Nearly all of the time is the checks', so ours, which isolates as well, is to be no slower.
    """
    from course_lib.grading.batch.runner import Wanted, grade
    from course_lib.grading.wire.submission import judge_submission

    skip_without(GROUP)
    students = 4
    (notebook,) = (ROOT / "solutions").glob(f"{LESSON}_*.ipynb")
    source = tmp_path / notebook.name
    source.write_text(json.dumps(autograded(json.loads(notebook.read_text(encoding="utf-8")))), encoding="utf-8")
    course = Course(tmp_path / "theirs", source)
    course.nbgrader("generate_assignment", "locks", "--create")
    for number in range(students):
        for folder, name in ((course.folder / "submitted", "locks"), (tmp_path / "ours", "")):
            (folder / f"student{number}" / name).mkdir(parents=True)
            shutil.copy(notebook if not name else source, folder / f"student{number}" / name / notebook.name)
    begin = time.perf_counter()
    course.nbgrader("autograde", "locks", "--create")
    theirs = time.perf_counter() - begin
    scores = course.scores()
    assert set(scores) == {sum(find(id).words.points for id in EXERCISES)}, scores
    begin = time.perf_counter()
    limits = Wanted(limits=Limits())
    grade(tmp_path / "ours", tmp_path / "report", judge=judge_submission, jobs=2, wanted=limits, bar=False)
    ours = time.perf_counter() - begin
    table.add(Row("nbgrader's autograde, a submission", "s", [theirs / students]))
    table.add(Row("ours, a submission", "s", [ours / students]))
    assert table.add(Row("how often ours goes into nbgrader's (/s is times)", "/s", [theirs / ours], 1.0)).holds


def test_beside_otter(table: Table, tmp_path: Path) -> None:
    """The same answers and checks, in Otter's way without a container, which runs a notebook in a kernel and looks at
    the answers that it leaves; a container for each submission comes on top."""
    from course_lib.grading.batch.runner import Wanted, grade
    from course_lib.grading.wire.submission import judge_submission

    skip_without(otter_course.GROUP)
    (notebook,) = (ROOT / "solutions").glob(f"{LESSON}_*.ipynb")
    otter = otter_course.Otter(
        tmp_path / "theirs", json.loads(notebook.read_text(encoding="utf-8")), Path(sysconfig.get_paths()["purelib"])
    )
    begin = time.perf_counter()
    assert otter.run() == otter.points
    theirs = time.perf_counter() - begin
    (tmp_path / "ours" / "student").mkdir(parents=True)
    shutil.copy(notebook, tmp_path / "ours" / "student" / notebook.name)
    begin = time.perf_counter()
    limits = Wanted(limits=Limits())
    grade(tmp_path / "ours", tmp_path / "report", judge=judge_submission, jobs=2, wanted=limits, bar=False)
    ours = time.perf_counter() - begin
    table.add(Row("otter's run, a submission", "s", [theirs]))
    assert table.add(Row("how often ours goes into otter's (/s is times)", "/s", [theirs / ours], 1.0)).holds


def autograded(notebook: Any) -> Any:
    """With each check as a test of nbgrader's, which gives the exercise's points to an answer that passes."""
    for cell in notebook["cells"]:
        its = cell["metadata"].get("nbgrader", {})
        if its.get("solution"):
            its.pop("points", None)
            its["grade"] = False
        elif its:
            id = its["grade_id"].removesuffix("-check").replace("-", ".")
            its |= {"grade": True, "points": find(id).words.points}
            cell["source"] = "assert " + "".join(cell["source"]).strip() + ".passed"
    return notebook
