"""No answer hangs the kernel, now or later; none ends it; and none changes what a later check finds."""

from __future__ import annotations

import asyncio
import builtins
import gc
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis.asyncio
from redis.asyncio import Redis

from course_lib.grading import check, guard

from .programs import answers

SOLUTIONS = answers("solutions")
RAN: list[int] = []


def doing(body: Callable[[Any], Any]) -> Any:
    """The right answer of 04.1, after something else."""

    async def answer(redis: Any, key: str, token: str) -> Any:
        done = body(redis)
        if asyncio.iscoroutine(done):
            await done
        return await SOLUTIONS["04.1"](redis, key, token)

    return answer


# -- what is replaced -------------------------------------------------------------------------------------------------


async def at_once(*_: Any, **__: Any) -> None:
    pass


def sleep_of_asyncio(redis: Any) -> None:
    asyncio.sleep = at_once  # type: ignore[assignment]


def time_of_time(redis: Any) -> None:
    time.time = lambda: 0.0  # noqa: TID251


def random_of_random(redis: Any) -> None:
    random.random = lambda: 0.5


def set_of_redis(redis: Any) -> None:
    Redis.set = at_once  # type: ignore[method-assign,assignment]


def get_of_this_kind_of_redis(redis: Any) -> None:
    type(redis).get = at_once


def eval_of_redis(redis: Any) -> None:
    Redis.eval = at_once  # type: ignore[method-assign]


def len_of_python(redis: Any) -> None:
    builtins.sorted = list  # type: ignore[assignment]


REPLACING = [
    (sleep_of_asyncio, "asyncio.sleep"), (time_of_time, "time.time"), (random_of_random, "random.random"),
    (set_of_redis, "redis.asyncio.Redis.set"), (get_of_this_kind_of_redis, "redis.asyncio.Redis.get"),
    (eval_of_redis, "redis.asyncio.Redis.eval"), (len_of_python, "builtins.sorted"),
]  # fmt: skip


def functions() -> list[Any]:
    return [asyncio.sleep, time.time, random.random, Redis.set, Redis.eval, Redis.get, sorted]  # noqa: TID251


@pytest.mark.parametrize(("body", "name"), REPLACING)
def test_what_is_replaced_is_put_back_and_named(body: Any, name: str) -> None:
    before = functions()
    verdict = check("04.1", doing(body))
    assert functions() == before
    assert verdict.status == "error"
    assert f"replaced {name}." in verdict.message
    assert check("04.1", SOLUTIONS["04.1"]).passed


@pytest.mark.parametrize(("body", "name"), REPLACING[:4])
def test_what_a_cell_has_replaced_is_put_back_too(body: Any, name: str) -> None:
    """Before the check, at the top of the cell."""
    before = functions()
    body(None)
    assert functions() != before
    verdict = check("04.1", SOLUTIONS["04.1"])
    assert functions() == before
    assert f"replaced {name}." in verdict.message


def test_what_a_package_has_replaced_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """As packages for notebooks do with asyncio: it is not the learner's."""
    import textwrap

    monkeypatch.setattr(asyncio, "wait_for", textwrap.dedent)
    assert check("04.1", SOLUTIONS["04.1"]).passed
    assert asyncio.wait_for is textwrap.dedent  # type: ignore[comparison-overlap]


def test_what_puts_itself_back_is_no_matter() -> None:
    def for_a_moment(_: Any) -> None:
        kept, asyncio.sleep = asyncio.sleep, at_once  # type: ignore[assignment]
        asyncio.sleep = kept  # type: ignore[assignment]

    assert check("04.1", doing(for_a_moment)).passed


def test_a_client_that_all_share_cannot_be_changed() -> None:
    def one_of_its_methods(redis: Any) -> None:
        redis.eval = at_once

    verdict = check("04.1", doing(one_of_its_methods))
    assert verdict.status == "error"
    assert "cannot be replaced" in verdict.message


# -- what ends the kernel ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leave", [lambda _: exit(), lambda _: quit(), lambda _: sys.exit(3), lambda _: os._exit(3),
                                   lambda _: os.abort()])  # fmt: skip
def test_leaving_is_refused_in_words(leave: Any) -> None:
    verdict = check("04.1", doing(leave))
    assert verdict.status == "error"
    assert "Return from your function" in verdict.message
    assert not sys.stdin.closed


@pytest.mark.parametrize("id", ["01.1", "04.6"])
def test_leaving_is_refused_where_nothing_is_simulated(id: str) -> None:
    def answer(given: Any) -> Any:
        quit()

    assert "Return from your function" in check(id, answer).message


def test_the_exit_of_a_notebook_does_not_end_its_kernel() -> None:
    from IPython.core.autocall import ZMQExitAutocall

    leave: Any = ZMQExitAutocall(ip=None)
    verdict = check("04.1", doing(lambda _: leave()))
    assert "Return from your function" in verdict.message


def test_nobody_is_asked() -> None:
    verdict = check("04.1", doing(lambda _: input("?")))
    assert verdict.status == "error"
    assert "waits for a person" in verdict.message


# -- what hangs it ----------------------------------------------------------------------------------------------------


def round_and_round(_: Any) -> None:
    while True:
        pass


def catching_everything(_: Any) -> None:
    while True:
        try:
            sum(range(1_000))
        except BaseException:
            pass


def going_round_within(_: Any) -> None:
    """Python hears an interrupt at calls and at jumps, and nearly all of these are within the `try`."""
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


async def asking_and_catching(redis: Any) -> None:
    while True:
        try:
            redis.no_such_command()
        except:  # noqa: E722
            pass


def catching_once(_: Any) -> None:
    for _ in range(2):
        try:
            while True:
                pass
        except BaseException:
            return


@pytest.mark.skipif(not hasattr(guard.signal, "setitimer"), reason="no interval timer here")
@pytest.mark.parametrize(
    "body", [round_and_round, catching_everything, going_round_within, asking_and_catching, catching_once]
)
def test_what_goes_round_for_ever_is_stopped(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it catches every interrupt."""
    monkeypatch.setattr(guard, "LIMIT", 0.3)
    begin = time.monotonic()
    verdict = check("04.1", doing(body))
    assert time.monotonic() - begin < 20
    assert verdict.status == "error"
    assert "let nobody else run" in verdict.message


async def for_ever() -> None:
    while True:
        try:
            await asyncio.sleep(0.01)
        except BaseException:
            RAN.append(1)


def leaving_one_behind(_: Any) -> None:
    task = asyncio.ensure_future(for_ever())
    task.add_done_callback(lambda _: None)


def test_a_task_in_the_background_does_not_outlive_its_run() -> None:
    """Nor is it collected later, when it would go round in the kernel's own loop."""
    begin = time.process_time()
    verdict = check("04.1", doing(leaving_one_behind))
    assert verdict.status in ("passed", "failed")
    RAN.clear()

    async def later() -> None:
        gc.collect()
        await asyncio.sleep(0.05)

    asyncio.run(later())
    assert RAN == []
    assert time.process_time() - begin < 30
    assert redis.asyncio.Redis is Redis
