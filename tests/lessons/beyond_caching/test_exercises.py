"""What 07.2 sets before an answer: when a session ends, by whose clock, and who uses it; no answer is judged here."""

from __future__ import annotations

from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest

from course_lib.explore import EPOCH, Simulation
from course_lib.lessons.beyond_caching.exercises import e2_calls
from course_lib.lessons.beyond_caching.exercises.sessions import OFTEN, Site


async def answer(redis: Any, id: str, changes: Any, *, idle: float) -> None:
    return None


@pytest.mark.parametrize(
    ("before", "now", "ends"),
    [
        ({}, (1.0, 2.0), True),
        ({"a": "1"}, (5.0, 6.0), True),
        ({"a": "1"}, (4.0, 5.0), None),
        ({"a": "1"}, (4.0, 4.9), False),
    ],
)
def test_a_session_has_ended_at_its_end_and_while_a_call_lasts_nobody_knows(
    before: Any, now: tuple[float, float], ends: bool | None
) -> None:
    use = e2_calls.Use("c1", "uses", id="7", finish=5, now=now)
    use.before = before
    assert use.ends is ends


def test_a_session_ends_by_the_servers_clock() -> None:
    begun: list[Any] = []
    clock = SimpleNamespace(now=lambda: 2.0)
    run = cast("Site", SimpleNamespace(world=clock, log=SimpleNamespace(skew=3.0), begin=lambda *it: begun.append(it)))
    assert e2_calls._begin(run, "7", 10.0, 60.0) == round((EPOCH + 15.0) * 1000)
    assert e2_calls._begin(run, "7", -inf, 60.0) == 0
    assert [ttl for *_, ttl in begun] == [90_000, 90_000]


@pytest.mark.parametrize(("seed", "lasts"), [(1, -inf), (2, 0.02)])
def test_a_second_client_finds_a_session_that_is_long_over_or_soon(
    seed: int, lasts: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: dict[str, float] = {}
    begin = e2_calls._begin
    monkeypatch.setattr(e2_calls, "_begin", lambda run, id, *when: begun.update({id: when[0]}) or begin(run, id, *when))
    world = Simulation(seed)
    e2_calls.in_turn(answer, e2_calls.STEPS[:2], world, 1)
    world.run()
    assert begun["late"] == lasts


def test_one_alone_has_others_that_are_quicker_and_no_log_out() -> None:
    for clients, quicker in ((1, OFTEN), (2, 0)):
        world = Simulation(0)
        site = e2_calls.at_once(answer, world, clients)
        assert site.log.quicker == quicker
        assert ("logs out" in world.clients) == (clients > 1)
