"""What limiters refuse because it would not be what it seems: a cost that holds the server up, a bucket too coarse."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns.ratelimit import GCRA, Decision, SlidingLog, TokenBucket
from course_lib.worlds import Simulated

from .crowd import alone


def test_a_log_refuses_a_cost_that_would_hold_the_server_up() -> None:
    """Each unit of cost is an entry of its own; the dearest hit that is accepted is counted in full."""

    async def body(redis: Redis) -> Decision:
        log = SlidingLog(redis, "units", limit=10**6, period=60)
        with pytest.raises(BadArgument, match="cost is 1001; accepted: a whole number, 1 to 1000"):
            await log.hit("ann", cost=1001)
        return await log.hit("ann", cost=1000)

    assert alone(Simulated(), body).remaining == 10**6 - 1000


@pytest.mark.parametrize("bucket", [TokenBucket, GCRA])
def test_a_bucket_is_as_fast_as_its_limit_or_refused(bucket: type[TokenBucket]) -> None:
    """One token takes whole µs: what that takes away from the limit is at most 1 %."""
    redis = Simulated().redis()
    for limit in (1, 7, 999, 10_000, 10_001, 500_000, 1_000_000):
        assert limit * 0.99 <= 10**6 / bucket(redis, "units", limit=limit, period=1, burst=9).span <= limit
    for limit, nearest in ((33_333, 32_258), (700_000, 500_000), (999_999, 500_000), (10**7, 1_000_000)):
        with pytest.raises(BadArgument, match=f"limit is {limit}; accepted: for this period {nearest}, or another"):
            bucket(redis, "units", limit=limit, period=1, burst=9)


@pytest.mark.parametrize("bucket", [TokenBucket, GCRA])
def test_buckets_of_one_rate_and_other_settings_count_apart(bucket: type[TokenBucket]) -> None:
    """Ten a second, and a hundred in ten seconds."""

    async def body(redis: Redis) -> list[int]:
        settings = ((10, 1), (100, 10), (10, 1))
        limiters = [bucket(redis, "units", limit=limit, period=period, burst=3) for limit, period in settings]
        return [(await limiter.hit("ann")).remaining for limiter in limiters]

    assert alone(Simulated(), body) == [2, 2, 1]


def test_a_bool_is_not_a_number() -> None:
    redis = Simulated().redis()
    with pytest.raises(BadArgument, match="limit is True"):
        SlidingLog(redis, "units", limit=True, period=1)
    with pytest.raises(BadArgument, match="cost is True"):
        SlidingLog(redis, "units", limit=9, period=1).command("ann", cost=True)
    with pytest.raises(BadArgument, match="burst is True"):
        GCRA(redis, "units", limit=9, period=1, burst=True)
