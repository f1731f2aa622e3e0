"""What the exercises share in which the answer reads runs, and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from course_lib.explore import Violation
from course_lib.grading.answer import ask
from course_lib.trace import Note, Trace

Property = Callable[[Trace], str | None]
Cases = Mapping[str, tuple[Callable[[], Trace], bool]]
"""By mistake: a small trace made by hand, and whether None is the right answer."""


def agreed(
    wrong: Violation | None, said: str | None, promise: str, well: str = "Nothing is wrong"
) -> Iterator[Violation]:
    """An answer must speak of a run if something is `wrong` with it, and only then."""
    if wrong is not None and said is None:
        yield wrong
    elif wrong is None and said is not None:
        yield Violation(promise, f"{well} in this run, and yet your property objects: {said}")


def misread(answer: Property, cases: Cases) -> str | None:
    """The name of the first case that is answered wrongly."""
    return next((name for name, (made, right) in cases.items() if (ask(answer, made()) is None) != right), None)


def noted(*notes: Note) -> Callable[[], Trace]:
    """A trace of notes alone, anew each time."""
    return lambda: Trace("simulated", 0, [], [replace(note) for note in notes])
