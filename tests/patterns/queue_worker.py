"""A worker in a process of its own: `python queue_worker.py URL NAME`. Handles jobs until it is killed.

It counts each message in `effect:ID`, once, and says in `begun` and `ended` what it does. The worker named `first` does
not get on with a message `slow` until there is a key `go`.
"""

from __future__ import annotations

import asyncio
import sys

from redis.asyncio import Redis

from course_lib.patterns.queues import WorkQueue, once


async def main(url: str, name: str) -> None:
    redis = Redis.from_url(url, decode_responses=True)
    queue = WorkQueue(redis, "jobs", claim_after=0.5, block=0.2, max_deliveries=50)

    async def handler(message_id: str, text: str) -> None:
        await redis.rpush("begun", f"{name} {message_id}")
        if text == "slow" and name == "first":
            while not await redis.exists("go"):
                await asyncio.sleep(0.05)
        await once(redis, f"done:{message_id}", lambda pipe: pipe.incr(f"effect:{message_id}"), remember=3600)
        await redis.rpush("ended", f"{name} {message_id}")

    await queue.run(name, handler)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
