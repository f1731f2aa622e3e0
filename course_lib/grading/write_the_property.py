"""What exercises share in which the answer is a property: it reads runs, and says what is wrong with them.

    watch = partial(watched, answer, two_loads)            # what really is wrong: a judge, as rules.py has it
    [watch("catches-look", "a lock seen, then taken", build), watch("accepts", "the right recipe", build), …]

Its clues are what it says of small traces made by hand: `misread(CLUES)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.answer import ask
from course_lib.grading.evidence import of_clients
from course_lib.grading.rules import Failing, Found, Judge, trial
from course_lib.trace import Note, Trace

Property = Callable[[Trace], str | None]
Cases = Mapping[str, tuple[Callable[[], Any], bool]]
"""For each mistake: a small trace made by hand, and whether None is the right answer."""


def of_run(answer: Property, run: Play) -> str | None:
    """What the property says of a run."""
    return ask(answer, of_clients(run.trace))


def watched(
    answer: Any, wrong: Judge, promise: str, name: str, build: Callable[[Simulation, int], Any], *,
    says: Callable[[Any, Play], str | None] = of_run, well: str = "Nothing is wrong",
    silent: str = "; your property returned None.", **options: Any,
) -> Trial:  # fmt: skip
    """A trial in which the answer must speak of a run if something is `wrong` with it, and only then."""

    def judge(run: Play) -> Iterator[Found]:
        found, said = next(wrong(run), None), says(answer, run)
        if found is not None and said is None:
            text, *where = found
            yield f"{text}{silent}", *where
        elif found is None and said is not None:
            yield (f"{well} in this run, and yet your property objects: {said}",)

    return trial(name, build, {promise: judge}, **options)


def misread(cases: Cases, says: Callable[[Any, Any], str | None] = ask) -> Callable[[Failing], Iterator[str]]:
    """The names of the cases that the answer reads wrongly."""

    def clues(failing: Failing) -> Iterator[str]:
        return (name for name, (made, right) in cases.items() if (says(failing.answer, made()) is None) != right)

    return clues


def noted(*notes: Note) -> Callable[[], Trace]:
    """A trace of notes alone, anew each time."""
    return lambda: Trace("simulated", 0, [], [replace(note) for note in notes])
