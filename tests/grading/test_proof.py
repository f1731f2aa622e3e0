"""What the search behind a verdict saw: commands, faults, runs played twice, branches of a right answer not taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from course_lib.grading import check

from . import programs

SCRIPT = """
local hits = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return hits"""


async def count(redis: Any, key: str, *, window: float) -> int:
    if key == "a key that nobody counts":
        await redis.get(key)
    return int(await redis.eval(SCRIPT, 1, key, round(window * 1000)))


def test_a_branch_that_no_watched_run_took_is_named_after_a_pass_and_is_no_reproach() -> None:
    verdict = check("03.1", count)
    assert verdict.passed
    assert f"took the `if` in line {count.__code__.co_firstlineno + 1}. That is not a mistake" in verdict.proof
    assert "played twice, and were the same each time." in verdict.proof
    assert "6 crashes, 6 lost requests and 6 lost replies struck." in verdict.proof
    assert verdict.proof in str(verdict)
    assert "<summary>What the search saw</summary>" in verdict._repr_mimebundle_()["text/html"]


def test_what_an_answer_without_such_a_branch_is_told() -> None:
    """The control."""
    proof = check("03.1", programs.answers("solutions")["03.1"]).proof
    assert "each time." in proof
    assert "took" not in proof


def test_of_a_wrong_answer_no_branch_is_named() -> None:
    verdict = check("03.1", programs.wrong("03.1")[0][1])
    assert verdict.status == "failed"
    assert "played twice" in verdict.proof
    assert "took" not in verdict.proof


def _tickets() -> Iterator[int]:
    yield from range(1_000_000)


TICKETS = _tickets()
next(TICKETS)  # from now on it cannot be copied for each process, and so outlives a run


async def other_each_time(redis: Any, key: str, *, window: float) -> int:
    await redis.get(f"{key}:{next(TICKETS)}")
    return await count(redis, key, window=window)


def test_a_run_that_is_another_when_it_is_played_again_is_told() -> None:
    proof = check("03.1", other_each_time).proof
    assert "Played again, it is another run from command" in proof
    assert "played twice" not in proof
