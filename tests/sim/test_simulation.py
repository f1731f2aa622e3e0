"""A whole world: the same seed, the same trace; rewound as good as new; in slices; with ten thousand clients."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import warnings
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError
from thorough import unless

from course_lib.errors import Deadlock, OutOfBudget
from course_lib.sim import CRASHED, OneFault, RandomFaults, Simulation, steady

from .running import MS, alone, world
from .scenarios import ALL, FAULTS, play

# -- what is there before anybody comes -------------------------------------------------------------------------------


def test_what_is_given_is_there_without_a_message() -> None:
    """A fault that strikes the first send strikes the client's; the trace begins with it."""
    sim = Simulation(faults=OneFault("lose request", 1), socket_timeout=0.1)
    for _ in range(2):
        sim.rewind(0)
        sim.given(("SET", "page", "old"), ("HSET", "user", "name", b"Ann"))
        sim.client("a", sim.redis().get, "page")
        sim.client("b", sim.redis().hgetall, "user", start=1.0)
        results = sim.run()
        assert isinstance(results["a"], RedisTimeoutError)
        assert results["b"] == {"name": "Ann"}
        assert [event.name for event in sim.trace] == ["GET", "HGETALL"]


# -- rewinding --------------------------------------------------------------------------------------------------------


def outcome(sim: Simulation) -> tuple[str, str, int]:
    return sim.trace.digest(), repr(sorted((name, repr(value)) for name, value in sim.results.items())), sim.loop.steps


@pytest.mark.parametrize("faults", ["none", "all"])
@pytest.mark.parametrize("scenario", ALL)
def test_a_rewound_world_is_as_good_as_a_new_one(scenario: str, faults: str) -> None:
    reused = Simulation(0, faults=FAULTS[faults](), socket_timeout=5.0)
    for seed in range(20):
        assert outcome(play(scenario, seed, world=reused)) == outcome(play(scenario, seed, faults)), seed


def test_scenarios_follow_one_another_in_one_world_without_a_trace() -> None:
    reused = Simulation(0, faults=FAULTS["all"]())
    for scenario in [*ALL, *reversed(ALL)]:
        assert outcome(play(scenario, 3, world=reused)) == outcome(play(scenario, 3, "all")), scenario


def test_rewinding_ends_the_run_that_is_in_progress() -> None:
    """A slider that moves on does not leave the clients of its last position running in the new world."""
    sim, ended = world(), list[str]()

    async def forever(redis: Redis) -> None:
        try:
            while True:
                await redis.incr("n")
        finally:
            ended.append("unwound")

    sim.client("old", forever, sim.redis())
    slices = sim.slices(100)
    next(slices)
    sim.rewind(2)
    assert ended == ["unwound"]
    assert alone(lambda redis: redis.incr("n"), sim) == 1
    assert next(slices, "over") == "over"
    assert sim.results == {"alone": 1}


def test_seeds_differ() -> None:
    """The control: another seed, another trace."""
    assert len({play("lock", seed).trace.digest() for seed in range(10)}) == 10


# -- running ----------------------------------------------------------------------------------------------------------


def test_results_are_values_exceptions_and_crashes() -> None:
    sim = world()

    async def value() -> int:
        return 7

    async def fails() -> None:
        raise LookupError("no")

    async def gives_up() -> None:
        raise asyncio.CancelledError

    async def sleeps() -> None:
        await asyncio.sleep(9)

    sim.client("value", value)
    sim.client("fails", fails)
    sim.client("gives up", gives_up)
    sim.at(1, sim.crash, sim.client("crashes", sleeps))
    sim.client("no coroutine", lambda: 5)  # type: ignore[arg-type,return-value]
    results = sim.run()
    assert results["value"] == 7
    assert isinstance(results["fails"], LookupError)
    assert isinstance(results["gives up"], asyncio.CancelledError)
    assert results["crashes"] is CRASHED
    assert isinstance(results["no coroutine"], TypeError)
    assert repr(CRASHED) == "CRASHED"


def test_a_name_is_given_once() -> None:
    sim = world()

    async def body() -> None: ...

    sim.client("a", body)
    with pytest.raises(ValueError, match="client named 'a' already"):
        sim.client("a", body)


def test_a_world_without_clients_ends_at_once() -> None:
    assert world().run() == {}


def test_a_world_needs_a_node() -> None:
    with pytest.raises(ValueError, match="needs at least one"):
        Simulation(nodes=0)


def test_a_second_run_goes_on_where_the_first_ended() -> None:
    sim = world()
    sim.client("first", lambda: sim.redis().incr("n"))
    assert sim.run() == {"first": 1}
    sim.client("second", lambda: sim.redis().incr("n"), start=1)
    assert sim.run() == {"first": 1, "second": 2}
    assert [event.t_start for event in sim.trace] == [0, pytest.approx(1 + 2 * MS)]
    with pytest.raises(ValueError, match="already"):
        sim.client("first", lambda: sim.redis().incr("n"))


def test_a_deadlock_of_clients_is_named_and_leaves_nothing_behind() -> None:
    sim = world(socket_timeout=None)
    sim.client("a", lambda: sim.redis().blpop(["none"], timeout=0))
    with pytest.raises(Deadlock, match="every client waits"):
        sim.run()
    assert_nothing_is_left(sim)


def test_a_client_that_loops_for_ever_is_out_of_budget_and_leaves_nothing_behind() -> None:
    sim = world(max_steps=2000)

    async def forever(redis: Redis) -> None:
        while True:
            await redis.incr("n")

    sim.client("a", forever, sim.redis())
    with pytest.raises(OutOfBudget, match="2,001 steps"):
        sim.run()
    assert_nothing_is_left(sim)


def test_the_budget_does_not_depend_on_the_slices() -> None:
    for steps in (7, 100, 100_000):
        sim = world(max_steps=2000)
        sim.client("a", asyncio.sleep, 1e9)
        with pytest.raises(OutOfBudget, match="would pass"):
            list(sim.slices(steps))


def test_an_error_outside_every_client_is_raised() -> None:
    sim = world()
    sim.at(1, lambda: 1 / 0)
    sim.client("a", asyncio.sleep, 5)
    with pytest.raises(ZeroDivisionError):
        sim.run()
    assert_nothing_is_left(sim)


def test_what_a_task_raised_in_vain_is_kept() -> None:
    sim = world()

    async def body() -> None:
        asyncio.get_running_loop().create_task(fails())
        await asyncio.sleep(1)

    async def fails() -> None:
        raise LookupError("nobody looks")

    sim.client("a", body)
    sim.run()
    assert [type(error) for error in sim.loop.unretrieved] == [LookupError]


# -- slices -----------------------------------------------------------------------------------------------------------


THREADS: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def _threads() -> None:
    """Which threads there were before the test: others' tests in this process may have left some."""
    THREADS.clear()
    THREADS.update(threading.enumerate())


def assert_nothing_is_left(sim: Simulation) -> None:
    """No task waits, no thread was started, and collecting what is garbage brings no complaint."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sim.loop.unfinished() == []
        assert [task for task in asyncio.all_tasks(sim.loop) if not task.done()] == []
        gc.collect()
    assert sim.loop.unretrieved == []
    assert set(threading.enumerate()) <= THREADS


@pytest.mark.parametrize("steps", [1, 17, 20_000])
def test_slices_give_the_same_trace_as_one_run(steps: int) -> None:
    """And each in its own random state, whatever the caller draws in between."""
    for scenario in ("sets", "blocking", "lock"):
        whole, sliced = play(scenario, 2, "all"), Simulation(2, faults=FAULTS["all"]())
        ALL[scenario](sliced)
        times = []
        for now in sliced.slices(steps):
            times.append(now)
            random.random()
        assert times == sorted(times)
        assert outcome(sliced) == outcome(whole)


@pytest.mark.parametrize("scenario", [pytest.param(one, marks=unless(i % 3 == 0)) for i, one in enumerate(ALL)])
@pytest.mark.parametrize("faults", ["none", "all", "crash"])
def test_closing_the_slices_early_leaves_nothing_behind(scenario: str, faults: str) -> None:
    state = random.getstate()
    for after in (0, 1, 3, 10):
        sim = Simulation(1, faults=FAULTS[faults]())
        ALL[scenario](sim)
        slices = sim.slices(20)
        for _ in range(after):
            next(slices, None)
        events = len(sim.trace)
        slices.close()
        assert len(sim.trace) == events, "what is unwound leaves no mark"
        assert_nothing_is_left(sim)
    assert random.getstate() == state


def test_an_interrupt_unwinds_the_clients_and_the_world_can_be_used_again() -> None:
    sim, unwound = world(), list[str]()

    async def body(redis: Redis) -> None:
        try:
            while True:
                await redis.incr("n")
        finally:
            unwound.append("yes")

    def interrupt() -> None:
        raise KeyboardInterrupt

    for name in "ab":
        sim.client(name, body, sim.redis())
    sim.at(1, interrupt)
    with pytest.raises(KeyboardInterrupt):
        sim.run()
    assert unwound == ["yes", "yes"]
    assert_nothing_is_left(sim)
    sim.rewind(1)
    assert alone(lambda redis: redis.incr("n"), sim) == 1


def test_a_task_that_will_not_be_cancelled_does_not_hang_the_end() -> None:
    sim = world()
    stubborn_until = 50

    async def stubborn() -> None:
        for _ in range(stubborn_until):
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                continue

    sim.client("a", stubborn)
    slices = sim.slices(1)
    next(slices)
    next(slices)
    slices.close()
    for task in sim.loop.unfinished():
        task.get_coro().close()  # type: ignore[union-attr]


def test_a_run_inside_a_client_of_another_world_keeps_them_apart() -> None:
    outer = world()

    async def body(redis: Redis) -> list[Any]:
        await redis.set("k", "outer")
        await asyncio.sleep(1)
        inner = alone(lambda other: other.get("k"), world())
        return [inner, await redis.get("k"), round(outer.now(), 3)]

    assert alone(body, outer) == [None, "outer", 1.004]


# -- size -------------------------------------------------------------------------------------------------------------


def test_ten_thousand_clients_take_part() -> None:
    sim = Simulation(1, latency=steady(MS))
    for number in range(10_000):
        sim.client(f"c{number}", lambda: sim.redis().incr("n"), start=sim.draws("start")() / 1000)
    results = sim.run()
    assert sorted(results.values()) == list(range(1, 10_001))


def test_an_abandoned_world_can_be_collected() -> None:
    """A lab makes a new one at every move of a slider."""
    import weakref

    sim = play("lock", 1, "all")
    reference = weakref.ref(sim)
    del sim
    gc.collect()
    assert reference() is None


def test_random_faults_on_every_scenario_end_in_results_not_in_the_simulators_own_errors() -> None:
    for scenario in ALL:
        for seed in range(10):
            sim = Simulation(
                seed, faults=RandomFaults(pause=0.05, lose_reply=0.05, crash=0.03, node_down=0.02, seconds=0.5)
            )
            ALL[scenario](sim)
            for name, result in sim.run().items():
                assert "SIMULATOR" not in repr(result), (scenario, seed, name, result)
                assert not isinstance(result, (AttributeError, RecursionError, AssertionError)), (
                    scenario,
                    seed,
                    result,
                )
            assert not any("SIMULATOR" in str(event.reply) for event in sim.trace)


def test_who_waits_for_what_only_it_knows_is_no_garbage() -> None:
    """The collector may come between two slices; the client is still there, and ends with the run."""

    async def waits(redis: Redis) -> None:
        await redis.get("page")
        await asyncio.Event().wait()

    def drive() -> None:
        for _ in sim.slices(1):
            gc.collect()

    sim = world()
    sim.client("c", waits, sim.redis())
    with pytest.raises(Deadlock):
        drive()
    assert isinstance(sim.results["c"], asyncio.CancelledError)


def test_everybody_has_a_result_however_the_run_ends() -> None:
    """Who was to begin later has been cut off as well, and so has who will not be cancelled."""
    world = Simulation()

    async def wait_for_nobody() -> None:
        await world.loop.create_future()

    async def holds_on() -> None:
        for _ in range(5):
            try:
                await world.loop.create_future()
            except asyncio.CancelledError:
                pass

    world.client("waits", wait_for_nobody)
    world.client("holds on", holds_on)
    world.client("later", wait_for_nobody, start=5.0)
    world.loop.max_time = 1.0
    with pytest.raises(OutOfBudget):
        world.run()
    assert {name: type(result) for name, result in world.results.items()} == dict.fromkeys(
        ("waits", "holds on", "later"), asyncio.CancelledError
    )
