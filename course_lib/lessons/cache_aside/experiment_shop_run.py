"""Paper Moon's readers in virtual time, with the course's own cache-aside.

`play(Shop(ttl=60))` simulates. `in_slices` does the same piece by piece, for the lab.
"""

from __future__ import annotations

import asyncio
from bisect import bisect
from collections.abc import Iterator

from course_lib.lessons.cache_aside.experiment_eviction import LeastRecentlyUsed
from course_lib.lessons.cache_aside.experiment_shop import Read, Shop, ShopResult
from course_lib.patterns import cache_aside
from course_lib.sim import Simulation


def play(shop: Shop) -> ShopResult:
    """Simulate the shop."""
    *_, (_, result) = in_slices(shop)
    return result


def in_slices(shop: Shop, *, steps: int = 4_000) -> Iterator[tuple[float, ShopResult]]:
    """The same in slices of `steps` callbacks, some 40 ms: yields (share of the virtual time that is over, result)."""
    world = Simulation(shop.seed)
    if shop.size is not None:
        world.nodes[0].extension = LeastRecentlyUsed(world, shop.size)
    result = ShopResult(shop)
    readers = _Readers(world, result)
    for number in range(shop.readers):
        world.client(f"reader{number}", readers.read, number)
    total = shop.warm_up + shop.duration
    try:
        for now in world.slices(steps):
            yield min(now / total, 1.0), result
    finally:
        world.rewind(shop.seed)  # what a run leaves in cycles would make later runs pause for the collector


class _Readers:
    """What the readers share: the web server's way to a page, and the database behind it."""

    def __init__(self, world: Simulation, result: ShopResult) -> None:
        self.world, self.shop, self.result = world, result.shop, result
        self.redis = world.redis()
        self._connections: asyncio.Semaphore | None = None

    async def read(self, number: int) -> None:
        """One reader: think, choose a book, open its page, and begin again, until the end."""
        shop, draw = self.shop, self.world.draws(f"reader {number}")
        end = shop.warm_up + shop.duration
        while (pause := draw.exponential(1 / shop.rate)) < end - self.world.now():
            await asyncio.sleep(pause)
            await self._open(min(bisect(shop.up_to, draw()), shop.books - 1) + 1)

    async def _open(self, rank: int) -> None:
        start, hit = self.world.now(), True

        async def load() -> str:
            nonlocal hit
            hit = False
            return await self._load(rank)

        if self.shop.source == "database":
            await load()
        else:
            await cache_aside(self.redis, f"app:product:{rank}", load, ttl=self.shop.ttl)
        zero = self.shop.warm_up
        if self.world.now() >= zero:
            self.result.reads.append(Read(rank, start - zero, self.world.now() - zero, hit))

    async def _load(self, rank: int) -> str:
        """Wait for a connection, and then for the database."""
        if self._connections is None:
            self._connections = asyncio.Semaphore(self.shop.connections)
        asked = self.world.now()
        async with self._connections:
            begun = self.world.now()
            await asyncio.sleep(self.shop.load_time)
        zero = self.shop.warm_up
        self.result.loads.append((asked - zero, begun - zero, self.world.now() - zero))
        return f"the page of book {rank}"
