"""One process of a crowd on a real server: `python hammer.py URL STRATEGY TASKS`. Prints what its tasks got, as JSON.

It says `ready` in Redis, waits for `go`, and counts its loads in `loads`. A load takes 0.5 s.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from functools import partial

from redis.asyncio import BlockingConnectionPool, Redis

from course_lib.patterns import SingleFlight, cache_aside, lock_and_wait, lock_or_stale


async def main(url: str, strategy: str, tasks: int) -> None:
    pool = BlockingConnectionPool.from_url(url, decode_responses=True, max_connections=50, timeout=None)
    redis, flight = Redis(connection_pool=pool), SingleFlight()

    async def load() -> str:
        await redis.incr("loads")
        await asyncio.sleep(0.5)
        return "page"

    locked = partial(lock_and_wait, redis, "page", load, ttl=60, lock_ttl=10, wait=30)
    ask = {
        "naive": partial(cache_aside, redis, "page", load, ttl=60),
        "locked": locked,
        "single-flight": lambda: flight.do("page", partial(cache_aside, redis, "page", load, ttl=60)),
        "single-flight, locked": lambda: flight.do("page", locked),
        "placeholder": partial(
            lock_or_stale, redis, "page", load, ttl=60, stale=60, lock_ttl=10, wait=30, placeholder="…"
        ),
    }[strategy]
    await redis.incr("ready")
    while not await redis.exists("go"):
        await asyncio.sleep(0.005)
    got = Counter(await asyncio.gather(*(ask() for _ in range(tasks))))
    await redis.aclose()
    await pool.disconnect()
    print(json.dumps(got))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
