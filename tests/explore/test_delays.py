"""Delays of one client, beyond each timer and TTL: what only they show, what they cost, and that none is left out."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from course_lib.explore import Move, Play, Simulation, Trial, Violation, enumerate_all
from course_lib.explore.exploration import explore, trial_of
from course_lib.explore.invariants import no_lost_update, one_holder
from course_lib.explore.server_state import left, value, world_of
from course_lib.explore.strategies import delays
from course_lib.explore.strategies.delays import delayed
from course_lib.widgets.explore import Explored
from explore.visits import mended, naive

# -- what only a delay shows -------------------------------------------------------------------------------------------


async def an_old_page(redis: Any) -> None:
    await redis.set("row", "old")


async def reads(redis: Any, me: str) -> None:
    if await redis.get("page") is None:
        await redis.set("page", await redis.get("row"))


async def deletes_twice(redis: Any, me: str) -> None:
    await redis.set("row", "new")
    await redis.delete("page")
    await asyncio.sleep(0.5)
    await redis.delete("page")


def nothing_stale(run: Play) -> str | None:
    (node,) = world_of(run).nodes
    held = {key: value(node, key.encode())[1] for _, key, _ in left(run)}
    return "the cache is stale" if held.get("page") == b"old" else None


def test_a_second_delete_comes_too_early_for_a_reader_that_is_late_enough() -> None:
    """The control: without delays it holds in every schedule."""
    assert explore([reads, deletes_twice], nothing_stale, setup=an_old_page).holds
    found = explore([reads, deletes_twice], nothing_stale, setup=an_old_page, delays=True)
    assert found.shown is not None
    assert found.violation is not None
    assert found.violation.text == "the cache is stale"
    (late,) = [turn for turn in found.shown.schedule.turns or () if isinstance(turn, Move)]
    assert (late.kind, late.past, found.shown.schedule.faults) == ("delay", 1, 1)
    (pause,) = found.shown.trace.spans("pause")
    assert (pause.who, pause.end) == ("alice", pytest.approx(0.5, abs=0.02))
    assert found.code is not None
    again = explore([reads, deletes_twice], nothing_stale, setup=an_old_page, code=found.code)
    assert again.violation == found.violation
    panel = Explored(found).by_hand()
    assert panel.game.violation is not None
    assert panel.game.moves == list(found.shown.schedule.turns or ())


READ = """
if tonumber(redis.call('HGET', KEYS[1], 'token') or 0) > tonumber(ARGV[1]) then return false end
redis.call('HSET', KEYS[1], 'token', ARGV[1])
return redis.call('HGET', KEYS[1], 'n') or '0'
"""
STORE = """
if tonumber(redis.call('HGET', KEYS[1], 'token') or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'n', ARGV[2])
return 1
"""
ACQUIRE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', 1000) then return false end
return redis.call('INCR', KEYS[2])
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


def locked(*, fenced: bool, polls: float) -> Any:
    """Under a lock of a second, read and write one more. With a fence, the counter refuses an older token."""

    async def adds(redis: Any, me: str) -> int | None:
        while not (token := await redis.eval(ACQUIRE, 2, "lock", "tokens", me)):
            await asyncio.sleep(polls)
        fence = token if fenced else 0
        n = await redis.eval(READ, 1, "counter", fence)
        stored = n is not None and await redis.eval(STORE, 1, "counter", fence, int(n) + 1)
        await redis.eval(RELEASE, 1, "lock", me)
        return int(n) + 1 if stored else None

    return adds


def each_counts(run: Play) -> str | None:
    counts = sorted(n for n in run.results.values() if isinstance(n, int))
    return None if counts == sorted(set(counts)) else f"they counted {counts}"


@pytest.mark.parametrize("polls", [0.7, 0.05])
def test_a_lock_of_limited_time_needs_a_fence_against_a_late_holder(polls: float) -> None:
    """Who polls often comes between the end of the TTL and the holder only after a time that was not known when the
    delay began."""
    late = explore(locked(fenced=False, polls=polls), each_counts, delays=True)
    assert late.violation is not None
    assert late.violation.text == "they counted [1, 1]"
    assert late.shown is not None
    kinds = [turn.kind for turn in late.shown.schedule.turns or () if isinstance(turn, Move)]
    assert kinds == ["delay", "longer"]
    assert explore(locked(fenced=False, polls=polls), each_counts).holds
    fenced = explore(locked(fenced=True, polls=polls), each_counts, delays=True)
    assert fenced.holds


def test_two_hold_a_lock_if_one_of_them_is_late() -> None:
    """What a client believes ends when it says so, and not with a command that others can see."""

    async def holds(redis: Any, me: Any) -> None:
        while not await redis.set("lock", me, nx=True, px=500):
            await asyncio.sleep(0.3)
        with me.holding():
            await redis.get("a")
            await redis.get("b")
        if await redis.get("lock") == me:
            await redis.delete("lock")

    assert explore(holds, one_holder()).holds
    late = explore(holds, one_holder(), delays=True)
    assert late.violation is not None
    assert late.violation.promise == "one holder at a time"


@pytest.mark.parametrize("faults", [[], ["crash"]])
def test_no_delay_is_tried_that_was_not_asked_for(faults: list[Any]) -> None:
    """In orders that are drawn, too."""
    found = explore([locked(fenced=True, polls=0.7)] * 3, each_counts, faults=faults, schedules=12)
    assert found.sampled
    assert not found.seen.struck["delay"]


def test_a_delay_goes_on_a_few_times_only() -> None:
    """Somebody who looks again and again always gives it one more moment to last beyond."""
    lengths = Counter[int]()

    def judge(run: Play) -> Iterator[Violation]:
        lengths[sum(isinstance(turn, Move) for turn in run.schedule.turns or ())] += 1
        yield from ()

    async def waits(redis: Any) -> None:
        while not await redis.exists("a"):
            await asyncio.sleep(0.1)

    def build(world: Simulation, clients: int) -> None:
        world.client("waits", waits, world.redis())
        world.client("sets", program(("set", "a", 0)), world.redis())

    enumerate_all(delayed(Trial("late", (), build, judge)), 2, faults=1)
    assert set(lengths) == set(range(delays.MOST + 1))


@pytest.mark.parametrize(("first", "schedules"), [(("set", "a", 0), 1), (("expire", "a", 9), 3)])
def test_what_is_done_to_a_key_that_stays_need_not_be_tried_late(first: Any, schedules: int) -> None:
    """The control has a TTL, so that the INCR can come too late for the key."""
    programs = [program(first, ("sleep", "", 0.217), ("incr", "a", 0)), program(("sleep", "", 0.3), ("incr", "b", 0))]
    assert outcomes(programs, reduce=True)[1] == schedules


# -- what they cost, and what is said ----------------------------------------------------------------------------------


def test_where_time_does_not_matter_nothing_more_is_played() -> None:
    for body in (naive, mended):
        plain, with_delays = (explore(body, no_lost_update("visits"), delays=both) for both in (False, True))
        assert with_delays.text == plain.text
        assert with_delays.schedules == plain.schedules


def test_the_verdict_counts_the_delays() -> None:
    said = explore([reads, deletes_twice], nothing_stale, setup=an_old_page, delays=True)
    tried = said.played[-1].schedules
    assert said.played[-1].text == f"1 of {tried} classes of schedules of 2 clients with one delay break a promise"
    assert f"; {tried} delays were tried." in said.text
    assert "A delay holds one client back, before a command, until a timer has run out" in said.text
    assert "time passes only" not in said.text
    sleeper = explore(sleeps_last, lambda run: None, delays=True)
    assert "No delay was tried, as no timer and no TTL was running" in sleeper.text
    assert sleeper.holds


async def sleeps_last(redis: Any, me: str) -> None:
    await asyncio.sleep(0.1)
    await redis.incr("n")


def test_where_there_are_too_many_orders_each_drawn_one_is_delayed() -> None:
    """One who does nothing but count makes too many orders; the delay that breaks the promise goes on once."""

    async def busy(redis: Any, me: str) -> None:
        for _ in range(6):
            await redis.incr("n")

    bodies: Any = [locked(fenced=False, polls=0.7)] * 2 + [busy]
    with ThreadPoolExecutor(2) as two:
        found, same = (explore(bodies, each_counts, delays=True, schedules=60, executor=one) for one in (None, two))
    assert found.played[-1].depth == 3
    assert found.text == same.text
    assert found.code == same.code
    assert re.search(r"sampled schedules of \d clients with one delay \(in \d+ sampled orders\) break", found.text)
    run = found.played[-1].failing["each counts"]
    assert "longer" in {turn.kind for turn in run.schedule.turns or () if isinstance(turn, Move)}


# -- none is left out --------------------------------------------------------------------------------------------------


STEPS = ["get", "incr", "expire", "set", "delete", "sleep", "sleep", "sleep"]


def program(*steps: tuple[str, str, float]) -> Any:
    """Commands on keys, some with a TTL or a limit of time, sleeps, and looks at a clock."""

    async def runs(redis: Any) -> list[Any]:
        heard: list[Any] = []
        for step, key, seconds in steps:
            if step == "sleep":
                await asyncio.sleep(seconds)
            elif step == "clock":
                heard.append(round(asyncio.get_running_loop().time(), 2))
            elif step == "limit":
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        heard.append(await redis.get(key))
            elif step == "expire":
                heard.append(await redis.set(key, 5, px=int(seconds * 1_000)))
            elif step == "expires":
                heard.append(await redis.pexpire(key, int(seconds * 1_000)))
            elif step == "set":
                heard.append(await redis.set(key, len(heard)))
            else:
                heard.append(await getattr(redis, step)(key))
        return heard

    return runs


def pair(draw: Random) -> list[Any]:
    """Two that do not wake at the same moment. A limit that runs while a command waits is a time of its own, which
    clocks tell: only one of the two is there."""
    kinds = [*STEPS, draw.choice(["limit", "clock"])]
    return [
        program(
            *(
                (draw.choice(kinds), draw.choice("ab"), draw.choice([0.2, 0.31, 0.5]) + shift)
                for _ in range(draw.randint(2, 3))
            )
        )
        for shift in (0.0, 0.017)
    ]


def outcomes(programs: list[Any], *, reduce: bool) -> tuple[set[str], int]:
    """What the clients were told, in any schedule with a delay or none; and how many were played."""

    def build(world: Simulation, clients: int) -> None:
        for number, runs in enumerate(programs):
            world.client(f"c{number}", runs, world.redis())

    def judge(run: Play) -> Iterator[Violation]:
        yield Violation(str(sorted(run.results.items())), "")

    trial = delayed(Trial("any", (), build, judge, world=lambda: Simulation(socket_timeout=None)))
    found = [enumerate_all(trial, len(programs), reduce=reduce, faults=faults) for faults in (0, 1)]
    assert all(one.complete for one in found), [(one.why, one.schedules) for one in found]
    return set().union(*(one.failing for one in found)), found[-1].schedules


def test_a_reduction_leaves_out_no_outcome_of_a_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle plays every order, and holds any client back at any turn, whoever else has a command waiting."""
    drawn = Random(7)
    chosen = [pair(drawn) for _ in range(20)]
    reduced = [outcomes(programs, reduce=True) for programs in chosen]
    anywhere = delays.Delays.able

    def able(self: Any, turns: Any) -> list[Move]:
        found = []
        for at, turn in enumerate(turns):
            found += [delay._replace(at=at) for delay in anywhere(self, [turn])]
        return found

    monkeypatch.setattr(delays.Delays, "able", able)
    whole = [outcomes(programs, reduce=False) for programs in chosen]
    assert [one for one, _ in reduced] == [one for one, _ in whole]
    assert sum(n for _, n in reduced) * 2 < sum(n for _, n in whole)


def test_a_delay_that_goes_on_is_another_than_one_that_begins() -> None:
    """The last client's INCR finds nothing only if its SET is late until the key is there, and then until it is gone.
    That the SET alone could have come before, after the key was there, makes no difference but to this."""
    programs = [
        program(("set", "a", 0), ("sleep", "", 0.31)),
        program(("sleep", "", 0.217), ("expire", "a", 0.217), ("get", "b", 0)),
        program(("set", "b", 0), ("incr", "a", 0)),
    ]
    told, _ = outcomes(programs, reduce=True)
    assert "[('c0', [True]), ('c1', [True, None]), ('c2', [True, 1])]" in told


def test_what_came_asleep_during_a_delay_is_not_covered_by_one_that_begins_after_it() -> None:
    """The first client's INCR is late twice: until the other has looked at its key, and until the other deletes b. To
    run it in between ends the delay."""
    programs = [
        program(("incr", "a", 0), ("get", "b", 0), ("incr", "b", 0)),
        program(
            ("sleep", "", 0.217), ("expires", "a", 0.52), ("incr", "b", 0), ("sleep", "", 0.523), ("delete", "b", 0)
        ),
    ]
    told, _ = outcomes(programs, reduce=True)
    assert "[('c0', [1, '1', 1]), ('c1', [False, 1, 1])]" in told


def test_no_second_order_of_a_class_begins_with_what_somebody_sleeps_before() -> None:
    """It cannot be played, and another would be in its place; without a delay or with one."""
    outcomes([program(("set", "a", 0), ("get", "a", 0)), program(("set", "b", 0), ("delete", "a", 0)),
              program(("sleep", "", 0.3), ("set", "b", 0))], reduce=True)  # fmt: skip


# -- long delays, and their end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ttl", [30, 3_600])
def test_a_delay_is_not_counted_into_the_time_that_a_run_has(ttl: int) -> None:
    """However long the TTL, it ends before one that is late enough. The control is not late."""

    async def takes(redis: Any, me: str) -> int:
        if not await redis.set("lock", me, nx=True, ex=ttl):
            return 1
        await asyncio.sleep(50)
        return int(await redis.delete("lock"))

    def still_there(run: Play) -> str | None:
        return "the lock was gone" if 0 in run.results.values() else None

    plain, late = (explore(takes, still_there, delays=each) for each in (False, True))
    assert plain.holds is (ttl > 50)
    assert late.violation is not None
    assert late.violation.text == "the lock was gone"
    assert late.code is not None
    assert explore(takes, still_there, code=late.code).violation == late.violation


def test_a_delay_that_others_cannot_outlast_is_told() -> None:
    """Who asks each millisecond has not got a lock of a second when 2,000 steps are used up."""

    async def polls(redis: Any, me: str) -> None:
        while not await redis.set("lock", me, nx=True, ex=1):
            await asyncio.sleep(0.001)
        if await redis.get("lock") == me:
            await redis.delete("lock")

    trial = trial_of(
        polls,
        lambda run: None,
        sizes=(2,),
        faults={},
        pairs=False,
        setup=None,
        nodes=1,
        socket_timeout=None,
        name="polls",
    )
    plain, late = (explore(replace(trial, most_steps=2_000), delays=each).text for each in (False, True))
    assert "schedules had not ended after 60 s of virtual time, delays not counted, or 2,000 steps, and were" in late
    assert "had not ended" not in plain


async def says_it_is_ready(redis: Any, me: str) -> None:
    await redis.set("ready", 1, px=100)
    await redis.publish("ready", 1)


async def waits_until_it_is(redis: Any, me: str) -> None:
    async with redis.pubsub() as heard:
        await heard.subscribe("ready")
        await heard.get_message(timeout=1)
        if await redis.get("ready") is None:
            async for message in heard.listen():
                if message["type"] == "message":
                    return


def test_who_waits_forever_because_of_a_delay_breaks_a_promise() -> None:
    """A delay loses nothing. The control: without one, either the key is there or the message comes."""
    bodies = [says_it_is_ready, waits_until_it_is]
    assert explore(bodies, lambda run: None).holds
    late = explore(bodies, lambda run: None, delays=True)
    assert late.violation is not None
    assert late.violation.promise == "everybody comes to an end"
    assert late.violation.text.startswith("bob never came to an end: ")
