"""A TCP proxy between clients and a server that loses, delays and counts what passes, on command.

It knows where each request and each reply ends (RESP2 and RESP3), so a fault hits exactly one of them. What a client
sends at once, a pipeline too, is one burst; a fault takes a burst or leaves it. TCP keeps its order, so a connection
that has lost something delivers nothing after it in that direction: the client hears nothing until it gives up.

Commands that set a connection up (HELLO, AUTH, SELECT, CLIENT) are neither counted nor chosen by a drop.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

from course_lib.servers.ports import HOST, free_port
from course_lib.servers.proxy.connection import Drop, Link, ProxyState


class Proxy(ProxyState):
    """A port of 127.0.0.1 that leads to a server's port, through every fault that is asked for.

    A verb holds as soon as it returns, for connections that are open and for new ones. Any thread can call it, and so
    can a coroutine: it blocks for well under a millisecond. The proxy runs in a thread of its own and serves clients of
    every kind; `stop()` resets what is open and leaves no thread and no socket behind.

    `round_trips`, `requests` (commands) and `replies` count what passed, `swallowed` the bursts that did not, since the
    start or `forget()`. A pipeline of more than about 6,000 bytes, which redis-py sends in parts, may count as several
    round trips.

    Cost: 1 ms to start; about 0.1 ms for each round trip through it.
    Does not: hold back a fast sender; lose part of a request.
    """

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._socket: socket.socket | None = None  # keeps the port while nothing listens at it
        self._listener: asyncio.Server | None = None

    def start(self) -> Proxy:
        """Listen; return when clients can connect."""
        self.port = free_port()
        self._thread.start()
        self._do(self._listen)
        return self

    def stop(self) -> None:
        """Reset every connection and end the thread. Safe to call twice."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self._do(self._end)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
        self._loop.close()

    @property
    def url(self) -> str:
        """The address for a client: redis://127.0.0.1:PORT/0."""
        return f"redis://{HOST}:{self.port}/0"

    # -- faults -------------------------------------------------------------------------------------------------------

    def drop_request(self, n: int = 1, *, after: int = 0, matching: str = "", close: bool = False) -> None:
        """Lose the next `n` requests, after letting `after` pass: the server never sees them.

        With `matching`, count only requests that contain this text, written as words: `SET lock:7`. With `close`, reset
        the connection then, so the client need not wait for its time-out.
        """
        self._do(lambda: self.drops.append(Drop("requests", n, after, matching.encode(), close)))

    def drop_reply(self, n: int = 1, *, after: int = 0, matching: str = "", close: bool = False) -> None:
        """Lose the next `n` replies, although the server has executed the commands; the rest as in drop_request."""
        self._do(lambda: self.drops.append(Drop("replies", n, after, matching.encode(), close)))

    def delay(self, seconds: float, *, replies: bool = False) -> None:
        """Hold back each request (or each reply) from now on; 0 ends it. A request arrives even if its client left."""
        self.delays["replies" if replies else "requests"] = seconds

    def half_open(self) -> None:
        """Lose everything in both directions, the end of a connection too; connections stay open, new ones open."""
        self._do(lambda: setattr(self, "cut", True))

    def refuse(self) -> None:
        """Refuse new connections until heal(); open ones go on."""
        self._do(self._refuse)

    def reset(self) -> None:
        """Reset (RST) every open connection, towards the client and towards the server."""
        self._do(self._reset)

    def heal(self) -> None:
        """End every fault. A connection that has lost something can never be right again, so it is reset."""
        self._do(self._heal)

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self.links)

    def __enter__(self) -> Proxy:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- in the proxy's own thread ------------------------------------------------------------------------------------

    def _do(self, work: Callable[[], object]) -> None:
        async def call() -> None:
            result = work()
            if asyncio.iscoroutine(result):
                await result

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    async def _listen(self) -> None:
        held, self._socket = self._socket or _bound(self.port), None
        self._listener = await self._loop.create_server(lambda: Link(self).client, sock=held, backlog=512)

    def _reset(self) -> None:
        for link in list(self.links):
            link.abort()

    def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener, self._socket = None, _bound(self.port)

    async def _heal(self) -> None:
        self.drops.clear()
        self.delays = dict.fromkeys(self.delays, 0.0)
        self.cut = False
        for link in [link for link in self.links if link.deaf or link.mute]:
            link.abort()
        if self._listener is None:
            await self._listen()

    async def _end(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._reset()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # connections under way to the server
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next round
        await asyncio.sleep(0)


def _bound(port: int) -> socket.socket:
    """A socket that holds the port and does not listen, so that connections are refused."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, port))
    return held
