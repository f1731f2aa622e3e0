"""The limiters in simulation while processes crash, messages are lost, servers are away and clocks jump."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import RedisError
from thorough import runs

from course_lib.explore import Play, Trial, Violation, search
from course_lib.patterns.ratelimit import Decision, Limiter, SlidingLog
from course_lib.sim import CRASHED, Faults, RandomFaults, steady
from course_lib.sim.faults import Kind
from course_lib.trace import Trace
from course_lib.worlds import Simulated

from . import broken_ratelimit as broken
from .crowd import alone
from .ratelimit_models import FAMILIES, Family, Model, numbered, server_time

everyone = pytest.mark.parametrize("family", FAMILIES, ids=str)


def patient(faults: Faults | None = None) -> Simulated:
    """A world in which redis-py retries, as it does by default."""
    return Simulated(faults=faults, socket_timeout=0.05, retry=Retry(NoBackoff(), 3))


# -- what the server did, against the models --------------------------------------------------------------------------


def judge(trace: Trace, limiters: Iterable[Limiter], models: Iterable[Model]) -> dict[str, str]:
    """Replay what each script was asked, in the server's order, through its model.

    Returns the request ids and their clients. Fails where an answer is not the model's, or where an id that was
    admitted is counted again or hears anything else.
    """
    by_policy = {type(limiter).__name__.encode(): m for limiter, m in zip(limiters, models, strict=True)}
    seen: dict[tuple[bytes, bytes], Any] = {}
    clients: dict[str, str] = {}
    scripts = [event for event in trace if event.name in ("EVAL", "EVALSHA")]
    for event in sorted(scripts, key=lambda event: event.t_server or 0.0):
        policy, request = event.command[3].split(b":")[3], event.command[8]
        clients[request.decode()] = event.client
        if event.t_server is None or isinstance(event.reply, Exception):
            continue
        if (policy, request) in seen:
            assert event.reply == seen[policy, request], event
            continue
        allowed, remaining, wait = by_policy[policy].hit(server_time(event.t_server), int(event.command[7]))
        assert event.reply == [remaining, wait], event
        if allowed:
            seen[policy, request] = event.reply
    return clients


def test_a_thousand_seeds_of_trouble_change_no_answer() -> None:
    """Crashes, pauses, lost messages, a server that is away: the server's answers remain the models', to the µs.

    Every request has one id, whatever the client library does; a client that hears yes was counted once.
    """
    faults = RandomFaults(crash=0.02, pause=0.04, lose_request=0.06, lose_reply=0.1, node_down=0.02, seconds=0.2)
    world, retried = patient(faults), 0

    async def body(limiters: Sequence[Limiter], heard: list[tuple[int, Decision]], gap: float) -> None:
        for number, limiter in enumerate(limiters):
            heard.append((number, await limiter.hit("ann")))
            await asyncio.sleep(gap)

    for seed in range(runs(1000)):
        world.rewind(seed)
        token = numbered()
        limiters = [family.make(world.redis(), 2, 0.3, token=token) for family in FAMILIES]
        models = [family.model_of(limiter) for family, limiter in zip(FAMILIES, limiters, strict=True)]
        start, heard = world.draws("start"), list[tuple[int, Decision]]()
        for number in range(3):
            world.client(f"c{number}", body, limiters, heard, start() * 0.1, start=start() * 0.05)
        results = world.run()
        assert all(r is None or r is CRASHED or isinstance(r, RedisError | TimeoutError) for r in results.values())
        asked = judge(world.trace, limiters, models)
        retried += sum(event.name == "EVALSHA" for event in world.trace) - len(asked)
        for number, model in enumerate(models):
            said_yes = sum(decision.allowed for which, decision in heard if which == number)
            assert said_yes <= len(model.admitted), "every yes was counted"
    assert retried > runs(1000), "the trouble was real"


# -- one fault at every send, and the broken twins --------------------------------------------------------------------

LOST: dict[Kind, float] = {"crash": 0.0, "pause": 3.0, "lose request": 0.0, "lose reply": 0.0, "node down": 0.1}
HURT: dict[Kind, float] = LOST | {"clock step": -3600.0}
Make = Any  # a limiter's class, or a function like it: (redis, name, limit=…, period=…, token=…) → what has `hit`


def made(family: Family) -> Make:
    def make(redis: Any, name: str, limit: int, period: float, token: Any) -> Limiter:
        return family.make(redis, limit, period, token=token)

    return make


def counting(make: Make) -> Trial:
    """Some clients ask once each; then a probe sees how much has been counted."""

    def build(world: Simulated, clients: int) -> None:
        start = world.draws("start")
        limiter = make(world.redis(), "hits", limit=20, period=6000, token=numbered())
        for number in range(clients):
            world.client(f"c{number}", limiter.hit, "ann", start=start() * 0.01)
        world.client("probe", limiter.hit, "ann", start=6)

    def judge(run: Play) -> Iterable[Violation]:
        probe = run.results.get("probe")
        if isinstance(probe, Decision) and (counted := 19 - probe.remaining) > run.schedule.clients:
            yield Violation("counts once", f"{counted} counted for {run.schedule.clients} requests")

    # No clock step: GCRA takes one back for requests. That is tested below.
    return Trial("counting", ("counts once",), build, judge, (1, 3), seeds=4, faults=LOST, fault_seeds=3, world=patient)


def blocking(make: Make, *, persist: bool = False) -> Trial:
    """Three clients ask; much later three slow requests must pass, or two of them if the clock was set back."""

    async def operate(redis: Any) -> None:
        for key in await redis.keys("*"):
            await redis.persist(key)

    async def ask_slowly(limiter: Any) -> list[bool]:
        passed = []
        for _ in range(3):
            passed.append((await limiter.hit("ann")).allowed)
            await asyncio.sleep(2.5)
        return passed

    def build(world: Simulated, clients: int) -> None:
        limiter = make(world.redis(), "hits", limit=2, period=1, token=numbered())
        for number in range(clients):
            world.client(f"c{number}", limiter.hit, "ann")
        if persist:
            world.client("operator", operate, world.redis(), start=0.5)
        world.client("later", ask_slowly, limiter, start=7.5)

    def judge(run: Play) -> Iterable[Violation]:
        passed = run.results.get("later")
        if isinstance(passed, list) and passed.count(False) > (run.schedule.kind == "clock step"):
            yield Violation("blocks nobody", f"2.5 periods apart: {passed}")

    often: dict[str, Any] = {"seeds": 2, "faults": HURT, "fault_seeds": 2}
    return Trial("blocking", ("blocks nobody",), build, judge, (3,), world=patient, horizon=30, **often)


def neglecting(make: Make) -> Trial:
    """The same, and in between somebody takes the TTL off every key."""
    return blocking(make, persist=True)


def racing(make: Make) -> Trial:
    """All clients ask at once, for two places."""

    def build(world: Simulated, clients: int) -> None:
        limiter = make(world.redis(), "hits", limit=2, period=600, token=numbered())
        for number in range(clients):
            world.client(f"c{number}", limiter.hit, "ann")

    def judge(run: Play) -> Iterable[Violation]:
        passed = [name for name, result in run.results.items() if isinstance(result, Decision) and result.allowed]
        if len(passed) > 2:
            yield Violation("admits two", f"{', '.join(passed)} passed")

    return Trial("racing", ("admits two",), build, judge, sizes=(3, 4), seeds=20, faults=HURT, world=patient)


@pytest.mark.parametrize("trial", [counting, blocking, neglecting, racing])
@everyone
def test_one_fault_at_any_send_breaks_no_promise(family: Family, trial: Any) -> None:
    """Every kind of fault, at every command in turn, a clock set back by an hour among them."""
    found = search(trial(made(family)))
    assert found.complete
    assert found.failing == {}
    assert found.schedules >= 60


@pytest.mark.parametrize(
    ("trial", "twin", "kind"),
    [
        (counting, broken.forgetful(FAMILIES[0]), "lose reply"),
        (counting, broken.forgetful(FAMILIES[2]), "lose reply"),
        (counting, broken.forgetful(FAMILIES[3]), "lose reply"),
        (counting, broken.forgetful(FAMILIES[4]), "lose reply"),
        (blocking, broken.IncrThenExpire, "crash"),
        (blocking, broken.TrustsItsTtl, "clock step"),
        (neglecting, broken.NeverHeals, None),
        (racing, broken.RacyLog, None),
    ],
)
def test_the_search_finds_what_is_broken(trial: Any, twin: Make, kind: Kind | None) -> None:
    """The controls: each twin breaks the promise, under the fault that it forgot, and under that one only."""
    found = search(replace(trial(twin), faults={kind: HURT[kind]} if kind else {}))
    assert {run.schedule.kind for run in found.failing.values()} == {kind}


def test_a_client_that_is_ahead_lets_itself_in() -> None:
    """Two clients use up the limit; a third, by whose clock that was long ago, passes too. The server's clock: not."""

    async def body(limiter: Limiter) -> bool:
        return (await limiter.hit("ann")).allowed

    for kind, passed in ((broken.ClientClock, 3), (SlidingLog, 2)):
        world = Simulated()
        for number, skew in enumerate((0.0, 0.0, 700.0)):
            limiter = kind(world.redis(), "hits", limit=2, period=600)
            limiter.__dict__["skew"] = skew
            world.client(f"c{number}", body, limiter, start=number)
        assert sum(world.run().values()) == passed


# -- clocks -----------------------------------------------------------------------------------------------------------


def admissions(make: Make, seed: int, jumps: Sequence[float], world: Simulated) -> tuple[list[int], list[float]]:
    """Ask ten times a period, for ten periods of a second, while the server's clock jumps: what passed when, in µs."""
    world.rewind(seed)
    limiter = make(world.redis(), "hits", limit=5, period=1, token=numbered())
    draw, when, passed = world.draws("jumps"), [], list[int]()
    for jump in jumps:
        when.append(draw() * 10)
        world.at(when[-1], world.step_clock, 0, jump)

    async def body() -> None:
        for number in range(100):
            await asyncio.sleep(max(number / 10 - world.now(), 0))
            if (await limiter.hit("ann")).allowed:
                passed.append(round(world.now() * 1_000_000))

    alone(world, lambda redis: body())
    return passed, when


@everyone
def test_a_clock_that_is_set_back_neither_blocks_nor_opens(family: Family) -> None:
    """By a moment or by a day: somebody passes within two periods, and one window more at most."""
    world = Simulated(latency=steady(0.0))
    for seed in range(16):
        draw = world.rewind(seed).draws("by")
        by = [-0.01, -draw(), -3 * draw(), -86_400.0][seed % 4]
        passed, (when,) = admissions(made(family), seed, [by], world)
        gaps = [later - earlier for earlier, later in zip([0, *passed], [*passed, 10_000_000], strict=True)]
        assert max(gaps) <= 2_100_000, (seed, by, when)
        assert len(passed) <= 5 * 12
        if family.limiter is SlidingLog:
            assert max(sum(t - 1_000_000 < then <= t for then in passed) for t in passed) <= 5


@everyone
def test_each_jump_ahead_lets_one_limit_more_through_at_most(family: Family) -> None:
    """Ten periods are worth at most eleven limits, twelve where the windows are the calendar's."""
    world = Simulated(latency=steady(0.0))
    for seed in range(6):
        for jumps in ([], [86_400.0], [0.5, 3.0, 0.1], [-5.0, 5.0, -5.0, 5.0]):
            passed, _ = admissions(made(family), seed, jumps, world)
            assert len(passed) <= 5 * (12 + len(jumps)), (seed, jumps)


def test_who_trusts_a_ttl_is_blocked_when_the_clock_is_set_back() -> None:
    """The control: after the jump of a day nobody passes any more."""
    passed, (when,) = admissions(broken.TrustsItsTtl, 3, [-86_400.0], Simulated(latency=steady(0.0)))
    assert max(passed) < (when + 1) * 1_000_000


# -- without Redis ----------------------------------------------------------------------------------------------------


@everyone
@pytest.mark.parametrize("how", ["open", "closed"])
def test_a_redis_that_is_away_costs_the_timeout_at_most(family: Family, how: str) -> None:
    """Silent or refusing, with a library that would try for minutes: a degraded answer, within the stated time."""
    for silent in (False, True):
        faults = RandomFaults(lose_request=1.0) if silent else None
        world = Simulated(faults=faults, retry=Retry(ExponentialBackoff(), 10))
        if not silent:
            world.down(0, inf)

        async def body(redis: Any, world: Simulated = world) -> tuple[Decision, float]:
            return await family.make(redis, 5, 60, timeout=0.3, on_error=how).hit("ann"), world.now()

        decision, took = alone(world, body)
        assert decision == Decision(how == "open", 5, 0, 0.0 if how == "open" else 0.3, degraded=True)
        assert took == pytest.approx(0.3, abs=1e-6)
