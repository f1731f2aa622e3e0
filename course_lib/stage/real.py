"""The shop on real servers: a primary, two replicas and three Sentinels as processes of this machine.

A run takes as long as it lasts. Its clients are tasks of one process, so a worker that is paused stands still in its
work, and the clock of a server cannot be moved: what a jump does to keys is done to them instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from redis.asyncio import Redis

from course_lib.servers import Proxy, Topology
from course_lib.stage.presses import Scene
from course_lib.stage.shop import CUT, FAILS, LENGTH, SHORTEN, TIMEOUT, Shop
from course_lib.stage.shop_world import InWorld
from course_lib.stage.simulated import Played
from course_lib.worlds import Real

DATA = ("primary", "replica1", "replica2")
SETTLED = 6.0
"""Seconds after the run until a primary must be there that can be read; usually it is there at once."""
ASK = 0.05
"""Seconds for which all clients take what a Sentinel has said."""
BY_RELAY, BY_PROXY = 0, len(DATA)  # the till's connections go through a proxy, which can lose a reply


class Servers:
    """The servers that runs share; they end with `stop`, or with this Python process. Raises: NoServer."""

    def __init__(self) -> None:
        self.topology = Topology("sentinel")
        self._used = False

    def ready(self) -> Topology:
        """Running, and as at the start."""
        if self._used:
            self.topology.reset()
        self.topology.start()
        self._used = True
        return self.topology

    def stop(self) -> None:
        """End them. Safe to call twice; they can start again."""
        self.topology.stop()
        self._used = False

    def play(self, scene: Scene) -> Played:
        """Play a scene. Cost: LENGTH and some 3 s."""
        topology = self.ready()
        with ExitStack() as proxies:
            before = [proxies.enter_context(Proxy(topology.own_port(name))) for name in DATA]
            return Listening(topology, before, scene.seed).play(scene)


class Listening(InWorld):
    """The shop's ground, over a topology."""

    def __init__(self, topology: Topology, proxies: list[Proxy], seed: int) -> None:
        urls = [f"redis://127.0.0.1:{topology.own_port(name)}/0" for name in DATA] + [proxy.url for proxy in proxies]
        names = [f"redis{number}" for number in range(len(DATA))]
        self._world = Real(*urls, seed=seed, socket_timeout=TIMEOUT, connections=256, names=[*names, *names])
        super().__init__(self._world)
        self._topology, self._proxies, self._names = topology, proxies, names
        self._asleep: dict[str, float] = {}
        self._sentinel: Any = None
        self._named, self._asked, self._cuts = 0, -1.0, 0

    def redis(self, node: int, who: str) -> Redis:
        return self._world.redis(node + (BY_PROXY if who == "till" else BY_RELAY))

    async def primary(self) -> int:
        """As a Sentinel says. Raises: redis's ConnectionError if none knows one."""
        if self.now() - self._asked > ASK:
            self._asked = self.now()
            _, port = await self._sentinel.discover_master("course")
            number = [self._topology.own_port(name) for name in DATA].index(port)
            if number != self._named:
                self.note(self._names[number], "promoted")
            self._named = number
        return self._named

    async def work(self, who: str, seconds: float) -> None:
        end = self.now() + seconds
        while (left := max(end, self._asleep.get(who, 0.0)) - self.now()) > 0:
            await asyncio.sleep(left)

    async def kill(self) -> None:
        number = await self.primary()
        self.note(self._names[number], "down")
        await asyncio.to_thread(self._topology.kill, DATA[number])

    async def partition(self) -> None:
        number = await self.primary()
        self.note(self._names[number], "cut off")
        self._cuts += 1
        await asyncio.to_thread(self._topology.partition, DATA[number])
        await asyncio.sleep(min(CUT, max(LENGTH - self.now(), 0.0) + 1.0))
        await asyncio.to_thread(self._topology.heal, DATA[number])
        self._cuts -= 1
        self.note(self._names[number], "healed")

    async def pause(self, who: str, seconds: float) -> None:
        self._asleep[who] = self.now() + seconds
        self.note(who, "pause").t_end = self._asleep[who]

    async def skew(self, seconds: float) -> None:
        number = await self.primary()
        self.note(self._names[number], "skew", f"every TTL is {seconds:g} s shorter")
        await self._world.redis(number).eval(SHORTEN, 2, "page", "lock:job", str(round(seconds * 1000)))

    async def lose_reply(self) -> None:
        self._proxies[await self.primary()].drop_reply(matching="order")

    def play(self, scene: Scene) -> Played:
        """Run to the end, and count."""
        self._world.client("watcher", self._watch)
        shop = Shop(self, scene)
        self._world.client("auditor", self._count, shop.look, start=LENGTH + 0.3)
        self._world.run()
        shop.close()
        seen = self.trace.where(lambda event: event.client not in ("auditor", "watcher"))
        for event in seen.events:
            event.fault = "reply lost" if event.fault else None  # no error of a connection tells more
        return Played(scene, seen, shop.ledger.account(seen), "on real servers")

    async def _watch(self) -> None:
        """Ask who is primary all the time, so that a promotion is noted when it happens."""
        self._sentinel = self._topology.sentinel(socket_timeout=TIMEOUT)
        try:
            while self.now() < LENGTH + 0.3:
                with suppress(*FAILS):
                    await self.primary()
                await asyncio.sleep(ASK)
        finally:
            for one in self._sentinel.sentinels:
                await one.aclose()

    async def _count(self, look: Callable[[Redis], Any]) -> None:
        """Read back from the primary that all agree on, as soon as there is one."""
        sentinel = self._topology.sentinel(socket_timeout=1.0)
        try:
            while self.now() < LENGTH + SETTLED:
                with suppress(*FAILS):
                    _, port = await sentinel.discover_master("course")
                    number = [self._topology.own_port(name) for name in DATA].index(port)
                    redis = self._world.redis(number)
                    if not self._cuts and (await redis.info("replication"))["role"] == "master":
                        await look(redis)
                        return
                await asyncio.sleep(0.1)
        finally:
            for one in sentinel.sentinels:
                await one.aclose()
