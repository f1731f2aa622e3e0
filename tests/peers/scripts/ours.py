"""Ours, as one process of a crowd: `ours.py FAULT URL`, in the course's own environment."""

import asyncio

from redis.asyncio import Redis
from talk import hear, listen, say

from course_lib.patterns import lock_and_wait

LOAD, CALLERS = 1.0, 8  # as in caches.py


def crowd(url):
    loads = []

    async def load():
        loads.append(1)
        await asyncio.sleep(LOAD)
        return "page"

    async def main():
        async with Redis.from_url(url, decode_responses=True) as redis:
            await redis.ping()
            say("ready")
            await asyncio.to_thread(hear)
            asked = (lock_and_wait(redis, "page", load, ttl=60, lock_ttl=10, wait=30) for _ in range(CALLERS))
            assert set(await asyncio.gather(*asked)) == {"page"}

    asyncio.run(main())
    return len(loads)


listen({"crowd": crowd})
