"""Whose command runs next is chosen, not timed: what lets a search go through every order of commands."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from course_lib.sim.draws import Draws
from course_lib.sim.faults import Kind, inflict
from course_lib.sim.ground import Ground
from course_lib.sim.network import SimEvent, SimSocket, mark
from course_lib.sim.process import CLIENT, Process
from course_lib.sim.timetable import timetable

Fate = Kind | Literal["delay", "longer"]
"""What can strike a turn: a fault, or a delay; and a delay that goes on."""

ALIKE = 100
"""Times that are fewer turns apart are one: a delay lasts beyond all of them."""


class Turn(NamedTuple):
    """What a client waits to have run on a node: one command, or MULTI to EXEC, which run as one.

    `number` tells the connections of one client to one node apart: 1 for the first that its process opened.
    """

    client: str
    node: str
    number: int
    commands: tuple[tuple[bytes, ...], ...]


class Move(NamedTuple):
    """What happens instead of running just the turn at position `at`; with "wait", time passes and no turn runs.

    A crash or a pause strikes the client's process before the command has left it; a node that goes down loses the
    command; after a step of the node's clock it runs. A delay is a pause whose length the run gives: it lasts beyond
    the `past`-th of the times in the timetable, from 1. "longer" lets it go on, and otherwise runs the turn.

    Units: `seconds` that a wait, a pause or an outage lasts, or by which the clock jumps.
    """

    kind: Fate | Literal["wait"]
    at: int = 0
    seconds: float = 0.0
    past: int = 0


Choose = Callable[[Sequence[Turn]], int | Move]
"""Called with the turns that could be next, at least one, in a fixed order; returns the position of the one to run."""


class Turns:
    """Commands wait at their servers until `choose` lets one of them run, once every client has come to a halt.

    A client's own commands keep their order on each connection. Time passes by `step` with each command; beyond that it
    passes only when no command waits. A reply takes 0.4 of a step.

    Units: `step` in seconds, above 0: a millionth where only the order matters, a thousandth for a picture.
    """

    def __init__(self, choose: Choose, *, step: float = 1e-6) -> None:
        if not step > 0:
            raise ValueError(f"step is {step!r}; it must be above 0 s, so that a reply comes before the next command")
        self.choose, self.step = choose, step
        self._waiting: dict[SimSocket, deque[list[SimEvent]]] = {}
        self._turns: list[Turn] = []  # who could be next, in order
        self._sockets: list[SimSocket] = []  # and whose they are
        self._due = False
        self._held: SimSocket | None = None  # whose turn was held back last

    def rewind(self) -> None:
        """A new run begins."""
        self._waiting.clear()
        self._turns.clear()
        self._sockets.clear()
        self._due, self._held = False, None

    def waiting(self) -> tuple[tuple[Turn, tuple[tuple[bytes, ...], ...]], ...]:
        """Who could be next, in order, and all commands that wait on the same connection, its own and later ones."""
        queues = [self._waiting[socket] for socket in self._sockets]
        commands = [tuple(event.command for group in queue for event in group) for queue in queues]
        return tuple(zip(self._turns, commands, strict=True))

    def latency(self, draw: Draws) -> float:
        """What a message takes, in seconds."""
        return 0.4 * self.step

    def offer(self, socket: SimSocket, events: list[SimEvent]) -> None:
        """A message waits to be run: as one turn if it is a transaction, else command by command."""
        for group in [events] if len(events) == 1 or events[0].name == "MULTI" else [[event] for event in events]:
            self._add(socket, group)
        self._decide_in(self.step, socket.world)

    def _add(self, socket: SimSocket, group: list[SimEvent]) -> None:
        if socket in self._waiting:
            self._waiting[socket].append(group)
            return
        self._waiting[socket] = deque([group])
        self._enter(socket, group)

    def _enter(self, socket: SimSocket, group: list[SimEvent]) -> None:
        first = group[0]
        commands = (first.command,) if len(group) == 1 else tuple([event.command for event in group])
        turn = Turn(first.client, socket.node.name, socket.number, commands)
        at = bisect_left(self._turns, turn)
        self._turns.insert(at, turn)
        self._sockets.insert(at, socket)

    def _leave(self, socket: SimSocket) -> None:
        at = self._sockets.index(socket)
        del self._turns[at], self._sockets[at]

    def _decide_in(self, seconds: float, world: Ground) -> None:
        if not self._due:
            self._due = True
            world.loop.send(world.loop.now + seconds, self._decide, world)

    def _decide(self, world: Ground) -> None:
        self._due = False
        choice = self.choose(list(self._turns))
        if not isinstance(choice, Move):
            socket = self._sockets[choice]
            events = self._taken(socket)
        elif choice.kind == "wait":
            self._decide_in(max(choice.seconds, self.step), world)
            return
        else:
            socket = self._sockets[choice.at]
            events = self._struck(socket, choice)
        if self._waiting:
            self._decide_in(self.step, world)
        drawing = CLIENT.set(socket.client)  # whose random numbers the server draws
        try:
            socket.arrive(events)
        finally:
            CLIENT.reset(drawing)

    def _struck(self, socket: SimSocket, move: Move) -> list[SimEvent]:
        """Let the fault strike, and return the commands of the turn that still go to the server."""
        assert move.kind != "wait"
        world, process = socket.world, socket.process
        late = move.kind == "delay" or (move.kind == "longer" and socket is self._held)
        if (late or move.kind == "pause") and process is not None:
            self._held = socket if late else None
            seconds = self._until(world, move.past) - world.now() if late else move.seconds
            if late:  # however long it lasts, the run has as much time as without it
                world.loop.max_time += seconds
            world.pause(process, seconds)
            self._leave(socket)
            for events in self._waiting.pop(socket):
                for event in events:
                    event.t_start = process.paused_until
                world.loop.send(process.paused_until, self._back, socket, events)
            return []
        events = self._taken(socket)
        if move.kind == "crash" and process is not None:
            mark([*events, *self._left(process)], "never left")
            world.crash(process)
            return []
        if move.kind == "delay" or move.kind == "longer":  # of nobody, or none that goes on
            return events
        if loss := inflict(move.kind, move.seconds, world, process, socket.node):
            mark(events, loss)
        return events

    def times(self, world: Ground) -> list[float]:
        """Beyond which times a delay can last that begins now."""
        return timetable(world, ALIKE * self.step)

    def _until(self, world: Ground, past: int) -> float:
        times = self.times(world)
        return times[min(past, len(times)) - 1] if times else world.now()

    def _back(self, socket: SimSocket, events: list[SimEvent]) -> None:
        """Send what a paused process held back, if the process is still alive."""
        if socket.process is not None and socket.process.dead:
            mark(events, "never left")
            return
        self._add(socket, events)
        self._decide_in(self.step, socket.world)

    def _taken(self, socket: SimSocket) -> list[SimEvent]:
        groups = self._waiting[socket]
        events = groups.popleft()
        self._leave(socket)
        self._held = None if socket is self._held else self._held
        if groups:
            self._enter(socket, groups[0])
        else:
            del self._waiting[socket]
        return events

    def _left(self, process: Process) -> list[SimEvent]:
        """Remove and return everything else that a process has waiting."""
        sockets = [socket for socket in self._waiting if socket.process is process]
        for socket in sockets:
            self._leave(socket)
        return [event for socket in sockets for group in self._waiting.pop(socket) for event in group]
