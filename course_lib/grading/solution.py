"""The worked solution of an exercise, once its check has passed: beside one's own, and what that does differently."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.grading.exercise import Exercise, find, grade_id
from course_lib.grading.guard import Guard
from course_lib.grading.on_the_wire import Difference, difference, sends
from course_lib.grading.page import framed
from course_lib.grading.progress_page import noted_as_passed
from course_lib.grading.two_sources import Line, alike, definition, line_by_line, source_of, tidy
from course_lib.views.picture import escape, prose
from course_lib.views.table import column

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PASSED: dict[str, Any] = {}
"""What has passed in this kernel: the answer, by exercise."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A worked solution beside what the exercise still leaves open, and how it differs from yours; or a sentence why
    there is none to show. `yours` is given where the two are too different to be compared line by line."""

    id: str
    text: str
    code: str = ""
    wire: Difference | None = None
    about: str = ""
    lines: tuple[Line, ...] = ()
    yours: str = ""

    def __str__(self) -> str:
        parts = [f"{self.id}. {self.text}", self.code]
        if self.about or self.wire:
            parts += ["What yours does differently.", self._wire_said, *self._rows("  "), self.about]
        parts += ["\n".join(f"{line.mark} {line.text}" for line in self.lines), self.yours]
        return "\n\n".join(filter(None, parts))

    __repr__ = __str__

    @property
    def _wire_said(self) -> str:
        return "" if self.wire is None else f"{self.wire.says} (The run: {self.wire.run}.)"

    def _rows(self, gap: str) -> list[str]:
        table = [] if self.wire is None else self.wire.rows
        return [f"{what}:{gap}yours {one};{gap}this one {other}" for what, one, other in table]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        code = f"<pre>{escape(self.code)}</pre>" if self.code else ""
        head = f'<p class="head calm"><b>{"A worked solution" if code else "No solution"}</b> · {escape(self.id)}</p>'
        return {
            "text/html": framed(f"{head}<p>{prose(self.text)}</p>{code}{self._compared()}"),
            "text/plain": str(self),
        }

    def _compared(self) -> str:
        if not (self.about or self.wire):
            return ""
        parts = ["<p><b>What yours does differently.</b></p>"]
        if self.wire is not None:
            parts.append(f'<p>{prose(self.wire.says)} <span class="small">The run: {escape(self.wire.run)}.</span></p>')
            parts.append(_table(self.wire.rows))
        parts.append(f"<p>{prose(self.about)}</p>")
        if self.lines:
            rows = "".join(f"<span{MARKED.get(m, '')}>{m} {escape(text)}\n</span>" for m, text in self.lines)
            parts.append(f'<pre class="compared">{rows}</pre>')
        if self.yours:
            parts.append(f"<pre>{escape(self.yours)}</pre>")
        return "".join(parts)


MARKED = {"−": ' class="minus"', "+": ' class="plus"'}


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = [(what, "".join(f'<td class="says half">{prose(cell)}</td>' for cell in both)) for what, *both in rows]
    body = "".join(f'<tr><th scope="row">{what}</th>{both}</tr>' for what, both in cells)
    heads = "".join(map(column, ("", "Yours", "This one")))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>" if rows else ""


def solution(id: str) -> Solution:
    """The worked solution, once you have passed the check, in this kernel or before; and after a pass in this kernel,
    what yours does differently. Raises: UnknownExercise."""
    exercise = find(id)
    if id not in PASSED and not noted_as_passed(id):
        return Solution(id, f'It is shown once your own answer has passed its check. For help: `hint("{id}")`')
    its = worked(id)
    if its is None:
        return Solution(id, "The worked solutions are not on this machine: the course has no folder `solutions`.")
    still_open = exercise.words.still_open
    text = f"One answer of several that pass. What it does not protect against: {still_open}"
    if id not in PASSED:
        return Solution(id, text, its.code, about=f"Run the check of {id} again to see what yours does differently.")
    return _beside(exercise, PASSED[id], its, text)


class Worked(NamedTuple):
    """The cell that solves an exercise, without its markers; the name that it defines; the cells that it needs."""

    code: str
    name: str
    before: tuple[str, ...]

    def value(self) -> Any:
        """What the cell defines."""
        names: dict[str, Any] = {}
        for source in (*self.before, self.code):
            exec(compile(source, f"<solution: {self.name}>", "exec"), names)  # the course's own notebook
        return names[self.name]


def worked(id: str) -> Worked | None:
    """Out of the notebook in `solutions/`; None if it is not there."""
    for path in sorted((ROOT / "solutions").glob(f"{id.partition('.')[0]}_*.ipynb")):
        cells = {cell["id"]: cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}
        sources = {name: _unmarked("".join(cell["source"])) for name, cell in cells.items()}
        before = [sources["imports"]]
        for name, cell in cells.items():
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id(id):
                called = re.search(rf'check\("{re.escape(id)}", (\w+)\)', "\n".join(sources.values()))
                return Worked(sources[name], called[1] if called else "answer", tuple(before))
            if name.startswith("answer-"):
                before.append(sources[name])
    return None


def _unmarked(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if line.strip() not in (BEGIN, END))


def _beside(exercise: Exercise, yours: Any, its: Worked, text: str) -> Solution:
    value = its.value()
    code = callable(value)
    mine = source_of(yours, its.name)
    theirs = definition(its.code, name=its.name) if code else tidy(f"{its.name} = {value!r}")
    wire = _on_the_wire(exercise, yours, value) if sends(exercise, value) else None
    likeness = alike(mine, theirs)
    if not mine:
        return Solution(exercise.id, text, its.code, wire, "The code of yours cannot be read here.")
    if likeness != "no":
        return Solution(exercise.id, text, its.code, wire, SAME[code, likeness])
    lines = line_by_line(mine, theirs)
    if not lines:
        return Solution(exercise.id, text, its.code, wire, FAR, yours=mine)
    return Solution(exercise.id, text, its.code, wire, NEAR if code else OTHER, tuple(lines))


SAME = {
    (True, "same"): "As code, yours is the same but for comments and layout.",
    (True, "names"): "As code, yours is the same but for the names of variables.",
    (False, "same"): "Yours is the same.",
    (False, "names"): "Yours is the same.",
}
NEAR = "The code of both, without comments and annotations and in one layout: − is only in yours, + only in this one."
OTHER = "Both do it: − is yours, + is this one."
FAR = "As code, the two are too different to be compared line by line. Yours, without comments and annotations:"


def _on_the_wire(exercise: Exercise, yours: Any, value: Any) -> Difference | None:
    """How the two differ in what they send. Your answer passed, but the kernel has changed since: if it cannot be run
    again now, nothing is said."""
    guard = Guard()
    try:
        with guard.up():
            guard.begin()
            return difference(exercise, yours, value)
    except (Exception, KeyboardInterrupt):
        return None
