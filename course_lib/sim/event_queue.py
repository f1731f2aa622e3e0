"""What happens when: callbacks that are ready, timers, and what dead or paused processes have left undone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from course_lib.errors import Deadlock, OutOfBudget
from course_lib.sim.process import Process


class PlainCall:
    """A callback of the network itself. It has no process and no context, so it is cheaper than an `asyncio.Handle`."""

    __slots__ = ("args", "callback")
    _cancelled = False

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback, self.args = callback, args

    def _run(self) -> None:
        self.callback(*self.args)


class MessageCall(PlainCall):
    """The arrival of a message at a server: it happens even if nobody waits for the answer any more."""

    __slots__ = ()


class EventQueue:
    """Callbacks in the order in which they run. `now` is the virtual time in seconds, and `steps` how many callbacks
    have run."""

    def __init__(self, max_steps: int, max_time: float) -> None:
        self.max_steps, self.max_time = max_steps, max_time
        self._ready: deque[tuple[Any, Process | None]] = deque()
        self._timers: list[tuple[float, int, Any, Process | None]] = []
        self._order = count()
        self._buried: list[tuple[Any, Process | None]] = []  # steps of dead processes' tasks, for the end of the run
        self.now, self.steps = 0.0, 0

    def rewind(self) -> None:
        """Back to time zero, with nothing scheduled."""
        self._ready.clear()
        self._timers.clear()
        self._buried.clear()
        self._order = count()
        self.now, self.steps = 0.0, 0

    def due(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        """Call `callback(*args)` at `when`, outside every process."""
        heappush(self._timers, (when, next(self._order), PlainCall(callback, args), None))

    def send(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        """As `due`, for a message to a server."""
        heappush(self._timers, (when, next(self._order), MessageCall(callback, args), None))

    def settle(self) -> None:
        """The run is over: let the messages that are under way arrive, and leave the clock where it is."""
        under_way = sorted(entry for entry in self._timers if isinstance(entry[2], MessageCall))
        if under_way:
            self._timers = [entry for entry in self._timers if not isinstance(entry[2], MessageCall)]
            heapify(self._timers)
        now = self.now
        for when, _, message, _ in under_way:
            self.now = max(now, when)
            message._run()
        self.now = now

    def spin(self, task: asyncio.Future[Any], steps: int) -> None:
        """Run at most `steps` callbacks, or until `task` is done."""
        ready, timers = self._ready, self._timers
        last = min(self.steps + steps, self.max_steps + 1)
        while self.steps < last and not task.done():
            if ready:
                handle, process = ready.popleft()
            elif timers:
                when, _, handle, process = heappop(timers)
                if when > self.now and not handle._cancelled and not (process is not None and process.dead):
                    self._move_to(when)
            else:
                raise Deadlock(f"At {self.now:.6f} s every client waits and no timer is left to wake one.")
            if handle._cancelled:
                continue
            if process is not None and (process.dead or process.paused_until > self.now):
                self._hold_back(handle, process)
                continue
            self.steps += 1
            handle._run()
        if self.steps > self.max_steps and not task.done():
            raise OutOfBudget(
                f"The simulation ran {self.steps:,} steps, to {self.now:.3f} s: does a client loop for ever?"
            )

    def run_due(self, halt: Callable[[], bool], steps: int) -> int:
        """Run what is ready, and the timers that are due, at most `steps` callbacks, and stop where `halt()` is
        true; no time passes. Returns how many ran."""
        ready, ran = self._ready, 0
        while ran < steps and (ready or self.can_go_on()):
            handle = ready.popleft()[0] if ready else heappop(self._timers)[2]
            if handle._cancelled:
                continue
            ran += 1
            handle._run()
            if halt():
                break
        return ran

    def can_go_on(self) -> bool:
        """Is a callback ready, or a timer due?"""
        if self._ready:
            return True
        when = self.next_timer()
        return when is not None and when <= self.now

    def next_timer(self) -> float | None:
        """When the next timer is due, if there is one."""
        while self._timers and self._timers[0][2]._cancelled:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def timers(self, of: Process | None = None) -> list[float]:
        """When each timer is due that code has set, and not the network; or the code of one process."""
        return [
            when for when, _, handle, process in self._timers
            if isinstance(handle, asyncio.TimerHandle) and not handle._cancelled and not (process and process.dead)
            and (of is None or of is process)
        ]  # fmt: skip

    def drain(self, steps: int) -> None:
        """Run what is ready, and what that makes ready, at most `steps` callbacks; no time passes."""
        ready = self._ready
        while ready and steps > 0:
            handle, _ = ready.popleft()
            if not handle._cancelled:
                steps -= 1
                handle._run()

    def forget_steps(self) -> None:
        """Drop what was scheduled from inside a process; messages and what the world has planned stay."""
        self._ready.clear()
        self._timers = [entry for entry in self._timers if isinstance(entry[2], PlainCall)]
        heapify(self._timers)

    def _move_to(self, when: float) -> None:
        if when > self.max_time:
            raise OutOfBudget(f"The clock would pass {self.max_time:g} s: does a client sleep for ever?")
        self.now = when

    def _hold_back(self, handle: Any, process: Process) -> None:
        """A dead process runs nothing; a paused one runs it when it wakes."""
        if not process.dead:
            heappush(self._timers, (process.paused_until, next(self._order), handle, process))
        elif _is_step(handle):
            self._buried.append((handle, process))

    def exhume(self) -> None:
        """Put back the steps that dead or paused processes did not run: a task that has lost a step never ends."""
        held = [entry for entry in self._timers if _is_step(entry[2])]
        self._timers = [entry for entry in self._timers if not _is_step(entry[2])]
        heapify(self._timers)
        self._ready.extend((handle, process) for _, _, handle, process in sorted(held))
        self._ready.extend(self._buried)
        self._buried.clear()


def _is_step(handle: Any) -> bool:
    """Is it the next step of a task, rather than a timer?"""
    return isinstance(getattr(getattr(handle, "_callback", None), "__self__", None), asyncio.Task)
