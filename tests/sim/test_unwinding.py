"""What code does after its run has ended is neither seen nor judged, takes no time, and never runs again."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
import types
import warnings
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import Deadlock, OutOfBudget
from course_lib.sim import Simulation

ROOT = Path(__file__).parents[2]
DID: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    DID.clear()


async def tries_again(redis: Any) -> None:
    """It catches everything, also its own end, and asks again."""
    while True:
        try:
            await redis.blpop("never", timeout=0)
        except BaseException:
            DID.append("again")


async def sleeps_again(redis: Any) -> None:
    while True:
        try:
            await asyncio.sleep(1)
        except BaseException:
            DID.append("again")


async def yields_again(redis: Any) -> None:
    while True:
        try:
            await asyncio.sleep(0)
        except BaseException:
            DID.append("again")


async def in_a_time_limit_again(redis: Any) -> None:
    while True:
        try:
            async with asyncio.timeout(1):
                await redis.blpop("never", timeout=0)
        except BaseException:
            DID.append("again")


async def begins_another(redis: Any) -> None:
    try:
        await redis.blpop("never", timeout=0)
    except BaseException:
        await asyncio.create_task(begins_another(redis))


async def leaves(redis: Any) -> None:
    try:
        await redis.blpop("never", timeout=0)
    finally:
        sys.exit(3)


async def returns_all_the_same(redis: Any) -> str:
    try:
        await redis.blpop("never", timeout=0)
    except BaseException:
        await redis.set("late", "1")
    return "late"


async def cleans_up(redis: Any) -> None:
    try:
        await redis.blpop("never", timeout=0)
    finally:
        DID.append("finally")
        await redis.delete("lock")


STUBBORN = [tries_again, sleeps_again, yields_again, in_a_time_limit_again, begins_another, leaves,
            returns_all_the_same, cleans_up]  # fmt: skip


def ended(code: Any, *, background: bool = False) -> Simulation:
    """A run of a client that outlasts it: as the client, or as a task that the client has left behind."""
    world = Simulation(socket_timeout=None)
    world.loop.max_time, world.loop.max_steps = 10.0, 5_000

    async def body() -> str:
        kept.append(asyncio.create_task(code(world.redis())))
        await asyncio.sleep(0.1)
        return "done"

    kept: list[Any] = []
    world.client("c", body) if background else world.client("c", code, world.redis())
    try:
        world.run()
    except (Deadlock, OutOfBudget):
        assert not background or code is yields_again
    return world


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("code", STUBBORN)
def test_what_does_not_end_is_ended(code: Any, background: bool) -> None:
    """Its steps afterwards reach no trace, no server and no result, and cost hardly any time."""
    begin = time.process_time()
    world = ended(code, background=background)
    assert time.process_time() - begin < 1.0
    assert world.loop.unfinished() == []
    result = world.results["c"]
    if not background or code is yields_again:
        assert isinstance(result, asyncio.CancelledError)
    else:
        assert result == "done"
    assert {event.name for event in world.trace} <= {"BLPOP"}
    again = world.rewind(1)
    again.client("next", again.redis().get, "late")
    assert again.run() == {"next": None}


def test_a_finally_still_runs() -> None:
    """Of code that behaves."""
    ended(cleans_up)
    assert DID == ["finally"]


@pytest.mark.parametrize("code", STUBBORN)
def test_it_never_runs_again(code: Any) -> None:
    """Not when it is collected, in the kernel, long after the check."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ended(code)
        did = len(DID)
        gc.collect()
        asyncio.run(asyncio.sleep(0))
    assert len(DID) == did


PROGRAM = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.sim import test_unwinding as these
for code in these.STUBBORN:
    for background in (True, False):
        these.ended(code, background=background)
print("ended")
"""


def test_an_interpreter_ends_after_it() -> None:
    """Nor when the interpreter ends, which collects what is left; and nothing is complained about."""
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(root=str(ROOT))], capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


@types.coroutine
def once() -> Any:
    yield


def test_without_it_such_a_task_would_run_again() -> None:
    """The control: a coroutine that is merely dropped is resumed when it is collected."""

    async def stubborn() -> None:
        try:
            await once()
        except BaseException:
            DID.append("again")

    code = stubborn()
    code.send(None)
    del code
    gc.collect()
    assert DID == ["again"]
