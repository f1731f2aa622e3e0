"""Who waits by the world's clock: for a moment, and for a reply with a limit of time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from course_lib.sim import Process, Simulation
from course_lib.sim.timeouts import Timeouts
from course_lib.sim.wait_until import until


def ran(body: Any) -> Any:
    world = Simulation()
    world.client("a", body, world)
    result = world.run()["a"]
    if isinstance(result, BaseException):
        raise result
    return result


@pytest.mark.parametrize(("when", "then"), [(0.5, 0.5), (0.2, 0.3), (0.0, 0.3), (7.0, 7.0)])
def test_one_waits_until_a_moment_and_not_for_one_that_is_over(when: float, then: float) -> None:
    async def waits(world: Simulation) -> float:
        await asyncio.sleep(0.3)
        await until(world, when)
        return world.now()

    assert ran(waits) == pytest.approx(then)


def test_who_is_cancelled_waits_no_more_and_nothing_is_left() -> None:
    async def gives_up(world: Simulation) -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(until(world, 0.5), 0.1)
        gave_up = world.now()
        await asyncio.sleep(1)  # its moment comes
        return gave_up

    assert ran(gives_up) == pytest.approx(0.1)


async def timed_out(world: Simulation, timeouts: Timeouts, limit: float, process: Process | None = None) -> float:
    waiter: asyncio.Future[None] = world.loop.create_future()
    timeouts.watch(waiter, limit, process)
    with pytest.raises(TimeoutError):
        await waiter
    return round(world.now(), 6)


def test_each_of_several_has_its_own_limit() -> None:
    async def waits(world: Simulation) -> list[float]:
        timeouts = Timeouts(world.loop)

        async def later(begin: float, limit: float) -> float:
            await asyncio.sleep(begin)
            return await timed_out(world, timeouts, limit)

        return list(await asyncio.gather(later(0, 0.5), later(0.1, 0.5), later(0.2, 0.1), later(0.45, 0.5)))

    assert ran(waits) == [0.5, 0.6, 0.3, 0.95]


def test_who_is_paused_has_the_whole_limit_after_it_wakes() -> None:
    async def waits(world: Simulation) -> list[float]:
        timeouts, paused, awake = Timeouts(world.loop), Process("paused"), Process("awake")
        paused.paused_until, awake.paused_until = 1.0, 0.1
        return list(
            await asyncio.gather(*(timed_out(world, timeouts, 0.3, process) for process in (paused, awake, None)))
        )

    assert ran(waits) == [1.3, 0.3, 0.3]


def test_an_answer_in_time_ends_the_wait() -> None:
    async def waits(world: Simulation) -> list[Any]:
        timeouts = Timeouts(world.loop)
        answered: asyncio.Future[None] = world.loop.create_future()
        before: asyncio.Future[None] = world.loop.create_future()
        before.set_result(None)
        for waiter in (before, answered):
            timeouts.watch(waiter, 0.3, None)
        world.loop.call_later(0.1, answered.set_result, None)
        late = await timed_out(world, timeouts, 0.3)
        return [late, await answered, await before]

    assert ran(waits) == [0.3, None, None]
