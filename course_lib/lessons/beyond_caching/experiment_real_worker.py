"""One worker of `experiment_real`, run as a module: `… URL w1 "at least once"`. It brings little, to start fast."""

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


async def main(url: str, me: str, way: str) -> None:
    """One worker: it waits for its start, and works until it is killed."""
    work, effect = WAYS[way]
    redis = Redis.from_url(url, decode_responses=True, socket_timeout=None)

    async def pack(parcel: str) -> None:
        if me == "w1":
            await stand("w1 has a parcel")
        await effect(redis, parcel)
        if me == "w2":
            await stand("w2 has packed a parcel")

    async def stand(where: str) -> None:
        await redis.set(where, 1)
        await asyncio.sleep(3600)

    started: Any = redis.blpop([f"go {me}"], timeout=0)
    await started
    await work(redis, me, pack)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
