"""The limiters against their definitions in plain Python: every answer, to the µs, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from course_lib.patterns.ratelimit import GCRA, Decision, FixedWindow, Limiter, SlidingCounter, SlidingLog, TokenBucket
from course_lib.sim import steady
from course_lib.worlds import Simulated

from .crowd import alone
from .ratelimit_models import FAMILIES, Answer, Bucket, Counter, Family, Fixed, Log, Model, numbered, server_time

everyone = pytest.mark.parametrize("family", FAMILIES, ids=str)


PERIODS_MS = [1, 3, 100, 7_001, 3_600_000]
GAPS = st.one_of(st.just(0), st.integers(0, 50), st.floats(0, 3), st.sampled_from([0.5, 1.0, 1.0 - 1e-6, 1.0 + 1e-6]))


def asked_at(world: Simulated, limiter: Limiter, steps: Sequence[tuple[int, int]]) -> list[tuple[int, Decision]]:
    """Ask at the given µs for the given costs; return the server's time and the decision for each."""

    async def body(redis: Redis) -> list[tuple[int, Decision]]:
        answers = []
        for at, cost in steps:
            await asyncio.sleep(at / 1_000_000 - world.now())
            decision = await limiter.hit("ann", cost=cost)
            answers.append((server_time(world.trace.events[-1].t_server or 0.0), decision))
        return answers

    answered: list[tuple[int, Decision]] = alone(world, body)
    return answered


def answer(decision: Decision) -> Answer:
    return decision.allowed, decision.remaining, round(decision.retry_after * 1_000_000)


WORLD = Simulated(latency=steady(0.0))


def play(family: Family, data: st.DataObject, limiter_class: type[Limiter] | None = None) -> None:
    """Ask at times and costs that hypothesis draws, and compare each answer with the model's."""
    most = data.draw(st.integers(1, 6), "most")
    period_ms = data.draw(st.sampled_from(PERIODS_MS), "period_ms")
    world = WORLD.rewind(0)
    limiter = Family(limiter_class or family.limiter, family.model).make(
        world.redis(), most, period_ms / 1000, timeout=0.001, token=numbered()
    )
    model, now, refused_at, wait = family.model_of(limiter), 0, 0, 0
    steps, expected = [], []
    for _ in range(data.draw(st.integers(1, 25), "steps")):
        gap = data.draw(GAPS, "gap")
        now += round(gap * period_ms * 1000) if isinstance(gap, float) else gap
        if wait and data.draw(st.booleans(), "obey"):
            now = max(now, refused_at + wait - data.draw(st.sampled_from([0, 1]), "early"))
        steps.append((now, data.draw(st.integers(1, most), "cost")))
        expected.append((server_time(0) + now, model.hit(server_time(0) + now, steps[-1][1])))
        refused_at, wait = now, expected[-1][1][2]
    assert [(at, answer(decision)) for at, decision in asked_at(world, limiter, steps)] == expected


@everyone
@settings(max_examples=50, deadline=None, derandomize=True)
@given(data=st.data())
def test_every_answer_is_the_definition_s(family: Family, data: st.DataObject) -> None:
    """Allowed, remaining and retry_after; at any times and costs, at the edges of windows and of waits too."""
    play(family, data)


def edited(limiter: type[Limiter], right: str, wrong: str) -> type[Limiter]:
    """The limiter with one small mistake in its script."""
    assert limiter.algorithm.count(right) == 1
    return type(limiter.__name__, (limiter,), {"algorithm": limiter.algorithm.replace(right, wrong)})


@pytest.mark.parametrize(
    ("limiter", "model", "right", "wrong"),
    [
        (FixedWindow, Fixed, "start + span - now", "start + span - now + 1"),
        (FixedWindow, Fixed, "used + cost > most", "used + 1 > most"),
        (SlidingLog, Log, "now - span)", "now - span - 1)"),
        (SlidingLog, Log, "over - 1, over - 1", "0, 0"),
        (SlidingCounter, Counter, "before * rest > room * span", "before * rest > room * span + 1"),
        (SlidingCounter, Counter, "at == start - span and used or 0", "used"),
        (SlidingCounter, Counter, "math.floor(room", "math.ceil(room"),
        (TokenBucket, Bucket, "tokens < cost", "tokens <= cost"),
        (GCRA, Bucket, "math.max(counted('full'), now)", "counted('full')"),
        (GCRA, Bucket, "math.ceil", "math.floor"),
    ],
)
def test_a_mistake_of_one_unit_is_seen(limiter: type[Limiter], model: type[Model], right: str, wrong: str) -> None:
    """The controls: an edge moved by 1 µs, a count that stays, a wait rounded the wrong way."""

    @settings(max_examples=400, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(data=st.data())
    def same(data: st.DataObject) -> None:
        play(Family(limiter, model), data, edited(limiter, right, wrong))

    with pytest.raises(AssertionError):
        same()


# -- what the definitions permit --------------------------------------------------------------------------------------


def busiest(admitted: Sequence[int], span: int) -> int:
    """The most that were admitted in any half-open window of `span` µs."""
    return max(sum(1 for when in admitted if end - span < when <= end) for end in admitted)


def most_admitted(family: Family, asked: Sequence[int]) -> int:
    """Ask at these µs with a limit of 100 in 2 s; return the most that passed in any 2 s."""
    world = WORLD.rewind(0)
    answers = asked_at(world, family.make(world.redis(), 100, 2.0), [(at, 1) for at in asked])
    return busiest([at for at, decision in answers if decision.allowed], 2_000_000)


@pytest.mark.parametrize(("family", "most"), list(zip(FAMILIES, [200, 100, 106, 111, 111], strict=True)), ids=str)
def test_what_passes_around_the_end_of_a_window(family: Family, most: int) -> None:
    """One request a ms, from 0.1 s before the end of a window until 0.12 s after it: the fixed window doubles."""
    assert most_admitted(family, range(1_900_000, 2_121_000, 1_000)) == most


@pytest.mark.parametrize(("family", "most"), list(zip(FAMILIES, [200, 100, 199, 199, 199], strict=True)), ids=str)
def test_what_a_burst_followed_by_patience_gets(family: Family, most: int) -> None:
    """After a burst at the end of a window the estimate of the sliding counter is wrong: it too nearly doubles."""
    burst, patience = [1_999_990] * 100, range(2_000_000, 3_999_990, 10_000)
    assert most_admitted(family, [*burst, *patience]) == most


@settings(max_examples=30, deadline=None, derandomize=True)
@given(steps=st.lists(st.tuples(st.integers(0, 400_000), st.integers(1, 4)), max_size=40))
def test_token_bucket_and_gcra_decide_alike(steps: list[tuple[int, int]]) -> None:
    """The same answer to each request, with a burst that differs from the limit."""
    at, asked = 0, []
    for gap, cost in steps:
        asked.append((at := at + gap, cost))
    world = WORLD
    both = []
    for limiter in (TokenBucket, GCRA):
        world.rewind(0)
        both.append(asked_at(world, limiter(world.redis(), "hits", limit=7, period=1.0, burst=4), asked))
    assert both[0] == both[1]


@pytest.mark.parametrize("limiter", [TokenBucket, GCRA])
def test_a_rate_that_is_no_whole_number_of_us_is_rounded_down(limiter: type[TokenBucket]) -> None:
    """Three a second: the next after a third of a second and no sooner, so never more than the burst and the rate."""
    world = WORLD.rewind(0)
    answers = asked_at(
        world, limiter(world.redis(), "hits", limit=3, period=1.0, burst=1), [(0, 1), (333_333, 1), (333_334, 1)]
    )
    assert [decision.allowed for _, decision in answers] == [True, False, True]
    assert answers[1][1].retry_after == 0.000001
