"""Random numbers and the reduction: each client draws for itself, so two orders that are taken for one are one."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha1
from random import random as taken_before
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from course_lib.explore import Budget, Play, Schedule, Simulation, Trial, by_order, enumerate_all, play
from course_lib.sim import random_streams
from course_lib.sim.stand_ins import virtual_clocks

pytestmark = pytest.mark.usefixtures("first_orders_only")

MEMBERS = [f"m{number:02}" for number in range(40)]


async def spop(redis: Redis, own: str) -> Any:
    await redis.sadd(own, *MEMBERS)
    return await redis.spop(own)


async def srandmember(redis: Redis, own: str) -> Any:
    await redis.sadd(own, *MEMBERS)
    return await redis.srandmember(own, 2)


async def zrandmember(redis: Redis, own: str) -> Any:
    await redis.zadd(own, dict.fromkeys(MEMBERS, 1.0))
    return await redis.zrandmember(own)


async def hrandfield(redis: Redis, own: str) -> Any:
    await redis.hset(own, mapping=dict.fromkeys(MEMBERS, "x"))
    return await redis.hrandfield(own)


async def math_random(redis: Redis, own: str) -> Any:
    await redis.set(own, "x")
    return await redis.eval("redis.call('SET', KEYS[1], math.random()) return redis.call('GET', KEYS[1])", 1, own)


def drawing(draw: Callable[[], Any]) -> Callable[[Redis, str], Any]:
    async def body(redis: Redis, own: str) -> Any:
        await redis.get(own)
        first = draw()
        await redis.set(own, str(first))
        return first, draw()

    return body


CHOICE, GAUSS, RANDBYTES = random.choice, random.gauss, random.randbytes  # as `from random import choice` has them

BODIES: dict[str, Callable[[Redis, str], Any]] = {
    "SPOP": spop, "SRANDMEMBER": srandmember, "ZRANDMEMBER": zrandmember, "HRANDFIELD": hrandfield,
    "math.random": math_random,
    "random.random": drawing(lambda: random.random()),
    "random.getrandbits": drawing(lambda: random.getrandbits(40)),
    "random.gauss": drawing(lambda: random.gauss(0, 1)),
    "random.uniform": drawing(lambda: random.uniform(0, 1)),
    "random.sample": drawing(lambda: tuple(random.sample(range(1_000), 5))),
    "from random import choice": drawing(lambda: CHOICE(range(10_000))),
    "from random import gauss": drawing(lambda: GAUSS(0, 1)),
    "from random import randbytes": drawing(lambda: RANDBYTES(8)),
}  # fmt: skip


def outcomes(body: Callable[[Redis, str], Any], *, reduce: bool) -> tuple[set[Any], int]:
    """What the clients returned, over all orders; and how many orders were played."""
    seen: set[Any] = set()

    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis(), f"own{number}")

    def judge(run: Play) -> Iterable[Any]:
        seen.add(repr([run.results[f"c{number}"] for number in range(run.schedule.clients)]))
        return ()

    found = enumerate_all(Trial("draws", (), build, judge), 2, reduce=reduce)
    return seen, found.schedules


@pytest.mark.parametrize("name", BODIES)
def test_clients_on_keys_of_their_own_draw_the_same_in_every_order(name: str) -> None:
    """Six orders of twice two commands, one outcome; so the one order that the reduction plays loses nothing. The two
    clients draw differently, and the same in every search."""
    every, orders = outcomes(BODIES[name], reduce=False)
    some, classes = outcomes(BODIES[name], reduce=True)
    assert (orders, classes) == (6, 1)
    assert some == every == outcomes(BODIES[name], reduce=False)[0]
    assert len(every) == 1
    first, second = eval(next(iter(every)))  # what we made by repr ourselves
    assert first != second


@pytest.mark.parametrize("name", ["SPOP", "SRANDMEMBER", "random.random", "from random import choice"])
def test_with_one_stream_for_all_the_reduction_would_lose_outcomes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: who comes first draws first, so there are at least two outcomes, and one order shows only one."""
    shared: dict[int, random.Random] = {}

    def mine(self: random_streams.Streams) -> random.Random:
        return shared.setdefault(id(self), random.Random(1))

    monkeypatch.setattr(random_streams.Streams, "mine", mine)
    held: list[Any] = []  # else another run's streams may have the same id
    made = random_streams.Streams.__init__

    def kept(self: random_streams.Streams, seed: int) -> None:
        held.append(self)
        made(self, seed)

    monkeypatch.setattr(random_streams.Streams, "__init__", kept)
    every, _ = outcomes(BODIES[name], reduce=False)
    some, _ = outcomes(BODIES[name], reduce=True)
    assert len(every) >= 2
    assert len(some) == 1


async def unguessable(redis: Redis, own: str) -> Any:
    await redis.get(own)
    return secrets.token_hex(8), uuid4().hex, random.SystemRandom().getrandbits(64), os.urandom(5).hex()


def test_what_is_drawn_from_the_system_is_drawn_from_the_run() -> None:
    """By `secrets`, `uuid` and `os`, as long as was asked for; outside of a simulation it is the system's meanwhile."""
    with virtual_clocks():
        every, _ = outcomes(unguessable, reduce=False)
        assert every == outcomes(unguessable, reduce=False)[0]
        outside = []
        for _ in range(2):
            random.seed(1)
            outside.append((secrets.token_hex(8), os.urandom(8)))
    first, second = eval(next(iter(every)))  # what we made by repr ourselves
    assert len(every) == 1
    assert all(one != other for one, other in zip(first, second, strict=True))
    assert (len(first[0]), len(first[3])) == (16, 10)
    assert outside[0][0] != outside[1][0]
    assert outside[0][1] != outside[1][1]


def test_two_clients_who_pop_from_one_set_still_have_both_orders() -> None:
    async def pops(redis: Redis, own: str) -> Any:
        await redis.sadd("both", "a", "b")
        return await redis.spop("both")

    every, _ = outcomes(pops, reduce=False)
    assert outcomes(pops, reduce=True)[0] == every
    assert len(every) > 1


# -- what was taken out of the module before --------------------------------------------------------------------------


async def takes(redis: Redis, own: str, draw: Callable[[], float] = random.random) -> float:
    await redis.get(own)
    await redis.set(own, "x")
    return draw()


def drawn(body: Any) -> Trial:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis(), f"own{number}")

    return Trial("draws", (), build, lambda run: (), (3,), orders=(3,))


@pytest.mark.parametrize(
    "body", [takes, drawing(taken_before)], ids=["a default argument", "from random import random"]
)
def test_a_stream_that_all_share_is_not_reduced(body: Any) -> None:
    """A default argument has the function itself, and no stand-in. Then orders are drawn, and no class is claimed."""
    given_up = enumerate_all(drawn(body), 2, reduce=True)
    assert (given_up.complete, given_up.irreducible) == (False, True)
    assert by_order(drawn(body), 2).what == "schedules"
    sampled = by_order(drawn(body), 3, budget=Budget(40))
    assert (sampled.what, sampled.schedules) == ("sampled schedules", 40)
    parted = by_order(drawn(BODIES["random.random"]), 3, budget=Budget(40))
    assert parted.what == "classes of schedules"


def test_the_callers_random_numbers_are_left_alone() -> None:
    random.seed(5)
    expected = [random.random(), random.gauss(0, 1), random.getrandbits(30)]
    random.seed(5)
    before = {name: getattr(random, name) for name in dir(random)}
    got = [random.random()]
    enumerate_all(drawn(spop), 2)
    enumerate_all(drawn(drawing(GAUSS)), 2, reduce=True)
    got += [random.gauss(0, 1), random.getrandbits(30)]
    assert got == expected
    assert {name: getattr(random, name) for name in dir(random)} == before
    assert type(random._inst) is random.Random  # type: ignore[attr-defined]


def test_a_client_may_seed_its_own_stream() -> None:
    async def seeds(redis: Redis, own: str) -> Any:
        random.seed(7)
        await redis.get(own)
        state = random.getstate()
        first = random.random()
        random.setstate(state)
        return first, random.random()

    every, _ = outcomes(seeds, reduce=False)
    assert len(every) == 1
    (first, again), other = eval(next(iter(every)))
    assert first == again == random.Random(7).random()
    assert other == (first, again)


def test_in_time_a_run_draws_as_before() -> None:
    """One stream for all, from the seed: what is recorded of runs in time stays what it is."""

    async def draws(redis: Redis, own: str) -> float:
        return random.random()

    one = play(drawn(draws), Schedule(2, seed=3))
    stream = random.Random("3/2")
    assert [one.results["c0"], one.results["c1"]] == [stream.random(), stream.random()]


# -- scripts that somebody has sent before ----------------------------------------------------------------------------

SCRIPT = "return redis.call('INCR', KEYS[1])"
DIGEST = sha1(SCRIPT.encode()).hexdigest()


@pytest.mark.parametrize("script", [SCRIPT, "return 1"])
def test_who_sends_only_the_digest_hangs_on_who_sent_the_script(script: str) -> None:
    """On keys of their own; and yet EVALSHA fails before the other's EVAL. Of another script it does not."""

    async def body(redis: Redis, own: str) -> Any:
        if own == "own0":
            return await redis.eval(script, 1, own)
        with suppress(NoScriptError):
            return await redis.evalsha(DIGEST, 1, own)
        return "NOSCRIPT"

    every, _ = outcomes(body, reduce=False)
    some, classes = outcomes(body, reduce=True)
    assert some == every
    assert len(every) == classes == (2 if script == SCRIPT else 1)


def test_one_script_on_two_keys_commutes_with_itself() -> None:
    async def evaluates(redis: Redis, own: str) -> Any:
        return await redis.eval(SCRIPT, 1, own)

    assert outcomes(evaluates, reduce=True)[1] == 1
