"""What the parts of a simulation may ask of it: a clock, a trace, nodes, and the power to disturb them.

`Simulation` gives it all. The parts know this protocol rather than `Simulation`, which is made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from course_lib.sim.fake_server import SimNode
from course_lib.sim.loop import SimLoop
from course_lib.sim.process import Process
from course_lib.trace import Trace


class Ground(Protocol):
    """What faults, turns and the network know of the world they are part of."""

    loop: SimLoop
    trace: Trace

    @property
    def nodes(self) -> Sequence[SimNode]:
        """Every server."""

    def now(self) -> float:
        """Seconds since the run began."""

    def crash(self, process: Process) -> None:
        """Kill a process where it stands."""

    def pause(self, process: Process, seconds: float) -> None:
        """Stop a process for a while."""

    def down(self, node: SimNode | int, seconds: float) -> None:
        """Make a node unreachable for a while."""

    def step_clock(self, node: SimNode | int, seconds: float) -> None:
        """Make a node's wall clock jump."""
