"""What the tests of this folder share: running one body alone, or raw commands without redis-py's opinion of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from course_lib.sim import Simulation, steady
from course_lib.trace import Event

MS = 0.001


def world(**options: Any) -> Simulation:
    """A world in which every message takes 1 ms, so that a test can say what happens when."""
    return Simulation(1, latency=steady(MS), **options)


def alone(body: Callable[[Redis], Awaitable[Any]], sim: Simulation | None = None) -> Any:
    """Run one client; return what it returned, or raise what it raised."""
    sim = sim or world()
    sim.client("alone", body, sim.redis())
    result = sim.run()["alone"]
    if isinstance(result, BaseException):
        raise result
    return result


def say(*commands: tuple[Any, ...], sim: Simulation | None = None) -> list[Any]:
    """Send commands one after the other; return the replies, errors included."""

    async def body(redis: Redis) -> list[Any]:
        replies = []
        for command in commands:
            try:
                replies.append(await redis.execute_command(*command))
            except ResponseError as error:
                replies.append(error)
        return replies

    replies: list[Any] = alone(body, sim)
    return replies


def last(sim: Simulation, name: str) -> Event:
    """The newest event with this command."""
    return next(event for event in reversed(sim.trace.events) if event.name == name)
