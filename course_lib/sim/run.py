"""The clients of one run: started in their processes, driven slice by slice, unwound at the end."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context, copy_context
from typing import Any, Final, NamedTuple

from course_lib.sim.loop import SimLoop
from course_lib.sim.process import CLIENT, PROCESS, Body, Process
from course_lib.sim.random_streams import Streams, join, part


class Crashed:
    """The result of a client whose process died."""

    def __repr__(self) -> str:
        return "CRASHED"


CRASHED: Final = Crashed()


class _Keeper:
    """Says who keeps the caller's state of the module `random`: each run, or, if this is above 0, the code that plays
    many runs."""

    keeping = 0


_keeper = _Keeper()


@contextmanager
def kept_random() -> Iterator[None]:
    """While many runs are played, keep the state of the module `random` once for all of them.

    Code between two runs then draws what the last run would have drawn next: the same each time.
    """
    outside = random.getstate()
    _keeper.keeping += 1
    try:
        yield
    finally:
        _keeper.keeping -= 1
        random.setstate(outside)


class _Client(NamedTuple):
    process: Process
    context: Context
    start: float
    body: Body
    args: tuple[Any, ...]


class Run:
    """Which clients take part in one run, and what became of each. `by_order`: each draws from a stream of its own."""

    def __init__(self, loop: SimLoop, seed: int, *, by_order: bool = False) -> None:
        self.loop, self.seed = loop, seed
        self._streams = Streams(seed) if by_order else None
        self.results: dict[str, Any] = {}
        self.timers = self.asked = 0  # timers that clients set while they were driven; how often they asked the time
        self.unheard: list[BaseException] = []  # that tasks raised meanwhile, and nobody awaited
        self._clients: dict[str, _Client] = {}
        self._begun: set[str] = set()
        self._alive: set[asyncio.Task[Any]] = set()  # else a client that waits for its own object would be garbage
        self._all_done: asyncio.Future[None] = loop.create_future()
        self._random: Any = None

    def add(self, name: str, process: Process, start: float, body: Body, *args: Any) -> None:
        """One more client. Raises: ValueError for a name that is taken."""
        if name in self._clients:
            raise ValueError(f"There is a client named {name!r} already; give each its own name.")
        context = copy_context()
        context.run(PROCESS.set, process)
        context.run(CLIENT.set, name)
        self._clients[name] = _Client(process, context, start, body, args)

    @property
    def clients(self) -> dict[str, tuple[Process, float]]:
        """Each client's process, and when it begins, in seconds after the clients of its time are driven."""
        return {name: (client.process, client.start) for name, client in self._clients.items()}

    def forget(self, name: str) -> Any:
        """A client that has ended takes no further part; return what became of it."""
        del self._clients[name]
        self._begun.discard(name)
        return self.results.pop(name)

    def bury(self, process: Process) -> None:
        """The process is dead, and so is every client in it that has not finished."""
        for name, client in self._clients.items():
            if client.process is process and name not in self.results:
                self._finish(name, CRASHED)

    def slices(self, steps: int, unwind: Callable[[], AbstractContextManager[None]]) -> Generator[float, None, None]:
        """Drive the clients added since the last time; at the end cancel what is left, within `unwind()`."""
        began = self.loop.now
        waiting = {name: client for name, client in self._clients.items() if name not in self._begun}
        self._begun |= waiting.keys()
        for name, client in waiting.items():
            self.loop.call_at(began + client.start, self._begin, name, client, context=client.context)
        self._all_done, before = self.loop.create_future(), self.loop.timed
        if len(self.results) == len(self._clients):
            self._all_done.set_result(None)
        finished = False
        try:
            while not finished:
                finished = self._slice(steps)
                yield self.loop.now
        finally:
            self.timers, self.asked, self.unheard = self.loop.timed - before, self.loop.asked, self.loop.unheard()
            if left := self.loop.unfinished():
                with unwind(), self._own_random():
                    self._reap(left)
                left.clear()
            if len(self.results) < len(self._clients):  # some did not end when cancelled, or were to begin later
                self.results.update({n: asyncio.CancelledError() for n in waiting if n not in self.results})
            self.loop.forget_tasks()

    def _slice(self, steps: int) -> bool:
        """Without garbage collection: a run makes hardly any garbage in cycles, and looking for it doubles the time."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            with self._own_random():
                finished = self.loop.advance(self._all_done, steps)
                if finished:
                    self.loop.settle()
                return finished
        finally:
            if collecting:
                gc.enable()

    @contextmanager
    def _own_random(self) -> Iterator[None]:
        """A state of its own behind the module `random`, from which SPOP, redis-py's back-off and patterns draw."""
        outside = None if _keeper.keeping else random.getstate()  # 40 µs with setstate, a fifth of a small run
        if self._random is None and self._all_done.done() and outside is None:
            pass  # leftovers are unwound: what the run has drawn is still to be seen
        elif self._random is None:
            random.seed(f"{self.seed}/{len(self._begun)}")
        else:
            random.setstate(self._random)
        apart = None if self._streams is None else part(self._streams)
        try:
            yield
        finally:
            if apart is not None:
                join(apart)
            if not self._all_done.done():
                self._random = random.getstate()
            if outside is not None:
                random.setstate(outside)

    def _begin(self, name: str, client: _Client) -> None:
        if self._all_done.done():  # the run is over before this client was to start
            return

        async def whole() -> Any:
            return await client.body(*client.args)

        task = self.loop.create_task(whole())
        self._alive.add(task)
        task.add_done_callback(lambda task: self._ended(name, task))

    def _ended(self, name: str, task: asyncio.Task[Any]) -> None:
        self._alive.discard(task)
        if name not in self.results:
            late = task.cancelled() or self.loop.ending  # what it came to while it was unwound is not its result
            self._finish(name, asyncio.CancelledError() if late else task.exception() or task.result())

    def _finish(self, name: str, result: Any) -> None:
        self.results[name] = result
        if len(self.results) == len(self._clients) and not self._all_done.done():
            self._all_done.set_result(None)

    def _reap(self, left: list[asyncio.Task[Any]]) -> None:
        """Cancel what dead or unfinished clients left behind: their `finally` blocks run, too late to matter."""
        fates = [
            (process, process.dead, process.paused_until) for process in {c.process for c in self._clients.values()}
        ]
        for process, _, _ in fates:
            process.dead, process.paused_until = False, 0.0
        self.loop.failures.clear()
        self.loop.exhume()
        try:
            self.loop.unwind()
        finally:
            for task in left:
                if task.done() and not task.cancelled():
                    task.exception()  # so that asyncio does not report it as never retrieved
            for process, dead, paused_until in fates:
                process.dead, process.paused_until = dead, paused_until
