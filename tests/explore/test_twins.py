"""A promise that looks at the order of commands on different keys is not called unbroken by the reduction."""

from __future__ import annotations

from typing import Any

import pytest

from course_lib.explore import Play, Trial, enumerate_all
from course_lib.explore.bodies import clients_running, judge_of
from course_lib.explore.exploration import explore
from course_lib.explore.invariants import no_lost_update
from course_lib.explore.strategies import exhaustive

SETTINGS: dict[str, Any] = {"schedules": 60}


def first(key: str) -> Any:
    """A client that sets a key, after some commands that matter to nobody else."""

    async def sets(redis: Any, me: str) -> None:
        for at in range(7):
            await redis.get(f"{me}:{at}")
        await redis.set(key, me)

    return sets


def paid_before_sent(run: Play) -> str | None:
    when = {event.command[1]: event.t_server for event in run.trace if event.name == "SET"}
    return "it was sent before it was paid" if when[b"sent"] < when[b"paid"] else None


def both_are_done(run: Play) -> str | None:
    return None if all(result is None for result in run.results.values()) else "one failed"


def test_an_order_of_other_keys_that_matters_is_found_and_no_class_is_claimed() -> None:
    found = explore([first("paid"), first("sent")], paid_before_sent, **SETTINGS)
    assert not found.holds
    assert found.shown is not None
    assert found.shown.violations
    assert "class" not in found.text.split(". ")[0]
    assert (
        "No order was left out as equal to another, as what is promised depends on the order of commands" in found.text
    )


def test_without_a_second_order_it_would_be_called_unbroken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr("course_lib.explore.strategies.exhaustive.AT_FIRST", 0)
    found = explore([first("paid"), first("sent")], paid_before_sent, **SETTINGS)
    assert found.holds
    assert found.failures == 0


def test_a_promise_that_does_not_look_at_it_keeps_its_classes() -> None:
    found = explore([first("paid"), first("sent")], both_are_done, **SETTINGS)
    assert found.holds
    assert found.played[0].twins == found.schedules == 1
    assert "The classes stand for about 12,870 schedules; of 1 class a second order was played" in found.text


async def count(redis: Any, me: str) -> None:
    n = int(await redis.get("visits") or 0)
    for at in range(7):
        await redis.get(f"{me}:{at}")
    await redis.set("visits", n + 1)


@pytest.mark.parametrize("faults", [0, 1])
def test_second_orders_are_judged_as_their_classes(faults: int) -> None:
    """And nothing that is found hangs on them."""
    judge = judge_of(no_lost_update("visits"))
    trial = Trial("t", (), clients_running(count), judge, orders=(2,), faults={"lose reply": 0.0})
    found = enumerate_all(trial, 2, reduce=True, faults=faults)
    assert found.complete
    assert found.twins >= 2
    assert (found.failures > 0) is (faults == 0)  # after a lost reply no client is told a number


def test_second_orders_are_of_the_first_classes_and_then_of_each_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    judged: list[Play] = []
    monkeypatch.setattr(exhaustive, "AT_FIRST", 2)
    monkeypatch.setattr(exhaustive, "THEN_EACH", 4)
    monkeypatch.setattr(exhaustive, "other_way_round", lambda order: asked.append(bool(order)) or order)
    trial = Trial(
        "t", (), clients_running(count), lambda run: judged.append(run) or (), orders=(2,), faults={"lose reply": 0.0}
    )
    enumerate_all(trial, 2, reduce=True, faults=1)
    assert len(judged) > 20
    assert sum(asked) == len([1, 2, *range(4, len(judged) + 1, 4)])
