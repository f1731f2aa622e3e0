"""Every connection of a world, and the time-outs of those who read from them."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from course_lib.sim.fake_server import Node
from course_lib.sim.process import PROCESS, Process
from course_lib.sim.wire import Wire

if TYPE_CHECKING:
    from course_lib.sim.simulation import Simulation


class Wires:
    """The connections that are open."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._open: dict[Wire, None] = {}
        self._opened: defaultdict[str, int] = defaultdict(int)  # connections that each process has opened so far
        self._patience: dict[float, Patience] = {}

    def __iter__(self) -> Iterator[Wire]:
        return iter(self._open)

    def rewind(self) -> None:
        """A new run begins, without any."""
        for wire in self._open:
            wire.forget()
        self._open.clear()
        self._opened.clear()
        self._patience.clear()

    def open(self, node: Node, db: int) -> Wire:
        """A new connection of the running process."""
        process = PROCESS.get()
        name = process.name if process else ""
        self._opened[name] += 1
        wire = Wire(self._world, node, process, self._opened[name], db)
        self._open[wire] = None
        return wire

    def close(self, wire: Wire, *, abruptly: bool = False) -> None:
        """The client's end is gone."""
        wire.close(abruptly=abruptly)
        self._open.pop(wire, None)

    def cut(self, process: Process) -> None:
        """The process is gone, and with it its end of each of its connections."""
        for wire in [wire for wire in self._open if wire.process is process]:
            self.close(wire, abruptly=True)

    def patience(self, limit: float) -> Patience:
        """The time-outs of one length."""
        if limit not in self._patience:
            self._patience[limit] = Patience(self._world, limit)
        return self._patience[limit]


class Patience:
    """Time-outs of one length, in the order in which they run out: one timer serves them all."""

    def __init__(self, world: Simulation, limit: float) -> None:
        self._world, self._limit = world, limit
        self._waiting: deque[tuple[float, asyncio.Future[None], Process | None]] = deque()

    def watch(self, waiter: asyncio.Future[None], process: Process | None = None) -> None:
        """Fail `waiter` with a TimeoutError unless it is done within the limit.

        What a process that stands still was about to send leaves when it wakes, and so its time begins then.
        """
        if waiter.done():
            return
        deadline = self._world.loop.now + self._limit
        self._waiting.append((deadline, waiter, process))
        if len(self._waiting) == 1:
            self._world.loop.due(deadline, self._run_out)

    def _run_out(self) -> None:
        now, waiting = self._world.loop.now, self._waiting
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            _, waiter, process = waiting.popleft()
            if waiter.done():
                continue
            if process is not None and process.paused_until > now:
                self._world.loop.due(process.paused_until, self.watch, waiter, process)
            else:
                waiter.set_exception(TimeoutError())
        if waiting:
            self._world.loop.due(waiting[0][0], self._run_out)
