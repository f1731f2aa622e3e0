"""A call without its `await` never runs: the verdict says so. What would wait in real time is refused."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError

from course_lib.explore.exploration import explore
from course_lib.explore.findings import MOST
from course_lib.widgets.explore import Explored

pytestmark = pytest.mark.filterwarnings("ignore:coroutine")


def nothing_wrong(run: Any) -> None:
    """An invariant that looks at nothing."""


async def forgets(redis: Any, me: str) -> None:
    await redis.get("n")
    redis.set("n", me)


async def forgets_all(redis: Any, me: str) -> None:
    redis.set("n", me)


async def forgets_its_own(redis: Any, me: str) -> None:
    async def sets() -> None:
        await redis.set("n", me)

    await redis.get("n")
    sets()


async def forgets_often(redis: Any, me: str) -> None:
    await redis.get("n")
    redis.set("a", me)
    redis.set("b", me)
    redis.set("c", me)
    redis.set("d", me)


async def awaits(redis: Any, me: str) -> None:
    """Tasks that are cancelled before they begin were not forgotten."""
    asyncio.create_task(redis.get("a")).cancel()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(redis.get("b"), 0)
    await asyncio.gather(redis.get("n"), redis.set("n", me))
    asyncio.create_task(redis.get("c"))  # noqa: RUF006


def line_of(function: Any, offset: int) -> int:
    return int(function.__code__.co_firstlineno) + offset


@pytest.mark.parametrize(
    ("body", "what", "offset"),
    [(forgets, "a command of Redis", 2), (forgets_all, "a command of Redis", 1), (forgets_its_own, "`sets`", 5)],
)
def test_what_is_never_awaited_is_named(body: Any, what: str, offset: int) -> None:
    found = explore(body, nothing_wrong)
    said = (
        f"{what} was called in line {line_of(body, offset)} and never awaited, so it never ran; an `await` is missing"
    )
    assert said in found.missing
    assert not found.holds
    assert "Nothing found, and not all of it was seen" in Explored(found)._repr_mimebundle_()["text/html"]


def test_only_a_few_are_named() -> None:
    found = explore(forgets_often, nothing_wrong)
    assert found.proof is not None
    assert (len(found.proof.unawaited), len(found.missing)) == (4, MOST)


def test_what_is_awaited_cancelled_or_struck_is_not_said_to_be_forgotten() -> None:
    for faults in ([], ["crash", "lose reply"]):
        found = explore(awaits, nothing_wrong, faults=faults)
        assert not found.missing
        assert found.holds


# -- pipelines ---------------------------------------------------------------------------------------------------------


async def never_executes(redis: Any, me: str) -> None:
    await redis.get("n")
    async with redis.pipeline() as pipe:
        pipe.set("n", me)


async def executes_too_early(redis: Any, me: str) -> None:
    pipe = redis.pipeline(transaction=False)
    pipe.set("n", me)
    await pipe.execute()
    pipe.expire("n", 10)


async def executes(redis: Any, me: str) -> None:
    async with redis.pipeline() as pipe:
        pipe.get("n").set("n", me)
        await pipe.execute()
    await redis.transaction(lambda pipe: pipe.multi() or pipe.set("m", me), "n")


async def gives_up_if_second(redis: Any, me: str) -> None:
    """What is put in and not wanted any more is sent in other runs."""
    async with redis.pipeline() as pipe:
        pipe.set("n", me)
        if await redis.incr("first") == 1:
            await pipe.execute()


async def fails_under_a_fault(redis: Any, me: str) -> None:
    try:
        await redis.get("n")
    except ConnectionError:
        redis.pipeline().set("n", me)


@pytest.mark.parametrize(("body", "offset"), [(never_executes, 3), (executes_too_early, 4)])
def test_what_is_put_into_a_pipeline_and_never_sent_is_named(body: Any, offset: int) -> None:
    found = explore(body, nothing_wrong)
    assert found.missing == [
        f"a command was put into a pipeline in line {line_of(body, offset)} and never sent, so it never ran; an "
        "`await pipe.execute()` after it is missing"
    ]
    assert not found.holds


@pytest.mark.parametrize("body", [executes, gives_up_if_second])
def test_what_is_sent_in_any_run_is_not_said_to_be_forgotten(body: Any) -> None:
    assert explore(body, nothing_wrong).holds
    assert not explore(body, nothing_wrong, faults=["lose reply"]).missing


def test_what_only_a_fault_left_unsent_is_not_said_to_be_forgotten() -> None:
    assert not explore(fails_under_a_fault, nothing_wrong, faults=["lose reply"]).missing


# -- real time ---------------------------------------------------------------------------------------------------------


async def sleeps_in_real_time(redis: Any, me: str) -> None:
    await redis.set("lock", me, px=100)
    time.sleep(60)  # noqa: ASYNC251


async def sleeps_if_second(redis: Any, me: str) -> None:
    if await redis.incr("n") == 2 and me == "alice":
        time.sleep(60)  # noqa: ASYNC251


async def starts_a_thread(redis: Any, me: str) -> None:
    await redis.incrby("n", await asyncio.to_thread(lambda: 1))


def test_real_time_is_refused_with_a_reason() -> None:
    """The clock stands still meanwhile, so no key would expire. Where no code is simulated, it sleeps as ever."""
    with pytest.raises(NotImplementedError, match=r"write await asyncio\.sleep"):
        explore(sleeps_in_real_time, nothing_wrong)
    found = explore(sleeps_if_second, nothing_wrong)
    assert found.failures == 1
    assert found.violation is not None
    assert "time.sleep stops the whole process" in found.violation.text
    with pytest.raises(NotImplementedError, match="simulated code has no threads"):
        explore(starts_a_thread, nothing_wrong)

    def judges(run: Any) -> None:
        time.sleep(0)

    assert explore(awaits, judges).holds
