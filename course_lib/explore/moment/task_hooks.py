"""Hears, while a run is played, of each new task, and of each command where it is sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from types import CodeType, FrameType
from typing import Any
from weakref import ref

from course_lib.explore.moment.await_chains import Chains
from course_lib.sim import Simulation
from course_lib.sim.event_queue import EventQueue
from course_lib.sim.process import CLIENT
from course_lib.trace import Event

_SPINS = EventQueue.spin.__code__
Line = tuple[str, int, bool]
"""A file, a line of it, and whether it is a learner's."""


class ClientTask:
    """A task of a client, the lines in which it was made, for what it waited last, and the commands of its last
    message."""

    def __init__(self, task: asyncio.Task[Any], made_in: tuple[Line, ...]) -> None:
        self.task, self.made_in = ref(task), made_in
        self.sent: Sequence[Event] = ()
        self._waiter: Any = None

    def stepped(self, task: asyncio.Task[Any]) -> bool:
        """Can the task have run since this was last asked? If so, it waits for another future, or for none."""
        future = getattr(task, "_fut_waiter", None)
        if future is not None and self._waiter is not None and self._waiter() is future:
            return False
        try:
            self._waiter = None if future is None else ref(future)  # to keep it would change when it is freed
        except TypeError:
            self._waiter = None
        return True


class Listening:
    """`tasks` of each client that is shown, in order of their creation; `sent_in` has for each command of the trace the
    lines in which it was sent, the innermost first; `codes` are the functions that stood there, by their files."""

    def __init__(self, clients: Iterable[str], chains: Chains) -> None:
        self.tasks: dict[str, list[ClientTask]] = {name: [] for name in clients}
        self.sent_in: list[tuple[Line, ...]] = []
        self.codes: dict[str, set[CodeType]] = {}
        self._chains, self._known = chains, dict[ref[Any], ClientTask]()

    @contextmanager
    def to(self, world: Simulation) -> Iterator[None]:
        """Listen while the clients of a world are driven."""
        loop, trace = world.loop, world.trace
        creates = loop.create_task

        def create_task(coro: Any, *, context: Context | None = None, **more: Any) -> Any:
            task = creates(coro, context=context, **more)
            client = CLIENT.get() if context is None else context.get(CLIENT, "")
            if client in self.tasks:
                known = ClientTask(task, self._lines(sys._getframe(1)))
                self.tasks[client].append(known)
                self._known[known.task] = known
            return task

        def sent(events: Sequence[Event]) -> None:
            lines, task = self._lines(sys._getframe(2)), asyncio.current_task(loop)
            if task is not None and (known := self._known.get(ref(task))) is not None:
                known.sent = events
                lines += known.made_in
            self.sent_in += [lines] * len(events)

        loop.create_task = create_task  # type: ignore[method-assign]
        trace.events = _Heard(trace.events, sent)
        self.sent_in = [()] * len(trace.events)
        try:
            yield
        finally:
            del loop.create_task
            trace.events = list(trace.events)

    def _lines(self, frame: FrameType | None) -> tuple[Line, ...]:
        """Where the code that runs now stands."""
        stack = list[tuple[CodeType, int, str]]()
        while frame is not None and frame.f_code is not _SPINS:
            if (standing := self._chains.standing(frame.f_code)) != "hidden":
                stack.append((frame.f_code, frame.f_lineno, standing))
            frame = frame.f_back
        shown = [one for one in stack if one[2] != "stage"] or stack
        for code, _, _ in shown:
            self.codes.setdefault(code.co_filename, set()).add(code)
        return tuple((code.co_filename, line, standing == "own") for code, line, standing in shown)


class _Heard(list[Event]):
    """A trace's events, which tells of what is added."""

    def __init__(self, events: Iterable[Event], told: Callable[[Sequence[Event]], object]) -> None:
        super().__init__(events)
        self._told = told

    def append(self, event: Event) -> None:
        self._told([event])
        super().append(event)

    def extend(self, events: Iterable[Event]) -> None:
        added = list(events)
        self._told(added)
        super().extend(added)
