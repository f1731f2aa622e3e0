"""A course of nbgrader's: an instructor's folder, an exchange and a student's folder, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from .environment import ROOT, in_group, python_of

STUB = "raise NotImplementedError  # your code here, in place of this line"
"""As solutions/README.md tells instructors to set it."""
GROUP = "peers-nbgrader"
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "caching"
c.CourseDirectory.root = {root!r}
c.Exchange.root = {exchange!r}
c.Exchange.cache = {cache!r}
c.ClearSolutions.code_stub = {{"python": {stub!r}}}
"""


class Course:
    """One assignment, `locks`, of one notebook. The kernel that runs it is this Python."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder, self.work = folder / "course", folder / "work"
        kernel = folder / "jupyter" / "kernels" / "python3"
        for path in (self.folder / "source" / "locks", self.work, folder / "exchange", kernel):
            path.mkdir(parents=True)
        (folder / "exchange").chmod(0o777)
        places = {"root": self.folder, "exchange": folder / "exchange", "cache": folder / "cache"}
        config = CONFIG.format(stub=STUB, **{name: str(path) for name, path in places.items()})
        for place in (self.folder, self.work):
            (place / "nbgrader_config.py").write_text(config)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "Python 3", "language": "python", "env": {"PYTHONPATH": str(ROOT)}}
        (kernel / "kernel.json").write_text(json.dumps(spec))
        shutil.copy(source, self.folder / "source" / "locks")
        programs = os.pathsep.join([str(python_of(GROUP).parent), os.environ["PATH"]])  # it calls alembic
        self.environment = os.environ | {
            "PATH": programs, "HOME": str(folder), "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
            "JUPYTER_PATH": str(folder / "jupyter"),
        }  # fmt: skip

    def nbgrader(self, *words: str, at: Path | None = None) -> None:
        """One of its commands, which must end well."""
        in_group(GROUP, "nbgrader", *words, at=at or self.folder, environment=self.environment)

    def scores(self) -> list[float]:
        """Of each student, from its gradebook."""
        with closing(sqlite3.connect(self.folder / "gradebook.db")) as book:
            rows = book.execute(
                "SELECT submitted_assignment.student_id, SUM(grade.auto_score) FROM grade "
                "JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id "
                "JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id GROUP BY 1"
            ).fetchall()
        return [score for _, score in rows]
