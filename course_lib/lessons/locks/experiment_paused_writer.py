"""A holder of Redlock that is really stopped, by SIGSTOP, between its last look at the lease and its write.

`stopped_before_its_write(urls)` starts that holder as a process of its own, lets another worker have the lock when the
lease is over, and then lets the first one go on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.errors import ServerFailed, StaleFence
from course_lib.patterns.locks import Lease
from course_lib.patterns.redlock import FencedStore, Redlock
from course_lib.servers import GuardedProcess, guarded_module
from course_lib.worlds import Real, run_or_raise

TTL = 1.0
PATIENCE = 30.0
"""Seconds that each step may take, on a busy machine."""


@dataclass(frozen=True)
class Stopped:
    """What happened: how the late write ended ("taken" or "refused"), whose report is stored, and both fences."""

    late_write: str
    report: str
    first_fence: tuple[int, ...]
    second_fence: tuple[int, ...]


def stopped_before_its_write(urls: Sequence[str], *, fenced: bool) -> Stopped:
    """The first holder is stopped, the second writes, the first goes on and writes. The report is on the first node.

    Cost: about 2 s: a process is started, and a TTL of 1 s must pass.
    Raises: ServerFailed with the process's own words if it fails or hangs; Windows has no SIGSTOP.
    """
    with guarded_module(__name__, "fenced" if fenced else "plain", *urls) as first:
        _wait_until_stopped(first)
        world = Real(*urls)
        world.client("second", _second, [world.redis(node) for node in range(len(urls))], fenced)
        second_fence = run_or_raise(world)["second"]
        first.resume()
        said, problems = first.communicate(timeout=PATIENCE)
    if first.returncode:
        raise ServerFailed(f"The stopped worker failed:\n{problems.strip()[-2000:]}")
    fence, late = said.splitlines()
    world.client("reader", world.redis().hget, "report", "value")
    return Stopped(late, str(run_or_raise(world)["reader"]), tuple(map(int, fence.split(","))), second_fence)


def _wait_until_stopped(process: GuardedProcess) -> None:
    deadline = time.monotonic() + PATIENCE
    while not process.is_paused:
        if process.ends_within(0.01) or time.monotonic() > deadline:
            raise ServerFailed("The first worker did not come as far as its write.")


async def _second(nodes: list[Redis], fenced: bool) -> tuple[int, ...]:
    lease = await Redlock(nodes, "job", ttl=TTL, timeout=0.5).acquire(wait=PATIENCE)
    if lease is None:
        raise ServerFailed("The second worker did not get the lock.")
    await _write(nodes[0], "second", lease, fenced)
    await lease.release()
    return lease.fence


async def _write(redis: Redis, value: str, lease: Lease, fenced: bool) -> None:
    if fenced:
        await FencedStore(redis, "report").put(value, lease.fence)
    else:
        await redis.hset("report", "value", value)


async def first(urls: Sequence[str], *, fenced: bool) -> None:
    """What the stopped process does: acquire, look at the lease, be stopped, write; print the fence and the result."""
    nodes = [Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0)) for url in urls]
    lease = await Redlock(nodes, "job", ttl=TTL, timeout=0.5).acquire(wait=PATIENCE)
    if lease is None or not lease.valid:
        raise SystemExit("the first worker did not get the lock")
    os.kill(os.getpid(), signal.SIGSTOP)  # the lease was valid a moment ago
    try:
        await _write(nodes[0], "first", lease, fenced)
        late = "taken"
    except StaleFence:
        late = "refused"
    print(",".join(map(str, lease.fence)))
    print(late)
    for node in nodes:
        await node.aclose()


if __name__ == "__main__":
    asyncio.run(first(sys.argv[2:], fenced=sys.argv[1] == "fenced"))
