"""Wait by the world's clock, which no patch of asyncio changes."""

from __future__ import annotations

import asyncio

from course_lib.sim.ground import Ground


async def until(world: Ground, when: float) -> None:
    """Wait until `when`, in seconds since the run began; if that is over, not at all."""
    done = world.loop.create_future()
    world.loop.call_at(max(when, world.now()), _finish, done)
    await done


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():  # who waited may have been cancelled
        done.set_result(None)
