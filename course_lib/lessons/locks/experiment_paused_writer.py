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
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

import course_lib
from course_lib.errors import ServerFailed, StaleFence
from course_lib.patterns.locks import Lease
from course_lib.patterns.redlock import FencedStore, Redlock
from course_lib.servers import GuardedProcess, guarded
from course_lib.worlds import Real

HOME = Path(course_lib.__file__).parents[1]
TTL = 1.0
PATIENCE = 30.0
"""Seconds within which each step must have come, on a busy machine."""


@dataclass(frozen=True)
class Stopped:
    """What happened: how the late write ended ("taken" or "refused"), whose report stands, and both fences."""

    late_write: str
    report: str
    first_fence: tuple[int, ...]
    second_fence: tuple[int, ...]


def stopped_before_its_write(urls: Sequence[str], *, fenced: bool) -> Stopped:
    """The first holder is stopped, the second writes, the first goes on and writes. The report is on the first node.

    Cost: about 2 s: a process is started, and a TTL of 1 s must pass.
    Raises: ServerFailed with the process's own words if it fails or hangs; Windows has no SIGSTOP.
    """
    command = [sys.executable, "-m", __name__, "fenced" if fenced else "plain", *urls]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with guarded(command, directory=HOME, env=environment) as first:
        _wait_until_stopped(first)
        world = Real(*urls)
        world.client("second", _second, [world.redis(node) for node in range(len(urls))], fenced)
        outcome = world.run()["second"]
        if isinstance(outcome, BaseException):
            raise outcome
        first.resume()
        said, problems = first.communicate(timeout=PATIENCE)
    if first.returncode:
        raise ServerFailed(f"The stopped worker failed:\n{problems.strip()[-2000:]}")
    fence, late = said.splitlines()
    reader = Real(urls[0])
    reader.client("reader", _report, reader.redis())
    return Stopped(late, str(reader.run()["reader"]), _numbers(fence), outcome)


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


async def _report(redis: Redis) -> Any:
    return await redis.hget("report", "value")


def _numbers(fence: str) -> tuple[int, ...]:
    return tuple(map(int, fence.split(",")))


async def first(urls: Sequence[str], *, fenced: bool) -> None:
    """The process that is stopped: acquire, look at the lease, be stopped, write; print the fence and what came."""
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
