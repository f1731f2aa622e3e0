"""A plain function says of the same always the same: whether it was asked about others before, or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
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
        try:
            said, first = _begun(own()(*args))
        except Exception:
            with suppress(Exception):
                later(*spare)  # so that it has been asked as often
            raise
        try:
            again, its = _begun(later(*spare))
        except Exception as error:
            raise Misused(f"{CHANGED} raised {raised(error)}.") from error
        if first is not None and its is not None:
            if bool(first) is not bool(its):
                now, before = (f"yielded {shown(one[0])}" if one else "yielded nothing" for one in (its, first))
                raise Misused(f"{CHANGED} {now}, where it had {before}.")
        elif again != said and not (sentences and type(again) is type(said) is str):
            raise Misused(f"{CHANGED} returned {shown(again)} in place of {shown(said)}.")
        return said

    return asked


def _begun(said: Any) -> tuple[Any, list[Any] | None]:
    """What it said; and, of what it yields, a list with the first, or an empty one."""
    if not isinstance(said, Iterator):
        return said, None
    first = list(islice(said, 1))
    return (one for part in (first, said) for one in part), first


def copied(given: Any) -> Any:
    """What a function is handed, once more, as it may change it."""
    if isinstance(given, Trace):
        return Trace(given.world, given.seed, [replace(one) for one in given], [replace(one) for one in given.notes])
    if isinstance(given, Play):
        return replace(given, trace=copied(given.trace), results=dict(given.results))
    return given
