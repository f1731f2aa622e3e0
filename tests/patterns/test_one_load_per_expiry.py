"""One load per expiry over a thousand seeds: exactly, where nothing fails; at most one more for each fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from thorough import runs

from course_lib.patterns import cache_aside, lock_and_wait, lock_or_stale
from course_lib.sim import CRASHED, RandomFaults
from course_lib.worlds import Simulated

from . import broken
from .crowd import Database

READERS, ROUNDS, TTL, LOCK_TTL = 4, 2, 1.0, 0.5
Reader = Callable[[Simulated, Database], Awaitable[Any]]


def locked(world: Simulated, database: Database) -> Awaitable[Any]:
    draw = world.draws("poll")
    return lock_and_wait(world.redis(), "page", database.load, ttl=TTL, lock_ttl=LOCK_TTL, wait=5, draw=draw)


def stale(world: Simulated, database: Database) -> Awaitable[Any]:
    """The second life is shorter than the pause between two rounds, so that each round finds nothing."""
    draw, times = world.draws("poll"), {"ttl": TTL - 0.2, "stale": 0.2, "lock_ttl": LOCK_TTL, "wait": 5.0}
    return lock_or_stale(world.redis(), "page", database.load, draw=draw, **times)  # type: ignore[arg-type]


def naive(world: Simulated, database: Database) -> Awaitable[Any]:
    return cache_aside(world.redis(), "page", database.load, ttl=TTL)


def play(world: Simulated, seed: int, reader: Reader) -> tuple[int, int]:
    """Four readers ask in two rounds, each after an expiry: loads, as short as a round trip; and faults that struck."""
    world.rewind(seed)
    database, start = Database(seconds=0.002), world.draws("start")

    async def asks(offset: float) -> None:
        for number in range(ROUNDS):
            await asyncio.sleep(max(0.0, number * 2.0 + offset - world.now()))
            assert await reader(world, database) == "page"

    for number in range(READERS):
        world.client(f"r{number}", asks, start() * 0.005)
    for result in world.run().values():
        assert result is CRASHED or not isinstance(result, AssertionError)
    faults = sum(event.fault is not None for event in world.trace) + len(world.trace.notes)
    return database.loads, faults


@pytest.mark.parametrize("reader", [locked, stale])
def test_an_expiry_costs_one_load(reader: Reader) -> None:
    """1,000 seeds without faults; the control is plain cache-aside."""
    world = Simulated()
    assert {play(world, seed, reader)[0] for seed in range(runs(1000))} == {ROUNDS}
    assert max(play(world, seed, naive)[0] for seed in range(20)) > ROUNDS


@pytest.mark.parametrize("reader", [locked, stale])
def test_a_fault_costs_one_load_at_most(reader: Reader) -> None:
    """1,000 seeds with crashes, pauses past the lock's ttl, losses and a node that goes away."""
    faults = RandomFaults(crash=0.01, pause=0.01, lose_request=0.02, lose_reply=0.02, node_down=0.005, seconds=0.8)
    world, struck = Simulated(faults=faults, socket_timeout=0.2), 0
    for seed in range(runs(1000)):
        loads, faults_met = play(world, seed, reader)
        struck += faults_met
        assert loads <= ROUNDS + faults_met, seed
    assert struck > runs(500)


def test_the_twin_without_a_second_look_loads_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: no fault is needed."""
    broken.use(monkeypatch, broken.NoSecondLook)
    world = Simulated()
    assert any(play(world, seed, locked)[0] > ROUNDS for seed in range(1000))
