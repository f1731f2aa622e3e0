"""The sessions of lesson 07: in how many orders a promise is broken, and when a session is over."""

from __future__ import annotations

from math import inf

import pytest
from redis.asyncio import Redis

from course_lib.explore.exploration import explore
from course_lib.explore.trial import Trial
from course_lib.lessons.beyond_caching.experiment_sessions import (
    lasts,
    log_out_meets,
    the_log_out,
    two_tabs,
    visits_by_script,
)
from course_lib.lessons.beyond_caching.experiment_virtual_time import in_virtual_time
from course_lib.lessons.beyond_caching.programs import writes_back_what_is_there, writes_it_all_back, writes_one_field


@pytest.mark.parametrize(
    ("trial", "failures", "orders"),
    [
        (log_out_meets(writes_it_all_back), 1, 3),
        (two_tabs(writes_it_all_back), 4, 6),
        (log_out_meets(writes_back_what_is_there), 0, 3),
        (two_tabs(writes_back_what_is_there), 4, 6),
        (log_out_meets(writes_one_field, kept_as="hash"), 1, 4),
        (two_tabs(writes_one_field, kept_as="hash"), 0, 20),
        (log_out_meets(visits_by_script, kept_as="script"), 0, 2),
        (two_tabs(visits_by_script, kept_as="script"), 0, 2),
    ],
)
def test_each_remedy_closes_its_window_and_no_other(trial: Trial, failures: int, orders: int) -> None:
    found = explore(trial)
    assert (found.failures, found.schedules) == (failures, orders)


def test_a_request_that_adds_nothing_is_found() -> None:
    """The control of the basket: it must hold what was put in."""

    async def does_nothing(redis: Redis, session: str, book: str) -> None:
        await redis.get(f"app:session:{session}")

    assert explore(two_tabs(does_nothing)).failures == 2


def test_three_moves_bring_the_session_back_and_the_script_holds_under_every_fault() -> None:
    game = the_log_out.game()
    for move in (1, 0, 0):
        game.move(move)
    assert game.violation is not None
    assert game.violation.mark == "it is back"
    assert the_log_out.all_schedules(mended=True).holds


@pytest.mark.parametrize(
    ("who", "ends", "hours"),
    [
        ({"every": 1200}, {"idle": 1800, "lifetime": 1e9}, inf),
        ({"every": 1200}, {}, 12.0),
        ({"every": 300, "leaves": 3600}, {"idle": 43200, "lifetime": 43200}, 12.0),
        ({"every": 300, "leaves": 3600}, {}, 1.5),
        ({"every": 2400}, {}, 0.7),
    ],
)
def test_each_end_does_what_the_other_cannot(who: dict[str, float], ends: dict[str, float], hours: float) -> None:
    assert lasts(**who, **ends) == hours


def test_an_error_in_virtual_time_reaches_the_notebook() -> None:
    async def fails(redis: Redis) -> None:
        raise KeyError(await redis.echo("amber"))

    with pytest.raises(KeyError, match="amber"):
        in_virtual_time(fails)
