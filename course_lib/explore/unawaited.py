"""What a learner's code calls and never awaits, or puts into a pipeline and never sends, so that it never runs.

Python only warns of the one, and nobody tells the other.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from course_lib.sim.own_code import of_library
from course_lib.sim.redis_client import Queues, SimPipeline

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


class Unsent(Queues):
    """The lines in which commands are put into pipelines, of runs in which no fault `struck`; and those of which any
    command was ever sent."""

    def __init__(self) -> None:
        self.struck = False
        self._put, self._sent = dict[int, None](), set[int]()
        self._waiting: dict[SimPipeline, list[int]] = {}

    def put(self, pipeline: SimPipeline) -> None:
        if line := _own_line():
            self._waiting.setdefault(pipeline, []).append(line)
            if not self.struck:
                self._put[line] = None

    def sent(self, pipeline: SimPipeline) -> None:
        self._sent.update(self._waiting.pop(pipeline, ()))

    @property
    def told(self) -> list[str]:
        """A sentence for each line of which no command was sent in any run."""
        return [
            f"a command was put into a pipeline in line {line} and never sent, so it never ran; an "
            f"`await pipe.execute()` after it is missing"
            for line in self._put
            if line not in self._sent
        ]


def _own_line() -> int:
    """The line of the learner's code that is running now; 0 if there is none."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and of_library(frame.f_code.co_filename):
        frame = frame.f_back
    return 0 if frame is None else frame.f_lineno
