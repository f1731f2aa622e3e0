"""Lesson 07 on a real server: workers that are processes, two of which are killed with -9 while they have a parcel.

`kill_two(server)` plays that for each way to work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import redis as sync

from course_lib.errors import ServerFailed
from course_lib.lessons.beyond_caching import experiment_real_worker
from course_lib.lessons.beyond_caching.experiment_real_worker import WAYS
from course_lib.lessons.beyond_caching.programs import GROUP, PACKED, PARCELS
from course_lib.servers import GuardedProcess, Server, guarded_module

PATIENCE = 30.0
"""Seconds that something may take which must happen."""


def kill_two(server: Server, *, parcels: int = 60) -> dict[str, dict[str, int]]:
    """For each way: how often each parcel was packed, although two of three workers were killed.

    Worker w1 is killed in the middle of its first parcel, w2 right after it has packed its first one and before it
    acknowledges; w3 does the rest. The three ways run at the same time, each in a database of its own.
    Cost: nine processes, a few seconds. None outlives this call.
    """
    with ExitStack() as opened:
        scenes = [_Scene(server.url, number, way, parcels, opened) for number, way in enumerate(WAYS)]
        for stands, victim in (("w1 has a parcel", 0), ("w2 has packed a parcel", 1)):
            for scene in scenes:
                scene.let_go(victim)
            for scene in scenes:
                scene.wait_until(partial(scene.redis.exists, stands), stands)
                scene.workers[victim].kill()
        for scene in scenes:
            scene.let_go(2)
        return {scene.way: scene.outcome() for scene in scenes}


class _Scene:
    """One way: its database, its three workers, and the parcels that were sent before they begin."""

    def __init__(self, url: str, number: int, way: str, parcels: int, opened: ExitStack) -> None:
        self.way, self.parcels = way, parcels
        url = url.removesuffix("/0") + f"/{number}"
        self.redis: Any = opened.enter_context(sync.Redis.from_url(url, decode_responses=True))
        self.redis.flushdb()
        self.redis.xgroup_create(PARCELS, GROUP, "0", mkstream=True)
        for parcel in range(1, parcels + 1):
            self.redis.xadd(PARCELS, {"parcel": str(parcel)})
        self.workers: list[GuardedProcess] = [
            opened.enter_context(guarded_module(experiment_real_worker.__name__, url, f"w{number}", way))
            for number in range(1, 4)
        ]

    def let_go(self, worker: int) -> None:
        """Let a worker begin."""
        self.redis.rpush(f"go w{worker + 1}", 1)

    def wait_until(self, holds: Callable[[], object], what: str) -> None:
        """Raises: ServerFailed if that does not come true."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise ServerFailed(f"Within {PATIENCE:g} s this did not happen: {what}. Is the machine busy?")
            time.sleep(0.005)

    def outcome(self) -> dict[str, int]:
        """Wait until w3 has nothing left to do; then, how often each parcel was packed."""
        self.wait_until(self._over, "every parcel is acknowledged")
        packed = self.redis.hgetall(PACKED)
        return {str(number): int(packed.get(str(number), 0)) for number in range(1, self.parcels + 1)}

    def _over(self) -> bool:
        group = self.redis.xinfo_groups(PARCELS)[0]
        last = self.redis.xrevrange(PARCELS, count=1)[0][0]
        return bool(group["pending"] == 0 and group["last-delivered-id"] == last)
