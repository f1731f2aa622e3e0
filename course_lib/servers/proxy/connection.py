"""What the proxy holds for each client: a connection to it, its twin to the server, and what passes between them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from course_lib.servers.ports import HOST
from course_lib.servers.resp import Splitter, words

SET_UP = (b"HELLO", b"AUTH", b"SELECT", b"CLIENT", b"READONLY")
PUSHED = (b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE", b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE")
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER for no time at all: close() sends RST


@dataclass
class Drop:
    """An order to lose `n` bursts of a kind, after `after` others."""

    kind: str
    n: int
    after: int
    matching: bytes
    close: bool


@dataclass
class Burst:
    """Requests that came at once: as words, and how many replies are still to come."""

    text: bytes
    awaited: int
    counts: bool
    judged: bool = False
    drop: Drop | None = None


@dataclass
class Counts:
    """What has passed."""

    round_trips: int = 0
    requests: int = 0
    replies: int = 0
    swallowed: int = 0


@dataclass
class Wire:
    """What all connections of a proxy have in common: where they lead, and the faults."""

    target: int
    counts: Counts = field(default_factory=Counts)
    links: set[Link] = field(default_factory=set)
    drops: list[Drop] = field(default_factory=list)
    delays: dict[str, float] = field(default_factory=lambda: {"requests": 0.0, "replies": 0.0})
    cut: bool = False

    def lost(self, kind: str, text: bytes) -> Drop | None:
        """The drop that takes this burst, if one does; each drop that it matches counts it."""
        for drop in self.drops:
            if drop.kind == kind and drop.matching in text and drop.n > 0:
                if drop.after == 0:
                    drop.n -= 1
                    self.counts.swallowed += 1
                    return drop
                drop.after -= 1
        return None


class Link:
    """One client's connection and its twin to the server. `mute` loses requests from now on, `deaf` loses replies."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.mute = self.deaf = False
        self.client = End(self, self.on_requests)
        self.server = End(self, self.on_replies)
        self.out = deque[Burst]()
        self.frames: list[bytes] = []
        wire.links.add(self)
        self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, HOST, self.wire.target)
        except OSError:  # there is no server: the client learns it at once
            self.abort()

    def on_requests(self, frames: list[bytes], whole: bool) -> None:
        self.frames += frames
        if whole and self.frames:
            burst, self.frames = self.frames, []
            self.on_burst(burst)

    def on_burst(self, frames: list[bytes]) -> None:
        wire, commands = self.wire, [words(frame) for frame in frames]
        own = [command for command in commands if command[0].upper() not in SET_UP]
        if own:
            wire.counts.round_trips += not any(burst.counts for burst in self.out)
            wire.counts.requests += len(own)
        text = b"\n".join(b" ".join(command) for command in own)
        lost = wire.lost("requests", text) if own and not self.mute else None
        self.mute |= lost is not None or wire.cut
        if lost is not None and lost.close:
            self.abort()
        elif not self.mute:
            awaited = sum(command[0].upper() not in PUSHED for command in commands)
            if awaited:
                self.out.append(Burst(text, awaited, bool(own)))
            self.server.send(b"".join(frames), wire.delays["requests"])

    def on_replies(self, frames: list[bytes], whole: bool) -> None:
        for frame in frames:
            self.on_reply(frame)

    def on_reply(self, frame: bytes) -> None:
        wire = self.wire
        burst = self.out[0] if self.out and not frame.startswith(b">") else None  # `>` is pushed and answers nothing
        if burst is not None:
            if not burst.judged:
                burst.judged = True
                burst.drop = wire.lost("replies", burst.text) if burst.counts and not self.deaf else None
            wire.counts.replies += burst.counts
            self.deaf |= burst.drop is not None
            burst.awaited -= 1
            if burst.awaited == 0:
                self.out.popleft()
                if burst.drop is not None and burst.drop.close:
                    return self.abort()
        self.deaf |= wire.cut
        if not self.deaf:
            self.client.send(frame, wire.delays["replies"])

    def on_end(self, end: End) -> None:
        """One side closed its connection: so does the other, after what is still on its way."""
        other = self.client if end is self.server else self.server
        if self.wire.cut:
            self.mute = self.deaf = True
        elif other.ended or other.transport is None:
            self.abort()
        else:
            other.send(None, 0.0)

    def abort(self) -> None:
        self.wire.links.discard(self)
        self._opening.cancel()
        for end in (self.client, self.server):
            end.abort()


class End(asyncio.Protocol):
    """One of a link's two connections: splits what comes in, and sends in order what goes out, later if delayed."""

    def __init__(self, link: Link, on_frames: Callable[[list[bytes], bool], None]) -> None:
        self.link, self.on_frames, self.splitter = link, on_frames, Splitter()
        self.transport: Any = None
        self.ended = False
        self.waiting = deque[tuple[float, bytes | None]]()
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.link not in self.link.wire.links:
            self.abort()
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.on_frames(*self.splitter.feed(data))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended:
            self.ended = True
            self.link.on_end(self)

    def send(self, data: bytes | None, delay: float) -> None:
        """Send, after `delay` and after all that waits already; None closes."""
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
