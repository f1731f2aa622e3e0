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
from course_lib.lessons.beyond_caching.experiment_real_worker import HAS, HAS_PACKED, WAYS, place
from course_lib.lessons.beyond_caching.programs import GROUP, PACKED, PARCELS
from course_lib.servers import GuardedProcess, Server, guarded_module

PATIENCE = 30.0
"""Seconds that something may take which must happen."""


def kill_two(server: Server, *, parcels: int = 60) -> dict[str, dict[str, int]]:
    """For each way: how often each parcel was packed, although two of three workers were killed.

    Worker w1 is killed in the middle of its first parcel, w2 right after it has packed its first one and before it
    acknowledges; w3 does the rest. Each process works in all three ways at once, in a database for each.
    Cost: three processes, two or three seconds. None outlives this call.
    """
    with ExitStack() as opened:
        scenes = {way: _Scene(place(server.url, way), parcels, opened) for way in WAYS}
        workers = {me: opened.enter_context(_worker(server.url, me)) for me in ("w1", "w2", "w3")}
        for victim, stands in (("w1", HAS), ("w2", HAS_PACKED)):
            for scene in scenes.values():
                scene.let_go(victim)
            for scene in scenes.values():
                scene.wait_until(partial(scene.redis.exists, stands), f"{victim} {stands}")
            workers[victim].kill()
        for scene in scenes.values():
            scene.let_go("w3")
        return {way: scene.outcome() for way, scene in scenes.items()}


def _worker(url: str, me: str) -> GuardedProcess:
    return guarded_module(experiment_real_worker.__name__, url, me)


class _Scene:
    """One way: its database, and the parcels that were sent before the workers begin."""

    def __init__(self, url: str, parcels: int, opened: ExitStack) -> None:
        self.parcels = parcels
        self.redis: Any = opened.enter_context(sync.Redis.from_url(url, decode_responses=True))
        self.redis.flushdb()
        self.redis.xgroup_create(PARCELS, GROUP, "0", mkstream=True)
        for parcel in range(1, parcels + 1):
            self.redis.xadd(PARCELS, {"parcel": str(parcel)})

    def let_go(self, worker: str) -> None:
        """Let a worker begin."""
        self.redis.rpush(f"go {worker}", 1)

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
        """Nothing is new, nothing is pending, and w3 waits: what it acknowledged first, it has packed since."""
        group, last = self.redis.xinfo_groups(PARCELS)[0], self.redis.xrevrange(PARCELS, count=1)[0][0]
        place = str(self.redis.get_connection_kwargs()["db"])
        waits = any("b" in one["flags"] and one["db"] == place for one in self.redis.client_list())
        return bool(waits and group["pending"] == 0 and group["last-delivered-id"] == last)
