"""nbgrader's own tools take these notebooks from `solutions/` to the folder that our grader reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from course_lib.grading.batch.folders import handed_in, students
from course_lib.grading.batch.handout import lesson

from .environment import ROOT, python_of, skip_without

STUB = "raise NotImplementedError  # your code here, in place of this line"
"""As solutions/README.md tells instructors to set it."""
GROUP = "peers-nbgrader"
LESSON = "04_redlock.ipynb"
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "caching"
c.CourseDirectory.root = {root!r}
c.Exchange.root = {exchange!r}
c.Exchange.cache = {cache!r}
c.ClearSolutions.code_stub = {{"python": {stub!r}}}
"""


class Course:
    """An instructor's folder, an exchange, and a student's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder / "course", folder / "work"
        for path in (self.folder / "source" / "locks", self.work, folder / "exchange"):
            path.mkdir(parents=True)
        (folder / "exchange").chmod(0o777)
        places = {"root": self.folder, "exchange": folder / "exchange", "cache": folder / "cache"}
        config = CONFIG.format(stub=STUB, **{name: str(path) for name, path in places.items()})
        for place in (self.folder, self.work):
            (place / "nbgrader_config.py").write_text(config)
        shutil.copy(ROOT / "solutions" / LESSON, self.folder / "source" / "locks")
        programs = os.pathsep.join([str(python_of(GROUP).parent), os.environ["PATH"]])  # it calls alembic
        self.environment = os.environ | {
            "PATH": programs, "HOME": str(folder), "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        }  # fmt: skip

    def nbgrader(self, *words: str, at: Path | None = None) -> None:
        """One of its commands, which must end well."""
        command = [str(python_of(GROUP)), "-m", "nbgrader", *words]
        done = subprocess.run(
            command,
            cwd=at or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_tells_the_line_for_its_settings() -> None:
    assert f'c.ClearSolutions.code_stub = {{"python": "{STUB}"}}' in (ROOT / "solutions/README.md").read_text()


@pytest.fixture
def course(tmp_path: Path) -> Course:
    skip_without(GROUP)
    return Course(tmp_path)


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
    assert (remarks, more, one.remarks) == ([], [], ())
    assert found.name == getuser()
    assert one.path is not None
    assert sources(one.path) == handed_out | {"04-4": STUB, "04-1": answer}
