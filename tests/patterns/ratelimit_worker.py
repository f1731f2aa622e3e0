"""One process of a crowd at the limiters of a real server: `python ratelimit_worker.py URL TASKS LIMIT`.

It says `ready` in Redis, waits for `go`, asks each limiter TASKS times, and prints how often each said yes, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

from redis.asyncio import BlockingConnectionPool, Redis

from course_lib.patterns.ratelimit import GCRA, FixedWindow, Limiter, SlidingCounter, SlidingLog, TokenBucket

LONG = 8e8  # s: in 2020 such a window of the calendar began, and in 2046 it ends


def limiters(redis: Redis, limit: int) -> list[Limiter]:
    """Each limiter, with a place for `limit` in this century."""
    windows = [
        kind(redis, "hits", limit=limit, period=LONG, timeout=60) for kind in (FixedWindow, SlidingLog, SlidingCounter)
    ]
    return [
        *windows,
        *(kind(redis, "hits", limit=1, period=1e6, burst=limit, timeout=60) for kind in (TokenBucket, GCRA)),
    ]


async def main(url: str, tasks: int, limit: int) -> None:
    pool = BlockingConnectionPool.from_url(url, max_connections=20, timeout=None)
    redis = Redis(connection_pool=pool)
    await redis.incr("ready")
    while not await redis.exists("go"):
        await asyncio.sleep(0.005)
    admitted = {}
    for limiter in limiters(redis, limit):
        decisions = await asyncio.gather(*(limiter.hit("ann") for _ in range(tasks)))
        admitted[type(limiter).__name__] = sum(decision.allowed for decision in decisions)
    await redis.aclose()
    await pool.disconnect()
    print(json.dumps(admitted))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
