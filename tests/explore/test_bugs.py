"""Well-known bugs, each found by a search that the correct version passes: the same trial, the same schedules.

What is asserted are counts, which no machine changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from patterns.broken_locks import CountsFromTheReply, UnfencedStore, UnlocksByDel
from patterns.broken_ratelimit import IncrThenExpire
from patterns.locks_crowd import OUTAGE, redlock
from patterns.locks_crowd import trial as lock_trial
from redis.asyncio import Redis

from course_lib.explore import Play, Schedule, Simulation, Trial, Violation, enumerate_all, play, search
from course_lib.explore.invariants import no_key_without_ttl, no_lost_update
from course_lib.patterns.locks import Lock
from course_lib.patterns.ratelimit import FixedWindow
from course_lib.patterns.redlock import FencedStore, Redlock

SEEDS = 200
PAUSE: dict[Any, float] = {"pause": OUTAGE}
CRASH: dict[Any, float] = {"crash": 0.0}


# -- read, add one, write: by every order, and by seeds ---------------------------------------------------------------


async def get_then_set(redis: Redis) -> None:
    seen = int(await redis.get("visits") or 0)
    await redis.set("visits", seen + 1)


async def incr(redis: Redis) -> None:
    await redis.incr("visits")


def counting(body: Callable[[Redis], Awaitable[None]], within: float = 0.0) -> Trial:
    """Clients that start within so many seconds of each other."""

    def build(world: Simulation, clients: int) -> None:
        start = world.draws("start")
        for number in range(clients):
            world.client(f"c{number}", body, world.redis(), start=start() * within)

    return Trial("a counter", ("no update is lost",), build, no_lost_update("visits"), seeds=SEEDS)


@pytest.mark.parametrize(("clients", "broken", "orders"), [(2, 4, 6), (3, 84, 90)])
def test_a_lost_update_shows_in_most_orders(clients: int, broken: int, orders: int) -> None:
    """All but those in which the clients go one after another, whole; with INCR in none."""
    found = enumerate_all(counting(get_then_set), clients)
    assert (found.failures, found.schedules) == (broken, orders)
    assert enumerate_all(counting(incr), clients).failures == 0


@pytest.mark.parametrize(
    ("within", "least", "most"), [(0.0, 0.7, 0.9), (0.005, 0.4, 0.65), (0.02, 0.1, 0.25), (0.1, 0.02, 0.06)]
)
def test_a_lost_update_gets_rarer_the_further_apart_they_start(within: float, least: float, most: float) -> None:
    """Of 200 seeds: from four fifths with the same start to a few in a hundred within 100 ms. Each search finds it."""
    trial, mended = counting(get_then_set, within), counting(incr, within)
    world = trial.world()
    broken = sum(bool(play(trial, Schedule(2, seed), world).violations) for seed in range(SEEDS))
    assert least * SEEDS <= broken <= most * SEEDS
    assert list(search(trial).failing) == ["no update is lost"]
    clean = search(mended)
    assert (clean.schedules, clean.failing) == (SEEDS, {})


# -- one fault at every send ------------------------------------------------------------------------------------------


def limited(limiter: Callable[..., Any], seeds: int) -> Trial:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", limiter(world.redis(), "hits", limit=5, period=1.0).hit, "hits")

    judge = no_key_without_ttl()
    return Trial(
        "a limiter", ("every key ends",), build, judge, sizes=(1,), seeds=seeds, fault_seeds=seeds, faults=CRASH
    )


def test_a_crash_between_incr_and_expire_is_found_under_every_seed() -> None:
    """Three runs a seed: one without a fault, and a crash at each of two sends. In one script there is no between."""
    for seed in range(20):
        trial = limited(IncrThenExpire, 1)
        world = trial.world()
        runs = [play(trial, Schedule(1, seed, "crash", at), world) for at in (1, 2)]
        assert [[violation.text for violation in run.violations] for run in runs] == [
            [],
            ["hits has no TTL and stays for ever; c0 touched it last"],
        ]
    found = search(limited(IncrThenExpire, 20))
    assert (found.schedules, found.failing["every key ends"].schedule.at) == (60, 2)
    clean = search(limited(FixedWindow, 20))
    assert clean.schedules >= 60
    assert clean.failing == {}


def test_the_same_crash_is_found_among_the_orders_of_two_clients() -> None:
    """No order without a fault breaks it; with a crash at each send of each order 4 of 10 do. Of the script none."""
    plain = replace(limited(IncrThenExpire, 1), sizes=(2,), orders=(2,), faults={})
    assert [(part.schedules, part.failures) for part in search(plain).played] == [(4, 0)]
    found = search(replace(plain, faults=CRASH))
    assert [(part.schedules, part.failures) for part in found.played] == [(4, 0), (10, 4)]
    assert found.failing["every key ends"].schedule.faults == 1
    script = search(replace(limited(FixedWindow, 1), sizes=(2,), orders=(2,)))
    assert [(part.schedules, part.failures) for part in script.played] == [(6, 0), (16, 0)]


def one(kind: type[Lock]) -> Callable[..., Lock]:
    return lambda world, **policy: kind(world.redis(), "job", **policy)


LOCKS: dict[str, tuple[str, int, Callable[[], Trial], Callable[[], Trial]]] = {
    "plain DEL unlock": (
        "one holder", 41,
        lambda: lock_trial(one(UnlocksByDel), faults=PAUSE),
        lambda: lock_trial(one(Lock), faults=PAUSE),
    ),
    "a lock without fencing": (
        "no older fence", 77,
        lambda: lock_trial(one(Lock), faults=PAUSE, seeds=2, fault_seeds=2, store=UnfencedStore),
        lambda: lock_trial(one(Lock), faults=PAUSE, seeds=2, fault_seeds=2, store=FencedStore),
    ),
    "Redlock without validity": (
        "one holder", 162,
        lambda: lock_trial(redlock(5, CountsFromTheReply), nodes=5, clients=2, faults=PAUSE),
        lambda: lock_trial(redlock(5, Redlock), nodes=5, clients=2, faults=PAUSE),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", LOCKS)
def test_one_pause_at_every_send_finds_the_bugs_of_locks(bug: str) -> None:
    """A pause past the TTL, at each command in turn; the correct version is clean under as many schedules."""
    promise, schedules, broken, correct = LOCKS[bug]
    found = search(broken())
    assert found.complete
    assert found.schedules == schedules
    assert found.failing[promise].schedule.kind == "pause"
    clean = search(correct())
    assert clean.complete
    assert clean.schedules == schedules
    assert clean.failing == {}


def test_without_a_pause_no_bug_of_a_lock_shows() -> None:
    """The control: under as many seeds without a fault nothing is broken, so sampling alone would have said so."""
    for bug, (_, schedules, broken, _) in LOCKS.items():
        trial = broken()
        world = trial.world()
        wrong: list[Violation] = []
        for seed in range(min(schedules, 40)):
            run: Play = play(trial, Schedule(trial.sizes[0], seed), world)
            wrong += run.violations
        assert wrong == [], bug
