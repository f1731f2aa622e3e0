"""What a learner's code calls and never awaits, so that it never runs. Python only warns of it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from course_lib.sim.own_code import of_library

_NEVER = re.compile(r"coroutine '(?:.*\.)?(\w+)' was never awaited")


@contextmanager
def unawaited(found: dict[str, None]) -> Iterator[None]:
    """Into `found` goes a sentence for each coroutine that nobody has awaited when nothing refers to it any more."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        yield
    for warning in caught:
        if name := _NEVER.match(str(warning.message)):
            found[_said(name[1], warning)] = None


def _said(name: str, warning: warnings.WarningMessage) -> str:
    what = "a command of Redis" if name == "execute_command" else f"`{name}`"
    where = "" if of_library(warning.filename) else f" in line {warning.lineno}"
    return f"{what} was called{where} and never awaited, so it never ran; an `await` is missing"
