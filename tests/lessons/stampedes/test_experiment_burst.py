"""The burst: small enough to draw, and what the lesson claims of it holds."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from course_lib.lessons.stampedes.experiment_burst import Caller, burst
from course_lib.patterns import Load, cache_aside, lock_and_wait
from course_lib.sim import CRASHED, OneFault


async def naive(redis: Redis, load: Load, caller: Caller) -> str | None:
    return await cache_aside(redis, "page", load, ttl=1.0)


async def locked(redis: Redis, load: Load, caller: Caller) -> str | None:
    return await lock_and_wait(
        redis, "page", load, ttl=1.0, lock_ttl=0.5, wait=5.0, token=caller.token, draw=caller.draw
    )


def test_all_of_a_thousand_load_without_a_lock_and_one_with_it() -> None:
    assert len(burst(naive, callers=1000).loads) == 1000
    assert burst(naive, callers=1000).most_at_once == 1000
    assert len(burst(locked, callers=1000).loads) == 1


def test_a_crashed_holder_costs_its_survivors_the_life_of_the_lock() -> None:
    outcome = burst(locked, callers=3, faults=OneFault("crash", at=5, client="c3"))
    assert outcome.results["c3"] is CRASHED
    assert set(outcome.took) == {"c1", "c2"}
    assert 0.5 < outcome.worst < 0.8
    assert len(outcome.loads) == 2


def test_an_absent_row_is_none_for_everyone() -> None:
    outcome = burst(locked, callers=20, absent=True)
    assert set(outcome.results.values()) == {None}
    assert len(outcome.loads) == 1


def test_a_caller_that_fails_has_its_error_as_result() -> None:
    async def failing(redis: Redis, load: Load, caller: Caller) -> str | None:
        await asyncio.sleep(0.01)
        raise RuntimeError(caller.name)

    outcome = burst(failing, callers=2)
    assert {name: str(error) for name, error in outcome.results.items()} == {"c1": "c1", "c2": "c2"}
    assert outcome.worst == pytest.approx(0.01)


def test_the_same_seed_gives_the_same_trace() -> None:
    assert burst(locked, callers=9).trace.digest() == burst(locked, callers=9).trace.digest()
    assert burst(locked, callers=9).trace.digest() != burst(locked, callers=9, seed=2).trace.digest()
