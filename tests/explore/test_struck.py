"""Faults at every send of every order: counted, each with its effect, alone and in pairs, reduced without loss."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as NoReply

from course_lib.explore import (
    CRASHED,
    KINDS,
    Move,
    Play,
    Schedule,
    Simulation,
    Tally,
    Trial,
    Violation,
    enumerate_all,
    play,
    sample,
)
from course_lib.explore.strategies import exhaustive
from course_lib.sim.faults import Kind

pytestmark = pytest.mark.usefixtures("first_orders_only")

Judge = Callable[[Play], Iterable[Violation]]


def world() -> Simulation:
    return Simulation(socket_timeout=0.1)


def trial(body: Any, judge: Judge = lambda run: (), **options: Any) -> Trial:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis())

    return Trial("small", ("kept",), build, judge, **{"world": world, **options})


def sends(count: int) -> Any:
    async def body(redis: Redis) -> None:
        for _ in range(count):
            await redis.incr("n")

    return body


# -- counts -----------------------------------------------------------------------------------------------------------


def expected(left: tuple[int, ...], kinds: list[str], faults: int) -> int:
    """The model: how many orders there are of so many commands a client, with exactly so many faults."""
    if not any(left):
        return int(faults == 0)
    total = 0
    for at, commands in enumerate(left):
        if commands:
            total += expected((*left[:at], commands - 1, *left[at + 1 :]), kinds, faults)
            for kind in kinds if faults else ():
                after = 0 if kind == "crash" else commands - 1  # a crash takes the rest with it
                total += expected((*left[:at], after, *left[at + 1 :]), kinds, faults - 1)
    return total


@pytest.mark.parametrize("faults", [0, 1, 2])
@pytest.mark.parametrize(("clients", "commands"), [(1, 3), (2, 2), (3, 1)])
def test_as_many_orders_are_struck_as_the_model_counts(clients: int, commands: int, faults: int) -> None:
    made = trial(sends(commands), faults={"crash": 0.0, "clock step": 0.0})
    found = enumerate_all(made, clients, faults=faults)
    assert found.schedules == expected((commands,) * clients, ["crash", "clock step"], faults)
    assert found.complete


def test_every_struck_order_is_played_once() -> None:
    """All kinds at once: as many schedules as were counted, each with one fault, and each kind at each position."""
    seen: list[tuple[int | Move, ...]] = []

    def collects(run: Play) -> Iterable[Violation]:
        return ()

    found = Tally(trial(sends(2), collects, faults=dict.fromkeys(KINDS, 0.2)), 2, faults=1)
    found.add = lambda run, add=found.add: (seen.append(run.schedule.turns or ()), add(run))[1]  # type: ignore[method-assign]
    enumerate_all(found.trial, 2, faults=1, into=found)
    assert len(seen) == len(set(seen)) == found.schedules
    struck = [[turn for turn in turns if isinstance(turn, Move)] for turns in seen]
    assert all(len(moves) == 1 for moves in struck)
    assert {move.kind for [move] in struck} == set(KINDS)
    first = {(turns[0].kind, turns[0].at) for turns in seen if isinstance(turns[0], Move)}
    assert first == {(kind, at) for kind in KINDS for at in (0, 1)}


def test_the_judges_own_clients_are_spared() -> None:
    def build(world: Simulation, clients: int) -> None:
        world.client("c0", world.redis().incr, "n")
        world.client("judge", world.redis().get, "n", start=1.0)

    made = Trial("spared", (), build, lambda run: (), sizes=(1,), faults={"lose request": 0.0}, world=world)
    assert enumerate_all(made, 1, faults=1).schedules == 1


# -- what each does ---------------------------------------------------------------------------------------------------


async def takes(redis: Redis) -> Any:
    """A key for 200 ms, and then a look at it."""
    await redis.set("lock", "me", px=200)
    return await redis.get("lock")


def struck(kind: Kind, at: int, seconds: float = 0.0) -> Play:
    turns = (Move(kind, 0, seconds),) if at == 0 else (0, Move(kind, 0, seconds))
    return play(trial(takes, faults={kind: seconds}), Schedule(1, turns=turns))


def test_a_crash_kills_before_the_command_leaves() -> None:
    run = struck("crash", 1)
    assert run.results == {"c0": CRASHED}
    assert [event.fault for event in run.trace] == [None, "never left"]


def test_a_pause_outlasts_a_ttl() -> None:
    assert struck("pause", 1, 0.1).results == {"c0": "me"}
    run = struck("pause", 1, 0.3)
    assert run.results == {"c0": None}
    assert run.trace.events[1].t_start == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(("kind", "ran"), [("lose request", False), ("lose reply", True), ("node down", False)])
def test_a_lost_message_is_waited_for_in_vain(kind: Kind, ran: bool) -> None:
    run = struck(kind, 0, 0.05)
    assert isinstance(run.results["c0"], NoReply)
    assert (run.trace.events[0].t_server is not None) is ran


def test_a_node_that_is_down_refuses_and_comes_back() -> None:
    async def comes_back(redis: Redis) -> list[str]:
        said = []
        for _ in range(4):
            try:
                said.append(str(await redis.incr("n")))
            except Exception as error:
                said.append(type(error).__name__)
                await asyncio.sleep(0.1)
        return said

    run = play(trial(comes_back), Schedule(1, turns=(Move("node down", 0, 0.25),)))
    assert run.results["c0"] == ["TimeoutError", "ConnectionError", "1", "2"]


def test_a_clock_step_ages_keys() -> None:
    assert struck("clock step", 1, 0.1).results == {"c0": "me"}
    assert struck("clock step", 1, 0.3).results == {"c0": None}
    assert struck("clock step", 1, -0.3).results == {"c0": "me"}


def test_a_paused_client_that_is_killed_sends_nothing() -> None:
    """Two commands in flight on two nodes: one pauses the process, the other one's crash ends it."""

    async def both(world: Simulation) -> None:
        await asyncio.gather(world.redis(0).incr("n"), world.redis(1).incr("n"))

    def build(world: Simulation, clients: int) -> None:
        world.client("c", both, world)

    made = Trial("both", (), build, lambda run: (), world=lambda: Simulation(nodes=2, socket_timeout=0.1))
    run = play(made, Schedule(1, turns=(Move("pause", 0, 0.05), Move("crash", 0))))
    assert run.results == {"c": CRASHED}
    assert {event.fault for event in run.trace} == {"never left"}


# -- two at a time ----------------------------------------------------------------------------------------------------


async def tries_twice(redis: Redis) -> bool:
    """Survives any one lost message, and no two."""
    for _ in range(2):
        try:
            await redis.set("job", "done")
        except NoReply:
            continue
        return True
    return False


def gave_up(run: Play) -> Iterable[Violation]:
    for who, result in run.results.items():
        if result is False:
            yield Violation("kept", f"{who} gave up", who)


@pytest.mark.parametrize("reduce", [False, True])
def test_pairs_find_what_single_faults_cannot(reduce: bool) -> None:
    """The control is the same search with one fault: complete, and clean."""
    made = trial(tries_twice, gave_up, faults={"lose request": 0.0, "lose reply": 0.0})
    single, pairs = (enumerate_all(made, 2, reduce=reduce, faults=faults) for faults in (1, 2))
    assert (single.failures, single.complete) == (0, True)
    assert pairs.failures > 0
    assert pairs.failing["kept"].schedule.faults == 2
    assert sample(made, 2, 100, faults=2).failures > 0
    assert sample(made, 2, 100, faults=1).failures == 0


# -- the reduction ----------------------------------------------------------------------------------------------------

COMMANDS = st.one_of(
    st.tuples(st.sampled_from(["get", "set", "copy"]), st.sampled_from(["x", "y"])),
    st.tuples(st.sampled_from(["sleep", "note"]), st.just("")),
)
PROGRAMS = st.lists(st.lists(COMMANDS, min_size=1, max_size=2), min_size=2, max_size=2)
FAULTS: dict[Kind, float] = {
    "crash": 0.0, "pause": 0.3, "lose request": 0.0, "lose reply": 0.0, "node down": 0.15, "clock step": 0.3,
}  # fmt: skip


def outcomes(
    programs: list[list[tuple[str, str]]], *kinds: Kind, faults: int = 1, reduce: bool
) -> tuple[set[Any], int]:
    """Results, last values and notes of all orders with faults of these kinds; and how many orders were played."""
    seen: set[Any] = set()

    async def follow(world: Simulation, number: int) -> tuple[Any, ...]:
        redis, got = world.redis(), []
        for verb, key in programs[number]:
            if verb == "get":
                got.append(await redis.get(key))
            elif verb == "set":
                await redis.set(key, f"{number}{len(got)}", px=200)
            elif verb == "copy":
                await redis.set("x", f"{await redis.get(key)}")
            elif verb == "sleep":
                await redis.get(f"own{number}")
                await asyncio.sleep(1.0)
            else:
                await redis.get(f"own{number}")
                world.note(f"c{number}", "hold")
        return tuple(got)

    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", follow, world, number)

    def judge(run: Play) -> Iterable[Violation]:
        ran = sorted(
            (event for event in run.trace if event.t_server is not None), key=lambda event: event.t_server or 0
        )
        last = {event.command[1]: event.command[2] for event in ran if event.name == "SET"}
        results = {who: repr(result) for who, result in run.results.items()}
        notes = tuple((note.who, note.kind) for note in run.trace.notes)
        seen.add((tuple(sorted(results.items())), tuple(sorted(last.items())), notes))
        return ()

    made = Trial("any", (), build, judge, faults={kind: FAULTS[kind] for kind in kinds}, world=world)
    found = enumerate_all(made, len(programs), reduce=reduce, faults=faults)
    return seen, found.schedules


@given(PROGRAMS, st.sampled_from(sorted(FAULTS)))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_reduction_loses_no_outcome_with_a_fault(programs: list[list[tuple[str, str]]], kind: Kind) -> None:
    every, plain = outcomes(programs, kind, reduce=False)
    some, reduced = outcomes(programs, kind, reduce=True)
    assert some == every
    assert reduced <= plain


@given(PROGRAMS, st.sets(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=2))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_reduction_loses_no_outcome_with_two_faults(
    programs: list[list[tuple[str, str]]], kinds: set[Kind]
) -> None:
    every, plain = outcomes(programs, *sorted(kinds), faults=2, reduce=False)
    some, reduced = outcomes(programs, *sorted(kinds), faults=2, reduce=True)
    assert some == every
    assert reduced <= plain


def test_a_reduction_for_which_faults_touch_nothing_loses_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with a lost reply that is said to write nothing, nobody ever reads before it."""
    programs = [[("set", "x")], [("get", "x")]]
    every, _ = outcomes(programs, "lose reply", reduce=False)
    honest = exhaustive.struck
    monkeypatch.setattr(exhaustive, "struck", lambda kind, node, commands: honest("lose request", node, commands))
    assert outcomes(programs, "lose reply", reduce=True)[0] < every


def first_of_two(reduce: bool) -> set[str]:
    """One client asks two nodes at once and says which answered first."""
    said: set[str] = set()

    async def asks(world: Simulation) -> str:
        both = [asyncio.ensure_future(world.redis(node).get(f"k{node}")) for node in (0, 1)]
        done, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*left)
        return "first" if both[0] in done else "second"

    def build(world: Simulation, clients: int) -> None:
        world.client("c", asks, world)

    def judge(run: Play) -> Iterable[Violation]:
        said.add(run.results["c"])
        return ()

    made = Trial("two nodes", (), build, judge, sizes=(1,), world=lambda: Simulation(nodes=2))
    enumerate_all(made, 1, reduce=reduce)
    return said


def test_a_clients_own_turns_never_commute() -> None:
    """They touch different nodes; and yet the client sees which one answers first."""
    assert first_of_two(reduce=False) == first_of_two(reduce=True) == {"first", "second"}


def test_who_sleeps_first_wakes_first_in_the_reduction_too() -> None:
    """The reads before the sleeps commute; the order in which the two wake hangs on them, and both must be seen."""
    assert last_of_two_sleepers(reduce=True) == last_of_two_sleepers(reduce=False) == {"c0", "c1"}


def last_of_two_sleepers(*, reduce: bool) -> set[str]:
    last: set[str] = set()

    async def follow(redis: Redis, number: int) -> None:
        await redis.get(f"own{number}")
        await asyncio.sleep(1.0)
        await redis.set("x", number)

    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", follow, world.redis(), number)

    def judge(run: Play) -> Iterable[Violation]:
        last.add(max(run.trace, key=lambda event: event.t_server or 0).client)
        return ()

    enumerate_all(Trial("sleepers", (), build, judge), 2, reduce=reduce)
    return last
