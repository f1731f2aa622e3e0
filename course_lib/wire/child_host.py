"""One simulated process, in the child that runs its code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from course_lib.sim.loop import SimLoop
from course_lib.sim.process import CLIENT, PROCESS, Process
from course_lib.wire.child_network import ChildSocket


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
