"""Simulated processes, and who is running now: the process and the client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any


class Process:
    """One simulated operating-system process. Every callback that is scheduled from inside it carries it.

    A dead process runs nothing more, not even its `finally` blocks; a paused one runs everything later.
    """

    __slots__ = ("dead", "memory", "name", "paused_until")

    def __init__(self, name: str) -> None:
        self.name, self.dead, self.paused_until = name, False, 0.0
        self.memory: Any = None  # its copies of a learner's code: see `memory`

    def __repr__(self) -> str:
        return f"Process({self.name!r})"


Body = Callable[..., Awaitable[Any]]
"""What a client runs: a coroutine function, called with the arguments that the client was given."""

PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
CLIENT: ContextVar[str] = ContextVar("client", default="outside")
"""The name under which the running code's commands enter the trace."""
