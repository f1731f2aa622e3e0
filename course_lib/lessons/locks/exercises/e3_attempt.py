"""04.3, Redlock: one attempt, what it was granted on which nodes, and what it left there."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any

from course_lib.explore import Simulation
from course_lib.grading.acts import Act
from course_lib.grading.caller_errors import LOSSES
from course_lib.grading.evidence import of
from course_lib.lessons.locks.exercises.lock_calls import Call

ALONE = ((2.0, 0.06), (10.0, 0.08), (0.3, 0.05), (1.57, 0.05))
"""ttl and timeout of a client that is alone, in seconds. A run's seed says which; and that the nodes are five, or
four."""


def nodes_of(world: Simulation) -> int:
    """How many nodes the lock is on. A majority is three, either way."""
    return 5 - world.seed % 2


QUORUM = 3


@dataclass
class Attempt(Call):
    """One call of the answer; `what` is its token. `on` counts the nodes that held the token when it returned; `left`,
    if it got nothing, lists those that could have been told to give it back, and hold it then or 20 ms later."""

    timeout: float = 0.05
    on: int = 0
    left: list[int] = field(default_factory=list)
    run: Any = None

    def end(self, world: Simulation) -> None:
        Act.end(self, world)
        self.on = len(self.look())

    def look(self) -> list[int]:
        """The nodes that hold its token now."""
        locks = {node: lock for node in range(nodes_of(self.run.world)) if (lock := self.run.now(node)) is not None}
        mine = [node for node, lock in locks.items() if lock.token == self.what]
        self.left += [node for node in mine if self.granted <= 0 and node not in self.left and not self.excused(node)]
        return mine

    def excused(self, number: int) -> bool:
        """Is the node down? Or was it told to give the key back, and that was lost, or its own request came later?"""
        world = self.run.world
        node = world.nodes[number]
        if not node.up:
            return True
        mine = [c for c in self.run.seen if c.event.node == node.name and c.after and c.after.token == self.what]
        asked = [event for event in of(world.trace, self.who) if event.node == node.name]
        later = asked[asked.index(mine[-1].event) + 1 :]
        return any(event.fault in LOSSES or (event.t_server or inf) < mine[-1].when for event in later)

    @property
    def nonsense(self) -> bool:
        """Did it return something that is neither None nor a number?"""
        return self.done and self.result is not None and type(self.result) not in (int, float)

    @property
    def granted(self) -> float:
        """The validity that it returned; 0 if that is not a number."""
        return float(self.result) if type(self.result) in (int, float) else 0.0

    def right(self) -> float:
        """The validity that was left when it returned: ttl − elapsed − drift. Units: seconds."""
        return self.ttl - (self.ended - self.began) - 0.01 * self.ttl - 0.002
