"""One thing that goes wrong in a contest for a lock, at a moment that somebody chose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

from course_lib.sim import Faults, Ground, Process, Send
from course_lib.sim import Simulation as Simulated
from course_lib.sim.faults import Loss

FAULTS: dict[str, str] = {
    "nothing": "nothing",
    "holder crashes": "the holder crashes",
    "holder pauses": "the holder pauses at work",
    "write pauses": "the holder pauses as it writes",
    "asking pauses": "a worker pauses as it asks",
    "holder cut off": "the holder is cut off from nodes",
    "nodes down": "nodes are down for a while",
    "nodes forget": "nodes restart without keys",
    "clocks jump": "clocks of nodes jump ahead",
}
"""What can go wrong, and what the lab calls it."""

NEED_A_HOLDER = {"holder crashes", "holder pauses", "holder cut off", "nodes forget", "clocks jump"}


class Strike(Faults):
    """The fault, as a client of its own that waits for its moment, and as what it does to commands that leave.

    From the start until it strikes the last `dead` nodes are down. `struck` is when it struck, `hits` whom or what.
    """

    def __init__(self, fault: str, at: float, lasts: float, hit: int, dead: int, nodes: int) -> None:
        self.fault, self.at, self.lasts = fault, at, lasts
        self.hit, self.dead = range(min(hit, nodes)), range(max(nodes - dead, 0), nodes)
        self.struck, self.victim = inf, ""
        self._workers: dict[str, tuple[Process, Callable[[], bool]]] = {}
        self._last = f"redis{nodes - 1}"

    def watch(self, name: str, process: Process, holds: Callable[[], bool]) -> None:
        """One more worker whom it may strike."""
        self._workers[name] = process, holds

    @property
    def cut(self) -> tuple[str, float, float] | None:
        """Who was cut off from nodes, from when to when; None if nobody was."""
        struck = self.fault == "holder cut off" and self.struck < inf
        return (self.victim, self.struck, self.struck + self.lasts) if struck else None

    async def live(self, world: Simulated, end: float) -> None:
        """Wait for the moment, and for a holder where one is needed; then strike."""
        for node in self.dead:
            world.down(node, inf)
        await asyncio.sleep(self.at - world.now())
        if self.fault in NEED_A_HOLDER:
            while not (holder := self._holder()):
                if world.now() > end - 1:
                    return
                await asyncio.sleep(0.01)
            self.victim = holder
        if self.fault == "nothing" and self.dead:
            return  # they stay down
        for node in self.dead:
            world.nodes[node].down_until = world.now()
            for note in world.trace.notes:
                if note.who == world.nodes[node].name and note.kind == "down":
                    note.t_end = world.now()
        self.struck = world.now()
        await self._strike(world)

    async def _strike(self, world: Simulated) -> None:
        if self.fault == "holder crashes":
            world.crash(self._workers[self.victim][0])
        elif self.fault == "holder pauses":
            world.pause(self._workers[self.victim][0], self.lasts)
        for node in self.hit:
            if self.fault == "nodes down":
                world.down(node, self.lasts)
            elif self.fault == "clocks jump":
                world.step_clock(node, self.lasts)
            elif self.fault == "nodes forget":
                await world.redis(node).flushall()

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        """Pause who is about to write, or to ask the last node; lose what somebody sends who is cut off."""
        if send.client not in self._workers:
            return None
        if self.fault == "holder cut off" and send.client == self.victim:
            hit = any(world.nodes[node] is send.node for node in self.hit)
            return "request lost" if hit and self.struck <= world.now() < self.struck + self.lasts else None
        key = {"write pauses": b"report", "asking pauses": b"fence:{job}"}.get(self.fault)
        due = key is not None and key in send.command and not self.victim and world.now() >= self.struck
        if due and (self.fault == "write pauses" or (send.node.name == self._last and not self._holder())):
            self.victim = send.client
            world.pause(self._workers[send.client][0], self.lasts)
        return None

    def _holder(self) -> str:
        return next((name for name, (_, holds) in self._workers.items() if holds()), "")
