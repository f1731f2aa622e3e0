"""The worked solution of an exercise, once its check has passed: to compare with one's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.exercise import find
from course_lib.grading.page import framed, prose
from course_lib.grading.progress_page import noted_as_passed
from course_lib.views.picture import escape

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PASSED: set[str] = set()
"""What has been passed in this kernel."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A worked solution beside what the exercise still leaves open; or a sentence why there is none to show."""

    id: str
    text: str
    code: str = ""

    def __str__(self) -> str:
        return "\n\n".join(filter(None, [f"{self.id}. {self.text}", self.code]))

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        code = f"<pre>{escape(self.code)}</pre>" if self.code else ""
        head = f'<p class="head calm"><b>{"A worked solution" if code else "No solution"}</b> · {escape(self.id)}</p>'
        return {"text/html": framed(f"{head}<p>{prose(self.text)}</p>{code}"), "text/plain": str(self)}


def solution(id: str) -> Solution:
    """The worked solution, once you have passed the check, in this kernel or before. Raises: UnknownExercise."""
    words = find(id).words
    if id not in PASSED and not noted_as_passed(id):
        return Solution(id, f'It is shown once your own answer has passed its check. For help: `hint("{id}")`')
    code = worked(id)
    if not code:
        return Solution(id, "The worked solutions are not on this machine: the course has no folder `solutions`.")
    return Solution(id, f"One answer of several that pass. What it does not protect against: {words.still_open}", code)


def worked(id: str) -> str:
    """The cell of `solutions/` that solves the exercise, without the markers; empty if it is not there."""
    for path in sorted((ROOT / "solutions").glob(f"{id.partition('.')[0]}_*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == id:
                lines = "".join(cell["source"]).splitlines()
                return "\n".join(line for line in lines if line.strip() not in (BEGIN, END))
    return ""
