"""An exercise that is judged by every order of commands: check, its words and its code, and replay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as changed
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadReplayCode
from course_lib.explore import Move, Play, Schedule, Simulation, Trial, Violation, code_of, schedule_of
from course_lib.grading import check, checker, replay
from course_lib.grading.exercise import Exercise, Promise, Words
from course_lib.grading.rules import Rules


async def get_then_set(redis: Redis) -> int:
    seen = int(await redis.get("n") or 0) + 1
    await redis.set("n", seen)
    return seen


async def incr(redis: Redis) -> int:
    return int(await redis.incr("n"))


def lost(run: Play) -> Iterable[Violation]:
    counted = [value for value in run.results.values() if isinstance(value, int)]
    if len(set(counted)) < len(counted):
        yield Violation("kept", f"two clients counted to {max(counted)}", "c1", run.now, "the same number")


def trials(body: Any) -> list[Trial]:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis())

    faults: Any = {"crash": 0.0, "lose reply": 0.0}
    return [Trial("count", ("kept",), build, lost, sizes=(2, 3), orders=(2, 3), faults=faults, fault_sizes=(2,),
                  world=lambda: Simulation(socket_timeout=0.1))]  # fmt: skip


@pytest.fixture(autouse=True)
def counter(monkeypatch: pytest.MonkeyPatch) -> Exercise:
    """03.9, an exercise that exists for these tests only."""
    promises = (Promise("kept", "safety", 3, "No update is lost."),)
    words = Words("Count", 5, 4, promises, ("Think.",), {}, "It is one command.", "Nothing.")
    made = Exercise("03.9", words, Rules(lambda answer: answer, trials, lambda failing: iter(())))
    monkeypatch.setattr(checker, "find", lambda id: made)
    return made


def test_a_right_answer_is_told_how_much_was_tried() -> None:
    verdict = check("03.9", incr)
    assert verdict.passed
    assert verdict.tried == (
        "all 2 schedules of 2 clients; all 8 schedules of 2 clients with one crash or lost reply; "
        "all 6 schedules of 3 clients"
    )
    assert f"Every property holds under {verdict.tried}." in str(verdict)


def test_a_wrong_answer_is_shown_its_smallest_schedule_and_code() -> None:
    verdict = check("03.9", get_then_set)
    assert verdict.tried == "all 6 schedules of 2 clients, of which 4 break a promise"
    assert verdict.code == "R2-03.9.4.0-2-0110-8Q866"
    assert verdict.message == "two clients counted to 1"
    assert verdict.shown is not None
    assert verdict.shown.schedule == "2 clients, who run a command or more in turn: c0, c1, c0"
    moments = sorted({round((event.t_server or 0) * 1000) for event in verdict.shown.trace})
    assert moments == [1, 2, 3, 4]
    assert verdict.code in verdict._repr_mimebundle_()["text/html"]


def test_a_code_shows_the_same_run_again_and_what_another_answer_does_there() -> None:
    first = check("03.9", get_then_set)
    assert first.code is not None
    assert first.shown is not None
    again = replay("03.9", first.code.lower(), get_then_set)
    assert again.shown is not None
    assert again.shown.trace.digest() == first.shown.trace.digest()
    assert (again.message, again.code, again.passed) == (first.message, first.code, False)
    assert replay("03.9", first.code, incr).passed


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("R2-03.9.4.0-2-0110", "is no code of a schedule"),
        ("R3-03.9.4.0-2-0110-AAAAA", "another version of the course"),
        ("R2-03.9.4.0-2-0110-AAAAA", "is mistyped"),
        (code_of("03.8", 4, 0, Schedule(2, turns=(0,))), "belongs to exercise 03.8, not to 03.9"),
        (code_of("03.9", 3, 0, Schedule(2, turns=(0,))), "out of date"),
        (code_of("03.9", 4, 7, Schedule(2, turns=(0,))), "does not have"),
        (code_of("03.9", 4, 0, Schedule(2, 0, "pause", 1)), "does not have"),
        ("R2-counter.naive-2-0110-44GNJ", "open it on the panel of the puzzle 'counter'"),
    ],
)
def test_a_bad_code_is_refused_in_words(code: str, said: str) -> None:
    with pytest.raises(BadReplayCode, match=said):
        replay("03.9", code, incr)


def test_a_trial_in_time_takes_no_turns(counter: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    timed = changed(counter.rules, trials=lambda answer: [changed(trials(answer)[0], orders=())])
    monkeypatch.setattr(checker, "find", lambda id: changed(counter, rules=timed))
    with pytest.raises(BadReplayCode, match="does not have"):
        replay("03.9", "R2-03.9.4.0-2-0110-8Q866", get_then_set)


def test_codes_of_both_kinds_are_the_same_everywhere() -> None:
    """Written in a book, they must open on every machine and Python from 3.11 to 3.14."""
    turned = Schedule(3, turns=(0, Move("pause", 2, 0.3), 12, Move("clock step", 0, -1.0), Move("crash", 1)))
    assert code_of("04.2", 1, 0, turned) == "R2-04.2.1.0-3-0P2300.N12.B01000.X1-53SR6"
    assert code_of("04.2", 1, 2, Schedule(3, 17, "pause", 31)) == "R2-04.2.1.2-3-S17P31-Y9Y3M"
    assert schedule_of("R2-04.2.1.0-3-0P2300.N12.B01000.X1-53SR6", "04.2", 1) == (0, turned)
    assert schedule_of("R2-04.2.1.2-3-S17P31-Y9Y3M", "04.2", 1) == (2, Schedule(3, 17, "pause", 31))
