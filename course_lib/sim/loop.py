"""An asyncio event loop whose time is a variable. Without Redis."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import sys
from asyncio import events, tasks
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from heapq import heappush
from typing import Any, TypeVar
from weakref import ref

from course_lib.sim.event_queue import EventQueue
from course_lib.sim.process import PROCESS, Process

T = TypeVar("T")


def _awaited(code: Any) -> Iterator[Any]:
    """A coroutine, the one that it awaits, and so on."""
    while code is not None:
        yield code
        code = getattr(code, "cr_await", None)


def _forsake(code: Any) -> None:
    """Keep a coroutine that does not end from ever being collected: that would run it once more, outside of any run,
    where it could go round forever. It costs a few kilobytes."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(code))


class Callback(asyncio.Handle):
    """Like asyncio's own Handle, which asks its loop each time whether to record where it was made."""

    __slots__ = ()

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], loop: SimLoop, context: Context) -> None:
        self._callback, self._args, self._loop, self._context = callback, args, loop, context
        self._cancelled, self._repr, self._source_traceback = False, None, None


class SimLoop(EventQueue, asyncio.AbstractEventLoop):
    """An event loop that never waits: when nothing is ready, the clock jumps to the next timer.

    It can run inside another running loop (a Jupyter cell, a slider's callback): it takes that loop's place until it is
    done, and needs no thread. Units: `time()` is seconds from 0.
    """

    def __init__(self, *, max_steps: int = 20_000_000, max_time: float = 1e6) -> None:
        super().__init__(max_steps, max_time)
        self._tasks: list[ref[asyncio.Task[Any]]] = []  # in order of creation, which asyncio.all_tasks does not keep
        self._prune_at = 1000
        self._held: list[asyncio.Task[Any]] = []  # of dead processes: perhaps nothing else refers to them
        self.ending = False  # the run is over, and the tasks that are left are being cancelled
        self.timed = 0  # timers set so far: a search asks whether a client has set one
        self.asked = 0  # how often code has asked for the time
        self.runs, self.seed, self.by_order = 0, 0, False  # how often it was rewound, and for which run
        self.failures: list[BaseException] = []  # of callbacks; the next `advance` raises them
        self.unretrieved: list[BaseException] = []  # of tasks that nobody awaited; asyncio would only log them

    def rewind(self, seed: int = 0, *, by_order: bool = False) -> None:
        """Back to time zero, with nothing scheduled, for another run."""
        super().rewind()
        self.runs, self.seed, self.by_order = self.runs + 1, seed, by_order
        self.timed = self.asked = 0
        self._tasks.clear()
        self._held.clear()
        self.failures.clear()
        self.unretrieved.clear()

    # -- what asyncio asks of a loop ----------------------------------------------------------------------------------

    def time(self) -> float:
        self.asked += 1
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # asyncio passes more keywords in later Pythons
        self, coro: Coroutine[Any, Any, T], *, name: object = None, context: Context | None = None, **more: Any
    ) -> asyncio.Task[T]:
        task = asyncio.Task(coro, loop=self, name=None if name is None else str(name), context=context, **more)
        self._tasks.append(ref(task))
        if len(self._tasks) > self._prune_at:
            self._tasks = [ref(task) for task in self.unfinished()]
            self._prune_at = 2 * len(self._tasks) + 1000
        return task

    def kill(self, process: Process) -> None:
        """From now on it runs nothing. Its tasks are kept for the end of the run."""
        process.dead = True
        self._held = self.unfinished()

    def unfinished(self) -> list[asyncio.Task[Any]]:
        """Every task that is not done, the oldest first."""
        return [task for weak in self._tasks if (task := weak()) is not None and not task.done()]

    def unheard(self) -> list[BaseException]:
        """What tasks have raised that nobody awaited, those included that something still refers to: of them asyncio
        would log it once they are garbage, whenever that is."""
        for weak in self._tasks:
            task: Any = weak()
            if task is not None and task.done() and not task.cancelled() and task._log_traceback:
                self.unretrieved.append(task.exception())
        return list(self.unretrieved)

    def forget_tasks(self) -> None:
        """The run is over: what unawaited tasks raised is now in `unretrieved`."""
        self._tasks.clear()
        self._held.clear()

    def call_soon(  # type: ignore[override]  # typeshed counts the callback's arguments; these need not
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if context is None:  # an empty Context is falsy, so `context or …` would be wrong
            context = copy_context()
        handle = Callback(callback, args, self, context)
        self._ready.append((handle, context.get(PROCESS)))
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if when != when:
            raise ValueError("a time that is not a number (NaN)")  # it would come neither before nor after any other
        if context is None:
            context = copy_context()
        self.timed += 1
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._order), handle, context.get(PROCESS)))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio tells a loop of cancelled timers; here they are skipped when they surface."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        failure = context.get("exception") or RuntimeError(context.get("message", "unknown failure"))
        (self.failures if "handle" in context else self.unretrieved).append(failure)

    # -- the clock ----------------------------------------------------------------------------------------------------

    def advance(self, task: asyncio.Future[Any], steps: int) -> bool:
        """Run at most `steps` callbacks; say whether `task` is done.

        Raises: `Deadlock` when everything waits and no timer is left; `OutOfBudget` past `max_steps` or `max_time`;
        what a callback outside every task raised.
        """
        with self._in_place():
            self.spin(task, steps)
        if self.failures:
            raise self.failures.pop(0)
        return task.done()

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """While this lasts, this loop is the running one, in the place of another if there is one."""
        outer = events._get_running_loop()
        outer_task = asyncio.current_task(outer) if outer else None
        if outer_task:  # since Python 3.14 a thread has one current task, so ours may not start under it
            tasks._leave_task(outer, outer_task)  # type: ignore[arg-type]
        events._set_running_loop(self)
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._close_generator)
        try:
            yield
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(outer)
            if outer_task:
                tasks._enter_task(outer, outer_task)  # type: ignore[arg-type]

    def take_place(self) -> None:
        """From now on this is the running loop, and another one drives it by `run_due`."""
        events._set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._close_generator)

    def unwind(self) -> None:
        """The run is over: cancel every task that is left, let it take its last steps, and close what goes on.

        No time passes meanwhile, and no command is answered: code that catches everything and tries again waits
        forever, and is left there.
        """
        self.ending, interrupted = True, None
        try:
            with self._in_place():
                for _ in range(3):  # a task may swallow one, and a `finally` may wait
                    for task in (left := self.unfinished()):
                        task.cancel()
                    interrupted = self._last_steps(100 + 20 * len(left)) or interrupted
                for _ in range(3):  # one may begin another
                    for task in self.unfinished():
                        if not task.done():
                            interrupted = self._close(task) or interrupted
        finally:
            self.ending = False
            self.failures.clear()
            self.forget_steps()
        if interrupted is not None:
            raise interrupted

    def _last_steps(self, steps: int) -> KeyboardInterrupt | None:
        try:
            self.drain(steps)
        except KeyboardInterrupt as interrupt:  # first see to it that nothing is left
            return interrupt
        except SystemExit:
            pass  # like a crash: the error leaves a task that nobody awaits any more
        return None

    def _close(self, task: asyncio.Task[Any]) -> KeyboardInterrupt | None:
        """End a coroutine by GeneratorExit. If it swallows even that, make sure that it never runs again."""
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        tasks._enter_task(self, task)
        interrupted = None
        chain = [code for code in _awaited(task.get_coro()) if inspect.iscoroutine(code)]
        try:
            for code in chain * 3:
                try:
                    code.close()
                except KeyboardInterrupt as interrupt:
                    interrupted = interrupt
                except (Exception, SystemExit, GeneratorExit, asyncio.CancelledError):
                    pass  # `coroutine ignored GeneratorExit`, or what its own code raised
        finally:
            tasks._leave_task(self, task)
            for code in chain:
                if code.cr_frame is not None:
                    _forsake(code)
        return interrupted

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """An async generator was dropped before its end: its `finally` runs in the process that dropped it."""
        self.create_task(generator.aclose())

    def run_until_complete(self, awaitable: Any) -> Any:
        """Run the clock until `awaitable` is done, and return its result."""
        previous = events._get_running_loop()
        if previous is self:
            raise RuntimeError("This event loop is already running")  # as asyncio's own says
        events._set_running_loop(self)  # ensure_future asks which loop runs
        try:
            task = asyncio.ensure_future(awaitable, loop=self)
        finally:
            events._set_running_loop(previous)
        self.advance(task, self.max_steps + 1)
        return task.result()

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]  # it takes whatever is given
        raise NotImplementedError("simulated code has no threads, as time is real in them: call the function itself")

    async def create_connection(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("simulated code has no network: use the client of Redis that it is given")
