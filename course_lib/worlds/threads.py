"""Work in threads of its own, for a notebook, whose thread has an event loop already, which must stay free."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from course_lib.errors import ServerFailed

PATIENCE = 30.0
"""Seconds after which a wait gives up; on an idle machine nothing here takes a tenth of them."""
LOOK_AGAIN = 0.01
"""Seconds between two looks at a condition."""

Result = TypeVar("Result")


class Background(Generic[Result]):
    """A coroutine that runs in a thread of its own. The thread ends with it, and does not outlive this process."""

    def __init__(self, body: Callable[[], Coroutine[Any, Any, Result]], *, name: str) -> None:
        self._body = body
        self._over, self._began = threading.Event(), threading.Event()
        self._outcome: list[Result] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        self._began.wait()

    def _work(self) -> None:
        async def whole() -> Result:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            self._began.set()
            return await self._body()

        try:
            self._outcome.append(asyncio.run(whole()))
        except BaseException as error:
            self._failure = error
        finally:
            self._over.set()

    @property
    def over(self) -> bool:
        """Whether the coroutine has ended."""
        return self._over.is_set()

    def soon(self, call: Callable[[], object]) -> None:
        """Have the coroutine's thread make this call; nothing happens if it has ended."""
        with suppress(RuntimeError):  # its loop has closed
            self._loop.call_soon_threadsafe(call)

    def cancel(self) -> None:
        """Cancel the coroutine and wait until it has ended."""
        while not self._over.wait(0.05):  # again and again: before Python 3.12 wait_for may swallow a cancellation
            if self._task is not None:
                self.soon(self._task.cancel)
        self._thread.join()

    def result(self) -> Result:
        """Wait for the coroutine; return what it returned or raise what it raised. An interrupt cancels it."""
        try:
            while not self._over.wait(0.1):
                pass  # in pieces, so that an interrupt is heard
        except BaseException:
            self.cancel()
            raise
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._outcome[0]


def run_anywhere(body: Callable[[], Coroutine[Any, Any, Result]], *, name: str) -> Result:
    """Run `body()` to its end: here, or in a thread of its own where this one has a running loop, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return Background(body, name=name).result()
    return asyncio.run(body())


async def until(holds: Callable[[], Any], what: str, *, within: float = PATIENCE) -> None:
    """Wait until `holds()` is true; it may be a coroutine function.

    Raises: ServerFailed, which says what did not happen within so many seconds.
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


def aside(call: Callable[[], Result]) -> Future[Result]:
    """Make the call in a thread of its own and return its future result. The thread never keeps the process alive.

    An executor's threads would: Python waits for them at its end, and for a call that hangs it would wait for ever.
    """
    made: Future[Result] = Future()

    def work() -> None:
        try:
            made.set_result(call())
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=work, name="topology panel", daemon=True).start()
    return made


async def within(seconds: float, future: Future[Result]) -> Result:
    """The result as soon as it is there.

    Raises: what the call raised; TimeoutError after `seconds`, and the call goes on.
    """
    return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), seconds)
