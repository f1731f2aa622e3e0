"""One worker of `experiment_real`, run as a module: `… URL w1`. It brings little, to start fast."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from redis.asyncio import Redis

from course_lib.lessons.beyond_caching.programs import Pack, acknowledges_first, claims, counts, counts_once

CLAIM_AFTER = 0.5
"""Seconds."""
WAYS: dict[str, tuple[Callable[[Redis, str, Pack], Awaitable[object]], Callable[[Redis, str], Awaitable[object]]]] = {
    "at most once": (acknowledges_first, counts),
    "at least once": (partial(claims, claim_after=CLAIM_AFTER), counts),
    "effectively once": (partial(claims, claim_after=CLAIM_AFTER), counts_once),
}
"""How a worker works, and what packing does."""


HAS, HAS_PACKED = "has a parcel", "has packed a parcel"
"""Keys: where a worker stands when it is killed."""


def place(url: str, way: str) -> str:
    """The address of the database for a way."""
    return f"{url.removesuffix('/0')}/{list(WAYS).index(way)}"


async def work_as(url: str, me: str, way: str) -> None:
    """A worker, in one way: it waits for its start, and works until it is killed."""
    work, effect = WAYS[way]
    redis = Redis.from_url(place(url, way), decode_responses=True, socket_timeout=None)

    async def pack(parcel: str) -> None:
        if me == "w1":
            await stand(HAS)
        await effect(redis, parcel)
        if me == "w2":
            await stand(HAS_PACKED)

    async def stand(where: str) -> None:
        await redis.set(where, 1)
        await asyncio.sleep(3600)

    started: Any = redis.blpop([f"go {me}"], timeout=0)
    await started
    await work(redis, me, pack)


async def main(url: str, me: str) -> None:
    """The process: all ways at once."""
    await asyncio.gather(*(work_as(url, me, way) for way in WAYS))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
