"""A class is graded whatever happens: a worker dies, somebody presses Control-C, a run is repeated or cut in parts."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_lib.grading.batch import overrides
from course_lib.grading.batch.class_record import ClassRecord, standing
from course_lib.grading.batch.runner import NothingToGrade, Wanted, grade
from course_lib.grading.batch.shards import NotOneClass, merge

from .judges import Here, by_its_words, in_this_process, points
from .notebooks import ROOT, answered, data

RIGHT, WRONG = "release = 'right'", "release = 'wrong'"


def hand_in(folder: Path, **students: Any) -> Path:
    """A notebook of lesson 04 for each student: its answer to 04.1, or its bytes."""
    for name, found in students.items():
        place = folder / name / "04_redlock.ipynb"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(found if isinstance(found, bytes) else data(answered(e1=found)))
    return folder


def run(submissions: Path, out: Path, **options: Any) -> tuple[ClassRecord, int]:
    """Quickly, in this process; and how many notebooks were judged."""
    here = Here()
    made = grade(submissions, out, judge=by_its_words, executor=here, bar=False, **options)
    return made, here.done


def status(standing: ClassRecord, exercise: str = "04.1") -> dict[str, str]:
    return {pupil.name: pupil.scores[exercise].result.status for pupil in standing.pupils}


def everything(report: Path) -> dict[str, bytes]:
    """All files of a report by their names."""
    return {path.relative_to(report).as_posix(): path.read_bytes() for path in report.rglob("*") if path.is_file()}


def test_each_status_is_told_apart_and_costs_nobody_else(tmp_path: Path) -> None:
    hand_in(
        tmp_path / "in", anna=RIGHT, bea=WRONG, carl=b"not a notebook", dora="release = 'TIMEOUT right'",
        emil="release = 'BREAKS right'",
    )  # fmt: skip
    (tmp_path / "in" / "fred").mkdir()
    made, _ = run(tmp_path / "in", tmp_path / "out")
    assert status(made) == {
        "anna": "passed", "bea": "failed", "carl": "unreadable", "dora": "timeout", "emil": "error", "fred": "missing",
    }  # fmt: skip
    assert set(status(made, "04.2").values()) == {"unanswered", "unreadable", "missing"}  # nobody has touched its cell
    earned = {pupil.name: pupil.scores["04.1"].points for pupil in made.pupils}
    assert earned == {"anna": points("04.1"), "bea": 0, "carl": 0, "dora": 0, "emil": 0, "fred": 0}
    assert "a mistake of the judge's own" in made.troubles[0]
    assert "a mistake of the judge's own" not in (tmp_path / "out" / "pages" / "emil.html").read_text()


def test_the_same_class_gives_the_same_bytes(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=RIGHT, bea=WRONG, carl=b"")
    run(tmp_path / "in", tmp_path / "one")
    run(tmp_path / "in", tmp_path / "two")
    assert everything(tmp_path / "one") == everything(tmp_path / "two")
    run(tmp_path / "in", tmp_path / "three", wanted=Wanted(secret=b"another"))
    assert everything(tmp_path / "one") != everything(tmp_path / "three")  # the control


def test_a_second_run_judges_only_what_has_changed(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=RIGHT, bea=WRONG)
    assert run(tmp_path / "in", tmp_path / "out")[1] == 2
    first = everything(tmp_path / "out")
    assert run(tmp_path / "in", tmp_path / "out")[1] == 0
    assert everything(tmp_path / "out") == first
    hand_in(tmp_path / "in", bea=RIGHT)
    made, judged = run(tmp_path / "in", tmp_path / "out")
    assert judged == 1
    assert status(made) == {"anna": "passed", "bea": "passed"}
    assert run(tmp_path / "in", tmp_path / "out", wanted=Wanted(secret=b"a new secret"))[1] == 2


def test_what_the_grader_failed_on_is_tried_again(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=RIGHT, emil="release = 'BREAKS'")
    run(tmp_path / "in", tmp_path / "out")
    assert run(tmp_path / "in", tmp_path / "out")[1] == 1


def test_a_record_that_is_damaged_is_judged_again(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=RIGHT)
    run(tmp_path / "in", tmp_path / "out")
    first = everything(tmp_path / "out")
    (record,) = (tmp_path / "out" / "records").glob("*.json")
    record.write_text(record.read_text()[:-40])
    assert run(tmp_path / "in", tmp_path / "out")[1] == 1
    assert everything(tmp_path / "out") == first


def test_one_exercise_is_judged_again_and_the_others_are_not(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=RIGHT)
    run(tmp_path / "in", tmp_path / "out")
    first = everything(tmp_path / "out")
    asked: list[Any] = []

    def noted(cells: Any, answers: Any, **options: Any) -> Any:
        asked.append(dict(answers))
        return by_its_words(cells, answers, **options)

    grade(tmp_path / "in", tmp_path / "out", judge=noted, executor=Here(), bar=False, wanted=Wanted(again=("04.1",)))
    assert asked == [{"04.1": "release"}]
    assert everything(tmp_path / "out") == first


def test_a_score_set_by_hand_survives_a_regrade_and_is_shown_with_its_reason(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=WRONG)
    run(tmp_path / "in", tmp_path / "out")
    overrides.add(tmp_path / "out", overrides.override("anna", "04.1", "2.5", "A <right> idea."))
    made, _ = run(tmp_path / "in", tmp_path / "out", wanted=Wanted(again=("04.1",)))
    assert made.pupils[0].scores["04.1"].points == 2.5
    assert "Set by hand: 2.5 of 4 points.</b> A &lt;right&gt; idea." in (tmp_path / "out/pages/anna.html").read_text()
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/scores.csv").read_text())))
    assert sum(float(row["points"]) for row in rows if row["exercise"] == "04.1") == 2.5
    assert ",2.5," in (tmp_path / "out/gradebook.csv").read_text()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("anna", "04.9", "1", "why"), "no exercise '04.9'"),
        (("anna", "04.1", "5", "why"), "0 to 4 points"),
        (("anna", "04.1", "nan", "why"), "0 to 4 points"),
        (("anna", "04.1", "-1", "why"), "0 to 4 points"),
        (("anna", "04.1", "1", " "), "needs a reason"),
    ],
)
def test_a_score_that_makes_no_sense_is_refused(row: Any, said: str) -> None:
    with pytest.raises(overrides.BadOverride, match=said):
        overrides.override(*row)


def test_a_line_that_an_instructor_mistyped_is_named(tmp_path: Path) -> None:
    (tmp_path / "overrides.csv").write_text("student,exercise,points,reason\nanna,04.1,3,good\nbea,04.1\n")
    with pytest.raises(overrides.BadOverride, match=r"line 3: there should be four columns"):
        overrides.read(tmp_path)


def test_an_empty_folder_and_no_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    with pytest.raises(NothingToGrade, match="a student's folder"):
        run(tmp_path / "class", tmp_path / "out")
    (tmp_path / "class" / "anna").mkdir()
    with pytest.raises(NothingToGrade, match="a notebook"):
        run(tmp_path / "class", tmp_path / "out")
    with pytest.raises(NothingToGrade, match="cannot go into"):
        run(tmp_path / "class", tmp_path / "class" / "out")
    with pytest.raises(NothingToGrade, match="not a folder"):
        run(tmp_path / "no", tmp_path / "out")


def test_the_folder_above_the_submissions_is_refused_with_the_one_to_name(tmp_path: Path) -> None:
    hand_in(tmp_path / "course" / "in", anna=RIGHT, bea=WRONG, cleo=RIGHT)
    with pytest.raises(NothingToGrade, match=re.escape(f"Name {tmp_path / 'course' / 'in'} in its place.")):
        run(tmp_path / "course", tmp_path / "out")
    hand_in(tmp_path / "course", dora=RIGHT)  # one student cannot keep the class from being graded
    run(tmp_path / "course", tmp_path / "out")
    remarks = (tmp_path / "out" / "remarks.csv").read_text()
    assert "in was taken for a student" in remarks
    assert "There are 3 notebooks" in remarks


# -- parts of a class --------------------------------------------------------------------------------------------------


def test_parts_that_are_put_together_are_the_whole(tmp_path: Path) -> None:
    names = {f"s{number}": RIGHT if number % 2 else WRONG for number in range(9)}
    hand_in(tmp_path / "in", **names)
    run(tmp_path / "in", tmp_path / "whole")
    parts = [run(tmp_path / "in", tmp_path / f"part{i}", wanted=Wanted(shard=(i, 3)))[1] for i in (1, 2, 3)]
    assert sum(parts) == 9
    assert all(parts)
    merge([tmp_path / f"part{i}" for i in (1, 2, 3)], tmp_path / "merged")
    whole, merged = everything(tmp_path / "whole"), everything(tmp_path / "merged")
    assert whole == merged
    with pytest.raises(NotOneClass, match="2/3"):
        merge([tmp_path / "part1", tmp_path / "part3"], tmp_path / "less")
    run(tmp_path / "in", tmp_path / "other", wanted=Wanted(secret=b"x", shard=(2, 3)))
    with pytest.raises(NotOneClass, match="another secret"):
        merge([tmp_path / "part1", tmp_path / "other", tmp_path / "part3"], tmp_path / "mixed")


# -- processes ---------------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_costs_only_that_notebook(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=RIGHT, bea="release = 'DIES'", carl="release = 'EXITS'", dora=WRONG)
    made = grade(tmp_path / "in", tmp_path / "out", judge=by_its_words, jobs=1, bar=False)
    assert status(made) == {"anna": "passed", "bea": "error", "carl": "error", "dora": "failed"}
    assert "died" in made.troubles[0]
    assert "SystemExit: done" in made.troubles[1]
    assert multiprocessing.active_children() == []


GRADES = """
import sys
from pathlib import Path
from course_lib.grading.batch.runner import grade
from grading.batch.judges import by_its_words
if __name__ == "__main__":
    try:
        grade(Path(sys.argv[1]), Path(sys.argv[2]), judge=by_its_words, jobs=1, bar=False)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_an_end_from_outside_leaves_no_process_and_what_was_judged(by: int, tmp_path: Path) -> None:
    """By Control-C there is a report; if the grader is killed, the records are there, and the next run goes on."""
    told = tmp_path / "told.txt"
    hand_in(tmp_path / "in", anna=RIGHT, bea=WRONG, zoe=f'release = "{told}"  # HANGS')
    script = tmp_path / "grades.py"
    script.write_text(GRADES)
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "in"), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
    )  # fmt: skip
    records = tmp_path / "out" / "records"
    _wait_until(lambda: told.exists() and told.read_text() and len(list(records.glob("*.json"))) == 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert int(told.read_text()) in {worker.pid for worker in workers}
    os.killpg(process.pid, by) if by == signal.SIGINT else process.kill()
    assert process.wait(20) == (130 if by == signal.SIGINT else -signal.SIGKILL)
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    if by == signal.SIGINT:
        assert "not judged yet" in (tmp_path / "out" / "pages" / "zoe.html").read_text()
        assert "zoe,,,38" in (tmp_path / "out" / "gradebook.csv").read_text()
    hand_in(tmp_path / "in", zoe=RIGHT)
    made, judged = run(tmp_path / "in", tmp_path / "out")
    assert judged == 1
    assert status(made) == {"anna": "passed", "bea": "failed", "zoe": "passed"}


def test_any_executor_will_do_as_a_cluster_of_dask(tmp_path: Path) -> None:
    """Its workers run tasks in threads, and what a task raises comes back as an exception."""
    distributed = pytest.importorskip("distributed", reason="dask is not installed")
    hand_in(tmp_path / "in", anna=RIGHT, bea="release = 'BREAKS'", carl="release = 'EXITS'", dora=WRONG)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        made = grade(tmp_path / "in", tmp_path / "out", judge=by_its_words, executor=client.get_executor(), bar=False)
    assert status(made) == {"anna": "passed", "bea": "error", "carl": "error", "dora": "failed"}


def test_a_failure_of_the_grader_stays_in_the_report_until_it_is_judged(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", anna=RIGHT, emil="release = 'BREAKS'")
    run(tmp_path / "in", tmp_path / "out")
    overrides.add(tmp_path / "out", overrides.override("anna", "04.1", "3", "why"))
    assert "a mistake of the judge's own" in standing(tmp_path / "out").troubles[0]
    hand_in(tmp_path / "in", emil=RIGHT)
    assert run(tmp_path / "in", tmp_path / "out")[0].troubles == ()


def _wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_real_check_goes_all_the_way_to_the_page(tmp_path: Path) -> None:
    """With the drawn run and the replay code of the notebook's own verdict."""
    from ..programs import wrong
    from .notebooks import RELEASE

    lost = "async def release(redis, key, token):\n    return bool(await redis.delete(key))\n"
    hand_in(tmp_path / "in", anna=RELEASE, bea=lost)
    made = grade(tmp_path / "in", tmp_path / "out", judge=in_this_process, executor=Here(), bar=False)
    assert status(made) == {"anna": "passed", "bea": "failed"}
    page = (tmp_path / "out" / "pages" / "bea.html").read_text()
    found = made.pupils[1].scores["04.1"].result
    assert found.misconception == "deletes-any"
    assert dict(wrong("04.1"))["deletes-any"] is not None
    assert found.code in page
    assert "<svg" in page
    assert found.code in json.loads((tmp_path / "out" / "gradescope" / "bea.json").read_text())["tests"][0]["output"]
    assert found.code in (tmp_path / "out" / "class.html").read_text()
    assert "anna" not in page
    shutil.rmtree(tmp_path / "out")
