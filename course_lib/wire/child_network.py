"""A child's network: what its clients send goes to the parent, who has the real connections."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

from redis.exceptions import ConnectionError as RedisConnectionError

from course_lib.sim.loop import SimLoop
from course_lib.sim.pool import SimConnection, SimPool
from course_lib.sim.process import CLIENT, Process
from course_lib.sim.redis_client import SimRedis


class Sender(Protocol):
    """The simulated process that a connection belongs to."""

    loop: SimLoop
    process: Process

    def tell(self, *action: Any) -> None:
        """Have the parent do this."""

    def opened(self, socket: ChildSocket) -> int:
        """The number of a new connection."""


class ChildNode:
    """A server as a child knows it: by name. Whether it is up, its replies will tell."""

    up = True

    def __init__(self, name: str) -> None:
        self.name = name


class ChildSocket:
    """The client's end of a connection. It gives SimConnection what SimSocket does.

    Replies to a pipeline, which its client reads one after another, are waited for together. What goes wrong after the
    first of them is met where its client waits for the next.
    """

    __slots__ = ("_awaited", "_host", "_then", "node", "number", "open", "process", "replies", "waiter")

    def __init__(self, host: Sender, node: ChildNode, db: int) -> None:
        self._host, self.node, self.process, self.open = host, node, host.process, True
        self.replies: deque[Any] = deque()
        self.waiter: asyncio.Future[None] | None = None
        self._awaited, self._then = 0, ""
        self.number = host.opened(self)
        host.tell("open", self.number, node.name, db)

    def send(self, commands: list[list[bytes]]) -> None:
        """Put commands on the wire, in one message. That the node refuses it is heard at the first reply. Raises:
        redis's ConnectionError, if the connection has been reset."""
        if self._host.loop.ending:
            return
        self._awaited, self._then = len(commands), ""
        words = [[word.decode("latin-1") for word in command] for command in commands]
        self._host.tell("send", self.number, CLIENT.get(), words)
        if not self.open:
            raise RedisConnectionError(f"Connection reset by {self.node.name}")

    def arrival(self, limit: float | None) -> asyncio.Future[None]:
        """Done when `replies` has one; with asyncio's TimeoutError after `limit` seconds, if it is not None."""
        self.waiter = self._host.loop.create_future()
        if self._then:
            self._fail(self._then)
        elif not self._host.loop.ending:
            self._host.tell("wait", self.number, limit, max(1, self._awaited))
        return self.waiter

    def heard(self, replies: list[Any], is_open: bool) -> None:
        """What the parent says of it: replies that have come, and whether it is still open."""
        self.replies.extend(replies)
        self._awaited -= len(replies)
        self.open = self.open and is_open

    def arrived(self, error: str) -> None:
        """What it waits for has come, or will not, and why."""
        if self.waiter is None or self.waiter.done():
            return
        self._then = error if self.replies else ""
        if error and not self.replies:
            self._fail(error)
        else:
            self.waiter.set_result(None)

    def _fail(self, error: str) -> None:
        assert self.waiter is not None
        self.waiter.set_exception(TimeoutError() if error == "time-out" else RedisConnectionError(error))

    def close(self) -> None:
        """The client hangs up."""
        if not self.open:
            return
        self.open = False
        if not self._host.loop.ending:
            self._host.tell("close", self.number)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(RedisConnectionError(f"Connection to {self.node.name} closed"))


class ChildNetwork:
    """Gives SimConnection what Network does. `host` is the simulated process that runs now."""

    host: Sender

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], SimRedis] = {}

    def client(self, node: str, options: dict[str, Any]) -> SimRedis:
        """The client of a node, the same each time. `options` are its connections'."""
        key = node, repr(sorted(options.items(), key=str))
        if key not in self._clients:
            network: Any = self
            pool = SimPool(connection_class=SimConnection, network=network, node=ChildNode(node), **options)
            self._clients[key] = SimRedis(connection_pool=pool)
        return self._clients[key]

    def rewind(self) -> None:
        """A new run begins."""
        for redis in self._clients.values():
            pool: Any = redis.connection_pool
            pool.rewind()

    def open(self, node: ChildNode, db: int) -> ChildSocket:
        """A new connection of the process that runs now."""
        return ChildSocket(self.host, node, db)

    def close(self, socket: ChildSocket) -> None:
        """The client's end is gone."""
        socket.close()
