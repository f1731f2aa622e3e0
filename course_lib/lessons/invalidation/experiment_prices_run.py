"""The readers and the writer in virtual time, under each strategy.

`play(Prices(strategy="lease"))` simulates. `in_slices` does the same piece by piece, for the lab.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

from course_lib.lessons.invalidation.experiment_prices import CUT, Answer, Prices, PricesSeen
from course_lib.lessons.invalidation.experiment_strategies import STRATEGIES, App, Strategy, app_of
from course_lib.patterns.basics import require
from course_lib.sim import Process, Simulation


def play(prices: Prices) -> PricesSeen:
    """Simulate."""
    *_, (_, seen) = in_slices(prices)
    return seen


def in_slices(prices: Prices, *, steps: int = 4_000) -> Iterator[tuple[float, PricesSeen]]:
    """The same in slices of `steps` callbacks, some 40 ms: yields (share of the virtual time that is over, result)."""
    require(prices.strategy in STRATEGIES, "strategy", prices.strategy, ", ".join(STRATEGIES))
    world, strategy = Simulation(prices.seed), STRATEGIES[prices.strategy]
    seen = PricesSeen(prices)
    row = _Row(world, seen)
    for number in range(prices.processes):
        _set_up(world, strategy, row, number)
    writer = app_of(world.redis(), row, prices, world.draws("writer"))
    world.client("writer", row.change, strategy, writer)
    try:
        for now in world.slices(steps):
            yield min(now / prices.duration, 1.0), seen
        for result in world.results.values():
            if isinstance(result, BaseException):
                raise result
    finally:
        world.rewind(prices.seed)  # what a run leaves in cycles would make later runs pause for the collector


class _Row:
    """The row in the database, and what is measured."""

    def __init__(self, world: Simulation, seen: PricesSeen) -> None:
        self._world, self._seen, self._draw = world, seen, world.draws("loads")

    @property
    def newest(self) -> int:
        return len(self._seen.changed)

    async def load(self) -> str:
        return (await self.load_version())[1]

    async def load_version(self) -> tuple[int, str]:
        number = self.newest
        self._seen.loads += 1
        await asyncio.sleep(self._draw.exponential(self._seen.prices.load_time))
        return number, str(number)

    async def save(self) -> int:
        self._seen.changed.append(self._world.now())
        return self.newest

    async def change(self, strategy: Strategy, app: App) -> None:
        """The writer: wait, change the price, and begin again, until the end."""
        while (pause := app.draw.exponential(1 / app.prices.changes)) < app.prices.duration - self._world.now():
            await asyncio.sleep(pause)
            await strategy.write(app)

    async def read(self, strategy: Strategy, app: App, number: int) -> None:
        """One reader: wait, ask, and begin again, until the end."""
        world, draw = self._world, self._world.draws(f"reader {number}")
        while (pause := draw.exponential(1 / app.prices.rate)) < app.prices.duration - world.now():
            await asyncio.sleep(pause)
            start = world.now()
            shown = await strategy.read(app)
            self._seen.answers.append(Answer(start, world.now(), int(shown or 0)))


def _set_up(world: Simulation, strategy: Strategy, row: _Row, number: int) -> None:
    """One process: its near cache, which is cut off now and then, and its share of the readers."""
    prices, process, redis = row._seen.prices, Process(f"app{number}"), world.redis()
    hears, ready = f"app{number} hears", asyncio.Event()
    app = app_of(redis, row, prices, world.draws(process.name))

    async def hear() -> None:
        nonlocal app
        async with AsyncExitStack() as opened:
            if strategy.near is not None:
                app = app._replace(near=await strategy.near(redis, prices, opened))
            ready.set()
            await asyncio.sleep(prices.duration if strategy.near is not None else 0)

    async def read(reader: int) -> None:
        await ready.wait()
        await row.read(strategy, app, reader)

    world.client(hears, hear, process=process)
    for reader in range(number, prices.readers, prices.processes):
        world.client(f"reader{reader}", read, reader, process=process)
    cuts, at = world.draws(f"cuts {number}"), 0.0
    while prices.cuts > 0 and (at := at + cuts.exponential(1 / prices.cuts)) < prices.duration:
        world.at(at, world.sever, hears, CUT)
