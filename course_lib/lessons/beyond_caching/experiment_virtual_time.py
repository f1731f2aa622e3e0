"""A coroutine of the notebook in virtual time, beside a simulated Redis: an hour takes no time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from course_lib.sim import Simulation


def in_virtual_time(body: Callable[[Redis], Awaitable[Any]]) -> Any:
    """Run `await body(redis)` with a server of its own; return what it returns, or raise what it raises."""
    world = Simulation(seed=1)
    name = getattr(body, "__name__", "you")
    world.client(name, body, world.redis())
    result = world.run()[name]
    if isinstance(result, BaseException):
        raise result
    return result
