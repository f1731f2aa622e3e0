"""Sessions in simulation when clients crash, pause and retry, and messages are lost: one id has the data, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from thorough import runs

from course_lib.patterns import sessions as module
from course_lib.patterns.sessions import Sessions
from course_lib.sim import OneFault
from course_lib.sim.faults import KINDS, Kind, RandomFaults
from course_lib.worlds import Simulated

from . import broken_sessions as broken
from .crowd import CancelledAt, awaited

Violations = set[str]


def visit(world: Simulated, kind: type[Sessions]) -> Callable[[], Violations]:
    """A visitor with a cart logs in, twice at once as with a double click, while a thief tries the visitor's old id.

    Returns what to ask after the run: which promises were broken.
    """
    tokens = world.draws("tokens")
    sessions = kind(world.redis(), "shop", idle=60, lifetime=600, token=lambda: f"{int(tokens() * 2**64):032x}")
    given, broken_promises = list[str](), Violations()

    async def first() -> str:
        return await sessions.log_in(cart="duck")

    async def member(old: str) -> None:
        new = await sessions.log_in(old, user="ann")
        given.append(new)
        if await sessions.use(old) is not None:
            broken_promises.add("the old id lives")
        await sessions.use(new, seen="1")

    async def thief(old: str) -> None:
        for _ in range(3):
            found = await sessions.use(old, note="planted")
            if found and "user" in found:
                broken_promises.add("the old id is logged in")
            await asyncio.sleep(0.004)

    world.client("visitor", first)
    old = world.run()["visitor"]
    if isinstance(old, str):
        for name in ("click 1", "click 2"):
            world.client(name, member, old, start=world.now() + world.draws(name)() * 0.01)
        world.client("thief", thief, old, start=world.now())
        world.run()

    def found() -> Violations:
        async def audit() -> list[dict[str, str]]:
            redis, held = world.redis(), list[dict[str, str]]()
            for key in await redis.keys("*"):
                held.append(await redis.hgetall(key))
                if not 0 < await redis.pttl(key) <= 60_000:
                    broken_promises.add("a session without an end")
            return held

        world.faults = None
        world.client("auditor", audit, start=world.now() + 5)
        held = world.run()["auditor"]
        if sum("cart" in session for session in held) > 1:
            broken_promises.add("two sessions have the data")
        if any("" not in session for session in held):
            broken_promises.add("a session without an end")
        return broken_promises

    return found


def random_visits(kind: type[Sessions] = Sessions) -> Any:
    """What was broken in each run, from seed 0 on, with random faults; the library retries once."""
    faults = RandomFaults(seconds=0.3, crash=0.02, pause=0.05, lose_request=0.03, lose_reply=0.08, node_down=0.01)
    world = Simulated(socket_timeout=0.2, retry=Retry(NoBackoff(), 1))
    for seed in range(2_000):
        world.faults = faults
        yield visit(world.rewind(seed), kind)()


def test_a_thousand_disturbed_log_ins_keep_one_id_at_most() -> None:
    """The old id is dead once a log-in has returned, one session at most has the data, and each has an end."""
    assert [(seed, wrong) for seed, wrong in enumerate(islice(random_visits(), runs(1000))) if wrong] == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_at_any_send_keeps_one_id_at_most(kind: Kind) -> None:
    at, world = 0, Simulated(socket_timeout=0.2)
    faults = OneFault(kind, at=1, seconds=0.3)
    while at == 0 or faults.sends >= at:
        at += 1
        faults.at, world.faults = at, faults
        assert visit(world.rewind(at), Sessions)() == set(), at
    assert at > 10


@pytest.mark.parametrize(
    ("twin", "said"),
    [
        (broken.KeepsItsId, "the old id is logged in"),
        (broken.LogsInInTwoSteps, "two sessions have the data"),
    ],
)
def test_the_controls_break_it(twin: type[Sessions], said: str) -> None:
    assert any(said in wrong for wrong in islice(random_visits(twin), 50))


@pytest.mark.parametrize("script", ["COPIES", "WRITES_UNCHECKED"])
def test_the_scripts_that_leave_something_out_break_it(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEGIN" if script == "COPIES" else "USE", getattr(broken, script))
    assert any(islice(random_visits(), 50))


@pytest.mark.parametrize("retries", [0, 1])
def test_a_lost_reply_at_log_in_leaves_one_new_id_and_no_old_one(retries: int) -> None:
    """With a retry the caller hears of it; without, nobody does, and it dies of idleness."""
    world = Simulated(socket_timeout=0.2, retry=Retry(NoBackoff(), retries))
    sessions = Sessions(world.redis(), "shop", idle=60, lifetime=600)

    async def body() -> Any:
        old = await sessions.log_in(cart="duck")
        world.faults = OneFault("lose reply", at=1)
        try:
            new = await sessions.log_in(old, user="ann")
        except RedisError:
            new = ""
        [key] = await world.redis().keys("*")
        return await sessions.use(old), await sessions.use(new), key == sessions.key(new), await world.redis().ttl(key)

    world.client("a", body)
    member = {"cart": "duck", "user": "ann"} if retries else None
    assert world.run()["a"] == (None, member, bool(retries), 60)


def test_a_log_in_that_is_cancelled_leaves_one_id() -> None:
    """Cancelled at each await in turn: the old id or a new one has the data, never both."""
    for at in range(1, 12):
        world = Simulated(seed=at)
        sessions = Sessions(world.redis(), "shop", idle=60, lifetime=600)

        async def body(sessions: Sessions = sessions, at: int = at) -> Any:
            old = await sessions.log_in(cart="duck")
            task = asyncio.create_task(awaited(CancelledAt(sessions.log_in(old, user="ann"), at)))
            await asyncio.wait([task])
            await asyncio.sleep(1)
            return await world_keys(sessions)

        world.client("a", partial(body))
        [held] = world.run()["a"]
        assert held["cart"] == "duck"


async def world_keys(sessions: Sessions) -> list[dict[str, str]]:
    """Everything that the server holds."""
    return [await sessions.redis.hgetall(key) for key in await sessions.redis.keys("*")]


def lived(every: float = 1.0, jump: float = 0.0, **policy: float) -> float:
    """For how many seconds a session lived that was used all the time, at most 500."""
    world = Simulated()
    sessions = Sessions(world.redis(), "shop", **{"idle": 50, "lifetime": 60, **policy})

    async def body() -> float:
        session, begun = await sessions.log_in(), world.now()
        world.step_clock(0, jump)
        while await sessions.use(session) is not None and world.now() < 500:
            await asyncio.sleep(every)
        return world.now() - begun

    world.client("a", body)
    return float(world.run()["a"])


def test_a_session_in_use_ends_with_its_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, not after. The control, which slides only, lives for ever."""
    assert 60 <= lived() < 61.1
    assert 60 <= lived(touch_every=40) < 61.1
    monkeypatch.setattr(module, "USE", broken.SLIDES_FOR_EVER)
    assert lived() >= 499


def test_a_session_lives_as_long_as_it_is_used_more_often_than_idle_less_touch_every() -> None:
    """And one that is used less often than idle ends."""
    assert lived(every=9.9, idle=20, touch_every=10) >= 60
    assert lived(every=20.1, idle=20) < 21


def test_a_clock_that_jumps_lengthens_a_life_by_the_jump() -> None:
    """Both ends are the server's: it steps back 100 s, and the session lasts 100 s longer, not for ever."""
    assert 160 <= lived(jump=-100) < 161.1
    assert lived(jump=55) < 6.2
