"""The connections of one simulated process whose code runs in a child: the ends that are here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from course_lib.sim.loop import SimLoop
from course_lib.sim.network import SimSocket
from course_lib.sim.process import CLIENT
from course_lib.wire.handed import Handed
from course_lib.wire.pipe import Broken

MOST = 10_000
"""Connections of one simulated process in one run."""


class Connections:
    """By number. `have("arrived", number, replies, error)` tells the code what came; `clients` are those that it may
    send as."""

    def __init__(
        self, handed: Handed, loop: SimLoop, context: Context, clients: set[str], have: Callable[..., None]
    ) -> None:
        self._handed, self._loop, self._context, self._clients, self._have = handed, loop, context, clients, have
        self._sockets: dict[int, SimSocket] = {}
        self._refused: dict[int, str] = {}

    def open(self, number: int, node: str, db: int) -> None:
        """A new connection of the running process."""
        network, there = self._handed.nodes[node]
        if number in self._sockets or len(self._sockets) >= MOST:
            raise Broken("a connection that cannot be opened")
        self._sockets[number] = network.open(there, int(db))

    def send(self, number: int, client: str, commands: list[list[str]]) -> None:
        """Put commands on the wire, in one message, as a client."""
        words = [[word.encode("latin-1") for word in command] for command in commands]
        if client not in self._clients or not all(words):
            raise Broken("a command of nobody, or none")
        sender = CLIENT.set(client)
        try:
            self._sockets[number].send(words)
        except RedisConnectionError as error:
            self._refused[number] = str(error)
        finally:
            CLIENT.reset(sender)

    def wait(self, number: int, limit: float | None) -> None:
        """Tell the code when there are replies, or when there will be none."""
        socket = self._sockets[number]
        if number in self._refused or socket.replies:
            self._loop.call_soon(self._arrived, number, context=self._context)
            return
        waiter = socket.arrival(None if limit is None else seconds(limit))
        waiter.add_done_callback(partial(self._ended, number), context=self._context)

    def _ended(self, number: int, waiter: asyncio.Future[None]) -> None:
        if waiter.cancelled():
            return
        error = waiter.exception()
        if self._sockets[number].open:
            self._arrived(number, "time-out" if isinstance(error, TimeoutError) else str(error) if error else "")

    def _arrived(self, number: int, error: str = "") -> None:
        socket = self._sockets[number]
        replies = list(socket.replies)
        socket.replies.clear()
        self._have("arrived", number, replies, error or self._refused.pop(number, ""))

    def close(self, number: int) -> None:
        """The client hangs up."""
        socket = self._sockets[number]
        socket.world.network.close(socket)  # type: ignore[attr-defined]


def seconds(plain: Any) -> float:
    """A time as a child says it. Raises: Broken, for what can be compared with none."""
    if type(plain) not in (int, float) or plain != plain or (type(plain) is int and plain.bit_length() > 1_000):
        raise Broken(f"{plain!r:.30} is no time")
    return float(plain)
