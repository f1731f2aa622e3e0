"""What code replaces in a module that all share is put back, and named by its shortest name."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.sim import Process
from course_lib.sim.memory import in_one_process
from course_lib.sim.patches import Seen, put_back, seen
from course_lib.sim.process import PROCESS
from course_lib.sim.redis_client import SimPipeline, SimRedis


@pytest.fixture
def before() -> Iterator[Seen]:
    """In the end all is as it was, whatever a test has found."""
    stood = seen()
    yield stood
    put_back(stood)


def nothing(*_: Any) -> None:
    """Takes the place of something."""


@pytest.mark.parametrize(
    ("owner", "name", "told"),
    [
        (asyncio, "sleep", "asyncio.sleep"),
        (time, "time", "time.time"),
        (json, "dumps", "json.dumps"),
        (math, "floor", "math.floor"),
        (random, "random", "random.random"),
        (Redis, "set", "redis.asyncio.Redis.set"),
        (SimRedis, "execute_command", "redis.asyncio.Redis.execute_command"),
        (SimPipeline, "execute", "redis.asyncio.Pipeline.execute"),
        (asyncio.Lock, "acquire", "asyncio.locks.Lock.acquire"),
        (SimRedis, "new_one", "redis.asyncio.Redis.new_one"),
    ],
)
@pytest.mark.parametrize("only_own", [False, True])
def test_what_was_replaced_is_put_back_and_named(
    before: Seen, owner: Any, name: str, told: str, only_own: bool
) -> None:
    was = vars(owner).get(name)
    setattr(owner, name, nothing)
    names = put_back(before, only_own=only_own)
    assert vars(owner).get(name) is was
    assert told in names
    assert put_back(before) == []


def test_one_thing_has_one_name(before: Seen) -> None:
    asyncio.sleep = nothing  # type: ignore[assignment]
    asyncio.tasks.sleep = nothing  # type: ignore[assignment]
    assert put_back(before) == ["asyncio.sleep"]


def test_what_another_package_replaced_stays_where_only_own_code_is_meant(before: Seen) -> None:
    json.dumps = math.floor  # type: ignore[assignment]
    assert put_back(before, only_own=True) == []
    assert json.dumps is math.floor  # type: ignore[comparison-overlap]
    assert put_back(before) == ["json.dumps"]


def test_a_value_that_is_not_called_is_left(before: Seen) -> None:
    math.mine = 1  # type: ignore[attr-defined]
    try:
        assert put_back(before) == []
        assert math.mine == 1  # type: ignore[attr-defined]
    finally:
        del math.mine  # type: ignore[attr-defined]


def test_who_runs_is_as_before_after_a_call_in_a_process_of_its_own() -> None:
    kept: list[int] = []

    def adds() -> tuple[int, Any]:
        kept.append(1)
        return len(kept), PROCESS.get()

    later = in_one_process(adds)
    (first, process), (second, same) = later(), later()
    assert (first, second, kept) == (1, 2, [])
    assert process is same
    assert repr(process) == "Process('lasting')"
    assert PROCESS.get() is None
    assert isinstance(process, Process)
