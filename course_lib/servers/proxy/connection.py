"""What passes through the proxy. Each client has a link: its own connection, and another one to the server. The bytes
that a client sends at once are a burst. The proxy's state, faults and counts, is shared by all links.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from course_lib.servers.ports import HOST
from course_lib.servers.resp import Splitter, words

SET_UP = (b"HELLO", b"AUTH", b"SELECT", b"CLIENT", b"READONLY")
PUSHED = (b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE", b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE")
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER for no time at all: close() sends RST


@dataclass
class Drop:
    """An order to lose `n` bursts of a kind ("requests" or "replies") after letting `after` others pass."""

    kind: str
    n: int
    after: int
    matching: bytes
    close: bool


@dataclass
class Burst:
    """Requests that came at once: their words, and how many replies are still to come.

    `counts` is False for what sets a connection up; `judged`, whether `drop` has been decided on.
    """

    text: bytes
    awaited: int
    counts: bool
    judged: bool = False
    drop: Drop | None = None


class ProxyState:
    """What all connections of a proxy share: where they lead, the faults that hold now, and what has passed.

    `round_trips` counts bursts that began while nothing was on its way; `requests`, the commands that clients sent;
    `replies`, what the server answered, whether or not it reached the client; `swallowed`, the bursts that a drop took.
    Units: `delays`, seconds.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.links = set[Link]()
        self.drops = list[Drop]()
        self.delays = {"requests": 0.0, "replies": 0.0}
        self.cut = False
        self.forget()

    def forget(self) -> None:
        """Count from zero."""
        self.round_trips = self.requests = self.replies = self.swallowed = 0

    def take(self, kind: str, text: bytes) -> Drop | None:
        """The drop that takes this burst, or None. Each drop that the burst matches counts it."""
        for drop in self.drops:
            if drop.kind == kind and drop.matching in text and drop.n > 0:
                if drop.after == 0:
                    drop.n -= 1
                    self.swallowed += 1
                    return drop
                drop.after -= 1
        return None


class Link:
    """One client's connection, and the one to the server that belongs to it.

    From the moment it is `mute` it loses requests, and from the moment it is `deaf`, replies.
    """

    def __init__(self, proxy: ProxyState) -> None:
        self.proxy = proxy
        self.mute = self.deaf = False
        self.client = Endpoint(self, self.on_requests)
        self.server = Endpoint(self, self.on_replies)
        self.out = deque[Burst]()
        self.frames: list[bytes] = []
        proxy.links.add(self)
        self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, HOST, self.proxy.target)
        except OSError:  # there is no server: the client learns it at once
            self.abort()

    def on_requests(self, frames: list[bytes], whole: bool) -> None:
        self.frames += frames
        if whole and self.frames:
            burst, self.frames = self.frames, []
            self.on_burst(burst)

    def on_burst(self, frames: list[bytes]) -> None:
        proxy, commands = self.proxy, [words(frame) for frame in frames]
        own = [command for command in commands if command[0].upper() not in SET_UP]
        if own:
            proxy.round_trips += not any(burst.counts for burst in self.out)
            proxy.requests += len(own)
        text = b"\n".join(b" ".join(command) for command in own)
        lost = proxy.take("requests", text) if own and not self.mute else None
        self.mute |= lost is not None or proxy.cut
        if lost is not None and lost.close:
            self.abort()
        elif not self.mute:
            awaited = sum(command[0].upper() not in PUSHED for command in commands)
            if awaited:
                self.out.append(Burst(text, awaited, bool(own)))
            self.server.send(b"".join(frames), proxy.delays["requests"])

    def on_replies(self, frames: list[bytes], whole: bool) -> None:
        for frame in frames:
            self.on_reply(frame)

    def on_reply(self, frame: bytes) -> None:
        proxy = self.proxy
        burst = self.out[0] if self.out and not frame.startswith(b">") else None  # `>` is pushed and answers nothing
        if burst is not None:
            if not burst.judged:
                burst.judged = True
                burst.drop = proxy.take("replies", burst.text) if burst.counts and not self.deaf else None
            proxy.replies += burst.counts
            self.deaf |= burst.drop is not None
            burst.awaited -= 1
            if burst.awaited == 0:
                self.out.popleft()
                if burst.drop is not None and burst.drop.close:
                    return self.abort()
        self.deaf |= proxy.cut
        if not self.deaf:
            self.client.send(frame, proxy.delays["replies"])

    def on_end(self, end: Endpoint) -> None:
        """One side has closed its connection: close the other, after what is still on its way."""
        other = self.client if end is self.server else self.server
        if self.proxy.cut:
            self.mute = self.deaf = True
        elif other.ended or other.transport is None:
            self.abort()
        else:
            other.send(None, 0.0)

    def abort(self) -> None:
        self.proxy.links.discard(self)
        self._opening.cancel()
        for end in (self.client, self.server):
            end.abort()


class Endpoint(asyncio.Protocol):
    """One of a link's two connections. It splits what comes in, and sends what goes out in order, after its delay."""

    def __init__(self, link: Link, on_frames: Callable[[list[bytes], bool], None]) -> None:
        self.link, self.on_frames, self.splitter = link, on_frames, Splitter()
        self.transport: Any = None
        self.ended = False
        self.waiting = deque[tuple[float, bytes | None]]()
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.link not in self.link.proxy.links:
            self.abort()
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.on_frames(*self.splitter.feed(data))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended:
            self.ended = True
            self.link.on_end(self)

    def send(self, data: bytes | None, delay: float) -> None:
        """Send these bytes after `delay`, and after all that already waits. None closes the connection."""
        due = self.loop.time() + delay
        self.waiting.append((max(due, self.waiting[-1][0]) if self.waiting else due, data))
        self.flush()

    def flush(self) -> None:
        while self.waiting and self.transport is not None and not self.ended:
            due, data = self.waiting[0]
            if due > self.loop.time():
                self.loop.call_at(due, self.flush)
                return
            self.waiting.popleft()
            if data is None:
                self.transport.close()
            else:
                self.transport.write(data)

    def abort(self) -> None:
        self.ended = True
        if self.transport is not None and not self.transport.is_closing():
            with suppress(OSError):  # the other side was faster
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self.transport.abort()
