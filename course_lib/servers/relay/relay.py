"""The relay: one small process with a port before each node of a topology, so that a node can be cut off from others.

Run as a script, never imported: `python -I -S relay.py [ADDRESS]`, the address where it listens. It passes bytes on and
knows no roles. Of a connection it knows the owner, which is the node that it leads to, and the source, which is the
node that it comes from. Nodes say at once who they are:

- a replica sends its own port with REPLCONF listening-port before it asks for data;
- a Sentinel names its connections sentinel-ID-cmd and sentinel-ID-pubsub, and here an ID begins with its port;
- a cluster's node opens its bus connections with a packet that holds its port.

Every other connection is a client's, and always passes. A connection between nodes is frozen while either of them is
cut off: neither bytes nor its end pass, and what was sent is delivered when the cut is healed, as TCP does. A node is
known by the port that it announces, which is the relay's.

It hears, a line each: `listen PORT TARGET OWNER node|bus`, `route PORT TARGET`, `cut OWNER`, `heal OWNER`,
`close OWNER`. It answers each with `ok`, or `taken` if it cannot have the port. End of file ends it.

Source: Redis cluster specification, https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ (what
nodes send to each other); replication.c, sentinel.c and cluster.h of Redis 7.0 (what each says first).
"""

from __future__ import annotations

import os
import re
import resource
import selectors
import socket
import sys

HOST = "127.0.0.1"
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
CHUNK = 65_536  # bytes read at once, and bytes that may wait for a slow reader
HELD = 1_048_576  # bytes that a frozen connection takes from a sender before it stops reading
FILES = 16_384  # sockets at most, two for each connection
CLIENT = 0  # the source of a connection that comes from no node
BUS_PORT = 10  # where a packet of the cluster's bus holds its sender's port
ENOUGH = 4096  # bytes in which a node has said who it is
COUNT, WORD, TORN = re.compile(rb"\*(\d+)\r\n"), re.compile(rb"\$(\d+)\r\n"), re.compile(rb"\*\d*\r?")
FIRST = (b"PING", b"AUTH", b"REPLCONF")  # what a node may say before
SOURCE = re.compile(rb"REPLCONF LISTENING-PORT (\d{1,5})|CLIENT SETNAME SENTINEL-(\d{8})-.*", re.DOTALL)


def source_of(head: bytes, bus: bool) -> int | None:
    """The port of the node that opens a connection like this, CLIENT, or None if it has not said enough."""
    if bus:
        return int.from_bytes(head[BUS_PORT : BUS_PORT + 2], "big") if len(head) >= BUS_PORT + 2 else None
    at = 0
    while at < len(head) < ENOUGH:
        size = COUNT.match(head, at)
        if size is None:
            return None if TORN.fullmatch(head, at) else CLIENT
        words, at = [], size.end()
        for _ in range(int(size[1])):
            said = WORD.match(head, at)
            if said is None or len(head) < said.end() + int(said[1]) + 2:
                return None
            at = said.end() + int(said[1]) + 2
            words.append(head[said.end() : at - 2].upper())
        command = b" ".join(words)
        if own := SOURCE.fullmatch(command):
            return int(own[1] or own[2])
        if not command.startswith(FIRST):
            return CLIENT
    return None if len(head) < ENOUGH else CLIENT


class Side:
    """One of the two sockets of a pair: what waits to be sent to it, and whether it has ended."""

    other: Side

    def __init__(self, pair: Pair, own: socket.socket) -> None:
        self.pair, self.socket = pair, own
        self.waiting = bytearray()
        self.ended, self.mask = False, 0
        own.setblocking(False)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Pair:
    """A connection to a node, through us: `near` was accepted, `far` leads to the node itself."""

    def __init__(self, owner: int, bus: bool, near: socket.socket) -> None:
        self.owner, self.bus = owner, bus
        self.head: bytes | None = b""
        self.source: int | None = None
        self.frozen = self.fresh = False  # fresh: nothing has passed, so it can be closed at once
        self.connected = self.gone = False
        self.near, self.far = Side(self, near), Side(self, socket.socket())
        self.near.other, self.far.other = self.far, self.near

    def between(self, cut: set[int]) -> bool:
        """Whether this is a connection between nodes, with one that is cut off at an end."""
        is_node = self.bus or self.source not in (None, CLIENT)
        return is_node and (self.owner in cut or self.source in cut)


class Relay:
    """All listeners and pairs, in one thread."""

    def __init__(self, address: str = HOST) -> None:
        self.address = address
        self.selector = selectors.DefaultSelector()
        self.listeners: dict[int, tuple[socket.socket, int, bool]] = {}  # port: socket, owner, whether it is a bus
        self.targets: dict[int, int] = {}
        self.pairs: set[Pair] = set()
        self.cut: set[int] = set()
        self.heard = b""

    def serve(self) -> None:
        """Relay until our parent is gone."""
        self.selector.register(0, READ, None)
        while True:
            for key, events in self.selector.select():
                if key.data is None:
                    if not self.obey():
                        return
                elif isinstance(key.data, int):
                    self.accept(key.data)
                elif not key.data.pair.gone:
                    self.on_events(key.data, events)

    # -- orders -------------------------------------------------------------------------------------------------------

    def obey(self) -> bool:
        data = os.read(0, 4096)
        *lines, self.heard = (self.heard + data).split(b"\n")
        for line in lines:
            verb, *rest = line.decode().split()
            answer = getattr(self, f"on_{verb}")(*rest)
            os.write(1, f"{answer or 'ok'}\n".encode())
        return bool(data)

    def on_listen(self, port: str, target: str, owner: str, kind: str) -> str | None:
        try:
            own = socket.create_server((self.address, int(port)), backlog=512)
        except OSError:
            return "taken"
        own.setblocking(False)
        self.listeners[int(port)] = own, int(owner), kind == "bus"
        self.targets[int(port)] = int(target)
        self.selector.register(own, READ, int(port))
        return None

    def on_route(self, port: str, target: str) -> None:
        self.targets[int(port)] = int(target)

    def on_cut(self, owner: str) -> None:
        self.cut.add(int(owner))
        for pair in self.pairs:
            pair.frozen |= pair.between(self.cut)
            self.watch(pair)

    def on_heal(self, owner: str) -> None:
        self.cut.discard(int(owner))
        for pair in [pair for pair in self.pairs if pair.frozen and not pair.between(self.cut)]:
            pair.frozen = pair.fresh = False
            if pair.near.ended or pair.far.ended:
                self.drop(pair)
            else:
                self.watch(pair)

    def on_close(self, owner: str) -> None:
        for port in [port for port, (_, whose, _) in self.listeners.items() if whose == int(owner)]:
            own, _, _ = self.listeners.pop(port)
            self.selector.unregister(own)
            own.close()
        for pair in [pair for pair in self.pairs if int(owner) in (pair.owner, pair.source)]:
            self.drop(pair)
        self.cut.discard(int(owner))

    # -- connections --------------------------------------------------------------------------------------------------

    def accept(self, port: int) -> None:
        try:
            own, owner, bus = self.listeners[port]
            near, _ = own.accept()
        except (KeyError, OSError):  # the port was given up in this same round, or the client has left already
            return
        pair = Pair(owner, bus, near)
        self.pairs.add(pair)
        pair.frozen = pair.fresh = pair.between(self.cut)
        pair.far.socket.connect_ex((HOST, self.targets[port]))
        self.watch(pair)

    def on_events(self, side: Side, events: int) -> None:
        pair = side.pair
        pair.connected |= side is pair.far  # or the server is down, which the first read or send tells
        if events & READ:
            self.read(side)
        if events & WRITE and side.waiting and not (pair.gone or pair.frozen):
            self.send(side)
        if not pair.gone:
            self.watch(pair)

    def read(self, side: Side) -> None:
        pair, other = side.pair, side.other
        try:
            data = side.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.on_end(side)
        if pair.head is not None and side is pair.near:
            pair.head += data
            pair.source = source_of(pair.head, pair.bus)
            if pair.source is not None:
                pair.head = None
                pair.frozen = pair.fresh = pair.between(self.cut)
        other.waiting += data
        if not pair.frozen and (pair.connected or other is pair.near):
            self.send(other)

    def send(self, side: Side) -> None:
        try:
            del side.waiting[: side.socket.send(side.waiting)]
        except BlockingIOError:
            return
        except OSError:
            side.waiting.clear()
            return self.on_end(side)
        if not side.waiting and side.other.ended:
            self.drop(side.pair)

    def on_end(self, side: Side) -> None:
        """One end has closed. The other learns it after what is on its way; if frozen, when the cut is healed."""
        pair, other, side.ended = side.pair, side.other, True
        if pair.frozen and not pair.fresh and not other.ended:
            self.ask(side, 0)
            side.socket.close()
        elif pair.frozen or not other.waiting or other.ended:
            self.drop(pair)

    def watch(self, pair: Pair) -> None:
        """Ask the selector for what this pair can do now."""
        limit = HELD if pair.frozen else CHUNK
        for side in (side for side in (pair.near, pair.far) if side.socket.fileno() >= 0):
            reads = not side.ended and len(side.other.waiting) < limit
            writes = bool(side.waiting) and not pair.frozen
            connects = side is pair.far and not pair.connected
            self.ask(side, WRITE if connects else READ * reads | WRITE * writes)

    def ask(self, side: Side, mask: int) -> None:
        if side.mask and mask != side.mask:
            self.selector.unregister(side.socket)
        if mask and mask != side.mask:
            self.selector.register(side.socket, mask, side)
        side.mask = mask

    def drop(self, pair: Pair) -> None:
        self.pairs.discard(pair)
        pair.gone = True
        for side in (pair.near, pair.far):
            self.ask(side, 0)
            side.socket.close()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILES if most == resource.RLIM_INFINITY else min(most, FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    Relay(*sys.argv[1:]).serve()
