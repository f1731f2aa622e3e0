"""`explore`: a learner's coroutine and promise, every order, faults, a code; interrupted, refused, repeated."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from redis.exceptions import TimeoutError as RedisTimeout

from course_lib.errors import BadReplayCode
from course_lib.explore import Play, Tally, Violation
from course_lib.explore.exploration import explore
from course_lib.explore.puzzles import PUZZLES
from explore.visits import mended, naive


def no_visit_is_lost(run: Play) -> str | None:
    counted = [value for value in run.results.values() if isinstance(value, int)]
    return f"two counted {max(counted)}" if len(set(counted)) < len(counted) else None


def test_a_naive_counter_and_its_mended_twin() -> None:
    found = explore(naive, no_visit_is_lost, clients=(2, 3))
    assert found.text == (
        "4 of all 6 schedules of 2 clients break a promise. 84 of all 90 schedules of 3 clients break a promise. "
        "The clients ran 564 commands in these schedules. Each of the 3 lines of your code ran. 10 schedules played "
        "twice were the same each time."
    )
    assert (found.failures, found.schedules, found.holds) == (88, 96, False)
    assert found.violation == Violation("no visit is lost", "two counted 0")
    assert found.shown is not None
    assert found.shown.schedule.turns == (0, 1, 1, 0)
    twin = explore(mended, no_visit_is_lost, clients=(2, 3))
    assert (twin.text.count("none of all"), twin.holds, twin.code) == (0, True, None)
    assert twin.text.startswith("None of all 2 schedules of 2 clients breaks a promise.")


def test_a_code_is_played_with_other_code() -> None:
    code = explore(naive, no_visit_is_lost).code
    assert code == "R2-yours-2-0110-CQSTW"
    again = explore(naive, no_visit_is_lost, code=code)
    assert again.text == "One schedule was played; two counted 0."
    assert again.code == code
    other = explore(mended, no_visit_is_lost, code=code)
    assert other.text == "One schedule was played; it breaks no promise."
    with pytest.raises(BadReplayCode, match="belongs to 'yours'"):
        explore(naive, no_visit_is_lost, code=code, name="mine")


def test_a_puzzles_trial_gives_codes_that_its_panel_opens() -> None:
    puzzle = PUZZLES["lock"]
    found = explore(puzzle.naive, schedules=300)
    assert found.code is None  # no order alone breaks it, and the panel's "time passes" is no order
    counter = explore(PUZZLES["counter"].naive)
    assert counter.code is not None
    assert PUZZLES["counter"].open(counter.code).violation is not None


def test_any_name_can_be_part_of_a_code() -> None:
    code = explore(naive, no_visit_is_lost, name="Ann's counter, the 2nd").code
    assert code is not None
    assert code.startswith("R2-ann.s.counter.the.2nd-2-0110-")
    assert explore(naive, no_visit_is_lost, name="Ann's counter, the 2nd", code=code).violation is not None


async def sees_the_setup(redis: Any, me: str) -> bytes:
    return bytes(await redis.get("stock"), "ascii")


async def stocks(redis: Any) -> None:
    await redis.set("stock", "5")


def test_a_setup_runs_first_and_is_no_part_of_it() -> None:
    found = explore(sees_the_setup, lambda run: "unset" if set(run.results.values()) != {b"5"} else None, setup=stocks)
    assert found.text == (
        "None of all 2 schedules of 2 clients breaks a promise. The clients ran 4 commands in these schedules. Each of "
        "the 2 lines of your code ran. 1 schedule played twice was the same each time."
    )

    async def spoiled(redis: Any) -> None:
        raise OSError("no stock")

    with pytest.raises(OSError, match="no stock"):
        explore(sees_the_setup, setup=spoiled)


RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def worker(*, own: bool) -> Any:
    """Tries every 400 ms for a lock of 1 s, works for 500 ms, and frees it: anybody's, or only its own."""

    async def works(redis: Any, me: Any) -> None:
        for _ in range(9):
            if await redis.set("lock", me, nx=True, px=1000):
                with me.holding(1.0):
                    await asyncio.sleep(0.5)
                await (redis.eval(RELEASE, 1, "lock", me) if own else redis.delete("lock"))
                return
            await asyncio.sleep(0.4)

    return works


def overlapping(run: Play) -> Iterable[Violation]:
    spans = sorted((note.t_start, note.t_end or run.now, note.who) for note in run.trace.notes if note.kind == "hold")
    for (_, until, one), (since, _, other) in pairwise(spans):
        if since < until - 1e-3:
            yield Violation("one holder", f"{other} and {one} hold it", other, since, "two holders")


def test_a_pause_at_some_send_breaks_a_lock_that_anybody_may_free() -> None:
    """Paused past the TTL before its DEL, one frees the second's lock, and a third takes it. Two controls: the same
    without a pause, and with a release that looks whose lock it is."""
    budget: Any = {"clients": 3, "schedules": 150}
    assert explore(worker(own=False), overlapping, **budget).failures == 0
    found = explore(worker(own=False), overlapping, faults={"pause": 1.0}, **budget)
    assert found.failures > 0
    assert found.violation is not None
    assert (found.violation.promise, found.shown is not None and found.shown.schedule.faults) == ("one holder", 1)
    assert explore(worker(own=True), overlapping, faults={"pause": 1.0}, **budget).failures == 0


async def tries_twice(redis: Any, me: str) -> bool:
    for _ in range(2):
        try:
            await redis.set("job", me)
        except RedisTimeout:
            continue
        return True
    return False


def test_pairs_of_faults_find_what_one_cannot() -> None:
    def nobody_gives_up(run: Play) -> str | None:
        return "somebody gave up" if False in run.results.values() else None

    single = explore(tries_twice, nobody_gives_up, faults=["lose request"])
    assert (single.failures, single.holds) == (0, True)
    pairs = explore(tries_twice, nobody_gives_up, faults=["lose request"], pairs=True)
    assert pairs.failures > 0
    assert "with 2 faults, each a lost request" in pairs.text
    assert pairs.shown is not None
    assert pairs.shown.schedule.faults == 2


def test_several_bodies_are_one_client_each_and_several_nodes_a_list() -> None:
    async def writes(redis: Any, me: str) -> None:
        await redis[1].set("x", me)

    async def reads(redis: Any, me: str) -> Any:
        return await redis[1].get("x")

    found = explore([writes, reads], lambda run: "seen" if run.results["bob"] == "alice" else None, nodes=2)
    assert (found.failures, found.schedules) == (1, 2)


def test_without_an_invariant_everybody_must_end() -> None:
    async def divides(redis: Any, me: str) -> float:
        return 1 / (2 - int(await redis.incr("n")))

    found = explore(divides)
    assert found.failures == 2
    assert found.violation is not None
    assert found.violation.text.endswith("ended with ZeroDivisionError: division by zero")


def test_an_error_in_the_code_is_raised_where_it_arose() -> None:
    async def typo(redis: Any, me: str) -> None:
        await redis.get(unknown)  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError, match="unknown"):
        explore(typo)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"faults": ["fire"]}, "there is no fault 'fire'; there are crash, pause"),
        ({"clients": 0}, "give a number from 1 on"),
        ({"clients": ()}, "give a number from 1 on"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        explore(naive, **options)


def test_an_interrupt_keeps_what_was_found() -> None:
    def enough(tally: Tally) -> None:
        if tally.clients == 3 and tally.schedules == 10:
            raise KeyboardInterrupt

    found = explore(naive, no_visit_is_lost, clients=(2, 3), progress=enough)
    assert found.interrupted
    assert not found.holds
    assert [(one.schedules, one.complete) for one in found.played] == [(6, True), (10, False)]
    assert "of 10 schedules of 3 clients, out of more break" in found.text
    assert found.text.endswith("Interrupted: this is what was found until then.")
    assert "The clients ran 84 commands in these schedules." in found.text
    assert found.code == "R2-yours-2-0110-CQSTW"


def test_a_second_of_time_is_a_budget() -> None:
    found = explore(mended, clients=6, seconds=0.05)
    assert not found.complete
    assert not found.holds
    assert "out of more" in found.text or found.schedules == 0


def found_by(hash_seed: str) -> str:
    """What another process finds, under another order of Python's sets."""
    code = (
        "import sys\nsys.path.insert(0, 'tests')\n"
        "from explore.test_exploration import *\n"
        "found = explore(naive, no_visit_is_lost, clients=(2, 5), faults=['crash', 'pause'], schedules=60)\n"
        "print(found.text, found.code)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_same_is_found_on_every_machine() -> None:
    """Recorded once: counts of drawn orders too, and the code."""
    assert found_by("7").strip().split(". ") == [
        "4 of all 6 schedules of 2 clients break a promise",
        "10 of all 36 schedules of 2 clients with one crash or pause break a promise",
        "39 of 60 sampled schedules of 5 clients, out of about 113,400 (a bug of depth 3 is met with a probability of "
        "at least 5.8 %) break a promise",
        "18 of 60 sampled schedules of 5 clients with one crash or pause, out of about 2,268,000 (one at each send of "
        "3 sampled orders) break a promise",
        "The clients ran 1,299 commands in these schedules; 48 crashes and 48 pauses struck",
        "Each of the 3 lines of your code ran",
        "56 schedules played twice were the same each time",
        "R2-yours-2-0110-CQSTW",
    ]
