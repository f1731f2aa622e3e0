"""The search: every schedule that it promises, the smallest failure, and no more than its budget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from course_lib.explore import (
    KINDS,
    Budget,
    Play,
    Schedule,
    Simulation,
    Tally,
    Trial,
    Violation,
    code_of,
    play,
    schedule_of,
    search,
    smaller,
    steady,
)  # fmt: skip
from course_lib.explore.loop import play_all
from course_lib.explore.strategies.seeds import each_seed
from course_lib.sim.faults import Kind


def counting(world: Simulation, clients: int) -> int:
    """The lost update: everybody reads, adds one, and writes."""

    async def add() -> None:
        seen = int(await world.redis().get("n") or 0)
        await world.redis().set("n", seen + 1)

    for number in range(clients):
        world.client(f"c{number}", add, start=0.01 * world.draws(f"start{number}")())
    return clients


def adding(world: Simulation, clients: int) -> int:
    """The same with INCR: the control."""
    for number in range(clients):
        world.client(f"c{number}", world.redis().incr, "n", start=0.01 * world.draws(f"start{number}")())
    return clients


def lost(run: Play) -> Iterator[Violation]:
    """Is the last value written smaller than the number of clients that wrote?"""
    written = [event for event in run.trace if event.name in ("SET", "INCR") and event.t_server is not None]
    kept = max((int(e.command[2]) if e.name == "SET" else e.reply for e in written), default=0)
    if kept < len(written):
        yield Violation("kept", f"{len(written)} updates, {kept} kept")


def trial(build: Any = counting, **options: Any) -> Trial:
    return Trial("a counter", ("kept",), build, lost, **{"sizes": (2, 3), "seeds": 20, **options})


def test_a_race_is_found_and_its_control_is_not() -> None:
    assert set(search(trial()).failing) == {"kept"}
    assert search(trial(adding)).failing == {}


def test_the_smallest_failing_run_is_kept() -> None:
    """Two clients lose an update, so no run of three is shown, and of those of two none has fewer events."""
    kept = search(trial()).failing["kept"]
    assert kept.schedule.clients == 2
    every = [play(trial(), Schedule(2, seed)) for seed in range(20)]
    assert len(kept.trace) == min(len(run.trace) for run in every if run.violations)


def test_one_fault_is_tried_at_every_send() -> None:
    found = search(trial(adding, sizes=(3,), seeds=2, fault_seeds=2, faults={"crash": 0.0, "pause": 0.1}))
    assert dict(found.kinds) == {"no fault": 2, "crash": 2 * 3, "pause": 2 * 3}
    assert found.sends == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_found_at_the_only_send_where_it_hurts(kind: Kind) -> None:
    """The judge objects to a fault at the fifth send only. The control sends four."""

    def judge(run: Play) -> Iterator[Violation]:
        if run.schedule.kind and run.schedule.at == 5:
            yield Violation("fine", "struck at the fifth send")

    def trial(sends: int) -> Trial:
        def build(world: Simulation, clients: int) -> None:
            async def ping() -> None:
                for _ in range(sends):
                    await world.redis().ping()

            world.client("c", ping)

        return Trial("pings", ("fine",), build, judge, sizes=(1,), faults={kind: 0.01}, world=impatient)

    assert search(trial(5)).failing["fine"].schedule == Schedule(1, 0, kind, 5, 0.01)
    assert search(trial(4)).failing == {}


def impatient() -> Simulation:
    return Simulation(socket_timeout=0.1)


def test_a_search_ends_with_its_budget_and_says_so() -> None:
    found = search(trial(adding, seeds=1_000), Budget(schedules=30))
    assert found.schedules == 30
    assert not found.complete
    assert search(trial(adding, seeds=1_000), Budget(steps=2_000)).schedules < 1_000
    assert search(trial(adding, seeds=1_000), Budget(seconds=0.0)).schedules == 0
    assert search(trial(adding)).complete


def test_once_a_promise_is_broken_a_stage_may_have_fewer_steps() -> None:
    """The control, which breaks none, has as many as ever."""
    whole, cut = search(trial(seeds=100)), Tally(trial(seeds=100), 2)
    play_all(each_seed(cut, {}), cut, Simulation(), Budget(broken=400))
    assert (whole.schedules, whole.complete, set(whole.failing)) == (100, True, {"kept"})
    assert 1 < cut.schedules < 50
    assert not cut.complete
    assert set(cut.failing) == {"kept"}
    sound = Tally(trial(adding), 2)
    assert play_all(each_seed(sound, {}), sound, Simulation(), Budget(broken=10)).complete


def test_a_search_stops_when_nothing_is_left_to_learn() -> None:
    """Everything is broken with two clients, so three are not tried."""
    assert search(trial()).schedules == 20


def test_progress_is_told_and_may_end_the_search() -> None:
    told: list[tuple[int, int]] = []
    search(trial(adding), progress=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == list(range(40))
    assert all(done < of for done, of in told)

    def enough(done: int, of: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(trial(adding), progress=enough)


def test_the_same_search_finds_the_same() -> None:
    one, two = (search(trial(faults={"pause": 0.1})) for _ in range(2))
    assert one.kinds == two.kinds
    assert one.failing["kept"].schedule == two.failing["kept"].schedule
    assert one.failing["kept"].trace.digest() == two.failing["kept"].trace.digest()


def test_a_used_world_changes_nothing() -> None:
    """A run in a world that has played a hundred others is the run in a new one."""
    world = trial().world()
    for seed in range(100):
        play(trial(), Schedule(3, seed, "pause", 2, 0.1), world)
    assert play(trial(), Schedule(2, 5), world).trace.digest() == play(trial(), Schedule(2, 5)).trace.digest()


def test_a_failure_with_many_clients_shrinks_to_two() -> None:
    big = play(trial(), Schedule(9, 3))
    assert big.violations
    assert smaller(trial(sizes=(9,)), "kept", big).schedule.clients == 2


def test_a_failure_does_not_shrink_below_the_least() -> None:
    big = play(trial(), Schedule(9, 3))
    assert smaller(trial(sizes=(9,), least=4), "kept", big).schedule.clients == 4


def test_an_endless_run_is_stopped_and_judged() -> None:
    def build(world: Simulation, clients: int) -> None:
        async def for_ever() -> None:
            while True:
                await asyncio.sleep(0.1)

        world.client("c", for_ever)

    def judge(run: Play) -> Iterator[Violation]:
        if run.stopped is not None:
            yield Violation("ends", f"still running at {run.now} s")

    one = Trial("a loop", ("ends",), build, judge, sizes=(1,), horizon=3.0)
    run = search(one).failing["ends"]
    assert run.now <= 3.0
    assert run.steps < 100


# -- replay codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, *KINDS])
@pytest.mark.parametrize("numbers", [(0, 2, 0, 1), (5, 1_000, 127, 128), (300, 10_000, 2**20, 99_999)])
def test_a_code_says_the_schedule_again(kind: Any, numbers: tuple[int, int, int, int]) -> None:
    trial, clients, seed, at = numbers
    code = code_of("05.3", 7, trial, Schedule(clients, seed, kind, at, 1.5))
    assert schedule_of(code, "05.3", 7) == (trial, Schedule(clients, seed, kind, at))
    assert schedule_of(code.lower(), "05.3", 7) == (trial, Schedule(clients, seed, kind, at))


def test_a_code_is_short() -> None:
    assert len(code_of("05.3", 1, 2, Schedule(3, 17, "pause", 31))) <= 26


def test_latency_is_the_trials_to_choose() -> None:
    one = trial(adding, world=lambda: Simulation(latency=steady(0.5)))
    assert play(one, Schedule(1)).now == pytest.approx(1.0, abs=0.02)
