"""The race of lesson 06: in how many orders it happens, and that each remedy closes it."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.explore.exploration import explore
from course_lib.lessons.invalidation.experiment_race import (
    PAGE,
    SLOW,
    Database,
    Read,
    Write,
    by_chance,
    commits_then_deletes,
    commits_then_supersedes,
    race,
    reads_aside,
    reads_versioned,
    the_race,
)
from course_lib.patterns import lock_and_wait
from course_lib.patterns.invalidation import invalidate


async def deletes_first(redis: Redis, database: Database, price: str) -> None:
    await redis.delete(PAGE)
    await database.save(price)


async def stores(redis: Redis, database: Database, price: str) -> None:
    await database.save(price)
    await redis.set(PAGE, price, ex=60)


async def leased(redis: Redis, database: Database) -> Any:
    return await lock_and_wait(redis, PAGE, database.load, ttl=60, lock_ttl=5, wait=5)


async def takes_the_lease(redis: Redis, database: Database, price: str) -> None:
    await database.save(price)
    await invalidate(redis, PAGE)


@pytest.mark.parametrize(
    ("read", "write", "clients", "failures", "orders"),
    [
        (reads_aside, commits_then_deletes, (1, 1), 1, 10),
        (reads_aside, deletes_first, (1, 1), 6, 10),
        (reads_aside, stores, (1, 1), 1, 10),
        (reads_aside, stores, (0, 2), 2, 6),
        (reads_versioned, commits_then_deletes, (1, 1), 1, 10),
        (reads_versioned, commits_then_supersedes, (1, 1), 0, 10),
        (reads_versioned, commits_then_supersedes, (1, 2), 0, 210),
        (leased, commits_then_deletes, (1, 1), 1, 28),
        (leased, takes_the_lease, (1, 1), 0, 28),
    ],
)
def test_the_old_price_stays_in_as_many_orders_as_the_lesson_says(
    read: Read, write: Write, clients: tuple[int, int], failures: int, orders: int
) -> None:
    """The naive ones are the controls of the others."""
    found = explore(race(read, write, readers=clients[0], writers=clients[1]))
    assert found.complete
    assert (found.failures, sum(tally.schedules for tally in found.played)) == (failures, orders)


def test_a_writer_that_crashes_after_its_commit_is_blamed_only_where_that_is_asked() -> None:
    crashing = race(reads_aside, commits_then_deletes, cached=True, blame_crashes=True)
    assert explore(crashing).failures > 0
    assert explore(race(reads_aside, commits_then_deletes, cached=True)).failures == 0


def test_an_error_of_a_program_is_no_remedy() -> None:
    """What ends with an error stores nothing old, and does not hold for that reason."""

    async def gives_up(redis: Redis, database: Database) -> None:
        await redis.get(PAGE)
        raise LookupError("no page")

    found = explore(race(gives_up, commits_then_deletes))
    assert found.failures == sum(tally.schedules for tally in found.played)


def test_the_puzzle_can_be_won_and_its_mended_code_cannot() -> None:
    naive, mended = the_race.all_schedules(seconds=30), the_race.all_schedules(mended=True, seconds=30)
    assert naive.complete
    assert naive.failures > 0
    assert mended.complete
    assert mended.failures == 0


def test_a_second_delete_leaves_what_was_derived_and_a_pause_outlasts_it() -> None:
    """e^(−(d + 5 ms) / m), within four standard errors; the control waits for ten times as long as a load."""

    def twice(delay: float) -> Write:
        async def write(redis: Redis, database: Database, price: str) -> None:
            await redis.delete(PAGE)
            await database.save(price)
            await asyncio.sleep(delay)
            await redis.delete(PAGE)

        return write

    stays, runs = by_chance(reads_aside, twice(0.05), runs=200), 200
    expected = math.exp(-0.055 / SLOW)
    assert abs(sum(stays) / runs - expected) < 4 * math.sqrt(expected * (1 - expected) / runs)
    assert stays == by_chance(reads_aside, twice(0.05), runs=200)
    assert not any(by_chance(reads_aside, twice(10 * SLOW), runs=50))
    assert any(by_chance(reads_aside, twice(10 * SLOW), runs=50, pauses=0.1, pause=1.0))
