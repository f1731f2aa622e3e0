"""Hints, one at a time, each only when it is asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from course_lib.grading.exercise import find
from course_lib.grading.page import framed
from course_lib.views.picture import escape, prose


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint, with its number and how many there are."""

    id: str
    number: int
    of: int
    text: str

    def __str__(self) -> str:
        return f"Hint {self.number} of {self.of} for {self.id}. {self.text}"

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        head = f"<b>Hint {self.number} of {self.of}</b> · {escape(self.id)}"
        last = " That was the last one." if self.number == self.of else ""
        html = framed(f'<p class="head calm">{head}</p><p>{prose(self.text)}{last}</p>')
        return {"text/html": html, "text/plain": f"{self}{last}"}


_given: Counter[str] = Counter()


def hint(id: str) -> Hint:
    """The next hint of an exercise; after the last one, the last one again. Raises: UnknownExercise."""
    hints = find(id).words.hints
    _given[id] = min(_given[id] + 1, len(hints))
    return Hint(id, _given[id], len(hints), hints[_given[id] - 1])
