"""A near cache whose connection breaks, and a writer or a relay that crashes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.lessons.invalidation.experiment_near import break_connection
from course_lib.lessons.invalidation.experiment_near_caches import FlushesOnReconnect, HearsAndForgets
from course_lib.lessons.invalidation.experiment_outbox import PAGE, crashes
from course_lib.patterns.invalidation import NearCache
from course_lib.patterns.outbox import write_down

UPDATE = "UPDATE product SET price = '15 dollars' WHERE id = 42"


@pytest.mark.parametrize(
    ("make", "reset", "silent"),
    [
        (lambda redis: HearsAndForgets(redis, ttl=5), 3.9, 3.9),
        (lambda redis: FlushesOnReconnect(redis, ttl=5), 0.2, 3.9),
        (lambda redis: NearCache(redis, ttl=5, silence=1), 0.25, 0.6),
    ],
)
def test_the_old_price_is_shown_until_the_ttl_the_new_connection_or_the_silence(
    make: Callable[[Redis], Any], reset: float, silent: float
) -> None:
    """Each is the control of the next."""
    runs = [break_connection(make, silently=silently) for silently in (False, True)]
    assert [run.stale_for for run in runs] == pytest.approx([reset, silent], abs=0.1)
    assert all(run.shown[-1][1] == "15 dollars" for run in runs)


async def commits_then_deletes(redis: Redis, shop: sqlite3.Connection) -> None:
    with shop:
        shop.execute(UPDATE)
    await redis.delete(PAGE)


async def commits_with_a_note(redis: Redis, shop: sqlite3.Connection) -> None:
    with shop:
        shop.execute(UPDATE)
        write_down(shop, PAGE)


def test_a_delete_after_the_commit_is_lost_with_its_writer_and_a_note_is_not() -> None:
    """The delete is the control."""
    deleted, noted = crashes(commits_then_deletes), crashes(commits_with_a_note)
    assert (len(deleted.tried), deleted.stays, deleted.invalidations) == (1, 1, 1)
    assert deleted.trace is not None
    assert {who for who, _, _ in noted.tried} == {"relay"}
    assert (noted.stays, noted.invalidations) == (0, 1)
    assert len(noted.tried) >= 2


def test_a_program_that_tells_nobody_is_refused() -> None:
    """It would lose nothing in a crash, and is wrong without one."""

    async def tells_nobody(redis: Redis, shop: sqlite3.Connection) -> None:
        with shop:
            shop.execute(UPDATE)

    with pytest.raises(AssertionError, match="without a crash"):
        crashes(tells_nobody)
