"""In `explore`, too, each client is a process: what a body keeps is its own, and its clocks tell virtual time."""

from __future__ import annotations

import asyncio
import time
from functools import cache
from typing import Any

import pytest

from course_lib.explore.exploration import explore

LOCK = asyncio.Lock()
COUNTS: dict[str, int] = {}


async def count(redis: Any) -> int:
    seen = int(await redis.get("visits") or 0)
    await redis.set("visits", seen + 1)
    return seen


async def under_a_lock_of_the_module(redis: Any, me: str) -> int:
    async with LOCK:
        return await count(redis)


async def under_a_lock_by_default(redis: Any, me: str, lock: Any = asyncio.Lock()) -> int:  # noqa: B008
    async with lock:
        return await count(redis)


@cache
def lock() -> asyncio.Lock:
    return asyncio.Lock()


async def under_a_lock_of_a_cache(redis: Any, me: str) -> int:
    async with lock():
        return await count(redis)


async def in_a_dict(redis: Any, me: str) -> int:
    COUNTS["n"] = COUNTS.get("n", -1) + 1
    await redis.get("visits")
    return COUNTS["n"]


async def by_incr(redis: Any, me: str) -> int:
    return int(await redis.incr("visits")) - 1


def no_visit_is_lost(run: Any) -> str | None:
    lost = len(set(run.results.values())) < len(run.results)
    return f"they counted {run.results}" if lost else None


@pytest.mark.parametrize(
    "body", [under_a_lock_of_the_module, under_a_lock_by_default, under_a_lock_of_a_cache, in_a_dict]
)
def test_what_only_one_process_knows_excludes_no_other(body: Any) -> None:
    found = explore(body, no_visit_is_lost, clients=2)
    assert found.shown is not None
    assert found.shown.violations
    assert COUNTS == {}
    assert not LOCK.locked()


def test_what_the_server_does_in_one_step_excludes_all() -> None:
    """The control."""
    found = explore(by_incr, no_visit_is_lost, clients=2)
    assert found.shown is None or not found.shown.violations


def test_clocks_tell_virtual_time() -> None:
    """A real clock would stand still while the body sleeps."""
    told: list[Any] = []

    async def waits(redis: Any, me: str, clock: Any = time.monotonic) -> Any:
        began = clock(), time.time_ns()
        await asyncio.sleep(2)
        await redis.get("x")
        return clock() - began[0], (time.time_ns() - began[1]) / 1e9

    explore(waits, lambda run: told.extend(run.results.values()), clients=1)
    assert told
    assert all(seconds == pytest.approx((2.0, 2.0), abs=0.01) for seconds in told)
