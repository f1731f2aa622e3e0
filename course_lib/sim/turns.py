"""Whose command runs next is chosen, not timed: what lets a search go through every order of commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from course_lib.sim.draws import Draws

if TYPE_CHECKING:
    from course_lib.sim.network import Sent, Wire
    from course_lib.sim.process import Process
    from course_lib.sim.simulation import Simulation


class Turn(NamedTuple):
    """What a client waits to have run on a node: one command, or MULTI to EXEC, which run as one.

    `number` tells the connections of one client to one node apart: 1 for the first that its process opened.
    """

    client: str
    node: str
    number: int
    commands: tuple[tuple[bytes, ...], ...]


class Move(NamedTuple):
    """What becomes of the turn at a position, other than that it runs; or, with "wait", time passes and none runs.

    A crash kills the client's process before the command has left it. Units: `seconds` that a wait lasts.
    """

    kind: Literal["lose request", "lose reply", "crash", "wait"]
    at: int = 0
    seconds: float = 0.0


Choose = Callable[[Sequence[Turn]], int | Move]
"""Told which turns could be next, at least one, in a fixed order; answers with the position of the one that runs."""


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
        self._waiting: dict[Wire, deque[list[Sent]]] = {}
        self._due = False

    def rewind(self) -> None:
        """A new run begins."""
        self._waiting.clear()
        self._due = False

    def latency(self, draw: Draws) -> float:
        """What a message takes, in seconds."""
        return 0.4 * self.step

    def offer(self, world: Simulation, wire: Wire, events: list[Sent]) -> None:
        """A message is there to be run: as one turn if it is a transaction, else command by command."""
        whole = events[0].name == "MULTI"
        self._waiting.setdefault(wire, deque()).extend([events] if whole else [[event] for event in events])
        self._decide_in(self.step, world)

    def _decide_in(self, seconds: float, world: Simulation) -> None:
        if not self._due:
            self._due = True
            world.loop.send(world.loop.now + seconds, self._decide, world)

    def _decide(self, world: Simulation) -> None:
        self._due = False
        able = {_turn(wire, groups[0]): wire for wire, groups in self._waiting.items()}
        turns = sorted(able)
        choice = self.choose(turns)
        move = choice if isinstance(choice, Move) else None
        if move is not None and move.kind == "wait":
            self._decide_in(max(move.seconds, self.step), world)
            return
        wire = able[turns[choice if move is None else move.at]]  # type: ignore[index]  # None means a position
        events = self._taken(wire)
        if move is not None and move.kind == "crash" and wire.process is not None:
            for event in [*events, *self._left(wire.process)]:
                event.fault = "never left"
            world.crash(wire.process)
            events = []
        elif move is not None:
            for event in events:
                event.fault = "request lost" if move.kind == "lose request" else "reply lost"
        if self._waiting:
            self._decide_in(self.step, world)
        wire.arrive(events)

    def _taken(self, wire: Wire) -> list[Sent]:
        groups = self._waiting[wire]
        events = groups.popleft()
        if not groups:
            del self._waiting[wire]
        return events

    def _left(self, process: Process) -> list[Sent]:
        """What else a process has waiting; from now on it has not."""
        wires = [wire for wire in self._waiting if wire.process is process]
        return [event for wire in wires for group in self._waiting.pop(wire) for event in group]


def _turn(wire: Wire, events: list[Sent]) -> Turn:
    return Turn(events[0].client, wire.node.name, wire.number, tuple(event.command for event in events))
