"""A plain function says of the same always the same: whether it was asked about others before, or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from course_lib.explore import Play, in_one_process, in_process
from course_lib.grading.calls import Misused
from course_lib.grading.evidence import raised, shown
from course_lib.trace import Trace

CHANGED = (
    "Your function keeps something from one call to the next, in a global variable, an object or a default argument: "
    "asked about the same once more, after others, it"
)


def asked_again(answer: Callable[..., Any], *, sentences: bool) -> Callable[..., Any]:
    """The answer, which is called for the first time each time; if it can keep something, then also in a process in
    which it has been asked all before. Raises Misused if what it says then is another thing; of two sentences neither
    counts as another."""
    own, later = in_process(answer), in_one_process(answer)

    def asked(*args: Any) -> Any:
        if own() is answer:
            return answer(*args)
        spare = tuple(map(copied, args))
        said = own()(*args)
        try:
            again = later(*spare)
        except Exception as error:
            raise Misused(f"{CHANGED} raised {raised(error)}.") from error
        if again != said and not (sentences and type(again) is type(said) is str):
            raise Misused(f"{CHANGED} returned {shown(again)} in place of {shown(said)}.")
        return said

    return asked


def copied(given: Any) -> Any:
    """What a function is handed, once more, as it may change it."""
    if isinstance(given, Trace):
        return Trace(given.world, given.seed, [replace(one) for one in given], [replace(one) for one in given.notes])
    if isinstance(given, Play):
        return replace(given, trace=copied(given.trace), results=dict(given.results))
    return given
