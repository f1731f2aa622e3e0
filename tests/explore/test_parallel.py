"""Drawn orders in several processes: the findings of one, and no process that is left."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.explore import Play, Simulation, Trial, Violation, sample
from course_lib.explore.exploration import explore
from course_lib.explore.findings import Findings
from course_lib.explore.parallel import sample_in_processes

ROOT = Path(__file__).parents[2]


async def count(redis: Redis) -> int:
    seen = int(await redis.get("n") or 0)
    await redis.set("n", seen + 1)
    return seen


def build(world: Simulation, clients: int) -> None:
    for number in range(clients):
        world.client(f"c{number}", count, world.redis())


async def looks_again(redis: Redis) -> int:
    """Of changing length: who finds that somebody has begun reads twice more."""
    if seen := await count(redis):
        await redis.mget("a", "b")
        await redis.get("c")
    return seen


def build_pausing(world: Simulation, clients: int) -> None:
    for number in range(clients):
        world.client(f"c{number}", looks_again, world.redis())


def judge(run: Play) -> Iterable[Violation]:
    values = list(run.results.values())
    if len(set(values)) < len(values):
        yield Violation("kept", "two counted alike")
    if len(set(values)) == 1:
        yield Violation("progress", "all counted alike")


def counter() -> Trial:
    """A trial that another process can make as well."""
    return Trial("a counter", ("kept", "progress"), build, judge)


def struck_counter() -> Trial:
    return Trial("a counter", ("kept", "progress"), build_pausing, judge, faults={"crash": 0.0, "lose reply": 0.0})


@pytest.mark.parametrize(("make", "faults"), [(counter, 0), (struck_counter, 1), (struck_counter, 2)])
def test_two_processes_find_what_one_finds(make: Callable[[], Trial], faults: int) -> None:
    """To the last count, and the same simplest failures; and none of them is left."""
    told: list[int] = []
    one = sample(make(), 3, 450, seed=5, faults=faults)
    two = sample_in_processes(
        make, 3, one.schedules, seed=5, faults=faults, processes=2, pays=0.0,
        progress=lambda found: told.append(found.schedules),
    )  # fmt: skip
    assert (two.outcomes, two.broken, two.schedules, two.steps) == (one.outcomes, one.broken, one.schedules, one.steps)
    assert (two.turns, two.commands, two.depth, two.drawn) == (one.turns, one.commands, one.depth, one.drawn)
    assert two.complete
    assert two.failing.keys() == one.failing.keys() >= {"kept"}
    for promise, run in one.failing.items():
        assert two.failing[promise].schedule == run.schedule
        assert two.failing[promise].trace.digest() == run.trace.digest()
    assert told[-1] == one.schedules
    assert one.schedules in range(450, 480)  # an order that was begun is finished
    assert not multiprocessing.active_children()


def test_little_work_stays_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.explore.parallel.get_context", None)  # it would be called
    found = sample_in_processes(counter, 2, 60, processes=2, pays=1e9)
    assert found.outcomes == sample(counter(), 2, 60).outcomes


def test_a_trial_of_a_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be imported by another process"):
        sample_in_processes(lambda: counter(), 2, 100)


ENDLESS = """
from tests.explore.test_parallel import counter
from course_lib.explore.parallel import sample_in_processes
told = []
def tell(found):
    if found.schedules > 50 and not told:  # what is played in this process is behind it
        told.append(found)
        print("going on", flush=True)
try:
    sample_in_processes(counter, 3, 1_000_000, processes=2, pays=0.0, progress=tell)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def children(pid: int) -> set[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return {int(line) for line in done.stdout.split()}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX systems")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_or_a_death_leaves_no_process(how: signal.Signals) -> None:
    """An interrupt goes to all of them, as a notebook's does, and only one has something to say; a kill goes to one."""
    running = subprocess.Popen(
        [sys.executable, "-c", ENDLESS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "going on\n"
        workers = children(running.pid)
        assert len(workers) >= 2
        if how is signal.SIGINT:
            os.killpg(running.pid, how)
            assert running.communicate(timeout=60) == ("interrupted\n", "")
        else:
            running.kill()
        deadline = time.monotonic() + 60
        while any(map(alive, workers)):
            assert time.monotonic() < deadline, "a process is left"
            time.sleep(0.05)
    finally:
        running.kill()
        running.communicate()


# -- explore, with an executor ----------------------------------------------------------------------------------------


async def counting(redis: Redis, me: str) -> int:
    seen = int(await redis.get("n") or 0)
    for at in range(5):
        await redis.get(f"{me}:{at}")
    await redis.set("n", seen + 1)
    await redis.incr("shared")
    return seen


def no_number_twice(run: Play) -> str | None:
    return "two counted alike" if len(set(run.results.values())) < len(run.results) else None


def explored(executor: Executor | None) -> Findings:
    return explore(counting, no_number_twice, clients=3, schedules=120, faults=["lose reply"], executor=executor)


class Told(ThreadPoolExecutor):
    """Counts what it is given."""

    given = 0

    def submit(self, *args: Any, **options: Any) -> Any:
        self.given += 1
        return super().submit(*args, **options)


def test_an_executor_finds_the_same_whatever_the_number_of_its_workers() -> None:
    """One of processes, and one of threads, in which one run is played at a time."""
    alone = explored(None)
    assert alone.sampled
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as two, Told(3) as three:
        for found in (explored(two), explored(three)):
            assert found.text == alone.text
            assert found.code == alone.code
            assert [stage.outcomes for stage in found.played] == [stage.outcomes for stage in alone.played]
            assert [run.schedule for run in found.seen.kept] == [run.schedule for run in alone.seen.kept]
        assert three.given == 2


def test_code_that_no_process_can_import_is_refused() -> None:
    async def here(redis: Redis, me: str) -> None:
        await redis.incr("n")

    with ProcessPoolExecutor(1) as executor, pytest.raises(ValueError, match="put it into a module"):
        explore(here, executor=executor)
