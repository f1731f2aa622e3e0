"""Does the simulation tell the truth? Replay what a simulated server was asked on a real one, and compare every reply.

A trace is replayed in the order in which its commands ran, at the pace at which they did: one connection for each
client, and one more for what it subscribed to or is blocked in.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import redis

from course_lib.errors import ServerNotEmpty
from course_lib.trace import Event, Trace

SUBSCRIBING = {"SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE"}
UNORDERED = {"SMEMBERS", "SINTER", "SUNION", "SDIFF", "KEYS", "HKEYS", "HVALS"}
BY_CHANCE = {"SPOP", "SRANDMEMBER", "RANDOMKEY", "HRANDFIELD", "ZRANDMEMBER"}
UNCOMPARED = BY_CHANCE | {"TIME", "LASTSAVE", "CLIENT", "INFO", "SCAN"}
REMAINING = {"PTTL": 100, "TTL": 1}  # how far apart two replies can be, in the command's own unit
Socket = Any  # redis.Connection, most of whose methods carry no types
PATIENCE = 5.0  # s for a reply that the simulation had


@dataclass(frozen=True, slots=True)
class Difference:
    """One command, what the simulation answered, and what the real server did."""

    event: Event
    real: Any

    def __str__(self) -> str:
        shown = Event("", "", (), 0.0, reply=self.real).reply_text
        return f"{self.event.client}: {self.event.text}  ⇒  {self.event.reply_text}, but really {shown}"


@dataclass(slots=True)
class Comparison:
    """The result of a replay. `uncompared` counts commands whose replies chance or a clock decides."""

    commands: int = 0
    same: int = 0
    uncompared: int = 0
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.same} of {self.commands} replies identical, {self.uncompared} not compared"


def replay(trace: Trace, url: str, *, speed: float = 1.0, flush: bool = False) -> Comparison:
    """Replay a simulated trace of one node on the server at `url`, compare every reply, and leave the server empty.

    Errors compare by their first sentence, without brand names and the script's digest; sets without order; PTTL
    within 0.1 s and TTL within 1 s, so keep TTLs wide. XADD * is given the simulated id. What never ran is not sent.
    Units: `speed`, times as fast as the trace; TTLs run at their own pace, so hurry only where nothing expires.
    Cost: the trace's time, and a round trip a command.
    Raises: ServerNotEmpty where keys would be lost, unless `flush`; ValueError for a trace of several nodes.
    Does not: agree where a script or a command draws at random on a server that is not fresh.
    """
    if len(trace.nodes) > 1:
        raise ValueError(f"One server cannot stand for {', '.join(trace.nodes)}: select a node's events with where()")
    pool = redis.ConnectionPool.from_url(url, protocol=2, socket_timeout=PATIENCE, driver_info=None)
    server = redis.Redis(connection_pool=pool)
    try:
        if server.dbsize() and not flush:
            raise ServerNotEmpty(f"{url} holds {server.dbsize()} keys; replay(…, flush=True) would delete them")
        _empty(server)
        try:
            return _Replay(server, trace, speed).run()
        finally:
            _empty(server)
    finally:
        pool.disconnect()


def _empty(server: redis.Redis) -> None:
    server.flushall()
    server.script_flush()
    server.function_flush()


class _Replay:
    def __init__(self, server: redis.Redis, trace: Trace, speed: float) -> None:
        self.server, self.speed, self.replayed = server, speed, Comparison()
        self.events = sorted((event for event in trace if event.t_server is not None), key=_moment)
        self.plain: defaultdict[str, list[Socket]] = defaultdict(list)  # free ones, by client
        self.subscribed: dict[str, Socket] = {}
        self.waiting: list[tuple[Event, Socket]] = []  # sent, blocked
        self.opened: list[Socket] = []
        self.last = {event.client: at for at, event in enumerate(self.events)}

    def run(self) -> Comparison:
        began = time.monotonic()
        try:
            for at, event in enumerate(self.events):
                early = _moment(event)[0] / self.speed - (time.monotonic() - began)
                if early > 0:
                    time.sleep(early)
                self.step(event)
                if at == self.last[event.client] and event.client in self.subscribed:
                    self.reset(self.subscribed[event.client])
            self.collect(PATIENCE)
        finally:
            for connection in self.opened:
                connection.disconnect()
        return self.replayed

    def step(self, event: Event) -> None:
        if event.name == "PUSH":
            self.compare(event, self.read(self.subscriber(event.client)))
            return
        subscribing = event.name in SUBSCRIBING
        connection = self.subscriber(event.client) if subscribing else self.free(event.client)
        connection.send_packed_command(connection.pack_command(*_sent(event)), check_health=False)
        if _blocked(event):
            self.waiting.append((event, connection))
            while self.server.info("clients")["blocked_clients"] < len(self.waiting):
                self.collect(0)  # until the server has it: what comes next must find it waiting
        else:
            self.compare(event, self.read(connection))
            if not subscribing:
                self.plain[event.client].append(connection)
        self.collect(0)

    def reset(self, connection: Socket) -> None:
        """End the subscriptions of a client that sends nothing more: in the simulation it has closed its connection."""
        connection.send_packed_command(connection.pack_command("RESET"), check_health=False)
        reply = None
        while reply != b"RESET" and not isinstance(reply, Exception):
            reply = self.read(connection)

    def collect(self, timeout: float) -> None:
        """Compare the replies to blocked commands that have come; with a `timeout`, wait for the others."""
        for event, connection in list(self.waiting):
            if connection.can_read(timeout=timeout):
                self.waiting.remove((event, connection))
                self.compare(event, self.read(connection))
                self.plain[event.client].append(connection)
            elif timeout:
                self.compare(event, TimeoutError("no reply"))

    def compare(self, event: Event, real: Any) -> None:
        if event.name in UNCOMPARED:
            self.replayed.uncompared += 1
            return
        self.replayed.commands += 1
        if _agree(event, _normal(event.name, event.reply), _normal(event.name, real)):
            self.replayed.same += 1
        else:
            self.replayed.differences.append(Difference(event, real))

    def free(self, client: str) -> Socket:
        return self.plain[client].pop() if self.plain[client] else self.open()

    def subscriber(self, client: str) -> Socket:
        if client not in self.subscribed:
            self.subscribed[client] = self.open()
        return self.subscribed[client]

    def open(self) -> Socket:
        connection = self.server.connection_pool.make_connection()
        connection.connect()  # type: ignore[no-untyped-call]
        self.opened.append(connection)
        return connection

    @staticmethod
    def read(connection: Socket) -> Any:
        try:
            return connection.read_response(disconnect_on_error=False)
        except redis.RedisError as error:
            return error


def _blocked(event: Event) -> bool:
    """Did it wait at the server before it ran?"""
    return _moment(event)[0] < (event.t_server or 0.0)


def _moment(event: Event) -> tuple[float, bool]:
    """The moment at which to send a command: when it reached the simulated server. A push is read after the command
    that caused it."""
    arrived: float | None = getattr(event, "t_arrived", None)
    return (event.t_server or 0.0) if arrived is None else arrived, event.name == "PUSH"


def _sent(event: Event) -> tuple[bytes, ...]:
    """The command as it is sent: XADD * with the id that it was given in the simulation."""
    if event.name == "XADD" and b"*" in event.command and isinstance(event.reply, bytes):
        at = event.command.index(b"*", 2)
        return (*event.command[:at], event.reply, *event.command[at + 1 :])
    return event.command


def _normal(name: str, reply: Any) -> Any:
    """A reply without the parts that need not agree."""
    if isinstance(reply, Exception):
        text = re.sub(r" script: .*|\. .*|\.$", "", str(reply), flags=re.DOTALL)
        return "error", re.sub(r"\b(Redis|Valkey|redis lib|Lua redis lib) ", "", text).lower()
    if isinstance(reply, (list, tuple)):
        items = [_normal("", item) for item in reply]
        return sorted(items) if name in UNORDERED else items
    return reply


def _agree(event: Event, simulated: Any, real: Any) -> bool:
    if event.name in REMAINING and isinstance(simulated, int) and isinstance(real, int) and min(simulated, real) >= 0:
        return abs(simulated - real) <= REMAINING[event.name]
    return bool(simulated == real)
