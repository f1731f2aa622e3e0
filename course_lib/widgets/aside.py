"""Calls that may take long, in a thread beside the event loop: whoever waits for them waits for a bounded time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


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
