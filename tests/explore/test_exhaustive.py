"""Every order of the commands of a few clients: counted, reduced, replayed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from itertools import pairwise
from math import comb
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import WatchError

from course_lib.errors import Unrepeatable
from course_lib.explore import CRASHED, Budget, Move, Play, Schedule, Simulation, Trial, Violation, enumerate_all, play
from course_lib.explore.commutativity import commute, footprint
from course_lib.explore.strategies import exhaustive

pytestmark = pytest.mark.usefixtures("first_orders_only")

Body = Callable[[Redis, str], Awaitable[Any]]


def trial(body: Body, judge: Callable[[Play], Iterable[Violation]], **options: Any) -> Trial:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis(), f"m{number}")

    return Trial("small", ("promise",), build, judge, **options)


def at_most_one_admitted(run: Play) -> Iterable[Violation]:
    assert not [result for result in run.results.values() if isinstance(result, BaseException)]
    admitted = sum(result is True for result in run.results.values())
    if admitted > 1:
        yield Violation("promise", f"{admitted} were admitted")


async def published_limiter(redis: Redis, member: str) -> bool:
    """The sliding window of redis-py's pull request #4248, at time 100, with a window of 10 and a limit of 1."""
    async with redis.pipeline() as pipe:
        pipe.zremrangebyscore("hits", "-inf", 90)
        pipe.zcard("hits")
        _, count = await pipe.execute()
    if count < 1:
        await redis.zadd("hits", {member: 100})
        await redis.expire("hits", 20)
        return True
    return False


SCRIPT = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', 90)
if redis.call('ZCARD', KEYS[1]) >= 1 then return 0 end
redis.call('ZADD', KEYS[1], 100, ARGV[1])
return redis.call('EXPIRE', KEYS[1], 20)
"""


async def scripted_limiter(redis: Redis, member: str) -> bool:
    return bool(await redis.eval(SCRIPT, 1, "hits", member))


async def increment(redis: Redis, _: str) -> None:
    value = int(await redis.get("count") or 0)
    await redis.set("count", value + 1)


# -- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "clients", "broken", "orders"),
    [
        (published_limiter, 2, 12, 16),
        (published_limiter, 3, 684, 702),
        (scripted_limiter, 2, 0, 2),
        (scripted_limiter, 3, 0, 6),
    ],
)
def test_every_order_is_played_and_judged(body: Body, clients: int, broken: int, orders: int) -> None:
    """The two limiters are each other's control: the same clients, with and without a moment between look and write."""
    found = enumerate_all(trial(body, at_most_one_admitted), clients)
    assert (found.failures, found.schedules, found.complete) == (broken, orders, True)
    assert found.broken["promise"] == broken


@pytest.mark.parametrize("clients", [1, 2, 3])
def test_the_number_of_orders_is_the_multinomial(clients: int) -> None:
    """Two commands each: 1, 4!/2!2! = 6, 6!/2!2!2! = 90 orders, and no two alike."""
    seen: set[tuple[str, ...]] = set()

    def collects(run: Play) -> Iterable[Violation]:
        seen.add(tuple(event.client for event in sorted(run.trace, key=lambda event: event.t_server or 0)))
        return ()

    found = enumerate_all(trial(increment, collects), clients)
    assert found.schedules == len(seen) == [1, comb(4, 2), comb(6, 2) * comb(4, 2)][clients - 1]


def test_a_budget_ends_it_and_says_so() -> None:
    told: list[int] = []
    found = enumerate_all(
        trial(increment, lambda run: ()), 3, budget=Budget(5), progress=lambda found: told.append(found.schedules)
    )
    assert (found.schedules, found.complete, told) == (5, False, [0, 1, 2, 3, 4])
    assert found.text == "0 of 5 schedules of 3 clients played so far break a promise"


# -- a schedule -------------------------------------------------------------------------------------------------------


def test_a_failing_order_is_kept_and_replays_to_the_same_run() -> None:
    found = enumerate_all(trial(published_limiter, at_most_one_admitted), 2)
    failing = found.failing["promise"]
    again = play(found.trial, failing.schedule)
    assert again.trace.digest() == failing.trace.digest()
    assert again.violation("promise")
    assert "turns" in failing.schedule.text


def test_a_longer_step_draws_the_same_order_apart() -> None:
    found = enumerate_all(trial(published_limiter, at_most_one_admitted), 2)
    failing = found.failing["promise"]
    drawn = play(found.trial, failing.schedule, step=0.001)
    order = [(event.client, event.name) for event in failing.trace]
    assert [(event.client, event.name) for event in drawn.trace] == order
    assert drawn.violation("promise")
    moments = sorted({round((event.t_server or 0) * 1000, 3) for event in drawn.trace})
    assert all(later - earlier >= 0.999 for earlier, later in pairwise(moments))


def test_the_kept_order_has_the_fewest_switches() -> None:
    """Of the twelve failing orders, those with the fewest changes from client to client have three."""
    found = enumerate_all(trial(published_limiter, at_most_one_admitted), 2)
    turns = sorted(found.failing["promise"].trace, key=lambda event: event.t_server or 0)
    assert sum(one.client != other.client for one, other in pairwise(turns)) == 2


def test_without_turns_messages_take_their_time_again() -> None:
    """A world that was used for an enumeration is not changed by it."""
    world = Simulation()
    made = trial(increment, lambda run: (), world=lambda: world)
    before = play(made, Schedule(2, seed=3)).trace.digest()
    enumerate_all(made, 2)
    assert play(made, Schedule(2, seed=3)).trace.digest() == before


# -- the reduction ----------------------------------------------------------------------------------------------------

KEYS = ["x", "y", "z"]
COMMANDS = st.one_of(
    st.tuples(st.just("get"), st.sampled_from(KEYS)),
    st.tuples(st.just("set"), st.sampled_from(KEYS)),
    st.tuples(st.just("incr"), st.sampled_from(KEYS)),
    st.tuples(st.just("copy"), st.sampled_from(KEYS)),
    st.tuples(st.just("note"), st.just("")),
    st.tuples(st.just("span"), st.just("")),
)
PROGRAMS = st.lists(st.lists(COMMANDS, min_size=1, max_size=3), min_size=2, max_size=3)


def outcomes(programs: list[list[tuple[str, str]]], *, reduce: bool) -> tuple[set[Any], int]:
    """Everything that a judge may look at, over all orders: results, values, notes; and how many orders were played."""
    seen: set[Any] = set()

    def build(world: Simulation, clients: int) -> None:
        async def follow(number: int) -> tuple[Any, ...]:
            redis, got = world.redis(), []
            for verb, key in programs[number]:
                if verb == "get":
                    got.append(await redis.get(key))
                elif verb == "set":
                    await redis.set(key, f"{number}{len(got)}")
                elif verb == "incr":
                    got.append(await redis.incr(f"n{key}"))
                elif verb == "copy":
                    await redis.set("x", f"{await redis.get(key)}")
                else:
                    await redis.get(f"own{number}")
                    note = world.note(f"c{number}", "hold", "")
                    if verb == "span":
                        await redis.get(f"own{number}")
                        note.t_end = world.now()
            return tuple(got)

        for number in range(clients):
            world.client(f"c{number}", follow, number)

    def judge(run: Play) -> Iterable[Violation]:
        values: dict[bytes, Any] = {}
        for event in sorted(run.trace, key=lambda event: event.t_server or 0):
            if event.name in ("SET", "INCR"):
                values[event.command[1]] = event.command[2] if event.name == "SET" else event.reply
        begins = [(note.t_start, note.who, "begins") for note in run.trace.notes]
        ends = [(note.t_end, note.who, "ends") for note in run.trace.notes if note.t_end is not None]
        notes = tuple(mark[1:] for mark in sorted(begins + ends))
        seen.add((tuple(sorted(run.results.items())), tuple(sorted(values.items())), notes))
        return ()

    found = enumerate_all(Trial("any", (), build, judge), len(programs), reduce=reduce)
    return seen, found.schedules


@given(PROGRAMS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_reduction_loses_no_outcome(programs: list[list[tuple[str, str]]]) -> None:
    while sum(len(program) + sum(verb == "copy" for verb, _ in program) for program in programs) > 6:
        max(programs, key=len).pop()
    every, plain = outcomes(programs, reduce=False)
    some, reduced = outcomes(programs, reduce=True)
    assert some == every
    assert reduced <= plain


def test_a_reduction_that_takes_too_much_loses_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: if all commands are said to commute, the lost update is never seen."""
    programs = [[("copy", "y")], [("set", "y")]]
    every, _ = outcomes(programs, reduce=False)
    monkeypatch.setattr(exhaustive, "commute", lambda one, other: True)
    assert outcomes(programs, reduce=True)[0] < every


async def watching(redis: Redis, name: str) -> str:
    """m0 writes y only if nobody has changed x since it looked; m1 changes x."""
    if name == "m1":
        await redis.set("x", "1")
        return "changed"
    async with redis.pipeline() as pipe:
        await pipe.watch("x")
        pipe.multi()
        pipe.set("y", "1")
        try:
            await pipe.execute()
        except WatchError:
            return "aborted"
    return "kept"


def test_a_transaction_hangs_on_what_it_watched() -> None:
    """EXEC writes y and SET writes x, and yet their order matters."""
    seen: dict[bool, set[str]] = {}
    for reduce in (False, True):
        seen[reduce] = set()
        made = trial(watching, lambda run, own=seen[reduce]: own.add(run.results["c0"]) or ())
        enumerate_all(made, 2, reduce=reduce)
    assert seen[False] == {"kept", "aborted"}
    assert seen[True] == seen[False]


@pytest.mark.parametrize("lasts", [None, 5.0])
def test_the_end_of_a_span_can_be_observed_as_its_beginning_can(lasts: float | None) -> None:
    """Two that never touch the same key: whether both hold at once depends on when each of them ends."""
    met: dict[bool, set[tuple[str, bool]]] = {}
    for reduce in (False, True):
        met[reduce] = set()

        def build(world: Simulation, clients: int) -> None:
            async def holds(name: str) -> None:
                redis = world.redis()
                await redis.get(f"{name} begins")
                note = world.note(name, "hold")
                note.t_end = None if lasts is None else note.t_start + lasts
                await redis.get(f"{name} ends")
                note.t_end = world.now()
                await redis.get(f"{name} is done")

            for name in ("a", "b"):
                world.client(name, holds, name)

        def judge(run: Play, own: set[tuple[str, bool]] = met[reduce]) -> Iterable[Violation]:
            one, other = run.trace.spans("hold")
            own.add((one.who, other.start < one.end))
            return ()

        enumerate_all(Trial("spans", (), build, judge), 2, reduce=reduce)
    assert met[True] == met[False] == {("a", True), ("a", False), ("b", True), ("b", False)}


def test_clients_on_keys_of_their_own_have_one_order() -> None:
    async def alone(redis: Redis, name: str) -> None:
        for _ in range(3):
            await redis.incr(name)

    made = trial(alone, lambda run: ())
    assert enumerate_all(made, 3).schedules == comb(9, 3) * comb(6, 3)
    assert enumerate_all(made, 3, reduce=True).schedules == 1


@pytest.mark.parametrize(
    ("one", "other", "free"),
    [
        (b"GET a", b"GET a", True),
        (b"GET a", b"SET a 1", False),
        (b"SET a 1", b"SET b 1", True),
        (b"MGET a b", b"DEL c b", False),
        (b"EVAL x 2 a b 1", b"GET b", False),
        (b"EVAL x 1 a b", b"GET b", True),
        (b"FLUSHALL", b"GET b", False),
        (b"NOBODYKNOWS c", b"GET b", False),
        (b"PING", b"SET a 1", True),
    ],
)
def test_commands_commute_only_where_their_keys_are_known(one: bytes, other: bytes, free: bool) -> None:
    first, second = (footprint("redis", [tuple(text.split())]) for text in (one, other))
    assert commute(first, second) is commute(second, first) is free


@pytest.mark.parametrize("reduce", [False, True])
def test_a_client_that_remembers_earlier_runs_is_named(reduce: bool) -> None:
    """Who goes another way in the same schedule would make every count a lie; the control asks the server instead."""
    runs: list[str] = []

    async def remembers(redis: Redis, member: str) -> None:
        runs.append(member)
        if len(runs) % 3:
            await redis.incr("n")
        await redis.incr("n")

    async def counts(redis: Redis, member: str) -> None:
        await redis.incr("n")
        await redis.incr("n")

    with pytest.raises(Unrepeatable, match=r"c[01] did something else than before.* keep nothing from one run"):
        enumerate_all(trial(remembers, lambda run: ()), 2, reduce=reduce)
    assert enumerate_all(trial(counts, lambda run: ()), 2, reduce=reduce).complete


def test_a_fault_at_a_turn_that_is_not_there_strikes_the_last_one() -> None:
    """A schedule is played with another program, in which fewer commands wait."""

    async def one(redis: Redis, member: str) -> None:
        await redis.incr("n")

    run = play(trial(one, lambda run: ()), Schedule(1, turns=(Move("crash", 5),)))
    assert run.results == {"c0": CRASHED}
