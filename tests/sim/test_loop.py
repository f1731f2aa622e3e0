"""The clock and the processes, without Redis."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from typing import Any

import pytest

from course_lib.errors import Deadlock, OutOfBudget
from course_lib.sim.loop import SimLoop
from course_lib.sim.process import PROCESS, Process


def new_loop(**limits: Any) -> SimLoop:
    return SimLoop(**limits)  # type: ignore[abstract]


async def sleep_and_tell(loop: SimLoop, seconds: float) -> float:
    await asyncio.sleep(seconds)
    return loop.now


def test_a_sleep_of_a_year_takes_no_time() -> None:
    loop = new_loop(max_time=1e9)
    assert loop.run_until_complete(sleep_and_tell(loop, 3e7)) == 3e7
    assert loop.steps < 10


def test_no_timer_is_set_to_what_is_not_a_number() -> None:
    """It would come neither before nor after any other. The control is one that was due long ago."""
    loop = new_loop()
    for seconds in (float("nan"), -float("nan")):
        with pytest.raises(ValueError, match="not a number"):
            loop.run_until_complete(sleep_and_tell(loop, seconds))
    assert loop.run_until_complete(sleep_and_tell(loop, -float("inf"))) == 0.0


def test_an_empty_context_is_kept_though_it_is_falsy() -> None:
    """`context or copy_context()` would run the callback in the caller's context."""
    loop, seen = new_loop(), []
    variable = contextvars.ContextVar("variable", default="outside")
    empty = contextvars.Context()
    assert not empty

    async def body() -> None:
        variable.set("inside")
        loop.call_soon(lambda: seen.append(variable.get()), context=empty)
        loop.call_later(1, lambda: seen.append(variable.get()), context=empty)
        loop.call_later(1, lambda: seen.append(variable.get()))
        await asyncio.sleep(2)

    loop.run_until_complete(body())
    assert seen == ["outside", "outside", "inside"]


def test_callbacks_for_one_moment_run_in_the_order_in_which_they_were_scheduled() -> None:
    loop, order = new_loop(), []

    async def body() -> None:
        for number in range(50):
            loop.call_later(1, order.append, number)
        await asyncio.sleep(1)

    loop.run_until_complete(body())
    assert order == list(range(50))


def test_a_deadlock_is_named_with_its_time() -> None:
    loop = new_loop()

    async def body() -> None:
        await asyncio.sleep(1.5)
        await loop.create_future()

    with pytest.raises(Deadlock, match=r"At 1\.500000 s every client waits and no timer is left"):
        loop.run_until_complete(body())


def test_an_endless_loop_is_out_of_budget() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    async def crawl() -> None:
        while True:
            await asyncio.sleep(1)

    first, second = new_loop(max_steps=5000), new_loop(max_time=100)
    with pytest.raises(OutOfBudget, match=r"ran 5,001 steps.*loop for ever"):
        first.run_until_complete(spin())
    with pytest.raises(OutOfBudget, match="would pass 100 s.*sleep for ever"):
        second.run_until_complete(crawl())
    unwind(first)
    unwind(second)


def test_an_error_in_a_callback_is_raised() -> None:
    """asyncio would only log it."""
    loop = new_loop()

    async def body() -> None:
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(body())


def test_the_failure_of_a_task_that_nobody_awaits_is_collected() -> None:
    loop = new_loop()

    async def fail() -> None:
        raise KeyError("nobody looks")

    async def body() -> None:
        loop.create_task(fail())
        await asyncio.sleep(1)

    loop.run_until_complete(body())
    loop.forget_tasks()
    assert [type(error) for error in loop.unretrieved] == [KeyError]


def start(loop: SimLoop, process: Process, coroutine: Any) -> asyncio.Task[Any]:
    context = contextvars.copy_context()
    context.run(PROCESS.set, process)
    return loop.create_task(coroutine, context=context)


async def tick(loop: SimLoop, heard: list[float]) -> None:
    try:
        while True:
            await asyncio.sleep(1)
            heard.append(loop.now)
    finally:
        heard.append(-1)


def test_a_dead_process_runs_nothing_not_even_its_finally() -> None:
    loop, heard, process = new_loop(), [], Process("p")

    async def body() -> None:
        start(loop, process, tick(loop, heard))
        await asyncio.sleep(2.5)
        loop.kill(process)
        await asyncio.sleep(10)

    loop.run_until_complete(body())
    assert heard == [1, 2]
    unwind(loop, process)
    assert heard == [1, 2, -1]


def unwind(loop: SimLoop, process: Process | None = None) -> None:
    """What a run does at its end, so that no task is destroyed while it waits."""
    if process is not None:
        process.dead = False
    loop.max_steps, loop.max_time = 10**9, 1e9
    for task in loop.unfinished():
        task.cancel()
    loop.exhume()
    loop.run_until_complete(asyncio.wait(loop.unfinished()))


def test_a_paused_process_catches_up_when_it_wakes() -> None:
    """Its tasks too: a watchdog pauses with the process that it guards, however many tasks away it was started."""
    loop, heard, process = new_loop(), [], Process("p")

    async def parent() -> None:
        loop.create_task(tick(loop, heard))
        await asyncio.sleep(100)

    async def body() -> None:
        start(loop, process, parent())
        await asyncio.sleep(2.5)
        process.paused_until = 7.25
        await asyncio.sleep(7)

    loop.run_until_complete(body())
    assert heard == [1, 2, 7.25, 8.25, 9.25]
    unwind(loop, process)


def test_what_a_paused_process_missed_keeps_its_order() -> None:
    loop, order, process = new_loop(), [], Process("p")

    async def late(number: int) -> None:
        await asyncio.sleep(1 + number / 10)
        order.append(number)

    async def body() -> None:
        process.paused_until = 5
        for number in (3, 1, 2):
            start(loop, process, late(number))
        await asyncio.sleep(10)

    loop.run_until_complete(body())
    assert order == [1, 2, 3]


def test_the_timers_of_the_dead_do_not_move_the_clock() -> None:
    loop, process = new_loop(), Process("p")

    async def body() -> None:
        start(loop, process, asyncio.sleep(1000))
        await asyncio.sleep(0.5)
        loop.kill(process)
        await loop.create_future()

    with pytest.raises(Deadlock, match="At 0.5"):
        loop.run_until_complete(body())
    unwind(loop, process)


def test_a_generator_that_is_dropped_halfway_is_closed_in_the_same_loop() -> None:
    loop, closed = new_loop(), []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(1)
            closed.append(asyncio.get_running_loop().time())

    async def body() -> None:
        async for _ in numbers():
            break
        await asyncio.sleep(5)

    async def outer() -> None:
        loop.run_until_complete(body())

    asyncio.run(outer())
    assert closed == [1]


def test_it_runs_inside_a_running_loop_and_hands_back_what_it_took() -> None:
    """Plain, inside a task, and from a callback; the outer loop and its task go on as if nothing had been."""
    results: list[float] = []

    def nested() -> None:
        loop = new_loop()
        results.append(loop.run_until_complete(sleep_and_tell(loop, 5)))

    async def outer() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        nested()
        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() is task
        loop.call_soon(nested)
        await asyncio.sleep(0.001)
        await asyncio.create_task(asyncio.to_thread(nested))
        await asyncio.sleep(0.001)

    asyncio.run(outer())
    nested()
    assert results == [5, 5, 5, 5]


def test_a_failure_inside_still_hands_back_the_outer_loop() -> None:
    async def fail() -> None:
        raise KeyError

    async def outer() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        with pytest.raises(KeyError):
            new_loop().run_until_complete(fail())
        assert (asyncio.get_running_loop(), asyncio.current_task()) == (loop, task)
        await asyncio.sleep(0)

    asyncio.run(outer())


def test_a_loop_that_runs_is_not_run_again_from_inside() -> None:
    """As asyncio's own refuses: what works in a simulation must not fail in a notebook."""
    loop = new_loop()

    async def body() -> None:
        inner = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already running"):
            loop.run_until_complete(inner)
        inner.close()

    loop.run_until_complete(body())
    assert loop.run_until_complete(sleep_and_tell(loop, 1)) == 1


def test_a_connection_to_the_outside_is_refused_in_words() -> None:
    async def body() -> None:
        with pytest.raises(NotImplementedError, match="no network"):
            await asyncio.open_connection("127.0.0.1", 1)

    new_loop().run_until_complete(body())
