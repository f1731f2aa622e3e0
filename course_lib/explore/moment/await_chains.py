"""The chain of awaits of a task: each function that waits for another's, with the line and what it knows.

Only suspended code is read, and reading changes nothing: no frame keeps an object alive longer than before.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any, NamedTuple
from weakref import ref

from course_lib.explore.moment.code_owner import Own, whose
from course_lib.explore.moment.short_text import is_tool, shortened
from course_lib.sim.own_code import names_in

_OPTIMIZED, _HEAP_TYPE = 1, 1 << 9
_LOOKS = {"locals", "vars", "eval", "exec"}
"""Functions that hand a function its own variables: to read these at that moment would change what it was handed."""
_BETWEEN = {"async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable"}
"""Python's own steps between two functions of a chain, which do not say which function is next."""
_flags_of: Any = type.__dict__["__flags__"].__get__
_name_of: Any = type.__dict__["__name__"].__get__


class Place(NamedTuple):
    """Where one function of a chain stands. `number` tells one call of it from every other."""

    number: int
    code: CodeType
    line: int
    own: bool
    knows: tuple[tuple[str, str], ...]


class Chains:
    """Reads chains, and knows a call again. `own` says of a file whether it is a learner's."""

    def __init__(self, own: Own | None) -> None:
        self._own = own
        self._numbers: dict[int, tuple[ref[Any], int]] = {}
        self._calls = 0

    def of(self, task: asyncio.Task[Any]) -> tuple[Place, ...]:
        """What is shown of a task's chain, the outermost function first."""
        calls = [(call, frame, self.standing(frame.f_code)) for call, frame in awaited(task.get_coro())]
        shown = [one for one in calls if one[2] in ("own", "shown")] or [one for one in calls if one[2] == "stage"]
        return tuple(
            Place(self._number(call), frame.f_code, frame.f_lineno, standing == "own", _knows(frame))
            for call, frame, standing in shown
        )

    def standing(self, code: CodeType) -> str:
        """Whose code it is."""
        if self._own is not None and self._own(code.co_filename):
            return "own"
        return whose(code.co_filename)

    def _number(self, call: Any) -> int:
        known = self._numbers.get(id(call))
        if known is not None and known[0]() is call:
            return known[1]
        self._calls += 1
        self._numbers[id(call)] = ref(call), self._calls
        return self._calls


def awaited(call: Any) -> Iterator[tuple[Any, FrameType]]:
    """A coroutine, what it awaits, and so on, each with its frame."""
    while call is not None:
        kind, frame, within = type(call), None, call
        if kind is CoroutineType:
            frame, call = call.cr_frame, call.cr_await
        elif kind is GeneratorType:
            frame, call = call.gi_frame, call.gi_yieldfrom
        elif kind is AsyncGeneratorType:
            frame, call = call.ag_frame, call.ag_await
        elif not _flags_of(kind) & _HEAP_TYPE and _name_of(kind) in _BETWEEN:
            inner = (CoroutineType, GeneratorType, AsyncGeneratorType)
            call = next((one for one in gc.get_referents(call) if any(type(one) is each for each in inner)), None)
        else:
            return
        if frame is not None:
            yield within, frame


def _knows(frame: FrameType) -> tuple[tuple[str, str], ...]:
    """A frame's variables, without those that it only uses: functions, modules, clients of Redis."""
    if not frame.f_code.co_flags & _OPTIMIZED:
        return ()
    if not _LOOKS.isdisjoint(names_in(frame.f_code)):
        return (("locals()", "not read, as this function reads them itself"),)
    held = frame.f_locals
    knows = tuple(
        (name, shortened(it)) for name, it in held.items() if name[0] != "." and name != "__class__" and not is_tool(it)
    )
    if type(held) is dict:  # up to Python 3.12 a copy, which the frame would keep
        held.clear()
    return knows
