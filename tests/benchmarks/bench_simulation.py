"""What a simulation costs, measured several times, beside the same crowds on what else there is, in the same run."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from course_lib.patterns.cache import cache_aside
from course_lib.patterns.stampede import lock_and_wait
from course_lib.servers import Server, find_all
from course_lib.worlds import Embedded, Real, Simulated, World

from .table import Row, Table

ROOT = Path(__file__).parents[2]
NAIVE = 1.2
"""How many times as fast as fakeredis, behind redis-py as it comes, a crowd is at least."""
GROWTH = 16.0
"""How many times as much ten times the crowd costs at most."""
IMPORT = 0.5
"""What importing the patterns takes at most, in times of what redis.asyncio alone does."""


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    print(f"\n\n{table.text()}")


def stampede(world: World, clients: int, *, locked: bool) -> int:
    """Clients that ask for one cold key within 10 ms; a load takes 50 ms. How many loaded?"""
    loads, start, redis = [0], world.draws("start"), world.redis()

    async def load() -> str:
        loads[0] += 1
        await asyncio.sleep(0.05)
        return "page"

    async def naive(number: int) -> object:
        return await cache_aside(redis, "page", load, ttl=10)

    async def waits(number: int) -> object:
        draw = world.draws(f"poll{number}")
        options = {"ttl": 10.0, "lock_ttl": 5.0, "wait": 10.0, "token": lambda: f"t{number}", "draw": draw}
        return await lock_and_wait(redis, "page", load, **options)  # type: ignore[arg-type]

    for number in range(clients):
        world.client(f"c{number}", waits if locked else naive, number, start=start() * 0.01)
    assert set(world.run().values()) == {"page"}
    return loads[0]


def naive(make: Callable[[], World], clients: int) -> Callable[[], None]:
    def work() -> None:
        assert stampede(make(), clients, locked=False) > clients / 10

    return work


def locked(make: Callable[[], World], clients: int) -> Callable[[], None]:
    def work() -> None:
        assert stampede(make(), clients, locked=True) == 1

    return work


def counter(world: Simulated, seeds: range) -> None:
    """Two clients, GET then SET, in a rewound world for each seed."""
    redis = world.redis()

    async def body() -> None:
        value = int(await redis.get("count") or 0)
        await redis.set("count", value + 1)

    for seed in seeds:
        world.rewind(seed)
        world.client("a", body)
        world.client("b", body)
        world.run()


def test_naive_stampede(table: Table) -> None:
    ours = table.measure("1,000 clients, naive: simulated", naive(Simulated, 1000), times=7)
    theirs = table.measure("1,000 clients, naive: fakeredis, real time", naive(Embedded, 1000), times=3)
    assert table.times_as_fast("the first, beside the second", ours, theirs, NAIVE).holds


def test_locked_stampede(table: Table) -> None:
    """It has no bar: whoever waits in real time asks the oftener the slower the machine is."""
    table.measure("1,000 clients, locked: simulated", locked(Simulated, 1000), times=7)


def test_ten_thousand_clients(table: Table) -> None:
    """Ten times as many cost about ten times as much, and not a hundred."""
    for kind, crowd in (("naive", naive), ("locked", locked)):
        few = table.measure(f"again 1,000 clients, {kind}", crowd(Simulated, 1000), times=3)
        many = table.measure(f"10,000 clients, {kind}: simulated", crowd(Simulated, 10_000), times=3)
        assert few.cpu is not None
        assert many.cpu is not None
        assert table.add(Row("the second, beside the first", "times", [many.cpu / few.cpu], GROWTH)).holds


PEAK = """
import re, resource, sys
from pathlib import Path
from tests.benchmarks.bench_simulation import naive, Simulated
if sys.argv[1] == "run":
    naive(Simulated, 10_000)()
status = Path("/proc/self/status")
if status.exists():  # Linux: getrusage would count the parent's memory, from which this process was forked
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) / 2**10)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no peak of a process's memory to ask for on Windows")
def test_memory_of_ten_thousand_clients(table: Table) -> None:
    """In a process of its own, everything that it imports included."""

    def peak(what: str) -> float:
        done = subprocess.run([sys.executable, "-c", PEAK, what], cwd=ROOT, capture_output=True, text=True, check=True)
        return float(done.stdout)

    table.add(Row("importing it all: peak memory", "MB", [peak("import")]))
    assert table.add(Row("10,000 clients, naive: peak memory", "MB", [peak("run")], floor=300)).holds


def test_schedules_a_second(table: Table) -> None:
    world = Simulated()
    table.measure("1,000 schedules of the two-client counter", lambda: counter(world, range(1000)), times=7)


def commands(world: Simulated, send: Callable[[Redis], object], count: int = 3000) -> Callable[[], None]:
    def work() -> None:
        async def body(redis: Redis) -> None:
            for _ in range(count):
                await send(redis)  # type: ignore[misc]

        world.rewind(1)
        world.client("a", body, world.redis())
        world.run()

    return work


def test_cost_of_a_command(table: Table) -> None:
    kinds: dict[str, Callable[[Redis], object]] = {
        "GET": lambda redis: redis.get("k"),
        "SET NX PX": lambda redis: redis.set("k", "v", nx=True, px=1000),
        "EVAL": lambda redis: redis.eval("return redis.call('INCR', KEYS[1])", 1, "n"),
    }
    for name, send in kinds.items():
        row = table.measure(f"3,000 × {name}", commands(Simulated(), send), times=5)
        table.rows[-1] = Row(f"a simulated {name}", "µs", [wall / 3000 * 1e6 for wall in row.values])


def test_peers(table: Table) -> None:
    """The same patterns and crowds in real time: fakeredis, and each server here, through 64 connections."""
    table.measure("1,000 clients, locked: fakeredis, real time", locked(Embedded, 1000), times=3)
    for found in find_all():
        for kind, crowd in (("naive", naive), ("locked", locked)):

            def once(found: object = found, crowd: Callable[..., Callable[[], None]] = crowd) -> float:
                with Server(found) as server:  # type: ignore[arg-type]
                    began = time.perf_counter()
                    crowd(lambda: Real(server.url), 1000)()
                    return time.perf_counter() - began

            name = f"{kind}: {found.flavor} {found.version}"
            real, ours = [], []
            for _ in range(5):  # in turn, as what else the machine does is the same for both
                real.append(once())
                began = time.perf_counter()
                crowd(Simulated, 1000)()
                ours.append(time.perf_counter() - began)
            table.add(Row(f"1,000 clients, {name}", "s", real))
            ratio = statistics.median(mine / its for mine, its in zip(ours, real, strict=True))
            table.add(Row("simulated, beside that", "of its time", [ratio]))


def test_importing_the_patterns(table: Table) -> None:
    """Beyond what redis.asyncio itself takes, in a fresh process each time."""

    def seconds(module: str) -> float:
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        return float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout)

    base = [seconds("redis.asyncio") for _ in range(5)]
    ours = [seconds("course_lib.patterns") for _ in range(5)]
    table.add(Row("import redis.asyncio", "s", base))
    more = [max(0.0, value - min(base)) for value in ours]
    table.add(Row("import course_lib.patterns, beyond that", "s", more))
    assert table.add(Row("the second, beside the first", "times", [min(more) / min(base)], IMPORT)).holds
