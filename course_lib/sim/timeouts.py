"""Time-outs of clients that wait for a reply: one timer serves all time-outs of one length."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

from course_lib.sim.loop import SimLoop
from course_lib.sim.process import Process


class Timeouts:
    """Every time-out of a world, by its length; those of one length run out in the order in which they began."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._waiting: defaultdict[float, deque[tuple[float, asyncio.Future[None], Process | None]]]
        self._waiting = defaultdict(deque)

    def rewind(self) -> None:
        """A new run begins, in which nobody waits."""
        self._waiting.clear()

    def watch(self, waiter: asyncio.Future[None], limit: float, process: Process | None) -> None:
        """Fail `waiter` with a TimeoutError unless it is done within `limit` seconds.

        What a paused process was about to send leaves when it wakes, so its time begins then.
        """
        if waiter.done():
            return
        waiting, deadline = self._waiting[limit], self._loop.now + limit
        waiting.append((deadline, waiter, process))
        if len(waiting) == 1:
            self._loop.due(deadline, self._run_out, limit)

    def _run_out(self, limit: float) -> None:
        now, waiting = self._loop.now, self._waiting[limit]
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            _, waiter, process = waiting.popleft()
            if waiter.done():
                continue
            if process is not None and process.paused_until > now:
                self._loop.due(process.paused_until, self.watch, waiter, limit, process)
            else:
                waiter.set_exception(TimeoutError())
        if waiting:
            self._loop.due(waiting[0][0], self._run_out, limit)
