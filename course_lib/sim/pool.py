"""redis-py's end of the simulated wire: connections and their pool."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from math import inf
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.connection import AbstractConnection
from redis.event import EventDispatcher
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.sim.fake_server import SimNode
from course_lib.sim.network import Network, SimSocket
from course_lib.sim.process import PROCESS, Process

_DISPATCHER = EventDispatcher()  # without listeners; one for each connection would cost more than the connection


@lru_cache(1_000)
def _words(name: str | bytes) -> list[bytes]:
    """`CONFIG SET` is two words on the wire."""
    return (name.encode() if isinstance(name, str) else name).split()


class SimConnection(AbstractConnection):
    """What redis-py holds for a connection. Honors `socket_timeout` as redis-py's own does."""

    def __init__(self, *, network: Network, node: SimNode, **kwargs: Any) -> None:
        super().__init__(event_dispatcher=_DISPATCHER, **kwargs)
        self.host, self.port = node.name, 6379
        self.socket: SimSocket | None = None
        self._network, self._node = network, node

    def repr_pieces(self) -> list[tuple[str, Any]]:
        return [("node", self._node.name), ("db", self.db)]

    def _host_error(self) -> str:
        return self._node.name

    @property
    def is_connected(self) -> bool:
        return self.socket is not None

    async def connect(self) -> None:
        if self.socket is not None:
            return
        self.socket = self._network.open(self._node, int(self.db))
        try:
            for callback in self._connect_callbacks:  # a subscriber subscribes again
                if not self._node.up:
                    raise RedisConnectionError(f"Connection refused by {self._node.name}")
                if (method := callback()) is not None:
                    await method(self)
        except BaseException:
            self.hang_up()
            raise

    async def disconnect(self, nowait: bool = False, **_: Any) -> None:  # type: ignore[override]
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection; the next command opens another."""
        if self.socket is not None:
            self._network.close(self.socket)
            self.socket = None
            self._parser.on_disconnect()  # type: ignore[no-untyped-call]

    def pack_command(self, *args: Any) -> list[Any]:
        encode: Callable[[Any], bytes] = self.encoder.encode
        encoding, errors = self.encoder.encoding, self.encoder.encoding_errors
        words = _words(args[0]).copy()
        for arg in args[1:]:
            if type(arg) is str:  # as nearly all are; `encode` comes to the same, after more questions
                words.append(arg.encode(encoding, errors))
            elif type(arg) is int:
                words.append(b"%d" % arg)
            else:
                words.append(arg if type(arg) is bytes else encode(arg))
        return [words]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[Any]:
        return [packed for command in commands for packed in self.pack_command(*command)]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if self.socket is None:
            await self.connect()
        assert self.socket is not None
        self.socket.send(command)
        if (process := self.socket.process) is not None and process.dead:
            await self._node.loop.create_future()  # it died while sending, so it does not go on

    async def can_read(self, timeout: float = 0) -> bool:
        return self.socket is not None and bool(self.socket.replies)

    can_read_destructive = can_read

    async def read_response(
        self,
        disable_decoding: bool = False,
        timeout: float | None = None,
        *,
        disconnect_on_error: bool = True,
        push_request: bool | None = False,
    ) -> Any:
        replies = await self.arrived(1, timeout, disconnect_on_error)
        if replies is None:
            return None
        reply = replies.popleft()
        if isinstance(reply, Exception):
            raise reply
        return reply if disable_decoding else self.decode(reply)

    async def arrived(
        self, count: int, timeout: float | None = None, disconnect_on_error: bool = True
    ) -> deque[Any] | None:
        """The replies, once `count` of them are there; None if they did not come within a time-out that was given."""
        socket = self.socket  # another task may hang up in the meantime
        if socket is None:
            raise RedisConnectionError(f"Not connected to {self._node.name}")
        limit = self.socket_timeout if timeout is None else None if timeout == inf else timeout
        try:
            while len(socket.replies) < count:
                await socket.arrival(limit)
        except TimeoutError:
            if timeout is not None:
                return None
            if disconnect_on_error:
                self.hang_up()
            raise RedisTimeoutError(f"Timeout reading from {self._node.name}") from None
        except BaseException:
            if disconnect_on_error:
                self.hang_up()
            raise
        return socket.replies

    async def take_replies(self, count: int) -> list[Any] | None:
        """The replies to `count` commands, if the last reply is a list without errors. Otherwise None, and all of them
        are still to be read."""
        replies = await self.arrived(count)
        assert replies is not None
        last = replies[count - 1]
        if type(last) is not list or any(isinstance(reply, Exception) for reply in last):
            return None
        return [replies.popleft() for _ in range(count)]

    def decode(self, reply: Any) -> Any:
        """A reply as redis-py hands it out: text where `decode_responses` is set, all the way down."""
        if isinstance(reply, bytes):
            return self.encoder.decode(reply)  # type: ignore[no-untyped-call]
        if isinstance(reply, list):
            return [self.decode(item) for item in reply]
        return reply


class SimPool(aioredis.ConnectionPool):
    """Idle connections by process: one client object serves them all, and none sees another's connections.

    It has no limit, where redis-py's pool stops at 100 connections by default.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.idle: defaultdict[Process | None, list[SimConnection]] = defaultdict(list)
        self._spare: list[SimConnection] = []
        retry = self.connection_kwargs.get("retry")
        self.retries: int = retry.get_retries() if retry else 0

    def rewind(self) -> None:
        """Take all connections from their processes, but keep the objects: building one costs as much as several
        commands."""
        for idle in self.idle.values():
            for connection in idle:
                connection.socket = None
                if not connection._connect_callbacks:
                    self._spare.append(connection)
        self.idle.clear()

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Any:
        return self.take()

    def take(self) -> SimConnection:
        """An idle connection of the running process, or a new one."""
        idle = self.idle[PROCESS.get()]
        if idle:
            used = idle.pop()
            if used.socket is not None and (used.socket.replies or not used.socket.open):
                used.hang_up()  # nobody asked for these replies: redis-py hangs up too; or it was reset
            return used
        if self._spare:
            return self._spare.pop()
        connection: SimConnection = self.make_connection()  # type: ignore[no-untyped-call]
        return connection

    async def release(self, connection: Any) -> None:
        self.give_back(connection)

    def give_back(self, connection: SimConnection) -> None:
        """The running process has finished with it."""
        self.idle[PROCESS.get()].append(connection)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        for idle in self.idle.values():
            for connection in idle:
                await connection.disconnect()
