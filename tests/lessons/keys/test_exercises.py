"""Lesson 02's checks: what is no answer is refused in words, no cheat passes, and orders are followed as written."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import permutations
from typing import Any

import pytest
from grading.programs import answers, wrong
from grading.test_check import EqualText, EqualToAll
from redis.asyncio import Redis

from course_lib.explore import Schedule, Simulation, play
from course_lib.grading import check, replay
from course_lib.lessons.keys.exercises import e2_rollout, e5_order, e6_immortal, e6_runs

SOLUTIONS = answers("solutions")
ProfilesV2, Flushable = SOLUTIONS["02.2"], SOLUTIONS["02.3"]

# -- no answer at all -------------------------------------------------------------------------------------------------


class LacksWrite:
    def __init__(self, redis: Any, load: Any, save: Any, *, ttl: float) -> None: ...

    async def read(self, user: str) -> Any: ...


class PlainRead(LacksWrite):
    def read(self, user: str) -> Any: ...  # type: ignore[override]

    async def write(self, user: str, profile: Any) -> None: ...


class TakesTooFew(LacksWrite):
    def __init__(self, redis: Any) -> None: ...

    async def write(self, user: str, profile: Any) -> None: ...


class Raises(ProfilesV2):  # type: ignore[misc]
    async def read(self, user: str) -> Any:
        return await self.redis.set("app:user:profile:v2:42", "x", px=self.ttl * 0.3)


class HalfDone(ProfilesV2):  # type: ignore[misc]
    async def write(self, user: str, profile: Any) -> None:
        raise NotImplementedError


class Sleeps(Flushable):  # type: ignore[misc]
    async def flush(self) -> None:
        time.sleep(0.01)  # noqa: ASYNC251


async def plainly(*parts: str) -> str:
    return ""


@pytest.mark.parametrize(
    ("id", "answer", "said"),
    [
        ("02.1", "app:user", "an object of type str"),
        ("02.1", plainly, "plain def"),
        ("02.1", lambda: "key", "must accept (first, second)"),
        ("02.2", LacksWrite, "needs `async def write(self, user, profile)`"),
        ("02.2", PlainRead, "Begin the function with async def"),
        ("02.2", TakesTooFew, "must accept (redis, load, save, *, ttl)"),
        ("02.2", object(), "hand in the class"),
        ("02.2", Raises, "round(ttl * 1000)"),
        ("02.3", Sleeps, "await asyncio.sleep"),
        ("02.4", SOLUTIONS["02.1"], "must accept (redis, *, live)"),
        ("02.5", "reader", "hand in a list"),
        ("02.5", ["reader", "judge"], "There is no 'judge'"),
        ("02.5", ["reader"] * 13, "Your list has 13 names"),
        ("02.5", [EqualText("reader")], "hand in a list"),
        ("02.6", lambda trace: True, "returned a bool"),
        ("02.6", lambda trace: EqualToAll(), "returned a EqualToAll"),
        ("02.6", lambda trace: trace.nothing, "AttributeError"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(id: str, answer: Any, said: str) -> None:
    verdict = check(id, answer)
    assert verdict.status == "error"
    assert said in verdict.message
    assert verdict.points == 0


def test_a_class_with_one_blank_left_is_not_answered_yet() -> None:
    assert check("02.2", HalfDone).status == "unanswered"


# -- no cheat passes --------------------------------------------------------------------------------------------------

MEMORY: dict[str, Any] = {}


class Remembers:
    """It hopes for one memory for all. Each process of each run has its own, which hears of no write of another."""

    def __init__(self, redis: Any, *others: Any, ttl: float) -> None:
        self.others = others

    async def read(self, user: str, load: Any = None) -> Any:
        if user not in MEMORY:
            MEMORY[user] = await (self.others[0](user) if load is None else load())
        return MEMORY[user]

    async def write(self, user: str, profile: Any) -> None:
        await self.others[1](user, profile)
        MEMORY[user] = profile

    async def flush(self) -> None:
        MEMORY.clear()


class Forges(Remembers):
    async def read(self, user: str, load: Any = None) -> Any:
        return EqualToAll()


class ForgesInside(Remembers):
    async def read(self, user: str, load: Any = None) -> Any:
        return {"first": EqualText("Ann"), "last": EqualText("Lee")} if load is None else EqualText("row-1")


class PatchesJson(Forges):
    """It makes all JSON equal, in the hope that the judge compares by it."""

    async def read(self, user: str, load: Any = None) -> Any:
        json.dumps = json.loads = lambda *_, **__: {"name": "Ann Lee"}  # type: ignore[assignment]
        return {"first": "Ann", "last": "Lee"}


@pytest.mark.parametrize("cheat", [Remembers, Forges, ForgesInside, PatchesJson])
@pytest.mark.parametrize("id", ["02.2", "02.3"])
def test_a_class_that_cheats_does_not_pass(id: str, cheat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "dumps", json.dumps)  # put back what a cheat replaces
    monkeypatch.setattr(json, "loads", json.loads)
    MEMORY.clear()
    verdict = check(id, cheat)
    assert not verdict.passed
    assert verdict.points <= (verdict.max_points / 2 if cheat is Remembers else 0)


class Counts(int):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


async def does_nothing(redis: Any, *, live: int) -> Any:
    return Counts(60)


async def patches_the_client(redis: Any, *, live: int) -> Any:
    """It blinds the judge, who looks with KEYS."""

    async def nothing(self: Any, pattern: str = "*") -> list[str]:
        return [f"app:user:profile:v10:{user}" for user in range(5)]

    type(redis).keys = nothing
    return 60


async def patches_sleep(redis: Any, *, live: int) -> Any:
    async def at_once(seconds: float, result: Any = None) -> Any:
        return result

    asyncio.sleep = at_once
    return 60


@pytest.mark.parametrize("cheat", [does_nothing, patches_the_client, patches_sleep])
def test_a_clean_up_that_cheats_does_not_pass(cheat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from course_lib.sim.redis_client import SimRedis

    monkeypatch.setattr(SimRedis, "keys", Redis.keys, raising=False)
    monkeypatch.setattr(asyncio, "sleep", asyncio.sleep)
    verdict = check("02.4", cheat)
    assert not verdict.passed
    assert verdict.points == 0


@pytest.mark.parametrize("key", [EqualText("app:user:profile:v2:42"), EqualToAll(), b"app:user:profile:v2:42"])
def test_a_key_is_a_plain_text(key: Any) -> None:
    verdict = check("02.1", lambda *parts: key)
    assert not verdict.passed
    assert verdict.points == 0


# -- the judges themselves --------------------------------------------------------------------------------------------


def test_one_order_in_four_breaks_the_recipe() -> None:
    """All orders of three commands and one: the right answer is the only one, and the mended recipe survives all."""
    orders = sorted(set(permutations(["reader", "reader", "reader", "writer"])))
    assert [check("02.5", list(order)).passed for order in orders] == [False, True, False, False]
    for order in orders:
        (_, mended) = e5_order.trials(order)
        assert not e5_order.stale(play(mended, Schedule(2)))


def test_the_reader_runs_in_the_order_that_was_asked_for() -> None:
    (broken, _) = e5_order.trials(("reader", "writer"))
    run = play(broken, Schedule(2))
    sent = sorted((e for e in run.trace if e.client in e5_order.PLAYERS), key=lambda e: e.t_server or 0.0)
    assert [event.client for event in sent] == ["reader", "writer", "reader", "reader"]


def test_both_broken_programs_are_broken_and_the_right_ones_are_not() -> None:
    """By what the server says itself: the control of 02.6."""
    programs = ("a second SET", "SET, then PEXPIRE", "the right program", "one that tidies up")
    trials = {trial.name: trial for trial in e6_immortal.trials(lambda trace: None)}
    found = [e6_immortal.immortal_in(play(trials[name], Schedule(2))) for name in programs]
    keys = {"app:user:visits:v1:1", "app:user:visits:v1:2"}
    assert found == [keys, set(), set(), set()]
    lost = play(trials["SET, then PEXPIRE"], Schedule(1, 0, "lose request", 2))
    assert e6_immortal.immortal_in(lost) == {"app:user:visits:v1:1"}


@pytest.mark.parametrize("run", [*e6_runs.RUNS, *(run for runs in e6_runs.MISTAKES.values() for run in runs)])
def test_a_run_that_is_made_up_could_have_happened(run: e6_runs.Run) -> None:
    """The simulated server gives the same replies to its commands, and leaves the same keys without a TTL."""
    world = Simulation()
    ran = sorted((e for e in run.trace() if e.t_server is not None), key=lambda e: e.t_server or 0.0)

    async def again(redis: Redis) -> set[str]:
        for event in ran:
            await redis.execute_command(*event.command)
        return {key for key in await redis.keys() if await redis.pttl(key) == -1}

    world.client("again", again, world.redis())
    assert world.run() == {"again": run.immortal}
    assert [event.reply for event in world.trace][: len(ran)] == [event.reply for event in ran]


def test_the_drawn_runs_of_02_6_know_every_rule() -> None:
    """Some leave a key for ever and some do not; SETs do nothing; commands run in another order than they were sent."""
    (drawn,) = [trial for trial in e6_immortal.trials(lambda trace: None) if trial.name == "commands drawn by lot"]
    runs = [play(drawn, Schedule(clients, seed)) for clients in drawn.sizes for seed in range(drawn.seeds)]
    assert {bool(e6_immortal.immortal_in(run)) for run in runs} == {True, False}
    events = [[event for event in run.trace if event.client != "judge"] for run in runs]
    assert any(event.name == "SET" and event.reply is None for run in events for event in run)
    assert any(sorted(run, key=lambda e: e.t_server or 0.0) != run for run in events)
    assert {event.name for run in events for event in run} == {"SET", "PEXPIRE", "DEL"}


@pytest.mark.parametrize("seed", range(40))
def test_a_name_that_changes_changes(seed: int) -> None:
    """Or no reader could be seen to be stale."""
    trial = e2_rollout.trials(ProfilesV2)[0]
    database = play(trial, Schedule(1, seed)).witness.database
    assert database.old != database.new


def test_a_replay_code_of_this_lesson_names_it() -> None:
    verdict = check("02.3", dict(wrong("02.3"))["goes-back"])
    assert verdict.code is not None
    assert replay("02.3", verdict.code, Flushable).passed
