"""Lesson 04: a few workers share one lock on five nodes, one thing goes wrong, and both sides are written down.

`play(Contest(lock="redlock", fault="holder pauses"))` simulates; the nodes' side (whose key each held, and when) is
taken from the trace, the workers' side (who was entitled to believe that it holds) from their leases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from course_lib.errors import LockLost, StaleFence
from course_lib.lessons.locks.experiment_broken_locks import ExtendsOnAnyNode, NoValidity, UnlocksByDel
from course_lib.lessons.locks.experiment_contest import END, LOCKS, NODES, Contest, Outcome, Tenure
from course_lib.lessons.locks.experiment_strike import Strike
from course_lib.patterns.locks import ACQUIRE, KEEP, Fence, Lease, Lock
from course_lib.patterns.redlock import PUT, FencedStore, Redlock
from course_lib.sim import Simulation as Simulated
from course_lib.trace import Event

__all__ = ["LOCKS", "Contest", "Outcome", "Tenure", "make_lock", "play", "playing"]


def play(contest: Contest) -> Outcome:
    """Simulate the contest."""
    *_, (_, outcome) = playing(contest)
    return outcome


def playing(contest: Contest, *, steps: int = 4_000) -> Iterator[tuple[float, Outcome]]:
    """The same in slices of `steps` callbacks: yields (share of the virtual time that is over, outcome so far)."""
    strike = Strike(contest.fault, contest.at, contest.lasts, contest.hit, contest.dead, contest.nodes)
    world = Simulated(contest.seed, nodes=contest.nodes + 1, faults=strike, socket_timeout=0.5)
    world.client("start", _load_scripts, world)
    world.run()
    world.trace.events.clear()
    outcome = Outcome(contest, world.trace)
    rank = count()
    for number in range(contest.clients):
        worker = _Worker(world, contest, outcome, number, rank, strike)
        process = world.client(worker.name, worker.live, start=0.03 * number)
        strike.watch(worker.name, process, worker.holds)
    world.client("fault", strike.live, world, END)
    try:
        for now in world.slices(steps):
            yield min(now / END, 0.99), outcome
        _settle(outcome)
        outcome.cut = strike.cut
        yield 1.0, outcome
    finally:
        world.rewind(contest.seed)


async def _load_scripts(world: Simulated) -> None:
    """As a service does when it starts, so that an acquisition is one round trip."""
    for node in range(len(world.nodes)):
        for script in (ACQUIRE, KEEP, PUT):
            await world.redis(node).script_load(script)


def make_lock(world: Simulated, contest: Contest, who: str) -> Lock:
    """A worker's own lock object, with tokens that say whose they are."""
    numbers, draw = count(1), world.draws(f"lock {who}")
    policy: dict[str, Any] = {
        "ttl": contest.ttl, "timeout": 0.2, "poll": 0.4, "draw": draw, "token": lambda: f"{who}.{next(numbers)}"
    }  # fmt: skip
    if contest.nodes == 1:
        return (UnlocksByDel if contest.lock == "del" else Lock)(world.redis(), "job", **policy)
    nodes: list[Redis] = [world.redis(node) for node in range(NODES)]
    kind = {"unchecked": NoValidity, "any": ExtendsOnAnyNode}.get(contest.lock, Redlock)
    return kind(nodes, "job", **policy)


class _Worker:
    """One process that wants the lock, again and again."""

    def __init__(
        self, world: Simulated, contest: Contest, outcome: Outcome, number: int, rank: Iterator[int], strike: Strike
    ) -> None:
        self.world, self.contest, self.outcome, self.strike = world, contest, outcome, strike
        self.name, self._rank = contest.name(number), rank
        self._draw = world.draws(self.name)
        self._now: Tenure | None = None

    def holds(self) -> bool:
        """Does it believe now that it holds the lock?"""
        return self._now is not None and self.world.now() < self._now.end

    async def live(self) -> None:
        """Until the end: acquire, work, write, release, rest."""
        lock, store = make_lock(self.world, self.contest, self.name), self._store()
        while (asked := self.world.now()) < END - 0.5:
            try:
                lease = await lock.acquire(wait=END - asked)
            except (RedisError, TimeoutError):
                await asyncio.sleep(0.2 * (0.5 + self._draw()))
                continue
            if lease is None:
                return
            self.outcome.waits.append(self.world.now() - asked)
            await self._tenure(lease, store)
            await asyncio.sleep(0.1 * self._draw())

    async def _tenure(self, lease: Lease, store: Callable[[str, Fence], Awaitable[Any]]) -> None:
        now, number = self.world.now, next(self._rank)
        tenure = self._now = Tenure(self.name, now(), now() + lease.left(), END)
        self.outcome.tenures.append(tenure)
        try:
            await self._work(lease, tenure)
            tenure.written = "not tried"
            if lease.valid:
                tenure.written = "lost"  # until the trace says otherwise
                await store(str(number), lease.fence)
        except (RedisError, TimeoutError, LockLost, StaleFence):
            pass
        tenure.end, tenure.done = min(tenure.end, now()), now()
        self._now = None
        try:
            await lease.release()
        except (RedisError, TimeoutError):
            pass

    async def _work(self, lease: Lease, tenure: Tenure) -> None:
        """Work, and if that is agreed extend the lease each time that half of it is over."""
        left = self.contest.work * (0.75 + 0.5 * self._draw())
        while self.contest.lock in ("extended", "any") and left > lease.left() / 2 > 0:
            part = lease.left() / 2
            await asyncio.sleep(part)
            left -= part
            await lease.extend()
            tenure.end = self.world.now() + lease.left()
        await asyncio.sleep(left)

    def _store(self) -> Callable[[str, Fence], Awaitable[Any]]:
        """The resource, on a node of its own: a report that is replaced by the number of a tenure."""
        redis = self.world.redis(self.contest.nodes)
        fenced = FencedStore(redis, "report")

        async def put(value: str, fence: Fence) -> None:
            if self.contest.fenced:
                await fenced.put(value, fence)
            else:
                await redis.set("report", value)

        return put


def _settle(outcome: Outcome) -> None:
    """Say of each tenure what became of its write, by what the resource did and in its order."""
    writes = sorted((e for e in outcome.trace if b"report" in e.command[1:4] and e.t_server is not None), key=_ran)
    newest = -1
    for event in writes:
        number = int(event.command[2 if event.name == "SET" else 4])
        tenure = outcome.tenures[number]
        if event.reply in (1, b"OK"):
            tenure.written = "older" if newest > number else "taken"
            newest = max(newest, number)
        elif event.reply == 0:
            tenure.written = "refused"
        tenure.wrote = event.t_server


def _ran(event: Event) -> float:
    return event.t_server or 0.0
