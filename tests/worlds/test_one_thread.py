"""A coroutine runs to its end inside of a running loop, as in a browser, whose Python has one thread."""

from __future__ import annotations

import asyncio
import time
from functools import wraps

import pytest

from course_lib.worlds.one_thread import run_inside


async def slowly(value: str) -> str:
    await asyncio.sleep(0.002)
    return value


async def both() -> list[str]:
    return list(await asyncio.gather(slowly("one"), slowly("other")))


async def outside() -> tuple[list[str], str]:
    """One loop inside of another, which goes on afterwards."""
    return run_inside(both()), await slowly("outer")


async def waits() -> str:
    with pytest.raises(RuntimeError, match="nothing is left to wait for"):
        run_inside(asyncio.Event().wait())
    return await slowly("outer")


def test_the_inner_loop_runs_to_its_end_and_never_sleeps_by_the_outer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pyodide's `sleep` lets the outer loop go on, and does not come back."""

    @wraps(time.sleep)
    def outer_sleep(seconds: float) -> None:
        raise AssertionError("this loop would wait forever")

    monkeypatch.setattr(time, "sleep", outer_sleep)
    assert asyncio.run(outside()) == (["one", "other"], "outer")


def test_a_coroutine_that_waits_for_what_never_comes_says_so() -> None:
    assert asyncio.run(waits()) == "outer"
