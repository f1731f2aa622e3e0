"""One load at a time: what a missing key needs when many clients ask for it at once.

`lock_and_wait` works across all processes, at the price of waiting. `SingleFlight` works within one process and sends
nothing. They compose: `await flight.do(key, lambda: lock_and_wait(redis, key, load, …))`.
"""

from __future__ import annotations

import asyncio
import random

from redis.asyncio import Redis

from course_lib.errors import LoadTimeout
from course_lib.patterns.basics import Draw, Token, milliseconds, new_token, require, uninterrupted
from course_lib.patterns.cache import Load, unpack
from course_lib.patterns.loadlock import LoadLock


async def lock_and_wait(
    redis: Redis, key: str, load: Load, *,
    ttl: float, lock_ttl: float, wait: float, poll: float = 0.02, growth: float = 1.5, absent_ttl: float = 1.0,
    token: Token = new_token, draw: Draw = random.random,
) -> str | None:  # fmt: skip
    """Locked cache-aside: one client loads a missing key, and the others wait for its value.

    One load runs at a time, in all processes together, as long as loads take less than lock_ttl. A crashed holder is
    replaced once its lock expires; a holder that is slower than its lock returns its value and stores nothing. A load
    that fails or is cancelled frees the lock, and the next waiter tries.

    Units: ttl, lock_ttl, absent_ttl in seconds; wait for another client's load in seconds, 0 to 1e9; poll in seconds:
        the first pause, ±50 % at random. Each pause is `growth` times (1 or more) the last, up to 10 × poll.
    Cost: hit, 1 round trip; loader, 3 and one load; waiter, 1 or 2, and 1 for each poll.
    Raises: LoadTimeout after wait; what load raises, only to the client that loads; TimeoutError if Redis is silent for
        lock_ttl.
    Does not: cache anything if every load takes longer than lock_ttl; spare a failing database, which the waiters try
        in turn; wake waiters at once; free the lock before lock_ttl if the replies to SET and to the release are lost.
    Source: redis.io, SET (the lock); Nishtala et al., NSDI 2013, §3.2.1 (leases, the same idea).

    >>> async def load(): return print("loading") or "Ann"
    >>> ask = lambda: lock_and_wait(redis, "user:42", load, ttl=60, lock_ttl=5, wait=5)
    >>> await asyncio.gather(ask(), ask(), ask())
    loading
    ['Ann', 'Ann', 'Ann']
    """
    require(0 <= wait <= 1e9, "wait", wait, "seconds, from 0 to 1e9")
    require(growth >= 1, "growth", growth, "a number, at least 1")
    pause = milliseconds("poll", poll) / 1000
    lock = LoadLock(redis, key, "", ttl=ttl, lock_ttl=lock_ttl, absent_ttl=absent_ttl)
    now = asyncio.get_running_loop().time
    deadline = now() + wait
    while True:
        looked = redis.execute_command("MGET", key, lock.name)  # type: ignore[no-untyped-call]  # mget takes 6 % longer
        stored, holder = await looked
        if stored is None and holder is None:
            lock.token = lock.token or token()  # a hit needs none
            stored, holder, _ = await lock.take()  # it looks again: the value may have come meanwhile
            if holder == lock.token and stored is None:
                return await lock.load(load)
            if holder == lock.token:
                await lock.release()
        if stored is not None:
            return unpack(stored)
        if (left := deadline - now()) <= 0:
            raise LoadTimeout(f"{key!r} did not arrive within {wait} s; another client has been loading it")
        await asyncio.sleep(min(pause * (0.5 + draw()), left))
        pause = min(pause * growth, poll * 10)


class SingleFlight:
    """Single-flight, or request coalescing: concurrent calls for one key in this process share one load.

    The load runs in a task that belongs to all of its callers. Cancel one of them, even the first, and the load goes
    on; cancel the last, and the load is cancelled. Its error goes to every caller. A later call loads again.

    Cost: nothing on the wire; one task for each load.
    Raises: what load raises, to all callers that share it.
    Does not: reach other processes: each has its own; limit a load's time: a slow one holds up all that share it.
    Source: Go, golang.org/x/sync/singleflight.

    >>> async def load(): return print("loading") or "Ann"
    >>> flight = SingleFlight()
    >>> await asyncio.gather(flight.do("user:42", load), flight.do("user:42", load))
    loading
    ['Ann', 'Ann']
    """

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Future[str | None]] = {}
        self._callers: dict[asyncio.Future[str | None], int] = {}

    async def do(self, key: str, load: Load) -> str | None:
        """Join the load of `key` that is under way, or begin one."""
        flight = self._flights.get(key)
        if flight is None or flight.done():
            flight = self._flights[key] = asyncio.ensure_future(load())
        self._callers[flight] = self._callers.get(flight, 0) + 1
        try:
            await asyncio.wait([flight])  # unlike `await flight`, it leaves the flight alone when we are cancelled
            return flight.result()
        finally:
            self._callers[flight] -= 1
            if self._callers[flight] == 0:
                await self._land(key, flight)

    async def _land(self, key: str, flight: asyncio.Future[str | None]) -> None:
        del self._callers[flight]
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.done():
            flight.cancel()
            await uninterrupted(asyncio.wait([flight]))  # it may have a lock to free first
