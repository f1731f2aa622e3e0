"""A coroutine run to its end inside of a running event loop, where there are no threads: a Python in a browser.

Its loop has clocks, callbacks and tasks, and no sockets, so it serves what lives in this process, as fakeredis does.
The outer loop stands still meanwhile, as it does during any cell that computes.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import events, tasks
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Clock:
    """Takes the place of the sockets that a loop waits for: it only waits until the next callback is due."""

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is left to wait for, and the coroutine has not ended")
        if timeout > 0:
            # Where Pyodide can, it lets the outer loop go on while a program sleeps, and that never comes back to ours.
            getattr(time.sleep, "__wrapped__", time.sleep)(timeout)
        return []


class _Inner(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._selector = _Clock()

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake."""


def run_inside(body: Coroutine[Any, Any, Result]) -> Result:
    """What the coroutine returns or raises. Raises: RuntimeError if it waits for what never comes."""
    outer = events._get_running_loop()
    outer_task = asyncio.current_task(outer) if outer else None
    if outer_task:  # since Python 3.14 a thread has one current task, so ours may not start under it
        tasks._leave_task(outer, outer_task)  # type: ignore[arg-type]
    events._set_running_loop(None)
    inner = _Inner()
    try:
        return inner.run_until_complete(body)
    finally:
        inner.close()
        events._set_running_loop(outer)
        if outer_task:
            tasks._enter_task(outer, outer_task)  # type: ignore[arg-type]
