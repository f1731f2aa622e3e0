"""Schedules a second: by seeds, every order, drawn, with faults, in two processes; beside threads that take turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

import pytest
from explore.test_exhaustive import at_most_one_admitted, published_limiter
from explore.test_exhaustive import trial as trial_of_orders
from peers.environment import Script
from redis.asyncio import Redis

from course_lib.explore import (
    Budget,
    Play,
    Schedule,
    Simulation,
    Trial,
    Violation,
    enumerate_all,
    play,
    sample,
    sample_in_processes,
    search,
)  # fmt: skip
from course_lib.sim import kept_random

from . import handoff
from .table import Row, Table

COUNTER, ORDERS, SIMLOOM = 3.0, 4.0, 60.0
"""How many times as fast as threads that take turns, and as simloom, the search is at least, by processor time."""

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    print(f"\n\n{table.text()}")


async def get_then_set(redis: Redis) -> int:
    value = int(await redis.get("count") or 0)
    await redis.set("count", value + 1)
    return value


def counting(world: Simulation, clients: int) -> None:
    for number in range(clients):
        world.client(f"c{number}", get_then_set, world.redis())


def lost(run: Play) -> Iterable[Violation]:
    if len(set(run.results.values())) < len(run.results):
        yield Violation("kept", "an update is lost")


def counter() -> Trial:
    return Trial("the two-client counter", ("kept",), counting, lost, faults={"crash": 0.0, "lose reply": 0.0})


async def tries_five(nodes: list[Redis], me: str) -> bool:
    """Asks five nodes for one lock at once, and gives it back: ten commands."""
    got = await asyncio.gather(*(node.set("job", me, nx=True, px=1000) for node in nodes))
    await asyncio.gather(*(node.eval(RELEASE, 1, "job", me) for node in nodes))
    return sum(map(bool, got)) >= 3


def locking(world: Simulation, clients: int) -> None:
    for number in range(clients):
        nodes = [world.redis(node) for node in range(5)]
        world.client(f"c{number}", tries_five, nodes, f"c{number}")


def one_winner(run: Play) -> Iterable[Violation]:
    if not all(isinstance(result, bool) for result in run.results.values()):
        yield Violation("ends", "somebody failed")


def redlock() -> Trial:
    return Trial("Redlock, 5 clients, 5 nodes", ("ends",), locking, one_winner, world=lambda: Simulation(nodes=5))


def speed(table: Table, name: str, work: Callable[[], int], *, times: int = 5, warm: bool = True) -> Row:
    """Schedules a second of `work()`, which says how many it played; with `warm`, the first time is not counted.

    The cpu column has how many in a second of this process's own time, which other programs spoil less.
    """
    if warm:
        work()
    walls, cpus = [], []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        played = work()
        walls.append(played / (time.perf_counter() - began))
        cpus.append(played / (time.process_time() - used))
    return table.add(Row(name, "/s", walls, cpu=max(cpus) if warm else None))


def by_seed(trial: Trial, clients: int, schedules: int) -> Callable[[], int]:
    world = trial.world()

    def work() -> int:
        with kept_random():
            for seed in range(schedules):
                play(trial, Schedule(clients, seed), world)
        return schedules

    return work


def test_the_two_client_counter(table: Table) -> None:
    """In one process, and in two, whose start is within what is measured; beside threads that take turns."""
    trial = counter()
    ours = speed(table, "two-client counter, by seed", by_seed(trial, 2, 2_000))
    theirs = speed(table, "the same, threads that take turns", lambda: in_threads(handoff.get_then_set, 2, 30))
    assert table.times_as_fast("the first, beside the second", ours, theirs, COUNTER).holds
    speed(table, "the same, drawn orders", lambda: sample(trial, 2, 2_000).schedules)
    speed(table, "the same, a fault at each send", lambda: sample(trial, 2, 1_000, faults=1).schedules)
    speed(table, "the same, search in time, with crashes", lambda: search(trial_in_time(), Budget(5_000)).schedules)
    speed(table, "three-client counter, every order", lambda: enumerate_all(trial, 3).schedules)
    speed(table, "the same, one of each class", lambda: enumerate_all(trial, 3, reduce=True).schedules)
    both = in_two(counter, 2, 30_000)
    speed(table, "two-client counter, two processes", both, times=2, warm=False)


def test_beside_simloom(table: Table) -> None:
    """The same two clients, on the server and the network that simloom simulates; it draws a schedule for each seed."""
    with Script("speed_simloom", group="bench-simloom") as script:
        if script.ask(20) is None:
            pytest.skip("simloom has no release for this Python")
        said = [script.ask(150) for _ in range(5)]
    assert min(lost for *_, lost in said) > 0  # it has played the race
    ours = speed(table, "the two-client counter, again", by_seed(counter(), 2, 2_000))
    walls, cpus = [wall for wall, *_ in said], [cpu for _, cpu, _ in said]
    theirs = table.add(Row("the same, simloom", "/s", walls, cpu=max(cpus)))
    assert table.times_as_fast("the first, beside the second", ours, theirs, SIMLOOM).holds


def in_threads(body: handoff.Body, clients: int, times: int = 1) -> int:
    return sum(len(handoff.every_order(body, clients)) for _ in range(times))


def test_every_order_of_the_published_limiter(table: Table) -> None:
    """All 702 orders of three clients, of which both ways of playing them find the same 684 broken."""
    its = trial_of_orders(published_limiter, at_most_one_admitted)
    assert enumerate_all(its, 3).failures == 684
    assert sum(sum(results.values()) > 1 for results in handoff.every_order(handoff.published, 3)) == 684
    ours = speed(table, "the published limiter, 702 orders", lambda: enumerate_all(its, 3).schedules)
    theirs = speed(table, "the same, threads that take turns", lambda: in_threads(handoff.published, 3), times=3)
    assert table.times_as_fast("the first, beside the second", ours, theirs, ORDERS).holds


def in_two(make: Callable[[], Trial], clients: int, schedules: int) -> Callable[[], int]:
    return lambda: sample_in_processes(make, clients, schedules, processes=2, pays=0.0).schedules


def trial_in_time() -> Trial:
    """One that never settles, so that everything is played."""
    return Trial("counter", ("kept", "never"), counting, lost, seeds=500, faults={"crash": 0.0}, fault_seeds=100)


def test_redlock_on_two_cores(table: Table) -> None:
    """Fifty commands in a schedule. The start of two processes is within what is measured."""
    trial = redlock()
    speed(table, "Redlock 5 × 5, by seed", by_seed(trial, 5, 200), times=3)
    speed(table, "Redlock 5 × 5, drawn orders", lambda: sample(trial, 5, 200).schedules, times=3)
    both = in_two(redlock, 5, 5_000)
    speed(table, "Redlock 5 × 5, two processes", both, times=2, warm=False)
