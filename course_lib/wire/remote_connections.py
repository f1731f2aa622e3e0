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
from course_lib.wire.arguments import Handed
from course_lib.wire.pipe import Broken

MOST = 10_000
"""Connections of one simulated process in one run: as many as a server lets in, unless it is told otherwise."""


class Connections:
    """A process's connections, by number. `have("arrived", number, error)` tells the code that what it waits for has
    come, or will not; `clients` are those that it may send as."""

    def __init__(
        self, handed: Handed, loop: SimLoop, context: Context, clients: set[str], have: Callable[..., None]
    ) -> None:
        self._handed, self._loop, self._context, self._clients, self._have = handed, loop, context, clients, have
        self._sockets: dict[int, SimSocket] = {}
        self._refused: dict[int, str] = {}
        self._waited: set[int] = set()
        self._reset: set[int] = set()  # the code knows of it
        self._opened = 0

    def open(self, number: int, node: str, db: int) -> None:
        """A new connection of the running process."""
        network, there = self._handed.nodes[node]
        if number != self._opened:
            raise Broken("a connection that cannot be opened")
        self._opened += 1
        if number >= MOST:
            self._refused[number] = "max number of clients reached"
            return
        try:
            self._sockets[number] = network.open(there, int(db))
        except RedisConnectionError as error:
            self._refused[number] = str(error)

    def send(self, number: int, client: str, commands: list[list[str]]) -> None:
        """Put commands on the wire, in one message, as a client."""
        words = [[word.encode("latin-1") for word in command] for command in commands]
        if client not in self._clients or not all(words):
            raise Broken("a command of nobody, or none")
        if number in self._refused:
            return
        sender = CLIENT.set(client)
        try:
            self._sockets[number].send(words)
        except RedisConnectionError as error:
            if number not in self._reset:
                self._refused[number] = str(error)
        finally:
            CLIENT.reset(sender)

    def wait(self, number: int, limit: float | None, count: int) -> None:
        """Tell the code when `count` replies are there, or when there will be none. Each has its own time limit."""
        if type(count) is not int:
            raise Broken(f"{count!r:.30} is no number of replies")
        self._waited.add(number)
        if number in self._refused or len(self._sockets[number].replies) >= max(1, count):
            self._loop.call_soon(self._arrived, number, context=self._context)
            return
        self._wait(number, None if limit is None else seconds(limit), count)

    def _wait(self, number: int, limit: float | None, count: int) -> None:
        waiter = self._sockets[number].arrival(limit)
        waiter.add_done_callback(partial(self._ended, number, limit, count), context=self._context)

    def _ended(self, number: int, limit: float | None, count: int, waiter: asyncio.Future[None]) -> None:
        error = None if waiter.cancelled() else waiter.exception()
        if waiter.cancelled() or number not in self._sockets:
            return
        if error is None and len(self._sockets[number].replies) < count:
            self._wait(number, limit, count)
        else:
            self._arrived(number, "time-out" if isinstance(error, TimeoutError) else str(error or ""))

    def _arrived(self, number: int, error: str = "") -> None:
        self._waited.discard(number)
        self._have("arrived", number, error or self._refused.pop(number, ""))

    def news(self) -> list[tuple[int, list[Any], bool]]:
        """What has come on connections since the code heard of them: replies, and whether they are still open. Not of
        those for which it waits: it hears of these by `_arrived`, when its process runs."""
        found = []
        for number, socket in self._sockets.items():
            reset = not socket.open and number not in self._reset
            if number not in self._waited and (socket.replies or reset):
                found.append((number, list(socket.replies), socket.open))
                socket.replies.clear()
                if reset:
                    self._reset.add(number)
        return found

    def close(self, number: int) -> None:
        """The client hangs up."""
        if not 0 <= number < self._opened:
            raise Broken("a connection that was never opened")
        self._waited.discard(number)
        self._refused.pop(number, None)
        if (socket := self._sockets.pop(number, None)) is not None:
            network, _ = self._handed.nodes[socket.node.name]
            network.close(socket)


def seconds(plain: Any) -> float:
    """A time as a child says it. Raises: Broken, for what can be compared with none."""
    if type(plain) not in (int, float) or plain != plain or (type(plain) is int and plain.bit_length() > 1_000):
        raise Broken(f"{plain!r:.30} is no time")
    return float(plain)
