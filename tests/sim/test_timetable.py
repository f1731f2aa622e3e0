"""When something happens by itself: timers of live processes and keys that expire, by clocks that can be wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from course_lib.sim import Simulation, steady
from course_lib.sim.timetable import timetable


def looked_up(world: Simulation, at: float, alike: float = 1e-4) -> list[float]:
    """The times to come at that time, to a thousandth."""
    found: list[float] = []

    async def looks() -> None:
        await asyncio.sleep(at)
        found.extend(timetable(world, alike))

    world.client("looks", looks)
    world.run()
    return [round(when, 3) for when in found]


async def sleeps(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def sets(redis: Any, key: str, ms: int | None) -> None:
    await redis.set(key, 1, px=ms)


def world_of_one() -> Simulation:
    return Simulation(latency=steady(1e-6))


def test_timers_and_expiring_keys_are_there_in_order_and_what_is_over_is_not() -> None:
    world = world_of_one()
    for name, seconds in (("a", 0.5), ("b", 0.05), ("c", 0.2)):
        world.client(name, sleeps, seconds)
    for key, ms in (("k", 300), ("gone", 20), ("stays", None)):
        world.client(key, sets, world.redis(), key, ms)
    assert looked_up(world, 0.1) == [0.2, 0.3, 0.5]


def test_of_times_that_are_alike_the_last_is_there() -> None:
    world = world_of_one()
    for number, seconds in enumerate((0.2, 0.205, 0.3, 0.32)):
        world.client(f"c{number}", sleeps, seconds)
    assert looked_up(world, 0.1, alike=0.01) == [0.205, 0.3, 0.32]


def test_a_dead_process_and_a_cancelled_timer_have_no_time() -> None:
    world = world_of_one()

    async def gives_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(0.4), 0.05)

    dies = world.client("dies", sleeps, 0.3)
    world.client("lives", sleeps, 0.6)
    world.client("gives up", gives_up)

    async def kills() -> None:
        world.crash(dies)

    world.client("kills", kills)
    assert looked_up(world, 0.1) == [0.6]


def test_a_key_expires_by_its_own_servers_clock() -> None:
    world = Simulation(nodes=2, latency=steady(1e-6))
    world.nodes[1].skew = 5.0
    for number in range(2):
        world.client(f"c{number}", sets, world.redis(number), "k", 300 + 100 * number)
    assert looked_up(world, 0.1) == [0.3, 0.4]


def test_timers_can_be_asked_of_one_process() -> None:
    world = world_of_one()
    one = world.client("a", sleeps, 0.5)
    other = world.client("b", sleeps, 0.7)
    seen: list[Any] = []

    async def looks() -> None:
        await asyncio.sleep(0)
        seen.extend(world.loop.timers(process) for process in (one, other))

    idle = world.client("looks", looks)
    world.run()
    assert seen == [[pytest.approx(0.5)], [pytest.approx(0.7)]]
    assert world.loop.timers(idle) == []
