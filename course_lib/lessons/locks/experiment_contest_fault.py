"""The one thing that goes wrong in a contest, at the moment that its settings say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

from course_lib.lessons.locks.experiment_contest import END, Contest
from course_lib.sim import Faults, Ground, Process, Send
from course_lib.sim import Simulation as Simulated
from course_lib.sim.faults import Loss

NEED_A_HOLDER = {"holder crashes", "holder pauses", "holder cut off", "nodes forget", "clocks jump"}
PAUSES_AT = {"write pauses": b"report", "asking pauses": b"fence:{job}"}
"""A key of the command at which a worker pauses."""


class ContestFault(Faults):
    """The fault: a client of its own that waits for its moment, and what it does to commands that leave.

    From the start until it strikes, the last `contest.dead` nodes are down.
    """

    def __init__(self, contest: Contest) -> None:
        self.contest, self.kind, nodes = contest, contest.fault, contest.nodes
        self._hit, self._dead = range(min(contest.hit, nodes)), range(max(nodes - contest.dead, 0), nodes)
        self._struck, self._victim, self._last = inf, "", f"redis{nodes - 1}"
        self._workers: dict[str, tuple[Process, Callable[[], bool]]] = {}

    def watch(self, name: str, process: Process, holds: Callable[[], bool]) -> None:
        """Add a worker whom it may strike; `holds()` says whether it believes that it has the lock."""
        self._workers[name] = process, holds

    async def live(self, world: Simulated) -> None:
        """Wait for the moment, and for a holder where one is needed; then strike."""
        for node in self._dead:
            world.down(node, inf)
        await asyncio.sleep(self.contest.at - world.now())
        if self.kind in NEED_A_HOLDER:
            while not (holder := self._holder()):
                if world.now() > END - 1:
                    return
                await asyncio.sleep(0.01)
            self._victim = holder
        if self.kind == "nothing" and self._dead:
            return  # they stay down
        for node in self._dead:
            world.nodes[node].down_until = world.now()
            for note in world.trace.notes:
                if note.who == world.nodes[node].name and note.kind == "down":
                    note.t_end = world.now()
        self._struck = world.now()
        await self._strike(world, self.contest.lasts)

    async def _strike(self, world: Simulated, lasts: float) -> None:
        if self.kind == "holder crashes":
            world.crash(self._workers[self._victim][0])
        elif self.kind == "holder pauses":
            world.pause(self._workers[self._victim][0], lasts)
        elif self.kind == "holder cut off":
            world.note(self._victim, "cut off").t_end = world.now() + lasts
        for node in self._hit:
            if self.kind == "nodes down":
                world.down(node, lasts)
            elif self.kind == "clocks jump":
                world.step_clock(node, lasts)
            elif self.kind == "nodes forget":
                await world.redis(node).flushall()

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        """Pause a worker as it writes, or as it asks the last node; lose what one that is cut off sends."""
        if send.client not in self._workers:
            return None
        if self.kind == "holder cut off" and send.client == self._victim:
            hit = any(world.nodes[node] is send.node for node in self._hit)
            return "request lost" if hit and self._struck <= world.now() < self._struck + self.contest.lasts else None
        key = PAUSES_AT.get(self.kind)
        due = key is not None and key in send.command and not self._victim and world.now() >= self._struck
        if due and (self.kind == "write pauses" or (send.node.name == self._last and not self._holder())):
            self._victim = send.client
            world.pause(self._workers[send.client][0], self.contest.lasts)
        return None

    def _holder(self) -> str:
        return next((name for name, (_, holds) in self._workers.items() if holds()), "")
