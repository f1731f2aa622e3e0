"""The same service on real servers, while its primary dies: visitors, changes and baskets in real time."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from course_lib.lessons.capstone.experiment_service import VERSIONS, App, Policy, Service, basket_of, page_of
from course_lib.lessons.capstone.experiment_storm import Storm, StormSeen, Strike, Visit
from course_lib.servers import Topology
from course_lib.trace import Trace
from course_lib.worlds.threads import run_anywhere, until

REAL = Policy(ttl=2.0, timeout=0.2, processes=2)
"""The same times as in the simulation, with a longer time-out: other programs use this machine too."""
BEFORE, AFTER = 1.5, 2.0
"""Seconds of visits before the primary is killed, and after a basket is kept again."""


def under_fire(storm: Storm, *, rate: float = 40.0, seed: int = 1) -> StormSeen:
    """Start a Sentinel topology, send visitors, kill the primary with SIGKILL, and count. Ends when it serves again.

    Units: `rate` pages a second. Cost: about 8 s. Raises: NoServer.
    """
    storm = replace(storm, policy=REAL, rate=rate, warm=0.0, level=3, seed=seed, topology="standalone")
    topology = Topology("sentinel")
    try:
        topology.start()
        return run_anywhere(lambda: _Live(topology, storm).run(), name="a service under fire")
    finally:
        topology.stop()


class _Live:
    """One run. Its database is a table in this process, with as many connections as the simulated one has."""

    def __init__(self, topology: Topology, storm: Storm) -> None:
        self.topology, self.storm, self.seen = topology, storm, StormSeen(storm, trace=Trace("real"))
        self.prices = {str(number): 0 for number in range(1, storm.products + 1)}
        self.slots = asyncio.Semaphore(storm.policy.slots)
        self.draw, self.zero, self.over = random.Random(storm.seed), time.monotonic(), False

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.zero

    async def run(self) -> StormSeen:
        """Visits all the while; a kill in between; and then the question which baskets are there."""
        async with AsyncExitStack() as opened:
            timeout = self.storm.policy.timeout
            options: dict[str, Any] = {"socket_timeout": 2 * timeout, "socket_connect_timeout": timeout}
            clients = [await opened.enter_async_context(self.topology.redis(**options)) for _ in VERSIONS]
            services = [
                Service(self.storm.parts, self._app(client, version), self)
                for client, version in zip(clients, VERSIONS, strict=True)
            ]
            work = [asyncio.create_task(self._visits(service, str(n))) for n, service in enumerate(services)]
            work.append(asyncio.create_task(self._changes(services[0])))
            await asyncio.sleep(BEFORE)
            await self._kill()
            kept = len(self.seen.told)
            await until(lambda: len(self.seen.told) >= kept + 3, "a basket is kept again")
            self.seen.strikes[-1] = self.seen.strikes[-1]._replace(end=self.now())
            await asyncio.sleep(AFTER)
            self.over = True
            await asyncio.gather(*work)
            for visitor in sorted({visitor for visitor, _ in self.seen.told}):
                there = set(await clients[0].smembers(basket_of(visitor)))
                self.seen.lost += sum(who == visitor and item not in there for who, item in self.seen.told)
        self.seen.storm = replace(self.storm, duration=self.now())
        return self.seen

    def _app(self, client: Any, version: int) -> App:
        return App(lambda: client, self.draw.random, self.storm.policy, version, replicas=1)

    async def _kill(self) -> None:
        nodes = await asyncio.to_thread(self.topology.status)
        name = next(node.name for node in nodes if node.role == "primary")
        self.seen.strikes.append(Strike(f"{name} is killed", self.now(), self.now()))
        await asyncio.to_thread(self.topology.kill, name)

    async def load(self, product: str, version: int) -> str | None:
        """A load takes as long as in the simulation."""
        begun = self.now()
        async with self.slots:
            price = self.prices.get(product)
            await asyncio.sleep(self.storm.load_time * (0.5 + self.draw.random()))
        self.seen.loads.append((begun, self.now()))
        return None if price is None else page_of(product, price, version)

    async def save(self, product: str) -> None:
        """Commit."""
        self.prices[product] += 1
        self.seen.changed[product].append(self.now())

    async def _changes(self, service: Service) -> None:
        tasks = set[asyncio.Task[None]]()
        while not self.over:
            await asyncio.sleep(self.draw.expovariate(self.storm.changes * self.storm.products))
            tasks.add(asyncio.create_task(service.change(self.draw.choice(list(self.prices)))))
        await asyncio.gather(*tasks)

    async def _visits(self, service: Service, process: str) -> None:
        tasks, count = set[asyncio.Task[None]](), 0
        weights = [int(product) ** -1.5 for product in self.prices]
        while not self.over:
            await asyncio.sleep(self.draw.expovariate(self.storm.rate / len(VERSIONS)))
            count += 1
            product = self.draw.choices(list(self.prices), weights)[0]
            visitor = f"visitor{self.draw.randrange(self.storm.visitors)}"
            tasks.add(asyncio.create_task(self._visit(service, visitor, product, f"{process}:{count}")))
        await asyncio.gather(*tasks)

    async def _visit(self, service: Service, visitor: str, product: str, request: str) -> None:
        start = self.now()
        shown = await service.page(visitor, product, request)
        old = shown.kind == "page" and self.seen.is_stale(product, shown.price, start)
        kind = "stale" if old else shown.kind
        self.seen.visits.append(Visit(start, self.now(), visitor, kind, shown.counted))
        if self.draw.random() < 0.2:
            self.seen.asked += 1
            if await service.basket(visitor, request):
                self.seen.told.append((visitor, request))


def beside(simulated: StormSeen, real: StormSeen | None) -> list[dict[str, object]]:
    """The numbers of both, a line each; of the real one only the names, where there is none."""
    rows: list[dict[str, object]] = []
    for name, value in simulated.summary().items():
        there = real.summary()[name] if real is not None else "not measured"
        rows.append({"number": name, "simulated": value, "real": there})
    return rows
