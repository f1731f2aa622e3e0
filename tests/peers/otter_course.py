"""An assignment of otter-grader's, and a submission that it grades, in an environment of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from course_lib.grading.exercise import find

from .environment import ROOT, in_group, packages_of, python_of

GROUP = "bench-otter"


class Otter:
    """The exercises of one notebook, each with its check as a test. The kernel is Otter's Python with our packages."""

    def __init__(self, folder: Path, notebook: Any, ours: Path) -> None:
        self.folder, self.notebook, self.points = folder, folder / "submission.ipynb", 0
        (folder / "tests").mkdir(parents=True)
        for cell in notebook["cells"]:
            its = cell["metadata"].get("nbgrader", {})
            if its and not its.get("solution"):
                cell["source"] = self._test(its["grade_id"].removesuffix("-check").replace("-", "."), cell["source"])
        self.notebook.write_text(json.dumps(notebook), encoding="utf-8")
        kernel = folder / "jupyter" / "kernels" / "python3"
        kernel.mkdir(parents=True)
        argv = [str(python_of(GROUP)), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(spec))
        path = os.pathsep.join([str(ROOT), str(packages_of(GROUP)), str(ours)])
        self._environment = os.environ | {"JUPYTER_PATH": str(folder / "jupyter"), "PYTHONPATH": path}
        self._otter("generate", "-t", "tests", "-o", "autograder.zip", "--no-requirements", "--no-environment")

    def _test(self, id: str, check: list[str] | str) -> str:
        """Write the test of an exercise, in which `check("04.1", release)` passes; and say which cell keeps the answer:
        Otter looks at all of them when the whole notebook has run."""
        name = f"answer_{id.replace('.', '_')}"
        answer = "".join(check).strip().removeprefix(f'check("{id}",').removesuffix(")")
        case = {"code": f'>>> assert check("{id}", {name}).passed', "hidden": False}
        suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
        test = {"name": id, "points": find(id).words.points, "suites": [suite]}
        (self.folder / "tests" / f"{name}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n", encoding="utf-8")
        self.points += find(id).words.points
        return f"{name} = {answer}"

    def _otter(self, *words: str) -> None:
        in_group(GROUP, "otter", *words, at=self.folder, environment=self._environment)

    def run(self) -> float:
        """Grade the submission, without a container. Returns its points."""
        (self.folder / "out").mkdir(exist_ok=True)
        self._otter("run", "-a", "autograder.zip", "--no-logo", "-o", "out", self.notebook.name)
        results = json.loads((self.folder / "out" / "results.json").read_text(encoding="utf-8"))
        return sum(test.get("score", 0) for test in results["tests"])
