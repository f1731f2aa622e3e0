"""The picture at the head of lesson 03: two customers redeem a voucher at the same moment, and an update is lost."""

from __future__ import annotations

from redis.asyncio import Redis

from course_lib.views.picture import Picture
from course_lib.views.spacetime import spacetime
from course_lib.worlds import Simulated, run_or_raise

SEED = 1


def head() -> Picture:
    """Ann and Bob count as the lesson's first code does; then Theo reads the counter."""
    world = Simulated(SEED)
    for name in ("ann", "bob"):
        world.client(name, _redeem, world.redis())
    redeemed = " and ".join(name.capitalize() for name in sorted(run_or_raise(world)))
    world.client("theo", world.redis().get, "used")
    counted = int(run_or_raise(world)["theo"])
    return spacetime(world.trace, title=f"{redeemed} redeem the voucher, and the counter says {counted}")


async def _redeem(redis: Redis) -> None:
    used = int(await redis.get("used") or 0)
    await redis.set("used", used + 1)
