"""The contest simulated: a few workers share one lock, one thing goes wrong, and both sides are written down.

`play(Contest(lock="redlock", fault="holder pauses"))` gives the result. The nodes' side (whose key each held, and
when) is read from the trace; the workers' side (who was entitled to believe that it holds) is their leases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from course_lib.errors import LockLost, StaleFence
from course_lib.lessons.locks.experiment_broken_locks import ExtendsOnAnyNode, NoValidity, UnlocksByDel
from course_lib.lessons.locks.experiment_contest import END, NODES, Contest, ContestResult, Tenure
from course_lib.lessons.locks.experiment_contest_fault import ContestFault
from course_lib.lessons.locks.experiment_set_up import load_scripts, tokens_of
from course_lib.patterns.locks import ACQUIRE, KEEP, Fence, Lease, Lock
from course_lib.patterns.redlock import PUT, FencedStore, Redlock
from course_lib.sim import Simulation as Simulated


def play(contest: Contest) -> ContestResult:
    """Simulate the contest."""
    *_, (_, result) = in_slices(contest)
    return result


def in_slices(contest: Contest, *, steps: int = 4_000) -> Iterator[tuple[float, ContestResult]]:
    """The same in slices of `steps` callbacks: yields (share of the virtual time that is over, result so far)."""
    fault = ContestFault(contest)
    world = Simulated(contest.seed, nodes=contest.nodes + 1, faults=fault, socket_timeout=0.5)
    load_scripts(world, ACQUIRE, KEEP, PUT)
    result = ContestResult(contest, world.trace)
    for number in range(contest.clients):
        worker = _Worker(world, result, contest.name(number))
        process = world.client(worker.name, worker.live, start=0.03 * number)
        fault.watch(worker.name, process, worker.holds)
    world.client("fault", fault.live, world)
    try:
        for now in world.slices(steps):
            yield min(now / END, 0.99), result
        _settle(result)
        yield 1.0, result
    finally:
        world.rewind(contest.seed)


def _lock(world: Simulated, contest: Contest, who: str) -> Lock:
    """A worker's own lock object, with tokens that say whose they are."""
    policy: dict[str, Any] = {
        "ttl": contest.ttl, "timeout": 0.2, "poll": 0.4, "draw": world.draws(f"lock {who}"), "token": tokens_of(who)
    }  # fmt: skip
    if contest.nodes == 1:
        return (UnlocksByDel if contest.lock == "del" else Lock)(world.redis(), "job", **policy)
    nodes: list[Redis] = [world.redis(node) for node in range(NODES)]
    kind = {"unchecked": NoValidity, "any": ExtendsOnAnyNode}.get(contest.lock, Redlock)
    return kind(nodes, "job", **policy)


class _Worker:
    """One process that wants the lock, again and again. The resource is a report, on a node of its own: the last."""

    def __init__(self, world: Simulated, result: ContestResult, name: str) -> None:
        self.world, self.contest, self.result, self.name = world, result.contest, result, name
        self._draw, self._report = world.draws(name), world.redis(result.contest.nodes)
        self._now: Tenure | None = None

    def holds(self) -> bool:
        """Does it believe now that it holds the lock?"""
        return self._now is not None and self.world.now() < self._now.end

    async def live(self) -> None:
        """Until the end: acquire, work, write, release, rest."""
        lock = _lock(self.world, self.contest, self.name)
        while (asked := self.world.now()) < END - 0.5:
            try:
                lease = await lock.acquire(wait=END - asked)
            except (RedisError, TimeoutError):
                await asyncio.sleep(0.2 * (0.5 + self._draw()))
                continue
            if lease is None:
                return
            self.result.waits.append(self.world.now() - asked)
            await self._tenure(lease)
            await asyncio.sleep(0.1 * self._draw())

    async def _tenure(self, lease: Lease) -> None:
        now, number = self.world.now, len(self.result.tenures)
        tenure = self._now = Tenure(self.name, now(), now() + lease.left(), END)
        self.result.tenures.append(tenure)
        try:
            await self._work(lease, tenure)
            tenure.written = "not tried"
            if lease.valid:
                tenure.written = "lost"  # until the trace says otherwise
                await self._write(number, lease.fence)
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

    async def _write(self, number: int, fence: Fence) -> None:
        """Replace the report by the number of a tenure."""
        if self.contest.fenced:
            await FencedStore(self._report, "report").put(str(number), fence)
        else:
            await self._report.set("report", str(number))


def _settle(result: ContestResult) -> None:
    """Say of each tenure what became of its write, by what the resource did and in its order."""
    ran = [(event.t_server, event) for event in result.trace if event.t_server is not None]
    newest = -1
    for when, event in sorted((pair for pair in ran if b"report" in pair[1].command[1:4]), key=lambda pair: pair[0]):
        number = int(event.command[2 if event.name == "SET" else 4])
        tenure = result.tenures[number]
        if event.reply in (1, b"OK"):
            tenure.written = "older" if newest > number else "taken"
            newest = max(newest, number)
        elif event.reply == 0:
            tenure.written = "refused"
        tenure.wrote = when
