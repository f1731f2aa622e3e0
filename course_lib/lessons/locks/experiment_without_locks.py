"""Two jobs for which people take a lock, each done with one and without: the last ticket, and twenty parcels."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import WatchError

from course_lib.errors import StaleFence
from course_lib.explore import Budget, Play, Trial, Violation, search
from course_lib.lessons.locks.experiment_set_up import tokens_of
from course_lib.patterns.locks import Lock
from course_lib.patterns.redlock import FencedStore
from course_lib.words import listed
from course_lib.worlds import Simulated, run_or_raise

Buy = Callable[[Redis, Lock, int], Awaitable[bool]]
"""`await buy(redis, lock, pieces)`: is the ticket ours? `pieces` is how many there were to begin with."""

TTL = 1.0
"""Seconds, of the lock."""
SOLD_ONCE = "one ticket is sold once"
PAUSES = (TTL, 1.5 * TTL)
"""Seconds of the one pause: the first ends as the next holder begins, the second when that one has sold."""

# KEYS: how many are left. ARGV: how many there were. Returns 1 if one is ours. Atomic, because two must not both see
# the last one.
TAKE_ONE = """
local left = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if left < 1 then return 0 end
redis.call('SET', KEYS[1], left - 1)
return 1"""


async def _locked(redis: Redis, lock: Lock, pieces: int, *, fenced: bool = False) -> bool:
    lease, store = await lock.acquire(wait=30), FencedStore(redis, "left")
    if lease is None:
        return False
    left = int((await store.get() if fenced else await redis.get("left")) or pieces)
    sold = left > 0 and lease.valid
    if sold and fenced:
        try:
            await store.put(str(left - 1), lease.fence)
        except StaleFence:
            sold = False
    elif sold:
        await redis.set("left", left - 1)
    await lease.release()
    return sold


async def _compared(redis: Redis, lock: Lock, pieces: int) -> bool:
    while True:
        async with redis.pipeline() as pipe:
            await pipe.watch("left")
            left = int(await pipe.get("left") or pieces)
            if left < 1:
                return False
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.set("left", left - 1)
            try:
                await pipe.execute()
                return True
            except WatchError:
                pass  # somebody bought one meanwhile: look again


async def _scripted(redis: Redis, lock: Lock, pieces: int) -> bool:
    return bool(await redis.eval(TAKE_ONE, 1, "left", pieces))


WAYS: dict[str, Buy] = {
    "a lock": _locked,
    "a lock and its fence": partial(_locked, fenced=True),
    "compare and set (WATCH)": _compared,
    "one script": _scripted,
}
"""The ways to sell a ticket."""


@dataclass(frozen=True)
class Sale:
    """How one way of selling did: in `oversold` of `runs` runs, each with one pause, the ticket was sold twice."""

    way: str
    runs: int
    oversold: int
    commands: int
    took: float

    def row(self) -> dict[str, object]:
        """The numbers for a table: commands and time are those of 20 buyers for 10 tickets, without a fault."""
        return {
            "way": self.way, "runs with one pause": self.runs, "sold twice in": self.oversold,
            "commands": self.commands, "20 buyers take (ms)": round(self.took * 1000),
        }  # fmt: skip


def sell(way: str, *, seeds: int = 5, pauses: Sequence[float] = PAUSES) -> Sale:
    """Three buyers and one ticket, with one pause of each length at every command in turn; then twenty, without.

    Raises: KeyError for an unknown way.
    """
    oversold, tried, buy = 0, 0, WAYS[way]
    for pause in pauses:
        trial = Trial(
            "tickets", (SOLD_ONCE,), lambda world, buyers: _open(world, buy, buyers, 1), _sold_once,
            sizes=(3,), seeds=seeds, fault_seeds=seeds, faults={"pause": pause}, horizon=90.0,
        )  # fmt: skip
        found = search(trial, Budget(schedules=20_000, steps=10**8))
        oversold, tried = oversold + found.failures, tried + found.kinds["pause"]
    world = Simulated(1)
    _open(world, buy, 20, 10)
    results = world.run()
    assert sum(result is True for result in results.values()) == 10
    return Sale(way, tried, oversold, len(world.trace), max(e.t_end or 0.0 for e in world.trace))


def _sold_once(play: Play) -> Iterator[Violation]:
    sold = [who for who, result in play.results.items() if result is True]
    if len(sold) > 1:
        yield Violation(SOLD_ONCE, f"{listed(sold)} were each sold the one ticket", sold[-1], play.now)


def _open(world: Simulated, buy: Buy, buyers: int, pieces: int) -> None:
    starts = world.draws("starts")
    for number in range(1, buyers + 1):
        name = f"b{number}"
        lock = Lock(world.redis(), "till", ttl=TTL, draw=world.draws(name), token=tokens_of(name))
        world.client(name, buy, world.redis(), lock, pieces, start=starts.between(0, 0.01))


# -- parcels ----------------------------------------------------------------------------------------------------------


def deliver(*, queue: bool, parcels: int = 20, workers: int = 5, takes: float = 0.05, seed: int = 1) -> dict[str, Any]:
    """Workers deliver parcels, under one lock or from a queue: how long it takes, and how many went out twice.

    Units: `takes` seconds each; the time in seconds.
    """
    world, done = Simulated(seed), list[str]()

    async def fill() -> None:
        await world.redis().rpush("parcels", *[f"p{number}" for number in range(parcels)])

    async def by_queue(redis: Redis, lock: Lock) -> None:
        while (parcel := await redis.lpop("parcels")) is not None:
            await asyncio.sleep(takes)
            done.append(str(parcel))

    async def by_lock(redis: Redis, lock: Lock) -> None:
        while True:
            async with lock.hold(wait=60):
                parcel = await redis.lindex("parcels", 0)
                if parcel is None:
                    return
                await asyncio.sleep(takes)
                done.append(str(parcel))
                await redis.lpop("parcels")

    world.client("fill", fill)
    world.run()
    began = world.now()
    for number in range(1, workers + 1):
        name = f"w{number}"
        lock = Lock(world.redis(), "van", ttl=10.0, draw=world.draws(name), token=tokens_of(name))
        world.client(name, by_queue if queue else by_lock, world.redis(), lock)
    run_or_raise(world)
    twice = len(done) - len(set(done))
    return {
        "way": "a queue" if queue else "a lock", "parcels": len(set(done)), "twice": twice,
        "took (s)": round(world.now() - began, 2),
    }  # fmt: skip
