"""A search proves itself: which lines and branches no schedule has reached, and that a run played twice is the same."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.exceptions import TimeoutError as RedisTimeout

from course_lib.explore import Play, Schedule, play, proof
from course_lib.explore.activity import Activity
from course_lib.explore.code_coverage import Reached, told_of
from course_lib.explore.exploration import explore
from course_lib.explore.findings import Findings
from course_lib.explore.strategies.exhaustive import enumerate_all


def nothing_wrong(run: Play) -> str | None:
    if len(run.results) > 99:
        return "so many"
    return None


def never(found: Findings) -> list[str]:
    assert found.proof is not None
    return found.proof.reached.never


def at(function: Callable[..., Any], text: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(n for n, one in enumerate(lines) if one.strip().startswith(text))


async def careful(redis: Any, me: str) -> int:
    try:
        seen = int(await redis.get("visits") or 0)
    except RedisTimeout:
        return -1
    if seen > 5:
        await redis.delete("visits")
    elif seen == 1:
        await redis.get("one")
    else:
        await redis.get("none")
    await redis.set("visits", seen + 1)
    return seen


def test_a_branch_that_no_schedule_took_is_named_by_its_line() -> None:
    found = explore(careful, nothing_wrong)
    assert never(found) == [
        f"the `except` in line {at(careful, 'except')}", f"the `if` in line {at(careful, 'if seen > 5')}",
    ]  # fmt: skip
    said = f"No schedule took {' or '.join(never(found))}. "
    assert said in found.text
    assert found.holds


def test_a_fault_reaches_what_no_order_does() -> None:
    found = explore(careful, nothing_wrong, faults=["lose reply"])
    assert never(found) == [f"the `if` in line {at(careful, 'if seen > 5')}"]


async def one_way(redis: Any, me: str) -> int:
    value = await redis.incr("n")
    if value > 0:
        value += 1
    for _ in range(value - 99):
        value += 1
    while value > 99:
        value -= 1
    match value:
        case 77:
            value = 7
        case _:
            value = 8
    if value > 7:
        value = 9
    else:
        await redis.get("n")
        value = 10
    async with redis.pipeline() as pipe:
        if value == 10: value = 11  # noqa: E701  # fmt: skip
        await pipe.get("n").execute()
    if value != 9:
        return 0
    raise ValueError(value)
    return value


def test_every_kind_of_branch() -> None:
    found = explore(one_way, nothing_wrong, clients=1)
    assert never(found) == [
        f"the way around the `if` in line {at(one_way, 'if value > 0')}",
        f"the `for` in line {at(one_way, 'for')}",
        f"the `while` in line {at(one_way, 'while')}",
        f"the `case` in line {at(one_way, 'case 77')}",
        f"the `else` of the `if` in line {at(one_way, 'if value > 7')}",
        f"the `if` in line {at(one_way, 'if value != 9')}",
    ]
    assert " or 2 more. " in found.text


async def out_of_it(redis: Any, me: str) -> None:
    if not await redis.set("lock", me, nx=True):
        return
    await helper(redis)


async def helper(redis: Any) -> None:
    if await redis.get("n"):
        await redis.delete("n")


def test_where_several_functions_ran_each_is_named() -> None:
    found = explore(out_of_it, nothing_wrong)
    assert never(found) == [f"the `if` in line {at(helper, 'if await')} of `helper`"]
    alone = explore(out_of_it, nothing_wrong, clients=1)
    assert never(alone)[0] == f"the `if` in line {at(out_of_it, 'if not')} of `out_of_it`"


async def stops(redis: Any, me: str) -> None:
    await redis.execute_command("NO SUCH COMMAND")
    await redis.get("n")


def test_a_line_that_is_never_reached_is_named() -> None:
    found = explore(stops, nothing_wrong, clients=1)
    assert never(found) == [f"line {at(stops, 'await redis.get')}"]
    assert f"No schedule took line {at(stops, 'await redis.get')}." in found.text


async def on_time(redis: Any, me: str) -> None:
    import asyncio

    await redis.incr("n")
    await asyncio.sleep(0.01)
    if me == "zoe":
        await redis.get("n")


def test_where_time_matters_no_more_is_claimed_than_was_watched() -> None:
    found = explore(on_time, nothing_wrong)
    line = at(on_time, "if me")
    assert f"None of the 2 schedules that were watched line by line took the `if` in line {line}." in found.text
    alone = explore(on_time, nothing_wrong, clients=1)
    assert f"The one schedule that was watched line by line did not take the `if` in line {line}." in alone.text


@pytest.mark.parametrize("faults", [[], ["lose reply"]])
def test_what_is_kept_reaches_all_that_every_schedule_does(faults: list[str]) -> None:
    """The control: every schedule is watched."""
    found = explore(careful, nothing_wrong, faults=faults)
    assert found.proof is not None
    whole, trial = Reached(), found.trial
    for stage in range(2 if faults else 1):
        schedules: list[Schedule] = []
        enumerate_all(trial, 2, faults=stage, progress=None, into=_listing(found, stage, schedules))
        for schedule in schedules:
            with whole.watching():
                play(trial, schedule)
    kept = found.proof.reached
    assert whole.runs > 3 * kept.runs
    assert kept.lines == whole.lines
    assert {id(code): steps for code, steps in kept._steps.values()} == {
        id(code): steps for code, steps in whole._steps.values()
    }


def _listing(found: Findings, faults: int, schedules: list[Schedule]) -> Any:
    from course_lib.explore import Tally

    class Listing(Activity):
        def add(self, run: Play) -> None:
            schedules.append(run.schedule)

    tally = Tally(found.trial, 2, faults=faults)
    tally.seen = Listing()
    return tally


def _tickets() -> Iterator[int]:
    yield from range(1_000_000)


TICKETS = _tickets()
next(TICKETS)  # from now on it cannot be copied for each process, and so outlives a run


async def takes_a_ticket(redis: Any, me: str) -> None:
    await redis.set("ticket", next(TICKETS))


def test_a_run_that_differs_when_it_is_played_again_is_no_proof() -> None:
    found = explore(takes_a_ticket, nothing_wrong, clients=1)
    assert (found.failures, found.holds) == (0, False)
    assert "Played again, it is another run from command 1 on: first alice sent SET ticket " in found.text
    assert "the same each time." in found.text.split("Something in the code is not ")[1]
    assert "played twice" not in found.text


def test_a_debugger_that_watches_already_is_left_alone() -> None:
    def watches(*_: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(watches)
    try:
        found = explore(careful, nothing_wrong)
        assert sys.gettrace() is watches
    finally:
        sys.settrace(before)
    assert found.proof is not None
    assert found.proof.reached.functions == 0
    assert "No schedule took" not in found.text


def test_the_promise_is_no_part_of_the_code_that_is_watched() -> None:
    found = explore(out_of_it, nothing_wrong)
    assert not any("nothing_wrong" in one or str(at(nothing_wrong, "if len")) in one for one in never(found))


def test_four_branches_are_named_and_of_more_how_many() -> None:
    def told(never: list[str]) -> str:
        return told_of(cast("Reached", SimpleNamespace(never=never, lines=(5, 9), runs=2)), all_seen=True)

    assert told(list("abcd")) == "no schedule took a, b, c or d"
    assert told(list("abcde")) == "no schedule took a, b, c, d or 1 more"


def test_a_long_run_is_played_twice_too_and_of_several_the_first_that_differs_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proof, "STEPS", 0)
    assert "1 schedule played twice was the same each time." in explore(careful, nothing_wrong).text
    monkeypatch.undo()
    told = iter(["the first", "the second", *[""] * 9])
    monkeypatch.setattr(proof, "difference", lambda then, now: next(told))
    found = explore(careful, nothing_wrong)
    assert found.proof is not None
    assert (found.proof.twice > 1, found.proof.differs) == (True, "the first")


async def by_the_clock(redis: Any, me: str) -> None:
    await redis.incr("n")
    if time.monotonic() > 99:
        await redis.get("n")


def test_no_more_is_claimed_where_runs_were_dropped_or_a_clock_is_read() -> None:
    found = explore(careful, nothing_wrong)
    assert found.proof is not None
    assert found.proof.all_seen
    seen = found.seen
    seen.dropped = 1
    assert not proof.prove(found.trial, seen, found.clocks).all_seen
    timed = explore(by_the_clock, nothing_wrong)
    assert "schedules that were watched line by line took the `if`" in timed.text
