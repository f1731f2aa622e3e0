"""Outbox: what must follow a commit is written down in the same transaction, and done by a relay afterwards.

A writer that commits and then sends a delete can die in between, and nobody will ever know that the delete is missing.
One that inserts a row into the table `outbox` commits both or neither.
"""

from __future__ import annotations

import sqlite3

from redis.asyncio import Redis

from course_lib.patterns.basics import require, require_storable
from course_lib.patterns.invalidation import invalidate

TABLE = "CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL)"
"""Run once for a database. An id is never used again, so a relay removes no note that it has not read."""


def write_down(database: sqlite3.Connection, key: str) -> None:
    """Note that `key` is to be invalidated. Call it within the transaction that changes the row, and commit both.

    >>> shop = sqlite3.connect(":memory:")
    >>> with shop: _ = shop.execute(TABLE), write_down(shop, "page")
    >>> shop.execute("SELECT key FROM outbox").fetchall()
    [('page',)]
    """
    require_storable("key", key)
    database.execute("INSERT INTO outbox (key) VALUES (?)", [key])


async def relay(redis: Redis, database: sqlite3.Connection, *, batch: int = 100) -> int:
    """The relay of an outbox, at least once: `invalidate` what is noted, and then remove the notes; returns how many.

    Call it again and again, and pause when it returns 0. Several relays may run, and any of them may crash: a note is
    removed only after its invalidation was answered, so it is done once or more often, which is as good: `invalidate`
    is idempotent. Give it a connection of its own, because on the writer's it would read what is not committed yet, and
    commit what the writer has begun.

    Cost: nothing on the wire if nothing is noted; 1 round trip for each key, and a read and a write of the database for
        each batch. They block the event loop for as long as SQLite takes.
    Raises: errors of redis-py and of sqlite3; the notes stay, so call it again.
    Does not: keep to a time: until the relay comes, readers get the old row; help a row that was changed by a program
        which writes nothing down (for that, follow the database's log: change data capture).
    Source: Richardson, Microservices Patterns, 2018, chapter 3 (transactional outbox, polling publisher).

    >>> shop = sqlite3.connect(":memory:")
    >>> with shop: _ = shop.execute(TABLE), write_down(shop, "page"), write_down(shop, "page")
    >>> await redis.set("page", "old"), await relay(redis, shop), await redis.get("page"), await relay(redis, shop)
    (True, 2, None, 0)
    """
    require(batch >= 1, "batch", batch, "1 or more")
    notes = database.execute("SELECT id, key FROM outbox ORDER BY id LIMIT ?", [batch]).fetchall()
    for key in dict.fromkeys(key for _, key in notes):
        await invalidate(redis, key)
    if notes:
        with database:
            database.executemany("DELETE FROM outbox WHERE id = ?", [[number] for number, _ in notes])
    return len(notes)
