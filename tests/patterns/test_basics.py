"""What every chapter calls: times in whole milliseconds, tasks that end, keys beside keys."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns.basics import ended, milliseconds, uncancelled
from course_lib.worlds import Simulated

from .crowd import alone


def test_a_time_is_rounded_to_its_millisecond() -> None:
    """1.001 s is 1,001 ms, though 1.001 * 1000 is a little less in floating point."""
    assert [milliseconds("ttl", ms / 1000) for ms in range(1, 5000)] == [*range(1, 5000)]
    assert (milliseconds("ttl", 0.001), milliseconds("ttl", 1e9)) == (1, 10**12)


@pytest.mark.parametrize("seconds", [0, 0.0009, -1, 1e9 + 1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(BadArgument, match=r"ttl is .*; accepted: seconds, from 0\.001 to 1e9"):
        milliseconds("ttl", seconds)


@pytest.mark.parametrize("swallows", [0, 1, 3])
def test_a_task_ends_however_often_it_swallows_a_cancellation(swallows: int) -> None:
    async def stubborn() -> None:
        for _ in range(swallows):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
        await asyncio.sleep(3600)

    async def body(redis: Redis) -> bool:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        await ended(task)
        return task.cancelled()

    assert alone(Simulated(), body)


def test_work_that_is_cancelled_from_within_fails_and_a_cancelled_caller_is_cancelled() -> None:
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    async def body(redis: Redis) -> tuple[str, bool]:
        with pytest.raises(RuntimeError) as caught:
            await uncancelled(cancels_itself())
        caller = asyncio.create_task(uncancelled(asyncio.sleep(3600)))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait([caller])
        return str(caught.value), caller.cancelled()

    assert alone(Simulated(), body) == ("it was cancelled from within", True)
