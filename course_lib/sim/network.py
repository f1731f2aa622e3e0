"""The network between simulated clients and servers: latency, loss, order, and the connections that are open.

    pattern → SimRedis → SimPool → SimConnection → SimSocket ~~ latency, loss ~~ Session (the server's end)

Each direction keeps its order, as TCP does. Commands travel as lists of bytes: no RESP is written or parsed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import ConnectionError as RedisConnectionError

from course_lib.sim.draws import Draws
from course_lib.sim.fake_server import Session, SimNode
from course_lib.sim.faults import Faults, Send
from course_lib.sim.ground import Ground
from course_lib.sim.process import CLIENT, PROCESS, Process
from course_lib.sim.timeouts import Timeouts
from course_lib.trace import Event, is_pushed

_TICK = 1e-9
"""Seconds between two messages that would otherwise arrive at the same instant in the wrong order."""

Latency = Callable[[Draws], float]
"""Draws one message's time on the wire, in seconds, from a connection's own stream of draws."""


def lan(draw: Draws) -> float:
    """One way through a local network: 0.1 ms, and 1 ms more on average, exponentially distributed."""
    return 0.0001 + draw.exponential(0.001)


def steady(seconds: float) -> Latency:
    """Every message takes the same time."""
    return lambda draw: seconds


class Arbiter(Protocol):
    """Decides, in place of the latency, when commands run: see `Turns`."""

    def latency(self, draw: Draws) -> float:
        """Seconds that a message takes."""

    def offer(self, socket: SimSocket, events: list[SimEvent]) -> None:
        """Take a message, and have `socket.arrive` called in its turn."""


class NetworkGround(Ground, Protocol):
    """What the network asks of its world, besides what faults ask."""

    seed: int
    latency: Latency
    faults: Faults | None

    @property
    def turns(self) -> Arbiter | None:
        """Who decides when commands run, if latency does not."""


@dataclass(slots=True)
class SimEvent(Event):
    """An event that also says when the command reached the server, which is before it ran if it blocked; and which
    commands a script ran."""

    t_arrived: float | None = None
    calls: Sequence[tuple[bytes, ...]] = ()


def mark(events: Iterable[SimEvent], fault: str) -> None:
    """Write down what became of commands."""
    for event in events:
        event.fault = fault


class SimSocket:
    """What stands for a TCP connection from a process to a node, with both of its ends."""

    __slots__ = (
        "_back", "_draw", "_latency", "_session", "_there", "_timeouts", "_together",
        "asked", "client", "deaf", "node", "number", "open", "process", "replies", "waiter", "world",
    )  # fmt: skip

    def __init__(
        self, world: NetworkGround, timeouts: Timeouts, node: SimNode, process: Process | None, number: int, db: int
    ) -> None:
        self.world, self.node, self.process, self.number, self._timeouts = world, node, process, number, timeouts
        timed = world.turns is None
        self._latency = world.latency if world.turns is None else world.turns.latency
        self.client = "outside"  # the last client that used it, for messages that arrive unasked
        self._draw = Draws(world.seed, process.name if process else "", node.name, number) if timed else _NO_DRAWS
        self._session = Session.accept(node, db, self._answered, "default")
        self.open, self.deaf = True, False  # deaf: it has lost something, and delivers nothing any more
        self._there = self._back = 0.0
        self._together: list[tuple[float, Event, Any]] | None = None  # replies that are delivered at once
        self.asked: deque[SimEvent] = deque()  # sent, not yet answered by the server
        self.replies: deque[Any] = deque()  # arrived, not yet read by the client
        self.waiter: asyncio.Future[None] | None = None

    # -- client to server ----------------------------------------------------------------------------------------------

    def send(self, commands: list[list[bytes]]) -> None:
        """Put commands on the wire, in one message. Raises: redis's ConnectionError when the node refuses."""
        world, process = self.world, self.process
        if world.loop.ending:  # the run is over: nothing leaves, and nothing is refused, so that nobody tries again
            return
        name = self.client = CLIENT.get()
        now = world.loop.now
        events = [SimEvent(name, self.node.name, tuple(command), now) for command in commands]
        world.trace.events.extend(events)
        if world.faults is not None:
            self._tempt_fate(events, world.faults)
        if process is not None and process.dead:
            mark(events, "never left")
            return
        if now < self.node.down_until or not self.open:
            mark(events, "refused")
            raise RedisConnectionError(f"Connection {'refused' if self.open else 'reset'} by {self.node.name}")
        if process is not None and process.paused_until > now:
            now = process.paused_until
            for event in events:
                event.t_start = now
        if world.turns is not None:
            if now > world.loop.now:
                world.loop.send(now, world.turns.offer, self, events)
            else:
                world.turns.offer(self, events)
            return
        self._there = max(self._there + _TICK, now + self._latency(self._draw))
        world.loop.send(self._there, self.arrive, events)

    def _tempt_fate(self, events: list[SimEvent], faults: Faults) -> None:
        """Ask for each command whether a fault strikes. Commands in one message are lost together, and replies from the
        first lost one on."""
        losses: list[str | None] = []
        for event in events:
            event.fault = faults.on_send(self.world, Send(event.client, self.process, self.node, event.command))
            losses.append(event.fault)
        if "request lost" in losses:
            mark(events, "request lost")
        elif "reply lost" in losses:
            mark(events[losses.index("reply lost") :], "reply lost")

    def arrive(self, events: list[SimEvent]) -> None:
        """The message is at the server, which runs its commands."""
        now = self.world.loop.now
        session = self._session
        if len(events) > 1 and self.world.turns is not None:  # a transaction, of whose replies a client uses the last
            self._together = []
        for event in events:
            if event.fault == "request lost" or self.deaf or now < self.node.down_until or session.killed:
                event.fault = "request lost"
                continue
            event.t_arrived = now
            self.asked.append(event)
            session.execute(list(event.command))
        if self._together:
            self.world.loop.due(self._back, self._delivered, self._together)
        self._together = None

    # -- server to client ----------------------------------------------------------------------------------------------

    def _answered(self, reply: Any) -> None:
        now = self.world.loop.now
        if not self.asked or (self._session.subscribed and is_pushed(reply)):
            event: Event = Event(self.client, self.node.name, (b"PUSH",), now, now)
            self.world.trace.events.append(event)
        else:
            event = self.asked.popleft()
            event.t_server = now
            if self._session.calls:
                event.calls, self._session.calls = self._session.calls, ()
        event.reply = reply
        if event.fault == "reply lost" or self.deaf or now < self.node.down_until:
            event.fault = "reply lost"
            return
        self._back = max(self._back + _TICK, now + self._latency(self._draw))
        if self._together is None:
            self.world.loop.due(self._back, self._delivered, [(self._back, event, reply)])
        else:
            self._together.append((self._back, event, reply))

    def _delivered(self, answered: list[tuple[float, Event, Any]]) -> None:
        if not self.open:
            for _, event, _ in answered:
                event.fault = event.fault or "nobody reads"
            return
        for at, event, reply in answered:
            event.t_end = at
            self.replies.append(reply)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    # -- the client reads ----------------------------------------------------------------------------------------------

    def arrival(self, limit: float | None) -> asyncio.Future[None]:
        """Done when `replies` has one; with asyncio's TimeoutError after `limit` seconds, if it is not None."""
        self.waiter = self.world.loop.create_future()
        if limit is not None:
            self._timeouts.watch(self.waiter, limit, self.process)
        return self.waiter

    def forget(self) -> None:
        """The run is over: break the cycle with the session, so that both are freed without the garbage collector."""
        self._session.answer = _nobody

    def close(self, *, abruptly: bool = False) -> None:
        """The client hangs up; the server notices later. `abruptly`: the client is dead, so nobody is told of it."""
        if not self.open:
            return
        self.open = False
        loop = self.world.loop
        self._there = max(self._there + _TICK, loop.now + self._latency(self._draw))
        loop.due(self._there, self._session.hang_up)
        if self.waiter is not None and not self.waiter.done():
            if abruptly:
                self.waiter.cancel()
            else:
                self.waiter.set_exception(RedisConnectionError(f"Connection to {self.node.name} closed"))


_NO_DRAWS = Draws("nobody draws from this")  # with turns, no latency is drawn


def _nobody(reply: Any) -> None:
    """Receives the replies of a run that is over."""


class Network:
    """The connections that are open."""

    def __init__(self, world: NetworkGround) -> None:
        self._world, self._timeouts = world, Timeouts(world.loop)
        self._open: dict[SimSocket, None] = {}
        self._opened: defaultdict[str, int] = defaultdict(int)  # connections that each process has opened so far
        self._refused: dict[str, float] = {}  # until when no connection can be opened by a client

    def __iter__(self) -> Iterator[SimSocket]:
        return iter(self._open)

    def rewind(self) -> None:
        """A new run begins, without any."""
        for socket in self._open:
            socket.forget()
        self._open.clear()
        self._opened.clear()
        self._refused.clear()
        self._timeouts.rewind()

    def open(self, node: SimNode, db: int) -> SimSocket:
        """A new connection of the running process. Raises: redis's ConnectionError if it is refused, see `sever`."""
        if self._refused.get(CLIENT.get(), 0.0) > self._world.loop.now:
            raise RedisConnectionError(f"Connection refused by {node.name}")
        process = PROCESS.get()
        name = process.name if process else ""
        self._opened[name] += 1
        socket = SimSocket(self._world, self._timeouts, node, process, self._opened[name], db)
        self._open[socket] = None
        return socket

    def close(self, socket: SimSocket, *, abruptly: bool = False) -> None:
        """The client's end is gone."""
        socket.close(abruptly=abruptly)
        self._open.pop(socket, None)

    def sever(self, client: str, seconds: float, *, silently: bool) -> None:
        """Reset the connections that a client used last, and refuse it new ones for a while; or only make them deaf."""
        for socket in [socket for socket in self._open if socket.client == client]:
            if silently:
                socket.deaf = True
            else:
                self.close(socket)
        if not silently:
            self._refused[client] = self._world.loop.now + seconds

    def cut(self, process: Process) -> None:
        """The process is dead, and its end of each of its connections is gone."""
        for socket in [socket for socket in self._open if socket.process is process]:
            self.close(socket, abruptly=True)
