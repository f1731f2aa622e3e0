"""What every limiter promises, in every world: simulated, fakeredis, Redis and Valkey."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns.ratelimit import Decision
from course_lib.worlds import Simulated, World

from .crowd import CancelledAt, alone, round_trips
from .ratelimit_models import FAMILIES, Family, numbered

LONG = 8e8  # s: in 2020 such a window of the calendar began, and in 2046 it ends

pytestmark = pytest.mark.parametrize("family", FAMILIES, ids=str)


def test_admits_the_limit_and_counts_down(family: Family, world: World) -> None:
    """Five pass and say how many are left; the next are told when to come again."""

    async def body(redis: Redis) -> list[Decision]:
        limiter = family.make(redis, 5, LONG)
        return [await limiter.hit("ann") for _ in range(7)]

    decisions = alone(world, body)
    assert decisions[:5] == [Decision(True, 5, left, 0.0) for left in (4, 3, 2, 1, 0)]
    for decision in decisions[5:]:
        assert (decision.allowed, decision.remaining, decision.degraded) == (False, 0, False)
        assert 0 < decision.retry_after <= 2 * LONG


def test_a_crowd_gets_the_limit_and_no_more(family: Family, world: World) -> None:
    """Fifty tasks at once, seven places."""

    async def body(redis: Redis) -> int:
        limiter = family.make(redis, 7, LONG)
        return sum(decision.allowed for decision in await asyncio.gather(*(limiter.hit("ann") for _ in range(50))))

    assert alone(world, body) == 7


def test_a_cost_takes_as_many_places(family: Family, world: World) -> None:
    """Three of five, then not three more, but two."""

    async def body(redis: Redis) -> list[tuple[bool, int]]:
        limiter = family.make(redis, 5, LONG)
        return [(await limiter.hit("ann", cost=cost))[0:3:2] for cost in (3, 3, 2, 1)]

    assert alone(world, body) == [(True, 2), (False, 2), (True, 0), (False, 0)]


def test_subjects_and_policies_count_apart(family: Family, world: World) -> None:
    """Another key, another limit or another period is another count; hash tags in keys are kept."""

    async def body(redis: Redis) -> list[int]:
        one = [family.make(redis, 5, LONG), family.make(redis, 6, LONG), family.make(redis, 5, 1e8)]
        asked = [await limiter.hit("ann") for limiter in one]
        asked += [await one[0].hit(key) for key in ("bob", "{bob}:api", "{bob}", "bob:ann", "7")]
        return [decision.remaining for decision in asked]

    remaining = alone(world, body)
    assert remaining == [4, 5, 4, 4, 4, 4, 4, 4]


def test_who_obeys_retry_after_is_admitted(family: Family, world: World) -> None:
    """Nobody else asks, so one wait is enough; on a busy machine a wait may be longer, never too short."""

    async def body(redis: Redis) -> list[bool]:
        limiter, admitted = family.make(redis, 3, 0.2), []
        for _ in range(3):
            while (decision := await limiter.hit("ann")).allowed:
                pass
            await asyncio.sleep(decision.retry_after + 0.001)
            admitted.append((await limiter.hit("ann")).allowed)
        return admitted

    assert alone(world, body) == [True] * 3


def test_a_request_id_counts_once(family: Family, world: World) -> None:
    """The same id hears the same decision, even when nothing is left; a refused one is asked anew."""

    async def body(redis: Redis) -> list[Decision]:
        limiter = family.make(redis, 2, LONG)
        return [await limiter.hit("ann", request_id=name) for name in ("a", "a", "b", "c", "a", "b")]

    a, again, b, refused, *later = alone(world, body)
    assert a == again == Decision(True, 2, 1, 0.0)
    assert b == Decision(True, 2, 0, 0.0)
    assert not refused.allowed
    assert later == [a, b]


def test_your_request_id_is_remembered_for_a_period(family: Family) -> None:
    """One that the limiter made itself need not live longer than the client's retries do, so it is forgotten sooner."""

    async def body(redis: Redis) -> list[Decision]:
        limiter, decisions = family.make(redis, 3, 60, timeout=0.5, token=lambda: "made"), []
        for seconds, name in ((0, "yours"), (59, "yours"), (0, None), (0.9, None), (2, None)):
            await asyncio.sleep(seconds)
            decisions.append(await limiter.hit("ann", request_id=name))
        return decisions

    yours, again, made, soon, later = alone(Simulated(), body)
    assert yours == again == Decision(True, 3, 2, 0.0)
    assert made == soon != later


def test_a_request_id_is_asked_for_its_subject_only(family: Family, world: World) -> None:
    """Two people may use the same ids."""

    async def body(redis: Redis) -> list[int]:
        limiter = family.make(redis, 5, LONG)
        names = [("ann", "x"), ("bob", "x"), ("ann", "x:y"), ("ann:x", "y"), ("ann", "x")]
        return [(await limiter.hit(key, request_id=name)).remaining for key, name in names]

    assert alone(world, body) == [4, 4, 3, 4, 4]


def test_every_key_goes_away_by_itself(family: Family, world: World) -> None:
    """What was counted within two periods; the memory of a request after twice the time-out."""

    async def body(redis: Redis) -> dict[str, int]:
        limiter = family.make(redis, 2, 60, timeout=5, token=numbered())
        for _ in range(4):
            await limiter.hit("ann")
        return {key: await redis.pttl(key) for key in await redis.keys("*")}

    left_ms = alone(world, body)
    counts = {key for key in left_ms if key.startswith("hits:{ann}:")}
    assert len(counts) == 1
    assert {key.rpartition(":")[2] for key in left_ms.keys() - counts} == {"id0", "id1"}, "a refusal leaves nothing"
    assert 0 < left_ms.pop(*counts) <= 120_000
    assert all(0 < left <= 10_000 for left in left_ms.values())


def test_a_key_that_lost_its_ttl_has_one_again(family: Family, world: World) -> None:
    """Somebody used PERSIST: the next request sets a TTL, whether it is admitted or not."""

    async def body(redis: Redis) -> list[int]:
        limiter, left_ms = family.make(redis, 2, 60), []
        for _ in range(4):
            await limiter.hit("ann")
            left_ms.append(await redis.pttl(key := next(iter(await redis.keys("hits:*")))))
            await redis.persist(key)
        return left_ms

    assert all(left > 0 for left in alone(world, body))


def test_round_trips_are_what_the_docstring_claims(family: Family, world: World) -> None:
    """One; two on a server that has not seen the script, or has been told to forget it."""

    async def body(redis: Redis) -> list[int]:
        limiter, marks = family.make(redis, 5, LONG), [0]
        await limiter.hit("ann")
        marks.append(len(world.trace))
        await limiter.hit("ann")
        marks.append(len(world.trace))
        await redis.script_flush()
        marks.append(len(world.trace))
        decision = await limiter.hit("ann")
        assert decision.remaining == 2
        return [*marks, len(world.trace)]

    marks = alone(world, body)
    trips = [round_trips(world.trace.events[start:end]) for start, end in pairwise(marks)]
    assert trips == [2, 1, 1, 2]


@pytest.mark.parametrize("transaction", [False, True])
def test_it_works_in_a_pipeline_after_the_scripts_were_flushed(family: Family, world: World, transaction: bool) -> None:
    """EVAL carries its script, so no NOSCRIPT can spoil a pipeline; one round trip for many questions."""

    async def body(redis: Redis) -> list[Any]:
        limiter = family.make(redis, 5, LONG)
        await limiter.hit("ann")
        await redis.script_flush()
        async with redis.pipeline(transaction=transaction) as pipe:
            pipe.set("page", "x")
            pipe.eval(*limiter.command("ann"))
            pipe.eval(*limiter.command("bob", cost=2))
            done, ann, bob = await pipe.execute()
        return [done, limiter.decision(ann), limiter.decision(bob), await limiter.hit("ann")]

    done, ann, bob, after = alone(world, body)
    assert done
    assert [ann.remaining, bob.remaining, after.remaining] == [3, 3, 2]


def test_a_cancelled_hit_leaves_nothing_that_stays(family: Family) -> None:
    """Cancelled at any await: who asks again with the same request id is counted once."""
    for at in range(1, 9):
        world = Simulated(seed=1)

        async def body(redis: Redis, at: int = at) -> Decision:
            limiter = family.make(redis, 5, 60)
            task = asyncio.create_task(cancelled(limiter.hit("ann", request_id="a"), at))
            await asyncio.wait([task])
            await asyncio.sleep(1)
            await limiter.hit("ann", request_id="a")
            return await limiter.hit("ann", request_id="b")

        assert alone(world, body).remaining == 3


async def cancelled(work: Any, at: int) -> Any:
    return await CancelledAt(work, at)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"most": 0}, "limit is 0; accepted: a whole number, 1 to 1e9"),
        ({"most": -1}, "limit is -1"),
        ({"most": 2.5}, "limit is 2.5"),
        ({"most": "5"}, "limit is '5'"),
        ({"period": 0}, "period is 0; accepted: seconds, from 0.001 to 1e9"),
        ({"period": float("nan")}, "period is nan"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": float("inf")}, "timeout is inf"),
        ({"on_error": "shut"}, "on_error is 'shut'; accepted: 'raise', 'open' or 'closed'"),
    ],
)
def test_refuses_a_policy_that_is_none(family: Family, policy: dict[str, Any], said: str) -> None:
    """The error names the argument, its value and what is accepted."""
    with pytest.raises(BadArgument, match=said):
        family.make(Simulated().redis(), **({"most": 5, "period": 60} | policy))


@pytest.mark.parametrize(
    ("key", "asked", "said"),
    [
        ("ann", {"cost": 0}, "cost is 0; accepted: a whole number, 1 to 5"),
        ("ann", {"cost": 6}, "cost is 6"),
        ("ann", {"cost": 1.5}, "cost is 1.5"),
        ("ann", {"request_id": ""}, "request_id is ''"),
        ("ann", {"request_id": 5}, "request_id is 5; accepted: a text"),
        ("", {}, "key is ''"),
        ("a}b", {}, "key is 'a}b'"),
    ],
)
def test_refuses_a_request_that_is_none(family: Family, key: str, asked: dict[str, Any], said: str) -> None:
    """A cost above the limit could never be admitted."""
    with pytest.raises(BadArgument, match=said):
        alone(Simulated(), lambda redis: family.make(redis, 5, 60).hit(key, **asked))


def test_refuses_a_burst_that_is_none(family: Family) -> None:
    """Of the two that have one: at least 1, and what fills up in this age of the world."""
    for burst in (0, 2.5, 10**9 + 1):
        with pytest.raises((BadArgument, TypeError), match="burst"):
            family.limiter(Simulated().redis(), "hits", limit=1, period=1, burst=burst)
