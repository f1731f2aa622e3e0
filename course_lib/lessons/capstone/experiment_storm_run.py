"""The service in virtual time: visitors, a scraper, changes of prices, a database, and what goes wrong.

`play(Storm(read="lock and wait", level=2))` simulates; `in_slices` does the same piece by piece, for the lab.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from math import inf

from redis.asyncio import Redis

from course_lib.lessons.capstone.experiment_service import VERSIONS, App, Service, basket_of, page_of
from course_lib.lessons.capstone.experiment_storm import Storm, StormSeen, Strike, Visit
from course_lib.sim import Draws, Process, RandomFaults, Simulation
from course_lib.sim.replication import Replication

LAG = 0.003
"""Seconds from the primary to a replica, and back."""


def play(storm: Storm) -> StormSeen:
    """Simulate."""
    *_, (_, seen) = in_slices(storm)
    return seen


def in_slices(storm: Storm, *, steps: int = 4_000) -> Iterator[tuple[float, StormSeen]]:
    """The same in slices of `steps` callbacks, some 40 ms: yields (share of the virtual time that is over, result)."""
    replicas = 2 if storm.topology == "sentinel" and storm.level == 3 else 0  # else nothing happens to the servers
    faults = None
    if storm.level > 1:
        faults = RandomFaults(lose_request=storm.lost / 2, lose_reply=storm.lost / 2)
    world = Simulation(storm.seed, nodes=1 + replicas, faults=faults, socket_timeout=storm.policy.timeout)
    noon = _Noon(world, storm, Replication(world, lag=(LAG,)) if replicas else None)
    try:
        for now in world.slices(steps):
            yield min(now / (storm.warm + storm.duration), 1.0), noon.seen
        for result in world.results.values():
            if isinstance(result, BaseException):
                raise result
    finally:
        noon.seen.trace = world.trace
        world.rewind(storm.seed)  # what a run leaves in cycles would make later runs pause for the collector


class _Noon:
    """Everything of one run."""

    def __init__(self, world: Simulation, storm: Storm, group: Replication | None) -> None:
        self.world, self.storm, self.group = world, storm, group
        self.seen, self.end = StormSeen(storm), storm.warm + storm.duration
        self.prices = {str(number): 0 for number in range(1, storm.products + 1)}
        self.free = [0.0] * storm.policy.slots
        self.draw, self.slow = world.draws("database"), (inf, inf)
        self.crash_after = inf
        self.processes = [Process(f"app{number + 1}") for number in range(storm.policy.processes)]
        self.weights = [n**-1.5 for n in range(1, storm.products + 1)]
        for number, process in enumerate(self.processes):
            world.client(process.name, self._serve, number, process=process)
        world.client("office", self._change_prices)
        self._strike()
        world.client("auditor", self._audit, start=self.end + 2.0)

    def primary(self) -> Redis:
        """A client of the node that Sentinel names."""
        return self.world.redis(self.group.named.number if self.group else 0)

    def _app(self, name: str, version: int) -> App:
        replicas = len(self.world.nodes) - 1
        return App(self.primary, self.world.draws(f"{name} draws"), self.storm.policy, version, replicas)

    # -- the database ----------------------------------------------------------------------------------------------

    async def load(self, product: str, version: int) -> str | None:
        """Wait for one of the slots, then for the row, as it was when its turn came."""
        world, now = self.world, self.world.now()
        if now >= self.crash_after and product == "1":
            self._crash()
        slot = self.free.index(min(self.free))
        start = max(now, self.free[slot])
        takes = self.storm.load_time * (0.5 + self.draw())
        if self.slow[0] <= start < self.slow[1]:
            takes *= self.storm.slow
        self.free[slot] = start + takes
        if now >= self.storm.warm:
            self.seen.loads.append((now, start + takes))
        await asyncio.sleep(start - now)
        price = self.prices.get(product)
        note = world.note("database", "load", f"product {product}")
        await asyncio.sleep(takes)
        note.t_end = world.now()
        return None if price is None else page_of(product, price, version)

    async def save(self, product: str) -> None:
        """Commit."""
        self.prices[product] += 1
        self.seen.changed[product].append(self.world.now())

    async def _change_prices(self) -> None:
        storm, draw = self.storm, self.world.draws("office")
        service = Service(storm.parts, self._app("office", 2), self)
        under_way = set[asyncio.Task[None]]()
        while (pause := draw.exponential(1 / (storm.changes * storm.products))) < self.end - self.world.now():
            await asyncio.sleep(pause)
            product = str(1 + int(draw() * storm.products))
            under_way.add(asyncio.create_task(service.change(product)))
        await asyncio.gather(*under_way, return_exceptions=True)

    # -- the visitors --------------------------------------------------------------------------------------------------

    async def _serve(self, number: int) -> None:
        """One process: requests come, whether or not the ones before have been answered."""
        storm, world, draw = self.storm, self.world, self.world.draws(f"visitors {number}")
        name = self.processes[number].name
        service = Service(storm.parts, self._app(name, VERSIONS[number % 2]), self)
        under_way = set[asyncio.Task[None]]()
        count, burst_at, left = 0, draw.exponential(2.0), 0
        rate = storm.rate / storm.policy.processes

        def begin(visitor: str, product: str) -> None:
            nonlocal count
            count += 1
            keeps = visitor != "scraper" and draw() < 0.1
            under_way.add(task := asyncio.create_task(self._visit(service, visitor, product, f"{name}:{count}", keeps)))
            task.add_done_callback(under_way.discard)

        next_visit = draw.exponential(1 / rate)
        while (at := min(next_visit, burst_at)) < self.end:
            await asyncio.sleep(at - world.now())
            if at == next_visit:
                begin(f"visitor{int(draw() * storm.visitors)}", self._popular(draw))
                next_visit = at + draw.exponential(1 / rate)
            else:
                left = left or storm.burst // storm.policy.processes
                first, many = (1, storm.products) if draw() < 0.5 else (storm.products + 1, 2)  # half do not exist
                begin("scraper", str(first + int(draw() * many)))
                left -= 1
                burst_at = at + (draw.exponential(0.02) if left else draw.exponential(2.0))
        while under_way:
            await asyncio.wait(under_way)

    def _popular(self, draw: Draws) -> str:
        """The n-th product with a weight of n^(-1.5)."""
        at = draw() * sum(self.weights)
        for number, weight in enumerate(self.weights, 1):
            at -= weight
            if at < 0:
                return str(number)
        return str(self.storm.products)

    async def _visit(self, service: Service, visitor: str, product: str, request: str, keeps: bool) -> None:
        start, seen = self.world.now(), self.seen
        shown = await service.page(visitor, product, request)
        kind = shown.kind
        if kind == "page" and seen.is_stale(product, shown.price, start):
            kind = "stale"
        elif kind == "page" and product not in self.prices:
            kind = "broken"
        if start >= self.storm.warm:
            seen.visits.append(Visit(start, self.world.now(), visitor, kind, shown.counted))
        if keeps:
            seen.asked += 1
            if await service.basket(visitor, request):
                seen.told.append((visitor, request))

    async def _audit(self) -> None:
        """When all is over: which of the items that visitors were told of are there?"""
        self.world.faults = None
        for visitor in sorted({visitor for visitor, _ in self.seen.told}):
            told = {item for who, item in self.seen.told if who == visitor}
            there = set(await self.primary().smembers(basket_of(visitor)))
            self.seen.lost += len(told - there)

    # -- the weather ---------------------------------------------------------------------------------------------------

    def _strike(self) -> None:
        """When what goes wrong: in this order, at moments that the seed draws."""
        storm, world, draw = self.storm, self.world, self.world.draws("weather")
        if storm.level < 2:
            return
        at = [storm.warm + storm.duration * (place + 0.08 * draw()) for place in (0.05, 0.18, 0.3, 0.45, 0.7)]
        self.crash_after = at[0]
        self._later(at[1], 0.5, "app2 pauses", partial(world.pause, self.processes[1], 0.5))
        self.slow = (at[2], at[2] + 1.2)
        self.seen.strikes.append(Strike("the database is slow", *self.slow))
        if storm.level == 3:
            self._topple(at[3], at[4])

    def _later(self, when: float, lasts: float, what: str, action: Callable[[], object]) -> None:
        self.seen.strikes.append(Strike(what, when, when + lasts))
        self.world.at(when, action)

    def _crash(self) -> None:
        """A process dies while it loads the bestseller."""
        self.crash_after = inf
        self.seen.strikes.append(Strike("app1 crashes", self.world.now(), self.world.now()))
        self.world.crash(self.processes[0])

    def _topple(self, first: float, second: float) -> None:
        group, world, lasts = self.group, self.world, self.storm.failover
        if group is None:
            self._later(first, 2 * lasts, "the server is down", partial(world.down, 0, 2 * lasts))
            world.client("restart", self._empty, start=first + 2 * lasts)
            return
        self._later(first, lasts, "the primary dies", partial(group.kill, 0))
        world.at(first + lasts, group.promote)
        self._later(second, 2 * lasts, "the primary is cut off", lambda: self._cut(group))
        world.at(second + lasts, group.promote)

    def _cut(self, group: Replication) -> None:
        number = group.named.number
        group.cut(number)
        self.world.at(self.world.now() + 2 * self.storm.failover, group.heal, number)

    async def _empty(self) -> None:
        """A server without a file on disk comes back empty."""
        await self.world.redis(0).flushall()
