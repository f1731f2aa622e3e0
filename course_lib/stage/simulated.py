"""The shop in virtual time: a primary and two replicas that lag behind, and Sentinels that take 0.6 s."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis

from course_lib.sim import Faults, Ground, Send, Simulation
from course_lib.sim.faults import Loss
from course_lib.sim.replication import Replication
from course_lib.stage.ledger import Account
from course_lib.stage.presses import Scene
from course_lib.stage.shop import CUT, FAILS, LENGTH, TIMEOUT, Shop
from course_lib.stage.shop_world import InWorld
from course_lib.trace import Trace

LAG = 0.03
"""Seconds until a replica has what its primary has acknowledged."""
FAILOVER = 0.6
"""Seconds until the Sentinels have noticed, voted and promoted."""
SETTLED = 1.0
"""Seconds after the run until what is left is counted."""


@dataclass(frozen=True)
class Played:
    """A run of the shop. The theatre plays it."""

    scene: Scene
    trace: Trace
    account: Account
    where: str


class Losing(Faults):
    """Of the till's orders the next `left` lose their reply."""

    left = 0

    def rewind(self, seed: int) -> None:
        self.left = 0

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        if not self.left or send.client != "till" or send.command[0] not in (b"RPUSH", b"HSET"):
            return None
        self.left -= 1
        return "reply lost"


class Virtual(InWorld):
    """The shop's ground, over a simulation."""

    def __init__(self, seed: int) -> None:
        self._losing = Losing()
        self._world = Simulation(seed, nodes=3, faults=self._losing, socket_timeout=TIMEOUT)
        super().__init__(self._world)
        self._group = Replication(self._world, lag=(LAG,))

    def redis(self, node: int, who: str) -> Redis:
        return self._world.redis(node)

    async def primary(self) -> int:
        return self._group.named.number

    async def work(self, who: str, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def kill(self) -> None:
        self._group.kill(self._group.named.number)
        self._world.at(self.now() + FAILOVER, self._group.promote)

    async def partition(self) -> None:
        number, now = self._group.named.number, self.now()
        self._group.cut(number)
        self._world.at(now + FAILOVER, self._group.promote)
        self._world.at(min(now + CUT, LENGTH + FAILOVER + 0.1), self._group.heal, number)

    async def pause(self, who: str, seconds: float) -> None:
        self._world.pause(self._world.clients[who][0], seconds)

    async def skew(self, seconds: float) -> None:
        self._world.step_clock(self._group.named.number, seconds)

    async def lose_reply(self) -> None:
        self._losing.left += 1

    def play(self, scene: Scene) -> Played:
        """Run to the end, and count."""
        shop = Shop(self, scene)
        self._world.run()

        async def count() -> None:
            await asyncio.sleep(max(LENGTH + SETTLED - self.now(), 0.0))
            try:
                await shop.look(self._world.redis(self._group.named.number))
            except FAILS:
                return  # no server is left that could say

        self._world.client("auditor", count)
        self._world.run()
        shop.close()
        seen = self._world.trace.where(lambda event: event.client != "auditor")
        return Played(scene, seen, shop.ledger.account(seen), "simulated")


def simulated(scene: Scene) -> Played:
    """Play a scene in the simulation. Cost: 0.1 s; with hundreds of readers, some tenths more."""
    return Virtual(scene.seed).play(scene)
