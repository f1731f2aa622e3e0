"""How long one question takes, on this machine: a real Redis, and a real database on this machine's disk.

Every row is measured here and now, one question after another. What cannot be measured on one machine, the network
between two, is a pause, and the rows with it say so.
"""

from __future__ import annotations

import os
import random
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis
from redis.asyncio import Redis

from course_lib.errors import NoServer
from course_lib.servers import Server
from course_lib.trace import percentile
from course_lib.worlds.threads import run_anywhere

PAGE = "x" * 200
QUESTION = "SELECT page FROM {} WHERE isbn = ?"
BATCH = 100


@dataclass(frozen=True)
class Timing:
    """One way to ask, and how long it took each time. Units: `seconds`, shortest first; one number if only a mean is
    known."""

    name: str
    group: str
    seconds: tuple[float, ...]

    def percentile(self, percent: float) -> float:
        """The time that `percent` of the questions did not exceed, in seconds."""
        return percentile(self.seconds, percent)

    @property
    def row(self) -> dict[str, object]:
        """Its line in a table."""
        p50, p99 = (f"{self.percentile(p) * 1e6:,.1f}" for p in (50, 99))
        return {"question": self.name, "where": self.group, "p50 (µs)": p50, "p99 (µs)": p99}


def latencies(
    server: Server | None, *, repeats: int = 1000, rows: int = 50_000, network: float = 0.001
) -> list[Timing]:
    """Time every way to ask for a page of 200 bytes. The server is emptied before and after.

    Units: `network`, seconds for a message to another machine and back, which is simulated by a pause.
    Cost: about 2 s. Raises: NoServer where there is none.
    """
    if server is None:
        raise NoServer("there is no server here, so there is nothing to measure")
    with redis.Redis.from_url(server.url) as client, _database(rows) as path:
        client.flushall()
        client.set("app:product:42", PAGE)
        try:
            return [*_of_redis(client, server, repeats, network), *_of_the_database(path, rows, repeats, network)]
        finally:
            client.flushall()


def _timed(ask: Callable[[], object], repeats: int, *, pause: float = 0.0, each: int = 1) -> tuple[float, ...]:
    """How long each call took, divided by the questions that `each` call asks."""
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        if pause:
            time.sleep(pause)
        ask()
        took.append((time.perf_counter() - began) / each)
    return tuple(sorted(took))


def _of_redis(client: Any, server: Server, repeats: int, network: float) -> Iterator[Timing]:
    client.config_resetstat()
    own = _timed(lambda: client.get("app:product:42"), repeats)
    stats = client.info("commandstats")["cmdstat_get"]
    yield Timing("GET: the server's own work", "server time", (stats["usec"] / stats["calls"] / 1e6,))
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def bare() -> None:
            wire.sendall(b"GET app:product:42\r\n")
            got = b""
            while not got.endswith(b"x\r\n"):
                got += wire.recv(4096)

        yield Timing("GET: a bare socket", "round trip on this machine", _timed(bare, repeats))
    yield Timing("GET: redis-py", "round trip on this machine", own)
    yield Timing("GET: redis-py with asyncio", "round trip on this machine", run_anywhere(
        lambda: _with_asyncio(server.url, repeats), name="latency"))  # fmt: skip
    pipe = client.pipeline(transaction=False)

    def pipeline() -> None:
        for _ in range(BATCH):
            pipe.get("app:product:42")
        pipe.execute()

    batches = max(1, repeats // 20)
    took = _timed(pipeline, batches, each=BATCH)
    yield Timing(f"GET: each of {BATCH} in a pipeline", "round trip on this machine", took)
    far = _timed(lambda: client.get("app:product:42"), repeats // 5, pause=network)
    yield Timing("GET: another machine", _distance(network), far)


async def _with_asyncio(url: str, repeats: int) -> tuple[float, ...]:
    took = []
    async with Redis.from_url(url) as client:
        for _ in range(repeats):
            began = time.perf_counter()
            await client.get("app:product:42")
            took.append(time.perf_counter() - began)
    return tuple(sorted(took))


@contextmanager
def _database(rows: int) -> Iterator[Path]:
    """SQLite in a file: the same books twice, with an index on the number by which they are asked for, and without."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "shop.db")
        with closing(sqlite3.connect(path)) as made, made:
            for table in ("indexed", "plain"):
                made.execute(f"CREATE TABLE {table} (isbn TEXT, page TEXT)")
                made.executemany(f"INSERT INTO {table} VALUES (?, ?)", ((_isbn(n), PAGE) for n in range(rows)))
            made.execute("CREATE INDEX by_isbn ON indexed (isbn)")
        with open(path, "rb") as written:
            os.fsync(written.fileno())  # else it is not on the disk yet, and could not be dropped from memory
        yield path


def _isbn(number: int) -> str:
    return f"978-{number:09d}"


def _of_the_database(path: Path, rows: int, repeats: int, network: float) -> Iterator[Timing]:
    draw = random.Random(7)
    with closing(sqlite3.connect(path)) as database:

        def ask(table: str) -> None:
            found = database.execute(QUESTION.format(table), (_isbn(draw.randrange(rows)),)).fetchone()
            assert found == (PAGE,)

        yield Timing("SQLite: with an index", "a file on this machine", _timed(lambda: ask("indexed"), repeats))
        yield Timing(
            "SQLite: without an index", "a file on this machine", _timed(lambda: ask("plain"), max(5, repeats // 40))
        )
        far = _timed(lambda: ask("indexed"), repeats // 5, pause=network)
        yield Timing("SQLite: another machine", _distance(network), far)
    if hasattr(os, "posix_fadvise"):  # on Linux: the file is dropped from memory, so that the disk is really read
        yield Timing("SQLite: index, from the disk", "a file on this machine", _cold(path, draw, rows, repeats // 20))


def _cold(path: Path, draw: random.Random, rows: int, repeats: int) -> tuple[float, ...]:
    took = []
    for _ in range(max(1, repeats)):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with closing(sqlite3.connect(path)) as database:
            began = time.perf_counter()
            database.execute(QUESTION.format("indexed"), (_isbn(draw.randrange(rows)),)).fetchone()
            took.append(time.perf_counter() - began)
    return tuple(sorted(took))


def _distance(network: float) -> str:
    return f"{network * 1000:g} ms away (a pause)"
