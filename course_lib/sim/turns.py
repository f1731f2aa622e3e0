"""Whose command runs next is chosen, not timed: what lets a search go through every order of commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from course_lib.sim.draws import Draws

if TYPE_CHECKING:
    from course_lib.sim.network import Sent, Wire
    from course_lib.sim.simulation import Simulation


class Turn(NamedTuple):
    """What a client waits to have run on a node: one command, or MULTI to EXEC, which run as one.

    `number` tells the connections of one client to one node apart: 1 for the first that its process opened.
    """

    client: str
    node: str
    number: int
    commands: tuple[tuple[bytes, ...], ...]


Choose = Callable[[Sequence[Turn]], int]
"""Told which turns could be next, at least one, in a fixed order; answers with the position of the one that is."""


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
        self._wait(world)

    def _wait(self, world: Simulation) -> None:
        if not self._due:
            self._due = True
            world.loop.send(world.loop.now + self.step, self._next, world)

    def _next(self, world: Simulation) -> None:
        self._due = False
        able = {_turn(wire, groups[0]): wire for wire, groups in self._waiting.items()}
        turns = sorted(able)
        wire = able[turns[self.choose(turns)]]
        groups = self._waiting[wire]
        events = groups.popleft()
        if not groups:
            del self._waiting[wire]
        if self._waiting:
            self._wait(world)
        wire.arrive(events)


def _turn(wire: Wire, events: list[Sent]) -> Turn:
    return Turn(events[0].client, wire.node.name, wire.number, tuple(event.command for event in events))
