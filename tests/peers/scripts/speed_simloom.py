"""How many schedules a second simloom plays of two clients who count with GET and SET, through redis-py.

A line has the number of schedules; the answer has schedules a second by the clock and by processor time, and in how
many an update was lost. It is null where simloom has no release for this Python.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

try:
    import simloom
except ImportError:
    simloom = None
from redis.asyncio import Redis


async def get_then_set(redis, seen):
    value = int(await redis.get("count") or 0)
    await redis.set("count", value + 1)
    seen.append(value)


async def both(world):
    """A server of simloom's own, and a connection for each client."""
    await world.run_service(simloom.SimRedis(), host="redis", port=6379)
    seen = []
    clients = [Redis(host="redis", port=6379, protocol=2, driver_info=None, decode_responses=True) for _ in "ab"]
    await asyncio.gather(*(get_then_set(client, seen) for client in clients))
    return len(set(seen))


def played(schedules):
    """Its servers are cancelled at the end of a run, which simloom would call a failure if it were not recorded."""
    began, used = time.perf_counter(), time.process_time()
    lost = sum(simloom.run(both, seed=seed, on_unhandled="record").value == 1 for seed in range(schedules))
    return schedules / (time.perf_counter() - began), schedules / (time.process_time() - used), lost


def main():
    for line in sys.stdin:
        print(json.dumps(None if simloom is None else played(json.loads(line))), flush=True)


main()
