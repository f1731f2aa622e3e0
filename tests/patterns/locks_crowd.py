"""What the tests of locks share: workers that hold one in turn and write, in simulation, and who judges them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from redis.exceptions import RedisError

from course_lib.errors import LockLost, StaleFence
from course_lib.explore import Play, Schedule, Trial, Violation
from course_lib.patterns.locks import Lock
from course_lib.patterns.redlock import FencedStore, Redlock
from course_lib.sim import Ground, RandomFaults, Send
from course_lib.sim.faults import Kind, Loss
from course_lib.worlds import Simulated, World

TTL = 1.0
OUTAGE = 1.5  # seconds of a pause or of a dead node: more than TTL, or half of the bugs cannot show
TROUBLES = (RedisError, TimeoutError)
Make = Callable[..., Lock]


def single(world: World, **policy: Any) -> Lock:
    """The lock on one node."""
    return Lock(world.redis(), "job", **policy)


def redlock(nodes: int, kind: type[Redlock] = Redlock) -> Make:
    """The lock on a majority of `nodes` nodes."""
    return lambda world, **policy: kind([world.redis(node) for node in range(nodes)], "job", **policy)


@dataclass
class Witness:
    """What the workers did. A span is from when a lease was granted to when its holder last believed in it."""

    lock: Lock
    spans: list[list[float]] = field(default_factory=list)
    wrote: list[int] = field(default_factory=list)  # numbers of holders, in the order in which the store accepted
    late: Any = None

    def two_hold(self) -> tuple[float, float] | None:
        """The first time at which two held the lock, and until when."""
        until = -1.0
        for start, end in sorted(span for span in self.spans if span[0] < span[1]):
            if start < until:
                return start, min(until, end)
            until = max(until, end)
        return None


async def worker(world: Simulated, witness: Witness, store: FencedStore, name: str, rounds: int) -> None:
    """Hold the lock for longer and shorter than TTL, extend it at times, and write, even once it is over."""
    draw, now, lock = world.draws(name), world.now, witness.lock
    for _ in range(rounds):
        try:
            lease = await lock.acquire(wait=2 * TTL)
        except TROUBLES:
            continue
        if lease is None:
            continue
        number = len(witness.spans)
        span = [now(), now() + lease.left()]
        witness.spans.append(span)
        try:
            await asyncio.sleep(draw() * 0.9 * TTL)
            if draw() < 0.5:
                await lease.extend()
                span[1] = now() + lease.left()
                await asyncio.sleep(draw() * 0.9 * TTL)
            await store.put(str(number), lease.fence)
        except (*TROUBLES, LockLost, StaleFence):
            pass
        span[1] = min(span[1], now())
        await lease.release()
        await asyncio.sleep(draw() * 0.05)


async def latecomer(world: Simulated, witness: Witness) -> None:
    """Long after the others: can it have the lock, and is there a key that stays for ever?"""
    left = []
    for node in range(len(world.nodes)):
        redis = world.redis(node)
        left += [key for key in await redis.keys("*") if key != "book" and await redis.pttl(key) < 0]
    lease = await witness.lock.acquire(wait=2 * TTL)
    witness.late = left or (lease is None and "no lease")


def build(
    make: Make, *, rounds: int = 1, store: type[FencedStore] = FencedStore
) -> Callable[[Simulated, int], Witness]:
    """Set up that many workers, on nodes whose clocks differ."""

    def built(world: Simulated, clients: int) -> Witness:
        draw, numbers = world.draws("world"), count()
        for node in world.nodes:
            node.skew += draw() * 100 - 50
        lock = make(world, ttl=TTL, timeout=0.1, poll=0.4, draw=draw, token=lambda: f"token{next(numbers)}")
        witness, book = Witness(lock), store(world.redis(), "book")
        for number in range(clients):
            world.client(f"c{number}", worker, world, witness, book, f"c{number}", rounds, start=draw() * 0.01)
        world.client("late", latecomer, world, witness, start=30)
        return witness

    return built


def judge(play: Play) -> Iterator[Violation]:
    """Say which promises a run broke."""
    witness: Witness = play.witness
    if (both := witness.two_hold()) is not None:
        yield Violation("one holder", f"two hold the lock from {both[0]:.3f} to {both[1]:.3f} s")
    accepted = [event for event in play.trace if event.reply == 1 and event.command[3:4] == (b"book",)]
    numbers = [int(event.command[4]) for event in sorted(accepted, key=lambda event: event.t_server or 0.0)]
    if numbers != sorted(numbers):
        yield Violation("no older fence", f"the store took writes of holders {numbers}")
    if witness.late:
        yield Violation("nothing is left", str(witness.late))
    for name, result in play.results.items():
        if isinstance(result, BaseException) and not (name == "late" and isinstance(result, TROUBLES)):
            yield Violation("no other error", f"{name}: {result!r}")


def trial(make: Make, *, nodes: int = 1, clients: int = 3, faults: Mapping[Kind, float], **more: Any) -> Trial:
    """Workers with one lock, on nodes of one world."""
    store = more.pop("store", FencedStore)
    return Trial(
        "locks", PROMISES, build(make, store=store), judge, sizes=(clients,), faults=faults, horizon=90.0,
        most_steps=100_000, world=lambda: Simulated(nodes=nodes, socket_timeout=0.5), **more,
    )  # fmt: skip


PROMISES = ("one holder", "no older fence", "nothing is left", "no other error")
FAULTS: dict[Kind, float] = {
    "crash": 0.0, "pause": OUTAGE, "lose request": 0.0, "lose reply": 0.0, "node down": OUTAGE,
}  # fmt: skip


class Troubles(RandomFaults):
    """They leave the latecomer alone."""

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        return None if send.client == "late" else super().on_send(world, send)


def sampled(trial: Trial, seeds: Iterable[int], **chances: float) -> dict[str, list[int]]:
    """Play the trial with random faults, many in one run; say under which seeds each promise was broken."""
    faults = Troubles(seconds=OUTAGE, **chances)
    world, broken = trial.world(), dict[str, list[int]]()
    world.faults, world.loop.max_time = faults, trial.horizon
    for seed in seeds:
        witness = trial.build(world.rewind(seed), trial.sizes[0])
        results = world.run()
        run = Play(Schedule(trial.sizes[0], seed), world.trace, dict(results), witness, world.now(), world.loop.steps)
        for violation in trial.judge(run):
            broken.setdefault(violation.promise, []).append(seed)
    return broken
