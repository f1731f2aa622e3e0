"""The outbox: after a commit its keys are invalidated, whoever crashes when; and before it they are not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from course_lib.errors import BadArgument
from course_lib.patterns.outbox import TABLE, relay, write_down
from course_lib.sim import OneFault, Simulation
from course_lib.sim.faults import KINDS, Kind
from course_lib.worlds import World

from .crowd import alone

Relay = Callable[[Redis, sqlite3.Connection], Awaitable[int]]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Opens connections to a database with one row and an outbox."""
    opened: list[sqlite3.Connection] = []

    def connect() -> sqlite3.Connection:
        opened.append(sqlite3.connect(tmp_path / "shop.db", isolation_level="DEFERRED"))
        return opened[-1]

    with connect() as first:
        first.execute(TABLE)
        first.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, price TEXT)")
        first.execute("INSERT INTO product VALUES (42, '$12')")
    yield connect
    for one in opened:
        one.close()


def save(database: sqlite3.Connection, price: str) -> None:
    """Both in one transaction, which stays open."""
    database.execute("UPDATE product SET price = ? WHERE id = 42", [price])
    write_down(database, "page")


async def forgets_first(redis: Redis, database: sqlite3.Connection) -> int:
    """Wrong: it removes a note before it has acted on it."""
    notes = database.execute("SELECT id, key FROM outbox").fetchall()
    with database:
        database.executemany("DELETE FROM outbox WHERE id = ?", [[number] for number, _ in notes])
    for _, key in notes:
        await redis.delete(key)
    return len(notes)


async def forgets_all(redis: Redis, database: sqlite3.Connection) -> int:
    """Wrong: it removes notes that came while it was at work."""
    notes = database.execute("SELECT id, key FROM outbox").fetchall()
    for _, key in notes:
        await redis.delete(key)
    with database:
        database.execute("DELETE FROM outbox")
    return len(notes)


# -- whoever crashes ---------------------------------------------------------------------------------------------------


def stays(connect: Callable[[], sqlite3.Connection], one_pass: Relay, faults: OneFault | None) -> tuple[bool, int]:
    """Is an old price in the cache when all is over, and how many commands met the fault's client?

    A writer commits twice, 1 ms apart; a relay passes every 10 ms, and if it crashes, another one starts at 1 s. A
    reader stores what it finds in the database, 0.4 ms after the first commit and at 50 ms.
    """
    world, database = Simulation(3, faults=faults, socket_timeout=0.2), connect()
    database.execute("UPDATE product SET price = '$12'")
    database.execute("DELETE FROM outbox")
    database.commit()
    world.given(("SET", "page", "$12"))

    async def write() -> None:
        for price in ("$15", "$18"):
            with database:
                save(database, price)
            await asyncio.sleep(0.001)

    async def passes(until: float) -> None:
        own = connect()
        while world.now() < until:
            try:
                await one_pass(world.redis(), own)
            except RedisError:
                pass
            await asyncio.sleep(0.01)

    async def read(at: float) -> None:
        await asyncio.sleep(at)
        if await world.redis().get("page") is None:
            (price,) = database.execute("SELECT price FROM product").fetchone()
            await world.redis().set("page", price)

    world.client("writer", write, start=0.002)
    world.client("relay", passes, 0.9)
    world.client("second relay", passes, 1.9, start=1.0)
    world.client("reader", read, 0.05)
    world.run()

    async def held() -> Any:
        return await world.redis().get("page")

    world.client("later", held)
    return world.run()["later"] not in (None, "$18"), faults.sends if faults else 0


@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_at_any_send_of_the_relay_leaves_an_old_value(
    shop: Callable[[], sqlite3.Connection], kind: Kind
) -> None:
    """Every kind of fault, at each of the relay's sends in turn."""
    assert stays(shop, relay, None) == (False, 0)
    for at in range(1, 9):
        assert not stays(shop, relay, OneFault(kind, at, 0.3, "relay"))[0], at


def test_a_relay_that_forgets_first_loses_an_invalidation(shop: Callable[[], sqlite3.Connection]) -> None:
    """The control: a crash at its first send is enough."""
    assert stays(shop, forgets_first, OneFault("crash", 1, client="relay"))[0]


def test_a_note_that_comes_while_the_relay_is_at_work_is_kept(shop: Callable[[], sqlite3.Connection]) -> None:
    """The twin removes what it has not read."""

    async def body(one_pass: Relay, redis: Redis) -> int:
        writer, own = shop(), shop()
        with writer:
            write_down(writer, "page")
        passing = asyncio.ensure_future(one_pass(redis, own))
        await asyncio.sleep(0.0001)  # less than any message takes
        with writer:
            write_down(writer, "other")
        await passing
        return await one_pass(redis, own)

    assert alone(Simulation(), partial(body, relay)) == 1
    assert alone(Simulation(), partial(body, forgets_all)) == 0


# -- in every world ----------------------------------------------------------------------------------------------------


def test_what_is_committed_is_invalidated_and_what_is_rolled_back_is_not(
    world: World, shop: Callable[[], sqlite3.Connection]
) -> None:
    """A relay on its own connection sees nothing of a transaction that is open."""

    async def body(redis: Redis) -> list[Any]:
        writer, own = shop(), shop()
        await redis.mset({"page": "$12", "other": "x"})
        save(writer, "$13")
        seen: list[Any] = [await relay(redis, own), await redis.get("page")]
        writer.rollback()
        seen += [await relay(redis, own), await redis.get("page")]
        with writer:
            save(writer, "$15")
        return [*seen, await relay(redis, own), await redis.mget("page", "other"), await relay(redis, own)]

    assert alone(world, body) == [0, "$12", 0, "$12", 1, [None, "x"], 0]


def test_a_batch_is_limited_and_a_key_is_invalidated_once_in_it(
    world: World, shop: Callable[[], sqlite3.Connection]
) -> None:
    async def body(redis: Redis) -> list[int]:
        database = shop()
        with database:
            for number in range(7):
                write_down(database, f"page {number % 2}")
        before = len([event for event in world.trace.events if event.name in ("EVALSHA", "EVAL")])
        counts = [await relay(redis, database, batch=batch) for batch in (5, 1, 1, 5)]
        sent = [event for event in world.trace.events if event.name in ("EVALSHA", "EVAL")][before:]
        again = [event for event in sent if not isinstance(event.reply, Exception)]
        return [*counts, len(again)]

    assert alone(world, body) == [5, 1, 1, 0, 4]


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"batch": -1}])
def test_refuses_a_wrong_argument(wrong: dict[str, int], shop: Callable[[], sqlite3.Connection]) -> None:
    with pytest.raises(BadArgument, match="batch is"):
        alone(Simulation(), partial(_relay, shop(), **wrong))  # type: ignore[arg-type]
    with pytest.raises(BadArgument, match="key is 7"):
        write_down(shop(), 7)  # type: ignore[arg-type]


async def _relay(database: sqlite3.Connection, redis: Redis, **given: int) -> int:
    return await relay(redis, database, **given)
