"""A reader and a writer of one price, with cache and database as two servers: every command takes its turn.

`explore(race(read, write))` plays every schedule; `by_chance(read, write)` plays seeds, in which a load takes a while.
`the_race` goes into `Scheduler(...)`.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from redis.asyncio import Redis

from course_lib.explore import CRASHED, Fact, Play, Simulation, Trial, Violation
from course_lib.explore.bodies import MISTAKES
from course_lib.explore.puzzle import Puzzle
from course_lib.explore.server_state import ask, world_of
from course_lib.explore.trial import HeldBack
from course_lib.patterns.invalidation import INVALIDATE, STORE_UNLESS_NEWER, supersede, versioned
from course_lib.patterns.loadlock import STORE_AND_RELEASE
from course_lib.sim import Draws

PAGE, ROW = "app:product:42", "product:42"
OLD, NEW, NEWER = "12 dollars", "15 dollars", "18 dollars"  # the sign would begin a formula in a notebook
PROMISE = "Once everybody is done, the cache has the price of the database, or none."
KNOWN = (STORE_UNLESS_NEWER, STORE_AND_RELEASE, INVALIDATE)
"""Scripts that the server has seen before, so that each is one command."""

SLOW = 0.05
"""Seconds that a load takes on average where runs go by chance."""

# KEYS: the row. ARGV: a price. Returns the row's version. Atomic, as a database's UPDATE of one row is.
UPDATE = """-- UPDATE price, version + 1
redis.call('HSET', KEYS[1], 'price', ARGV[1])
return redis.call('HINCRBY', KEYS[1], 'version', 1)"""


class Database:
    """The row of book 42. Each method is one command. A load's answer takes `lag()` seconds more to arrive."""

    def __init__(self, node: Redis, lag: Callable[[], float] | None = None) -> None:
        self._node, self._lag = node, lag

    async def load(self) -> str:
        """The price."""
        return (await self.load_version())[1]

    async def load_version(self) -> tuple[int, str]:
        """The version, which every save raises, and the price."""
        reply: Any = self._node.hmget(ROW, ["version", "price"])
        version, price = await reply
        if self._lag is not None:
            await asyncio.sleep(self._lag())
        return int(version), price

    async def save(self, price: str) -> int:
        """Commit a new price; returns the row's version from then on."""
        reply: Any = self._node.eval(UPDATE, 1, ROW, price)
        return int(await reply)


Read = Callable[[Redis, Database], Awaitable[Any]]
Write = Callable[[Redis, Database, str], Awaitable[Any]]


def race(
    read: Read,
    write: Write,
    *,
    readers: int = 1,
    writers: int = 1,
    cached: bool = False,
    blame_crashes: bool = False,
    name: str = "price",
) -> Trial:
    """A trial for `explore`: what does the cache hold once `read` and `write` are over, in every order?

    The first writer saves 15 dollars, the second one 18. With `cached` the old price, 12, is in the cache when they
    begin; otherwise it has just expired. A writer that met a fault is excused, unless `blame_crashes`.
    """

    def build(world: Simulation, clients: int) -> Simulation:
        _set_up(world)
        world.given(*(("SCRIPT", "LOAD", script) for script in KNOWN))
        if cached:
            world.given(("SET", PAGE, OLD))
        redis, database = world.redis(0), Database(world.redis(1))
        for number in range(readers):
            world.client(_named("reader", number, readers), read, redis, database)
        for number in range(writers):
            world.client(_named("writer", number, writers), write, redis, database, (NEW, NEWER)[number])
        return world

    def judge(run: Play) -> Iterator[Violation]:
        if isinstance(run.stopped, HeldBack):
            return
        for who, result in run.results.items():
            struck = run.schedule.faults or run.schedule.waits
            if isinstance(result, MISTAKES) or (isinstance(result, Exception) and not struck):
                yield Violation("no error", f"{who} ended with {result!r}", who, run.now, "an error")
        failed = [who for who, result in run.results.items() if who.startswith("writer") and _failed(result)]
        if (not failed or blame_crashes) and (wrong := _wrong(world_of(run))):
            stored = max((e for e in run.trace if e.t_server is not None), key=lambda e: e.t_server or 0.0)
            text = f"the cache has {wrong[0]} and the database {wrong[1]}"
            facts = _facts(run, wrong[0])
            yield Violation(PROMISE, text, stored.client, stored.t_server or 0.0, f"{wrong[0]} stays", facts)

    both = readers + writers
    return Trial(name, (PROMISE, "no error"), build, judge, sizes=(both,), least=both, orders=(both,), world=_world,
                 faults={"crash": 0.0} if blame_crashes else {}, horizon=60.0)  # fmt: skip


def _named(role: str, number: int, of: int) -> str:
    return f"{role}{number + 1}" if of > 1 else role


def _failed(result: object) -> bool:
    return result is CRASHED or isinstance(result, BaseException)


def _world() -> Simulation:
    """The cache, and beside it a server that plays the database."""
    world = Simulation(nodes=2, socket_timeout=0.5)
    world.nodes[0].name, world.nodes[1].name = "redis", "database"
    return world


def _set_up(world: Simulation) -> None:
    """The old price."""
    world.given(("HSET", ROW, "price", OLD, "version", 1), node=1)


def _wrong(world: Simulation) -> tuple[str, str] | None:
    """What the cache has and the database does not: both prices."""
    cache, database = world.nodes
    stored, row = ask(cache, b"GET", PAGE.encode()), ask(database, b"HGET", ROW.encode(), b"price").decode()
    found = re.search(r"\d+ dollars", stored.decode()) if stored is not None else None  # a mark of a version has none
    return (found[0], row) if found is not None and found[0] != row else None


def _facts(run: Play, stays: str) -> tuple[Fact, ...]:
    """The last save, and what put into the cache the price that stays, if it was not there from the beginning."""
    ran = sorted((e for e in run.trace if e.t_server is not None), key=lambda e: e.t_server or 0.0)
    saves = [e for e in ran if UPDATE.encode() in e.command]
    stores = [e for e in ran if PAGE.encode() in e.command and any(stays.encode() in word for word in e.command)]
    told = [(saves, "saves its price in the database"), (stores, f"stores {stays} in the cache")]
    facts = [Fact(events[-1].t_server or 0.0, events[-1].client, text) for events, text in told if events]
    return tuple(sorted(facts, key=lambda fact: fact.t))


def by_chance(read: Read, write: Write, *, runs: int = 300, pause: float = 0.0, pauses: float = 0.0) -> list[bool]:
    """For each seed: does the old price stay? A reader has just missed when the writer begins.

    A load takes 50 ms on average, exponentially distributed, and with the probability `pauses` it takes `pause` seconds
    more. All other messages take their usual time.
    """
    world, stays = _world(), []
    for seed in range(runs):
        world.rewind(seed)
        _set_up(world)
        draw = world.draws("lag")
        database = Database(world.redis(1), lambda draw=draw: _lag(draw, pause, pauses))  # type: ignore[misc]
        world.client("reader", read, world.redis(0), database)
        world.client("writer", write, world.redis(0), database, NEW, start=0.005)
        for result in world.run().values():
            if isinstance(result, BaseException):
                raise result
        stays.append(_wrong(world) is not None)
    return stays


def _lag(draw: Draws, pause: float, pauses: float) -> float:
    return draw.exponential(SLOW) + (pause if draw() < pauses else 0.0)


# -- by hand ----------------------------------------------------------------------------------------------------------


async def reads_aside(redis: Redis, database: Database) -> Any:
    """Cache-aside."""
    page = await redis.get(PAGE)
    if page is None:
        page = await database.load()
        await redis.set(PAGE, page, ex=60)
    return page


async def commits_then_deletes(redis: Redis, database: Database, price: str) -> None:
    """Delete on write."""
    await database.save(price)
    await redis.delete(PAGE)


async def reads_versioned(redis: Redis, database: Database) -> Any:
    """Cache-aside that stores nothing over a newer version."""
    return await versioned(redis, PAGE, database.load_version, ttl=60)


async def commits_then_supersedes(redis: Redis, database: Database, price: str) -> None:
    """A mark with the new version in place of a delete."""
    await supersede(redis, PAGE, await database.save(price), ttl=60)


def _shown(read: Read, write: Write) -> str:
    return "\n\n".join(inspect.getsource(one).strip() for one in (read, write))


the_race = Puzzle(
    "price", PROMISE, "the old price is in the cache, and nobody is left who would delete it",
    race(reads_aside, commits_then_deletes, name="price.naive"),
    race(reads_versioned, commits_then_supersedes, name="price.mended"),
    sources=(_shown(reads_aside, commits_then_deletes), _shown(reads_versioned, commits_then_supersedes)),
)  # fmt: skip
"""What `Scheduler` shows."""
