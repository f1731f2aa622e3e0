"""Workers that use redis-py's own lock, to be reviewed in 08.3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.asyncio.lock import Lock

TIMEOUT, SLEEP, WAIT = 0.5, 0.05, 2.0
"""Seconds that a worker's lock lives, between two tries, and after which a worker gives up."""


def lock_of_a_process(redis: Redis) -> Lock:
    """The lock as a process makes it, once; all its tasks use it."""
    return Lock(redis, "job", timeout=TIMEOUT, sleep=SLEEP, blocking_timeout=WAIT)


async def works(lock: Lock, token: str, work: Callable[[], Awaitable[None]]) -> bool:
    """To be reviewed: a worker that uses redis-py's lock as its documentation shows."""
    if not await lock.acquire(token=token):
        return False
    try:
        await work()
    finally:
        await lock.release()
    return True
