"""Generation: after a flush has returned nobody gets what was loaded before it, whatever fails and whoever is slow."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from thorough import runs

from course_lib.errors import BadArgument
from course_lib.patterns.cache import cache_aside
from course_lib.patterns.keys import Generation, KeySchema
from course_lib.servers import Proxy, Server, guarded
from course_lib.sim import Faults, OneFault, Process
from course_lib.sim.faults import KINDS, RandomFaults
from course_lib.worlds import Real, Simulated, World

from . import broken_keys
from .crowd import Database, alone, round_trips

USERS = KeySchema("app", "user", version=2)
TAGGED = KeySchema("app", "user", version=2, hash_tag=True)
ROOT = Path(__file__).resolve().parent.parent.parent
Make = Callable[[Redis, KeySchema], Generation]


# -- in every world ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [USERS, TAGGED], ids=["plain", "tagged"])
def test_a_flush_puts_every_value_out_of_reach(world: World, schema: KeySchema) -> None:
    """Also for a client that saw the generation before, and one that never saw any; new values are found again."""

    async def body(redis: Redis) -> list[Any]:
        users, others = Generation(redis, schema), Generation(redis, schema)
        got: list[Any] = []
        for user in (1, "ann"):
            got.append(await users.get(user))
            await users.set(user, value=f"{user}", ttl=60, seen=users.seen)
            got.append([await users.get(user), await others.get(user)])
        got.append(await users.flush())
        for client in (others, users, Generation(redis, schema)):
            got.append([await client.get(1), await client.get("ann")])
        await others.set(1, value="new", ttl=60, seen=others.seen)
        return [*got, await users.get(1), await users.get("ann"), await users.flush(), await others.get(1)]

    none = [None, None]
    expected = [None, ["1", "1"], None, ["ann", "ann"], 1, none, none, none, "new", None, 2, None]
    assert alone(world, body) == expected


def test_a_loader_that_a_flush_overtakes_stores_where_nobody_looks(world: World) -> None:
    """It began before the flush, so what it loaded may be old; that stays in memory until its TTL, and out of reach."""

    async def body(redis: Redis) -> tuple[str | None, list[str], int]:
        slow, other = Generation(redis, USERS), Generation(redis, USERS)
        await slow.get(7)
        seen = slow.seen
        await other.flush()
        await slow.get(8)  # the same process learns of the new generation while its loader is busy
        await slow.set(7, value="old", ttl=60, seen=seen)
        left = [key async for key in redis.scan_iter(match=USERS.pattern())]
        return await slow.get(7), left, await redis.pttl(left[0])

    value, left, life = alone(world, body)
    assert (value, left) == (None, ["app:user:v2.0:7"])
    assert 0 < life <= 60_000


def test_any_pattern_takes_a_generation_s_key(world: World) -> None:
    """The key is fixed before the load begins, so cache_aside too stores under the generation that it saw."""

    async def body(redis: Redis) -> int:
        users, database = Generation(redis, USERS), Database(seconds=0)
        for flushes in range(3):
            for _ in range(2):
                await cache_aside(redis, await users.key(7), database.load, ttl=60)
            assert await users.flush() == flushes + 1
        return database.loads

    assert alone(world, body) == 3


def test_round_trips_are_what_the_docstring_claims(world: World) -> None:
    """One for everything; a get needs one more after another client's flush, and only once."""

    async def body(redis: Redis) -> list[int]:
        users, other = Generation(redis, USERS), Generation(redis, USERS)
        trips = []

        async def count(work: Any) -> None:
            before = len(world.trace)
            await work
            trips.append(round_trips(world.trace.events[before:]))

        await count(users.get(7))
        await count(users.set(7, value="x", ttl=60, seen=0))
        await count(users.get(7))
        await count(users.flush())
        await count(users.get(7))
        await count(users.key(7))
        await other.flush()
        await count(users.get(7))
        await count(users.get(7))
        return trips

    assert alone(world, body) == [1, 1, 1, 1, 1, 1, 2, 1]


def test_the_counter_lives_for_ever_and_a_version_has_its_own(world: World) -> None:
    """Were it to expire, flushed values would come back."""

    async def body(redis: Redis) -> tuple[int, int, list[str]]:
        users, next_users = Generation(redis, USERS), Generation(redis, USERS.at(3))
        await users.flush()
        return await redis.pttl(USERS.prefix), await next_users.flush(), [await users.key(7), await next_users.key(7)]

    assert alone(world, body) == (-1, 1, ["app:user:v2.1:7", "app:user:v3.1:7"])


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), 1e10])
def test_refuses_a_ttl_that_is_none(ttl: float) -> None:
    with pytest.raises(BadArgument, match="ttl is .*; accepted: seconds"):
        alone(Simulated(), lambda redis: Generation(redis, USERS).set(7, value="x", ttl=ttl, seen=0))


def test_refuses_a_part_that_could_be_misread_and_a_client_that_answers_in_bytes() -> None:
    """Before anything is sent."""
    for call in ("get", "key"):
        world = Simulated()
        with pytest.raises(BadArgument, match="a name or part is 'a:b'"):
            alone(world, lambda redis, call=call: getattr(Generation(redis, USERS), call)("a:b"))
    with pytest.raises(BadArgument, match="decode_responses=True"):
        alone(Simulated(decode_responses=False), lambda redis: Generation(redis, USERS).get(7))


# -- under faults, over many seeds ------------------------------------------------------------------------------------


@dataclass
class Shop:
    """A row that changes, a cache with generations before it, and every read that gave what a flush had put away."""

    world: Simulated
    make: Make
    row: int = 0
    flushed: int = 0
    served: int = 0
    stale: list[str] = field(default_factory=list)

    async def read(self, users: Generation, times: int = 3) -> None:
        """Cache-aside through the generation; a load takes as long as some round trips."""
        draw = self.world.draws("load")
        for _ in range(times):
            least = self.flushed
            try:
                value = await users.get(7)
                if value is None:
                    seen, row = users.seen, self.row
                    await asyncio.sleep(draw() * 0.006)
                    await users.set(7, value=str(row), ttl=3600, seen=seen)
                else:
                    self.served += 1
                    self.stale += [f"{value} after {least}"] if int(value) < least else []
            except (RedisError, TimeoutError):
                pass  # a reader that Redis fails asks the database, which is never stale
            await asyncio.sleep(draw() * 0.004)

    async def change(self) -> None:
        """Commit a row, then flush until Redis has said yes."""
        users = self.make(self.world.redis(), USERS)
        for row in (1, 2):
            await asyncio.sleep(0.004)
            self.row = row
            while True:
                try:
                    await users.flush()
                    break
                except (RedisError, TimeoutError):
                    await asyncio.sleep(0.001)  # it may have happened or not; a second flush does no harm
            self.flushed = row

    def run(self) -> Shop:
        """A writer; a process with two readers that share what they know; and a reader on its own."""
        process, shared = Process("both"), self.make(self.world.redis(), USERS)
        self.world.client("left", self.read, shared, process=process)
        self.world.client("right", self.read, shared, process=process, start=0.002)
        self.world.client("alone", self.read, self.make(self.world.redis(), USERS), 4)
        self.world.client("writer", self.change)
        self.world.run()
        return self


def shops(make: Make, seeds: range, faults: Faults | None) -> list[Shop]:
    world = Simulated(faults=faults, socket_timeout=0.05)
    return [Shop(world.rewind(seed), make).run() for seed in seeds]


def mishaps() -> RandomFaults:
    return RandomFaults(pause=0.03, crash=0.01, lose_request=0.03, lose_reply=0.03, node_down=0.01, seconds=0.01)


def test_a_thousand_seeds_with_faults_give_nothing_stale() -> None:
    """Pauses, crashes, lost messages and outages; the cache served values in most runs, else this would say nothing."""
    played = shops(Generation, range(runs(1000)), mishaps())
    assert [(seed, shop.stale) for seed, shop in enumerate(played) if shop.stale] == []
    assert sum(shop.served > 0 for shop in played) > runs(800)


def test_one_fault_at_every_send_gives_nothing_stale() -> None:
    """Each kind of fault at each of the first sends, under four seeds."""
    for kind in KINDS:
        for at in range(1, 26):
            played = shops(Generation, range(4), OneFault(kind, at, 0.01))
            assert [shop.stale for shop in played if shop.stale] == [], (kind, at)


@pytest.mark.parametrize(
    "broken", [broken_keys.CachedForEver, broken_keys.ReadsWithoutComparing, broken_keys.StoresInTheNewest]
)
def test_each_broken_twin_gives_something_stale(broken: Make) -> None:
    """The control: the same runs, without any fault, find each mistake."""
    assert any(shop.stale for shop in shops(broken, range(100), None))


def test_a_flush_whose_reply_is_lost_is_repeated_by_the_client_and_holds() -> None:
    """redis-py sends INCR again: two generations pass instead of one, and nothing comes back."""
    world = Simulated(
        faults=OneFault("lose reply", 1, client="writer"), retry=Retry(NoBackoff(), 3), socket_timeout=0.05
    )

    async def reader(redis: Redis) -> list[str | None]:
        users = Generation(redis, USERS)
        await users.set(7, value="old", ttl=60, seen=0)
        before = await users.get(7)
        await asyncio.sleep(1)
        return [before, await users.get(7), await users.key(7)]

    world.client("reader", reader, world.redis())
    world.client("writer", Generation(world.redis(), USERS).flush, start=0.5)
    assert world.run() == {"reader": ["old", None, "app:user:v2.2:7"], "writer": 2}


def test_a_lost_counter_brings_flushed_values_back() -> None:
    """What the docstring says that it does not do: the counter must not be evicted."""

    async def body(redis: Redis) -> tuple[str | None, str | None]:
        users = Generation(redis, USERS)
        await users.set(7, value="old", ttl=60, seen=0)
        await users.flush()
        after_flush = await users.get(7)
        await redis.delete(USERS.prefix)
        return after_flush, await users.get(7)

    assert alone(Simulated(), body) == (None, "old")


# -- on real servers, through a proxy that loses what it is told to ---------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_reply", "drop_request", "reset"])
def test_a_flush_that_the_network_harms_is_repeated_and_holds(server: Server, fault: str) -> None:
    """The client repeats what it heard nothing of; after its flush returned, nobody gets the old value."""

    async def body(redis: Redis) -> tuple[str | None, list[str | None], int, int]:
        users, other = Generation(redis, USERS), Generation(redis, USERS)
        await users.set(7, value="old", ttl=600, seen=0)
        with Proxy(server.port) as proxy:
            retry = Retry(NoBackoff(), 5)
            options: Any = {"decode_responses": True, "socket_timeout": 1, "retry": retry}
            async with Redis.from_url(proxy.url, **options) as flusher:
                far = Generation(flusher, USERS)
                before = await far.get(7)
                getattr(proxy, fault)()
                number = await far.flush()
        return before, [await users.get(7), await other.get(7)], number, int(await redis.get(USERS.prefix) or 0)

    before, after, number, counter = alone(Real(server.url), body)
    assert (before, after) == ("old", [None, None])
    assert counter >= number >= (2 if fault == "drop_reply" else 1)


LOADER = """
import asyncio, sys
from redis.asyncio import Redis
from course_lib.patterns.keys import Generation, KeySchema

async def main():
    users = Generation(Redis.from_url(sys.argv[1], decode_responses=True), KeySchema("app", "user", version=2))
    while True:
        for user in range(50):
            if await users.get(user) is None:
                await users.set(user, value="old", ttl=600, seen=users.seen)

asyncio.run(main())
"""


def test_a_loader_that_is_killed_leaves_nothing_that_a_flush_does_not_put_away(server: Server) -> None:
    """A process that stores for ever is killed with SIGKILL, wherever it stands; then comes a flush."""

    async def body(redis: Redis) -> tuple[int, set[str | None], set[str | None]]:
        users = Generation(redis, USERS)
        loader = guarded([sys.executable, "-c", LOADER, server.url], directory=ROOT)
        try:
            async with asyncio.timeout(60):
                while await users.get(49) is None:
                    await asyncio.sleep(0.01)
            loader.kill()
        finally:
            loader.end()
        stored = {await users.get(user) for user in range(50)}
        return await users.flush(), stored, {await users.get(user) for user in range(50)}

    assert alone(Real(server.url), body) == (1, {"old"}, {None})
