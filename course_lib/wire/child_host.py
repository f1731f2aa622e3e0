"""One simulated process, in the child that runs its code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from course_lib.sim.loop import SimLoop
from course_lib.sim.process import CLIENT, PROCESS, Process
from course_lib.wire.child_network import ChildSocket

News = list[tuple[int, list[Any], bool]]
"""For each connection: its number, replies that have come, and whether it is still open."""


class Host:
    """One simulated process: its loop, and the calls that its code has not finished. `tell(*action)` has the parent do
    it."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self.loop = SimLoop()  # type: ignore[abstract]  # in the stubs only; it has what clients use
        self.process = Process("here")
        self.tell = tell
        self.sockets: list[ChildSocket] = []
        self.calls: dict[int, asyncio.Task[Any]] = {}
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.contexts: dict[str, Context] = {}

    def opened(self, socket: ChildSocket) -> int:
        """The number of a new connection."""
        self.sockets.append(socket)
        return len(self.sockets) - 1

    def context(self, client: str) -> Context:
        """The context in which a client's code runs."""
        if client not in self.contexts:
            self.contexts[client] = context = copy_context()
            context.run(PROCESS.set, self.process)
            context.run(CLIENT.set, client)
        return self.contexts[client].copy()

    # -- what the parent tells -----------------------------------------------------------------------------------------

    def heard(self, now: float, news: News) -> None:
        """What time it is, and what has come on connections."""
        self.loop.now = max(self.loop.now, now)
        for socket, replies, is_open in news:
            self.sockets[socket].heard(replies, is_open)

    def arrived(self, socket: int, error: str) -> None:
        """What code waits for on a connection has come, or will not."""
        self.sockets[socket].arrived(error)

    def settled(self, number: int, how: str, value: Any) -> None:
        """A call of the parent's has ended."""
        future = self.waiting.get(number)
        if future is None or future.done():
            return
        if how == "returned":
            future.set_result(value)
        elif how == "raised":
            future.set_exception(value)
        else:
            future.cancel()

    def cancel(self, call: int) -> None:
        """Cancel a call of the answer."""
        if call in self.calls:
            self.calls[call].cancel()
