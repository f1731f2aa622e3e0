"""Lesson 04 on real servers: five independent nodes, some of them killed, and what locking costs then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from course_lib.patterns.locks import Lock
from course_lib.patterns.redlock import Redlock
from course_lib.servers import Topology
from course_lib.worlds import Real, Simulated, World, run_or_raise

TIMEOUT = 0.5
"""Seconds that each node has to answer: generous, for a busy machine."""


@dataclass(frozen=True)
class Tries:
    """The results of attempts to lock. `took` is the seconds of each; `got` is how many of them got the lock.

    `most_at_once` is the largest number of workers that held it at the same moment.
    """

    took: tuple[float, ...]
    got: int
    most_at_once: int

    @property
    def typical_ms(self) -> float:
        """The median time of an attempt, in ms, with its release if it got the lock."""
        return median(self.took) * 1000


def killing(five: Topology, *, tries: int = 60) -> list[dict[str, object]]:
    """Lock and release with none of five nodes killed, with two and with three, real and simulated: rows for a table.

    Cost: `tries` attempts six times. It leaves two nodes alive.
    """
    urls, rows = [five.url(name) for name in five.names], list[dict[str, object]]()
    for dead in (0, 2, 3):
        for name in five.names[len(five.names) - dead :]:
            five.kill(name)
        real, simulated = try_real(urls, tries=tries), try_simulated(len(urls), dead=dead, tries=tries)
        rows.append(
            {
                "nodes killed": dead,
                "attempts": tries,
                "got it, real": real.got,
                "got it, simulated": simulated.got,
                "ms, real": round(real.typical_ms, 2),
                "ms, simulated": round(simulated.typical_ms, 2),
            }
        )
    return rows


def grab(urls: Sequence[str], *, ttl: float = 30.0) -> float | None:
    """Take the lock and keep it: for how many seconds it is ours, or None if we do not get it."""
    world = Real(*urls, socket_timeout=TIMEOUT)
    lock = Redlock([world.redis(node) for node in range(len(urls))], "job", ttl=ttl, timeout=TIMEOUT)

    async def take() -> float | None:
        try:
            lease = await lock.acquire()
        except (RedisError, TimeoutError):  # no majority answered
            return None
        return None if lease is None else lease.left()

    world.client("worker", take)
    return cast("float | None", run_or_raise(world)["worker"])


def try_real(urls: Sequence[str], *, tries: int = 100, workers: int = 1) -> Tries:
    """Lock and release, on the servers as they are: one is a `Lock`, several are a `Redlock`."""
    return _try(Real(*urls, socket_timeout=TIMEOUT), len(urls), tries, workers)


def try_simulated(nodes: int, *, dead: int = 0, tries: int = 100, workers: int = 1, seed: int = 1) -> Tries:
    """The same in simulation, with the last `dead` nodes down."""
    world = Simulated(seed, nodes=nodes, socket_timeout=TIMEOUT)
    for node in range(nodes - dead, nodes):
        world.down(node, float("inf"))
    return _try(world, nodes, tries, workers)


def _try(world: World, nodes: int, tries: int, workers: int) -> Tries:
    clients: list[Redis] = [world.redis(node) for node in range(nodes)]
    took, holders, got, most = list[float](), set[str](), 0, 0

    async def worker(name: str) -> None:
        nonlocal got, most
        policy: dict[str, Any] = {"ttl": 10.0, "timeout": TIMEOUT, "draw": world.draws(name)}
        lock = Lock(clients[0], "job", **policy) if nodes == 1 else Redlock(clients, "job", **policy)
        for _ in range(tries // workers):
            start = world.now()
            try:
                lease = await lock.acquire(wait=5.0 if workers > 1 else 0.0)
            except (RedisError, TimeoutError):
                lease = None
            if lease is not None:
                holders.add(name)
                got, most = got + 1, max(most, len(holders))
                await asyncio.sleep(0)
                holders.remove(name)
                await lease.release()
            took.append(world.now() - start)

    for number in range(1, workers + 1):
        world.client(f"w{number}", worker, f"w{number}")
    run_or_raise(world)
    return Tries(tuple(took), got, most)
