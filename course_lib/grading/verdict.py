"""What a check found: each promise kept or broken, points, and the smallest schedule that shows the failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from course_lib.explore import Play, Violation
from course_lib.grading.evidence import JUDGE
from course_lib.trace import Trace

Outcome = Literal["holds", "broken", "not counted", "not settled", "not checked"]
Status = Literal["passed", "failed", "error", "unanswered"]


@dataclass(frozen=True, slots=True)
class Property:
    """A promise and what became of it. `kind` is safety, liveness or cost.

    "not counted": it held, and means nothing while a property that it rests on is broken. "not settled": the search
    ended too early to say.
    """

    name: str
    kind: str
    says: str
    points: int
    outcome: Outcome

    @property
    def earned(self) -> int:
        """Its points, if it holds."""
        return self.points if self.outcome == "holds" else 0


@dataclass(frozen=True, slots=True)
class Shown:
    """The schedule that is shown: its run, what it violated (None if it held), its replay code and
    its schedule in words, and what the answer printed."""

    run: Play
    violation: Violation | None
    code: str
    schedule: str
    printed: str = ""

    @property
    def trace(self) -> Trace:
        """The run as it is drawn: without the judge's own commands, with the violation marked."""
        trace = self.run.trace.where(lambda event: not event.client.startswith(JUDGE))
        if self.violation is not None and self.violation.who:
            trace.note(self.violation.who, "violation", self.violation.t_start, text=self.violation.mark)
        return trace


@dataclass(frozen=True)
class Verdict:
    """The result of `check`. The last line of a cell shows it; `print` gives the same as text.

    `misconception` names the well-known mistake that the failure points to, if any; `message` is the sentence on the
    answer as a whole; `tried` says how many schedules were checked; `after` is what a passed check adds; `answer` is
    the name of what was judged.
    """

    id: str
    title: str
    status: Status
    properties: tuple[Property, ...]
    message: str
    misconception: str | None = None
    lesson: str = ""
    shown: Shown | None = None
    tried: str = ""
    after: tuple[str, ...] = ()
    answer: str = "answer"

    @property
    def passed(self) -> bool:
        """Do all properties hold?"""
        return self.status == "passed"

    @property
    def points(self) -> int:
        """The points of the properties that hold."""
        return sum(one.earned for one in self.properties)

    @property
    def max_points(self) -> int:
        """The points of all properties."""
        return sum(one.points for one in self.properties)

    @property
    def code(self) -> str | None:
        """The replay code of the failing schedule."""
        return self.shown.code if self.shown is not None else None

    def __str__(self) -> str:
        from course_lib.grading.report import plain

        return plain(self)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from course_lib.grading.report import page, plain

        return {"text/html": page(self), "text/plain": plain(self)}
