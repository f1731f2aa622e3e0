"""SingleFlight: one load for all who ask together, in one process."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.patterns import SingleFlight, lock_and_wait
from course_lib.worlds import Simulated

from . import broken
from .crowd import Database, Down, alone


def in_simulation(body: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a body that needs a loop and no server."""
    world = Simulated()
    result = alone(world, lambda redis: body())
    assert not world.loop.unretrieved
    return result


def test_concurrent_calls_share_one_load() -> None:
    """A hundred callers, those who come while it runs included: one load. Another key has its own."""
    database, other = Database(), Database("other")

    async def body() -> list[str | None]:
        flight = SingleFlight()

        async def late(seconds: float) -> str | None:
            await asyncio.sleep(seconds)
            return await flight.do("page", database.load)

        return await asyncio.gather(flight.do("other", other.load), *(late(number * 0.0004) for number in range(100)))

    assert in_simulation(body) == ["other"] + ["page"] * 100
    assert (database.loads, other.loads) == (1, 1)


def test_a_later_call_loads_again() -> None:
    """A flight that has landed answers nobody new, not even in the moment before its callers have woken."""
    database = Database()

    async def body() -> None:
        flight = SingleFlight()

        async def load() -> str | None:
            page = await database.load()
            asyncio.get_running_loop().call_soon(lambda: late.append(asyncio.create_task(ask())))
            return page

        async def ask() -> str | None:
            return await flight.do("page", database.load)

        late: list[asyncio.Task[str | None]] = []
        await flight.do("page", load)
        await asyncio.gather(*late)
        await ask()

    in_simulation(body)
    assert database.loads == 3


@pytest.mark.parametrize(("flights", "served"), [(SingleFlight, 9), (broken.FlightOfTheFirst, 0)])
def test_a_cancelled_caller_leaves_the_load_to_the_others(flights: Any, served: int) -> None:
    """The first of ten is cancelled: nine are served. The twin, whose load is the first caller's, fails them all."""
    database = Database()

    async def body() -> int:
        flight = flights()
        callers = [asyncio.create_task(flight.do("page", database.load)) for _ in range(10)]
        await asyncio.sleep(0.01)
        callers[0].cancel()
        results = await asyncio.gather(*callers, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        return results.count("page")

    assert in_simulation(body) == served
    assert database.loads == 1


def test_when_the_last_caller_is_cancelled_so_is_the_load() -> None:
    """Nobody is left to own it, so it is cancelled, has time to clean up, and the next caller loads afresh."""
    story: list[str] = []

    async def load() -> str:
        story.append("began")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            story.append("cleaned up")
            raise
        return "never"

    async def body() -> str | None:
        flight = SingleFlight()
        callers = [asyncio.create_task(flight.do("page", load)) for _ in range(3)]
        for caller in callers:
            await asyncio.sleep(0.1)
            caller.cancel()
        await asyncio.wait(callers)
        story.append("callers gone")
        return await flight.do("page", Database("new").load)

    assert in_simulation(body) == "new"
    assert story == ["began", "cleaned up", "callers gone"]


def test_a_cancelled_crowd_leaves_no_lock() -> None:
    """Composed with lock_and_wait: when all callers time out, the lock is free before they go on."""

    async def body(redis: Redis) -> list[str]:
        flight, database = SingleFlight(), Database(seconds=60)

        async def ask() -> None:
            async with asyncio.timeout(0.1):
                await flight.do(
                    "page", lambda: lock_and_wait(redis, "page", database.load, ttl=60, lock_ttl=60, wait=1)
                )

        results = await asyncio.gather(*(ask() for _ in range(5)), return_exceptions=True)
        assert all(isinstance(result, TimeoutError) for result in results)
        assert database.loads == 1
        return await redis.keys("*")

    assert alone(Simulated(), body) == []


def test_an_error_goes_to_every_caller_and_is_not_kept() -> None:
    """All of one flight hear of it; the next flight loads."""
    database = Database(failing=1)

    async def body() -> tuple[list[Any], str | None]:
        flight = SingleFlight()
        together = await asyncio.gather(*(flight.do("page", database.load) for _ in range(5)), return_exceptions=True)
        return together, await flight.do("page", database.load)

    together, after = in_simulation(body)
    assert [type(error) for error in together] == [Down] * 5
    assert after == "page"
    assert database.loads == 2


def test_nothing_is_kept_after_a_flight() -> None:
    """Neither the value nor the load: memory does not grow with the number of keys ever asked for."""

    class Page(str):
        """A text that can be watched."""

    async def body() -> tuple[int, int, bool]:
        flight, page = SingleFlight(), Page("page")
        watched = weakref.ref(page)
        await flight.do("page", Database(page, seconds=0).load)
        del page
        gc.collect()
        return len(flight._flights), len(flight._callers), watched() is None

    assert in_simulation(body) == (0, 0, True)


def test_a_flight_that_lands_late_leaves_a_newer_one_alone() -> None:
    """The first load is over, a second begins before the first one's caller goes on: a third call joins the second."""

    async def body(redis: object) -> tuple[list[str | None], int]:
        flight, loads, joined = SingleFlight(), list[str](), list[asyncio.Task[str | None]]()

        async def first() -> str:
            again = lambda: joined.append(asyncio.create_task(flight.do("page", second)))  # noqa: E731
            asyncio.get_running_loop().call_soon(again)
            return "first"

        async def second() -> str:
            loads.append("second")
            await asyncio.sleep(0.1)
            return "second"

        got = [await flight.do("page", first)]
        assert joined, "the second call came before the first caller went on"
        got.append(await flight.do("page", second))
        return [*got, await joined[0]], len(loads)

    assert alone(Simulated(), body) == (["first", "second", "second"], 1)
