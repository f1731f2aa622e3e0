"""Starvation under fair schedules is found as a lasso; a lock that serves in order has none."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from course_lib.errors import Unrepeatable
from course_lib.explore import Simulation
from course_lib.explore.exact_state import state_of
from course_lib.explore.liveness import Incomparable, Liveness, liveness
from course_lib.explore.puzzles import take_in_one_order, take_your_own_first
from course_lib.explore.replay_code import decode
from course_lib.explore.state_graph import Lasso
from course_lib.explore.trial import HeldBack, Trial, no_further, play

TAKE = "local n = tonumber(redis.call('GET', KEYS[1]) or 0) redis.call('SET', KEYS[1], 1 - n) return n"
"""KEYS: the tickets. Returns the next of two numbers. Atomic, as no two may get the same one."""


async def try_lock(redis: Any, me: Any) -> None:
    """No queue: whoever asks first once it is free has it, be it the one that had it last."""
    while True:
        while not await redis.set("lock", me, nx=True):
            pass
        with me.holding():
            await redis.delete("lock")


async def ticket_lock(redis: Any, me: Any) -> None:
    """In the order of the tickets, whose numbers begin again after 1: there are two clients."""
    while True:
        mine = await redis.eval(TAKE, 1, "next")
        while int(await redis.get("serving") or 0) != mine:
            pass
        with me.holding():
            await redis.set("serving", 1 - mine)


async def counting_ticket_lock(redis: Any, me: Any) -> None:
    while True:
        mine = await redis.incr("next")
        while int(await redis.get("serving") or 0) + 1 != mine:
            pass
        with me.holding():
            await redis.incr("serving")


@pytest.fixture(scope="module")
def starved() -> Liveness:
    return liveness(try_lock, clients=3)


def test_a_try_lock_starves_under_a_fair_schedule(starved: Liveness) -> None:
    """All three move in the loop, others have the lock in it, and one never has it."""
    lasso = starved.lasso
    assert lasso is not None
    assert not starved.holds
    assert lasso.movers == ("alice", "bob", "carol")
    assert lasso.waiter not in lasso.served
    assert lasso.served
    assert len(lasso.loop) <= 6  # at least two for a holder, and one refusal of each of the others
    assert f"is served once, and {lasso.waiter} is not" in starved.text
    assert str(starved) == starved.text


def test_the_loop_goes_on_for_ever(starved: Liveness) -> None:
    """By another way than the search: the holds of a hundred rounds are counted."""
    lasso, rounds = starved.lasso, 100
    assert lasso is not None
    turns = iter([*lasso.stem, *lasso.loop * rounds])
    run = play(starved.trial, decode(starved.code or "", "yours"), choose=no_further(turns))
    assert isinstance(run.stopped, HeldBack)
    holds = [note.who for note in run.trace.notes if note.kind == "hold"]
    moved = [event.client for event in run.trace if event.t_server is not None]
    each = sum(lasso.served.values())
    assert rounds * each <= len(holds) <= rounds * each + len(lasso.stem)
    assert lasso.waiter not in holds[len(lasso.stem) :]
    assert min(map(moved.count, lasso.movers)) >= rounds


def test_the_picture_marks_where_the_loop_begins_and_ends(starved: Liveness) -> None:
    trace, lasso = starved.trace, starved.lasso
    assert trace is not None
    assert lasso is not None
    marks = [note for note in trace.notes if note.kind == "violation"]
    assert [note.text for note in marks] == ["from here …", "… to here, again and again"]
    assert len(starved.loop_events) == len(lasso.loop)
    assert marks[0].t_start == starved.loop_events[0].t_server
    assert len(trace) == len(lasso.stem) + len(lasso.loop)


def test_a_loop_that_begins_late_is_marked_from_there() -> None:
    """What both do once, first of all, is no part of it."""

    async def arrives(redis: Any, me: Any) -> None:
        await redis.incr("here")
        await try_lock(redis, me)

    found = liveness(arrives)
    assert found.lasso is not None
    assert len(found.lasso.stem) >= 2
    assert len(found.loop_events) == len(found.lasso.loop)
    assert "INCR" not in {event.name for event in found.loop_events}
    assert f"After {len(found.lasso.stem)} moves, " in found.text


@pytest.mark.parametrize(
    ("lasso", "said"),
    [
        (
            Lasso("a", (), (0, 1), ("a", "b"), {"b": 1}),
            "From the start, 2 moves lead back to the same state: a and b both move in them, b is served once, and a "
            "is not.",
        ),
        (
            Lasso("c", (0,), (0, 1, 2), ("a", "b", "c"), {"a": 2, "b": 3}),
            "After 1 move, 3 moves lead back to the same state: a, b and c all move in them, a is served twice and "
            "b is served 3 times, and c is not.",
        ),
    ],
)
def test_a_loop_is_told_in_a_sentence(lasso: Lasso, said: str) -> None:
    text = Liveness(Trial("yours", (), lambda *_: None, lambda run: ()), 3, 60, lasso=lasso).text
    assert text.startswith(f"{lasso.waiter} can wait forever though the schedule is fair. {said} Played 20 times")


def test_a_ticket_lock_starves_nobody() -> None:
    """The control: every state that two clients can come to was seen."""
    found = liveness(ticket_lock)
    assert found.holds
    assert found.lasso is None
    assert "no fair schedule starves anybody" in found.text


def test_an_unfair_schedule_alone_is_no_counterexample() -> None:
    """Of two clients one spins for as long as the other, which has the lock, stands still: that one could move."""

    async def once(redis: Any, me: Any) -> None:
        while not await redis.set("lock", me, nx=True):
            pass
        with me.holding():
            await redis.delete("lock")

    assert liveness(once).holds


def test_states_without_end_prove_nothing() -> None:
    found = liveness(counting_ticket_lock, states=60)
    assert (found.lasso, found.holds, found.states) == (None, False, 60)
    assert "this proves nothing" in found.text


def test_two_that_give_way_to_each_other_are_never_served() -> None:
    found = liveness(take_your_own_first)
    assert found.lasso is not None
    assert found.lasso.served == {}
    assert "nobody is served" in found.text
    assert found.lasso.stem == ()
    assert len(found.loop_events) == len(found.lasso.loop)  # and not what was sent when it closed
    assert liveness(take_in_one_order, states=60).lasso is None


# -- what makes a state -----------------------------------------------------------------------------------------------


async def gives_up(redis: Any, me: Any, tries: Any) -> None:
    for _ in tries:
        if await redis.set("lock", me, nx=True):
            return


async def counts_in_a_variable(redis: Any, me: Any) -> None:
    await gives_up(redis, me, range(8))


async def counts_out_of_sight(redis: Any, me: Any) -> None:
    await gives_up(redis, me, [None] * 8)


async def leaves_a_ttl(redis: Any, me: Any) -> None:
    while not await redis.set("lock", me, nx=True, px=20):
        pass


@asynccontextmanager
async def patience(redis: Any) -> AsyncIterator[None]:
    for _ in [None] * 8:
        await redis.get("lock")
    yield


async def counts_in_a_generator(redis: Any, me: Any) -> None:
    async with patience(redis):
        await redis.get("lock")


async def counts_behind_a_method(redis: Any, me: Any) -> None:
    note: Any = Counter().update
    while note.__self__.total() < 8:
        note(["tried"])
        await redis.get("lock")


ENDING = [counts_in_a_variable, counts_out_of_sight, leaves_a_ttl, counts_in_a_generator, counts_behind_a_method]


@pytest.mark.parametrize("body", ENDING)
def test_what_comes_to_an_end_at_last_is_no_loop(body: Callable[..., Any]) -> None:
    """A waiter asks the same again and again, but it counts, or the lock will expire: each time is another state."""
    assert liveness(body, states=150).lasso is None


async def reads_the_time(redis: Any, me: Any) -> None:
    while not await redis.execute_command("TIME"):
        pass


async def sleeps(redis: Any, me: Any) -> None:
    while not await redis.get("lock"):
        await asyncio.sleep(0.002)


async def looks_into_a_file(redis: Any, me: Any) -> None:
    held = memoryview(b"1")
    while await redis.get("lock") is None:
        assert held


tried = {"times": 0}


async def counts_in_its_module(redis: Any, me: Any) -> None:
    while await redis.get("lock") is None:
        tried["times"] += 1
        if tried["times"] > 8:
            return


@pytest.mark.parametrize("body", [reads_the_time, sleeps, looks_into_a_file, counts_in_its_module])
def test_what_cannot_be_compared_is_refused(body: Callable[..., Any]) -> None:
    with pytest.raises(Incomparable, match="may differ"):
        liveness(body)


def test_a_state_of_ones_own_that_leaves_out_what_matters_is_found_out() -> None:
    """Nothing but the commands that wait: a client that counts its attempts looks the same each time, until it ends."""

    def nothing(world: Simulation) -> None:
        return None

    with pytest.raises(Unrepeatable, match="did not come back"):
        liveness(counts_in_its_module, state=nothing)


def test_the_state_of_a_run_is_that_of_all_its_nodes() -> None:
    world = Simulation(nodes=2, socket_timeout=None)
    states: list[Any] = []

    async def stores(node: int) -> None:
        states.append(state_of(world, ())[0])  # type: ignore[index]
        await world.redis(node).set("k", "v")
        states.append(state_of(world, ())[0])  # type: ignore[index]

    world.client("a", stores, 1)
    world.run()
    assert states[0] != states[1]
