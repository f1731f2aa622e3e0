"""xfetch in simulation: when a reader reloads early, how many do, and what becomes of values that are not its own."""

from __future__ import annotations

import asyncio
import math
from functools import partial

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns import xfetch
from course_lib.worlds import Simulated

from .crowd import Database, Down, alone

SEEDS = range(4)


# -- one reader -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "beta", "reloads"), [(2.9, 1, False), (3.1, 1, True), (1.4, 2, False), (1.6, 2, True), (30, 0, False)]
)
def test_reloads_early_when_the_draw_says_so(gap: float, beta: float, reloads: bool) -> None:
    """3 s are left and a load takes 1 s: reload if and only if −β ln(draw) is more than 3 s; β = 0 is never early."""

    async def body(redis: Redis) -> str | None:
        await redis.set("page", "δ=1.000000;old", px=3000)
        draw = 1 - math.exp(-gap)
        return await xfetch(redis, "page", Database("new").load, ttl=60, beta=beta, draw=lambda: draw)

    assert alone(Simulated(seed=1), body) == ("new" if reloads else "old")


def test_a_draw_of_zero_is_no_error() -> None:
    """ln 0 is minus infinity; a draw of 0 means that this reader does not reload, however near the expiry is."""

    async def body(redis: Redis) -> str | None:
        await redis.set("page", "δ=1.000000;old", px=10)
        return await xfetch(redis, "page", Database("new").load, ttl=60, beta=1, draw=lambda: 0.0)

    assert alone(Simulated(seed=1), body) == "old"


@pytest.mark.parametrize("seconds", [0.0, 0.25, 7.5])
def test_keeps_the_loads_duration_with_the_value(seconds: float) -> None:
    """Measured on the loop's clock, in seconds."""

    async def body(redis: Redis) -> str:
        await xfetch(redis, "page", Database(seconds=seconds).load, ttl=60)
        return await redis.get("page")

    assert alone(Simulated(), body) == f"δ={seconds:.6f};page"


@pytest.mark.parametrize(
    "stored", ["", "page", "δ=", "δ=;page", "δ=nan;page", "δ=0.1;page", "δ=-1.000000;page", "∅", "δ\0"]
)
def test_a_value_of_another_kind_is_a_miss(stored: str) -> None:
    """Corrupt, or written by another program: loaded and replaced, no crash."""

    async def body(redis: Redis) -> tuple[str | None, str]:
        await redis.set("page", stored, px=60_000)
        return await xfetch(redis, "page", Database("new", seconds=0).load, ttl=60), await redis.get("page")

    assert alone(Simulated(), body) == ("new", "δ=0.000000;new")


def test_a_value_without_a_ttl_is_reloaded() -> None:
    """Somebody used PERSIST: it does not stay for ever."""

    async def body(redis: Redis) -> tuple[str | None, bool]:
        await redis.set("page", "δ=0.000000;old")
        return await xfetch(redis, "page", Database("new").load, ttl=60), await redis.pttl("page") > 0

    assert alone(Simulated(), body) == ("new", True)


def test_a_failed_early_reload_leaves_the_old_value_to_the_others() -> None:
    """The error reaches the one who reloaded; the value lives on until its ttl."""

    async def body(redis: Redis) -> str | None:
        await redis.set("page", "δ=1.000000;old", px=3000)
        with pytest.raises(Down):
            await xfetch(redis, "page", Database(failing=1).load, ttl=60, draw=lambda: 0.999)
        return await xfetch(redis, "page", Database("new").load, ttl=60, draw=lambda: 0.0)

    assert alone(Simulated(), body) == "old"


@pytest.mark.parametrize("beta", [-1, float("inf"), float("nan")])
def test_refuses_a_beta_that_means_nothing(beta: float) -> None:
    with pytest.raises(BadArgument, match="beta is .*; accepted: a number, at least 0"):
        alone(Simulated(), lambda redis: xfetch(redis, "page", Database().load, ttl=60, beta=beta))


# -- a crowd ----------------------------------------------------------------------------------------------------------


def reloads(beta: float, seed: int) -> int:
    """Twenty clients each come back about every 50 ms for 5 s; the ttl is 2 s; a load takes 0.1 s."""
    world, database = Simulated(seed=seed), Database(seconds=0.1)

    async def client(redis: Redis, name: str) -> None:
        draw = world.draws(name)
        while world.now() < 5:
            await asyncio.sleep(draw.exponential(0.05))
            await xfetch(redis, "page", database.load, ttl=2, beta=beta, draw=draw)

    for number in range(20):
        world.client(f"c{number}", client, world.redis(), f"c{number}")
    world.run()
    return database.loads


@pytest.mark.parametrize("seed", SEEDS)
def test_xfetch_at_least_halves_the_stampede(seed: int) -> None:
    """beta=0 is the control: the same clients, with early expiration off. The cold start is the same for both."""
    cold = 17
    assert reloads(beta=1, seed=seed) - cold < (reloads(beta=0, seed=seed) - cold) / 2


def loads_per_expiry(beta: float, rate: float, life: float, keys: int) -> float:
    """Poisson readers, `rate` a second, of each of `keys` values with `life` seconds left, whose load takes 1 s."""
    world, databases = Simulated(seed=1), [Database(seconds=1) for _ in range(keys)]

    async def readers(redis: Redis, number: int) -> None:
        key, database, draw = f"page{number}", databases[number], world.draws(f"page{number}")
        await redis.set(key, "δ=1.000000;old", px=round(life * 1000))
        async with asyncio.TaskGroup() as group:
            while not database.spans or world.now() < database.spans[0][1] + 0.1:
                await asyncio.sleep(draw.exponential(1 / rate))
                group.create_task(xfetch(redis, key, database.load, ttl=100_000, beta=beta, draw=draw))

    for number in range(keys):
        world.client(f"readers{number}", readers, world.redis(), number)
    assert all(not isinstance(result, BaseException) for result in world.run().values())
    return sum(database.loads for database in databases) / keys


@pytest.mark.parametrize(("beta", "rate", "life", "keys"), [(0.5, 60, 3.5, 80), (1, 20, 8, 120), (2, 10, 16, 100)])
def test_e_to_the_one_over_beta_readers_reload(beta: float, rate: float, life: float, keys: int) -> None:
    """The mean of one expiry each of many keys is e^(1/β), within four standard errors.

    The first reload comes when an exponential draw Λ of mean 1 is used up; while it runs, c·Λ more readers reload on
    average, c = e^(1/β) − 1. So the extra reloads are geometric, with mean c and variance c + c². `rate` makes it rare
    that the first reload begins less than a load time before the expiry; `life`, that it begins at once.
    """
    extra = math.exp(1 / beta) - 1
    error = math.sqrt((extra + extra**2) / keys)
    assert abs(loads_per_expiry(beta, rate, life, keys) - (1 + extra)) < 4 * error


def test_without_early_expiration_everyone_reloads_who_comes_during_the_load() -> None:
    """The control: β = 0 gives 1 + rate × load time, which is 21, not e^(1/β); again within four standard errors."""
    assert abs(loads_per_expiry(beta=0, rate=20, life=1, keys=100) - 21) < 4 * math.sqrt(20 / 100)


def test_the_number_of_early_reloads_does_not_grow_with_the_rate() -> None:
    """Three times as many readers: the same e^(1/β). Without early expiration, the control, far more loads."""
    early = partial(loads_per_expiry, beta=2, life=16, keys=25)
    late = partial(loads_per_expiry, beta=0, life=1, keys=25)
    assert early(rate=30) < 1.5 * early(rate=10)
    assert late(rate=30) > 2 * late(rate=10)
