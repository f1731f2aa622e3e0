"""A process that holds a lock: `python locks_holder.py URL TTL`. Prints the lease's fence, then what it learns.

It holds until the lease is lost, says so, and then tries to write as if it had not noticed.
"""

from __future__ import annotations

import asyncio
import sys

from redis.asyncio import Redis

from course_lib.errors import StaleFence
from course_lib.patterns.locks import Lock
from course_lib.patterns.redlock import FencedStore


async def main(url: str, ttl: float) -> None:
    redis = Redis.from_url(url, decode_responses=True)
    lease = await Lock(redis, "job", ttl=ttl, timeout=30).acquire(wait=30)
    assert lease is not None
    print(*lease.fence, flush=True)
    while lease.valid:
        await asyncio.sleep(0.01)
    await lease.lost.wait()
    print("lost", flush=True)
    try:
        await FencedStore(redis, "report").put("old", lease.fence)
        print("written", flush=True)
    except StaleFence:
        print("refused", flush=True)
    await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
