"""nbgrader's own tools take these notebooks from `solutions/` to the folder that our grader reads."""

from __future__ import annotations

import json
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from course_lib.grading.batch.folders import handed_in, students
from course_lib.grading.batch.handout import lesson

from .environment import ROOT, skip_without
from .nbgrader_course import GROUP, STUB, Course

LESSON = "04_redlock.ipynb"


def test_the_guide_tells_the_line_for_its_settings() -> None:
    assert f'c.ClearSolutions.code_stub = {{"python": "{STUB}"}}' in (ROOT / "solutions/README.md").read_text()


@pytest.fixture
def course(tmp_path: Path) -> Course:
    skip_without(GROUP)
    return Course(tmp_path, ROOT / "solutions" / LESSON)


def sources(path: Path) -> dict[str, str]:
    """What stands in the cells of a notebook that carry an id of nbgrader's."""
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"]).strip()
        for cell in cells
        if "nbgrader" in cell["metadata"]
    }


def test_it_hands_out_collects_and_our_grader_finds_what_was_handed_in(course: Course) -> None:
    """What it generates is what we hand out, cell by cell; an answer comes back as it was written."""
    course.nbgrader("generate_assignment", "locks", "--create")
    course.nbgrader("release_assignment", "locks")
    course.nbgrader("fetch_assignment", "locks", at=course.work)
    mine = course.work / "locks" / LESSON
    handed_out = sources(ROOT / "exercises" / LESSON)
    assert sources(mine) == handed_out | {"04-4": STUB}  # an answer that is no function

    answer = "async def release(redis, key, token):\n    return 42"
    notebook = json.loads(mine.read_text(encoding="utf-8"))
    cell = next(one for one in notebook["cells"] if one["metadata"].get("nbgrader", {}).get("grade_id") == "04-1")
    cell["source"] = answer
    mine.write_text(json.dumps(notebook), encoding="utf-8")
    course.nbgrader("submit", "locks", at=course.work)
    course.nbgrader("collect", "locks")

    (found,), remarks = students(course.folder / "submitted")
    (one,), more = handed_in(found, [lesson("04")])
    assert (remarks, more, one.remarks) == ([], (), ())
    assert found.name == getuser()
    assert one.path is not None
    assert sources(one.path) == handed_out | {"04-4": STUB, "04-1": answer}
