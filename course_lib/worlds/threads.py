"""Work in threads of its own: the thread of a notebook already has an event loop, which must stay free."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, Generic, TypeVar

from course_lib.errors import ServerFailed
from course_lib.worlds.one_thread import run_inside

PATIENCE = 30.0
"""Seconds after which a wait gives up; on an idle machine nothing here takes a tenth of them."""
LOOK_AGAIN = 0.01
"""Seconds between two looks at a condition."""

Result = TypeVar("Result")


class Background(Generic[Result]):
    """A coroutine that runs in a thread of its own. The thread ends with it, and does not outlive this process."""

    def __init__(self, body: Callable[[], Coroutine[Any, Any, Result]], *, name: str) -> None:
        began = threading.Event()

        async def whole() -> Result:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            began.set()
            return await body()

        self._thread, self._made = _started(lambda: asyncio.run(whole()), name)
        began.wait()

    @property
    def over(self) -> bool:
        """Whether the coroutine has ended."""
        return self._made.done()

    def soon(self, call: Callable[[], object]) -> None:
        """Have the coroutine's thread make this call; nothing happens if it has ended."""
        with suppress(RuntimeError):  # its loop has closed
            self._loop.call_soon_threadsafe(call)

    def cancel(self) -> None:
        """Cancel the coroutine and wait until it has ended."""
        while not self.over:  # again and again: before Python 3.12 wait_for may swallow a cancellation
            if self._task is not None:
                self.soon(self._task.cancel)
            self._ends_within(1.0)  # not sooner: a second cancellation would cut short what cleans up after the first
        self._thread.join()

    def result(self) -> Result:
        """Wait for the coroutine; return what it returned or raise what it raised. An interrupt cancels it."""
        try:
            while not self._ends_within(0.1):
                pass  # in pieces, so that an interrupt is heard
        except BaseException:
            self.cancel()
            raise
        self._thread.join()
        return self._made.result()

    def _ends_within(self, seconds: float) -> bool:
        return bool(wait([self._made], seconds).done)


def run_anywhere(body: Callable[[], Coroutine[Any, Any, Result]], *, name: str) -> Result:
    """Run `body()` to its end: here, or in a thread of its own where this one has a running loop, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        if sys.platform == "emscripten":  # a browser's Python has no threads
            return run_inside(body())
        return Background(body, name=name).result()
    return asyncio.run(body())


async def to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """Await work that tidies up, in spite of every cancellation; a caller that is cancelled raises that afterwards."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    task.result()


async def until(holds: Callable[[], Any], what: str, *, within: float = PATIENCE) -> None:
    """Wait until `holds()` is true; it can be a coroutine function.

    Raises: ServerFailed, which says what did not happen within `within` seconds.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + within
    while True:
        found = holds()
        if await found if asyncio.iscoroutine(found) else found:
            return
        if clock() > deadline:
            raise ServerFailed(f"Within {within:g} s {what}; this did not happen. Is the machine busy?")
        await asyncio.sleep(LOOK_AGAIN)


def in_thread(call: Callable[[], Result], *, name: str) -> Future[Result]:
    """Make the call in a thread of its own and return its future result. The thread never keeps the process alive.

    An executor's threads would: Python waits for them at its end, and for a call that hangs it would wait forever.
    """
    return _started(call, name)[1]


def _started(call: Callable[[], Result], name: str) -> tuple[threading.Thread, Future[Result]]:
    made: Future[Result] = Future()

    def work() -> None:
        try:
            made.set_result(call())
        except BaseException as error:
            made.set_exception(error)

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread, made


async def within(seconds: float, future: Future[Result]) -> Result:
    """The result as soon as it is there.

    Raises: what the call raised; TimeoutError after `seconds`, and the call goes on.
    """
    return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), seconds)
