"""lock_and_wait in simulation: one load, whichever client crashes, fails or is too slow."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from course_lib.errors import BadArgument, LoadTimeout
from course_lib.patterns import SingleFlight, cache_aside, lock_and_wait
from course_lib.patterns.loadlock import LoadLock, lock_name
from course_lib.sim import CRASHED, OneFault, Process, steady
from course_lib.worlds import Simulated

from . import broken
from .crowd import LOCKED, Ask, Database, alone, asker, awaited, crowd, timed

SEEDS = range(8)


# -- one load ---------------------------------------------------------------------------------------------------------


def test_a_thousand_processes_load_a_cold_key_once() -> None:
    """All get the value; the naive cache-aside is the control and loads nearly every time."""
    world, database = Simulated(seed=1), Database()
    assert set(crowd(world, 1000, asker(world, database)).values()) == {"page"}
    assert database.loads == 1

    world, naive = Simulated(seed=1), Database()
    crowd(world, 1000, partial(cache_aside, world.redis(), "page", naive.load, ttl=60))
    assert naive.loads > 900


@pytest.mark.parametrize("locked", [True, False])
def test_four_processes_of_250_tasks_load_a_cold_key_once(locked: bool) -> None:
    """SingleFlight leaves one client a process, the lock one of these; without it (control) each process loads."""
    world, database = Simulated(seed=1), Database()
    pattern = asker(world, database) if locked else partial(cache_aside, world.redis(), "page", database.load, ttl=60)
    start = world.draws("start")
    for name in "abcd":
        process, flight = Process(name), SingleFlight()
        for number in range(250):
            world.client(f"{name}{number}", flight.do, "page", pattern, start=start() * 0.01, process=process)
    assert set(world.run().values()) == {"page"}
    assert database.loads == (1 if locked else 4)
    assert len({event.client for event in world.trace}) == 4


def test_a_waiter_costs_few_commands() -> None:
    """1,000 processes, a load of 150 ms: fewer than six commands each, script, lock and all."""
    world, database = Simulated(seed=1), Database(seconds=0.15)
    crowd(world, 1000, asker(world, database))
    assert len(world.trace) < 6 * 1000


@pytest.mark.parametrize(("growth", "waited", "polls"), [(1.0, 0.111, 11), (1.5, 0.138, 6)])
def test_pauses_that_do_not_grow_end_a_wait_sooner_and_ask_more_often(growth: float, waited: float, polls: int) -> None:
    """A load of 150 ms, round trips of 1 ms, and a waiter that comes 50 ms late and pauses for 10 ms at first."""
    world, database = Simulated(seed=1, latency=steady(0.0005)), Database(seconds=0.15)
    ask = asker(world, database, poll=0.01, growth=growth, draw=lambda: 0.5)
    world.client("loader", ask)
    world.client("waiter", timed, world, awaited(ask()), start=0.05)
    value, seconds = world.run()["waiter"]
    assert (value, seconds) == ("page", pytest.approx(waited, abs=0.001))
    names = [event.name for event in world.trace if event.client == "waiter"]
    assert names == ["MGET"] * polls


def test_pauses_that_would_shrink_are_refused() -> None:
    with pytest.raises(BadArgument, match="growth is 0.5"):
        alone(Simulated(), lambda redis: lock_and_wait(redis, "k", None, ttl=1, lock_ttl=1, wait=1, growth=0.5))  # type: ignore[arg-type]


def loads_around_a_pause(seed: int) -> int:
    """`sleeper` misses and stalls before its SET; `quick` loads, stores and releases; then the SET leaves."""
    faults = OneFault("pause", at=2, seconds=0.5, client="sleeper")
    world, database = Simulated(seed=seed, faults=faults), Database()
    world.client("sleeper", asker(world, database))
    world.client("quick", asker(world, database), start=0.005)
    assert set(world.run().values()) == {"page"}
    return database.loads


def test_looks_again_once_it_has_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody loads what was stored between his miss and his lock; the twin without a second look does."""
    assert {loads_around_a_pause(seed) for seed in SEEDS} == {1}
    broken.use(monkeypatch, broken.NoSecondLook)
    assert {loads_around_a_pause(seed) for seed in SEEDS} == {2}


def absent_loads(seed: int) -> int:
    world, database = Simulated(seed=seed), Database(row=None)
    assert set(crowd(world, 64, asker(world, database)).values()) == {None}
    return database.loads


def test_an_absent_row_is_loaded_once_by_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 clients, one load; the twin that keeps nothing for an absent row makes each of them load."""
    assert absent_loads(seed=1) == 1
    broken.use(monkeypatch, broken.ForgetsAbsence)
    assert absent_loads(seed=1) == 64


# -- loads that fail, hang or take too long ---------------------------------------------------------------------------


def failing(seed: int) -> tuple[Database, Counter[str], float]:
    world, database = Simulated(seed=seed), Database(failing=3)
    results = crowd(world, 50, asker(world, database))
    return database, Counter(repr(result) for result in results.values()), world.now()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_failed_load_goes_to_its_caller_and_the_next_waiter_tries(seed: int) -> None:
    """Three loads fail, three callers hear of it, one after the other; the fourth load serves everybody else."""
    database, results, took = failing(seed)
    assert database.loads == 4
    assert not database.overlaps()
    assert results == {"Down('load 1')": 1, "Down('load 2')": 1, "Down('load 3')": 1, "'page'": 47}
    assert took < 2, "nobody waited for lock_ttl"


def test_without_release_on_error_waiters_wait_for_the_lock_to_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: three failures cost three times lock_ttl."""
    broken.use(monkeypatch, broken.NoReleaseOnError)
    _, _, took = failing(seed=1)
    assert took > 3 * LOCKED["lock_ttl"]


def test_gives_up_after_wait() -> None:
    """LoadTimeout after 0.2 s of a load that takes 3 s, for everyone but the loader; the twin waits for all of it."""
    world, database = Simulated(seed=1), Database(seconds=3)

    async def timed(ask: Ask) -> tuple[str, float]:
        start = world.now()
        try:
            await ask()
            return "page", world.now() - start
        except LoadTimeout:
            return "gave up", world.now() - start

    results = crowd(world, 20, partial(timed, asker(world, database, wait=0.2, lock_ttl=60)))
    waits = [took for outcome, took in results.values() if outcome == "gave up"]
    assert len(waits) == 19
    assert all(0.2 <= took < 0.22 for took in waits), "0.2 s, and at most one slow round trip"

    world, database = Simulated(seed=1), Database(seconds=3)
    endless = partial(broken.waits_for_ever, world.redis(), "page", database.load, ttl=60, lock_ttl=60)
    assert {outcome for outcome, took in crowd(world, 20, partial(timed, endless)).values() if took > 2.9} == {"page"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crashed_holder_is_replaced_when_its_lock_expires(seed: int) -> None:
    """Exactly one more load, no sooner than lock_ttl and not much later, and everyone else is served."""
    world, database = Simulated(seed=seed), Database(seconds=0.5)
    holder = world.client("holder", asker(world, database))
    world.at(0.1, world.crash, holder)
    start = world.draws("start")
    for number in range(100):
        world.client(f"c{number}", asker(world, database), start=0.02 + start() * 0.1)
    results = world.run()
    assert results.pop("holder") is CRASHED
    assert set(results.values()) == {"page"}
    assert database.loads == 2
    assert LOCKED["lock_ttl"] <= database.spans[1][0] < LOCKED["lock_ttl"] + 0.3


def outlived(seed: int) -> tuple[dict[str, Any], str | None, Database]:
    """`slow` loads 1 for 3 s under a lock of 2 s; `second` takes over and loads 2 for 1.5 s; `third` asks at 3.2 s."""
    world, database = Simulated(seed=seed), Database()

    async def load(version: str, seconds: float) -> str | None:
        database.seconds = seconds
        await database.load()
        return version

    def client(name: str, version: str, seconds: float, start: float) -> None:
        world.client(
            name, lambda: lock_and_wait(world.redis(), "page", partial(load, version, seconds), **LOCKED), start=start
        )

    client("slow", "1", 3.0, 0.0)
    client("second", "2", 1.5, 0.1)
    client("third", "3", 0.1, 3.2)
    client("late", "4", 0.1, 8.0)
    results = world.run()
    return results, results.pop("late"), database


@pytest.mark.parametrize("seed", SEEDS)
def test_a_holder_that_outlives_its_lock_changes_nothing(seed: int) -> None:
    """It returns its own value; it neither overwrites the newer one nor frees the lock of the one who replaced it."""
    results, kept, database = outlived(seed)
    assert results == {"slow": "1", "second": "2", "third": "2"}
    assert kept == "2"
    assert database.loads == 2


@pytest.mark.parametrize(("twin", "loads"), [(broken.ReleasesByDel, 3), (broken.StoresUnchecked, 2)])
def test_without_the_token_a_late_holder_does_harm(monkeypatch: pytest.MonkeyPatch, twin: Any, loads: int) -> None:
    """DEL frees another's lock, so that a third client loads at once; an unchecked store serves the old value."""
    broken.use(monkeypatch, twin)
    results, _, database = outlived(seed=1)
    assert database.loads == loads
    assert results["third"] != "2"


# -- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lock_ttl": 0}, "lock_ttl is 0; accepted: seconds, from 0.001 to 1e9"),
        ({"wait": -1}, "wait is -1; accepted: seconds, from 0 to 1e9"),
        ({"poll": 0}, "poll is 0; accepted: seconds, from 0.001 to 1e9"),
    ],
)
def test_refuses_what_its_docstring_does_not_accept(wrong: dict[str, float], said: str) -> None:
    """In words that name the argument, and before anything is sent."""
    world = Simulated()
    with pytest.raises(BadArgument, match=said):
        alone(world, lambda redis: lock_and_wait(redis, "page", Database().load, **(LOCKED | wrong)))
    assert len(world.trace) == 0


def test_refuses_a_client_that_answers_in_bytes() -> None:
    """It would never find its own token in the lock, and would wait for itself."""
    world = Simulated(decode_responses=False)
    with pytest.raises(BadArgument, match="decode_responses=True"):
        alone(world, lambda redis: lock_and_wait(redis, "page", Database().load, **LOCKED))


def lock_is_left(seed: int) -> int:
    """`sleeper` stalls before its SET, as above, and finds the value stored once it has the lock."""
    world, database = Simulated(seed=seed, faults=OneFault("pause", at=2, seconds=0.5, client="sleeper")), Database()
    world.client("sleeper", asker(world, database))
    world.client("quick", asker(world, database), start=0.005)
    world.client("later", lambda redis: redis.exists(lock_name("page")), world.redis(), start=1.0)
    left: int = world.run()["later"]
    return left


def test_a_lock_that_came_too_late_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another has stored between the look and the lock: no load, and the lock is not kept for the rest of its life."""
    assert {lock_is_left(seed) for seed in SEEDS} == {0}

    async def keep(self: LoadLock) -> None:
        pass

    monkeypatch.setattr(LoadLock, "release", keep)
    assert {lock_is_left(seed) for seed in SEEDS} == {1}
