"""Three worlds with the same few verbs: a pattern that is written once runs in each, and each leaves a `Trace`.

`Simulated` is virtual time, `Embedded` is fakeredis in real time, `Real` is servers that listen on this machine.
Embedded hides races (fakeredis answers at once, so clients hardly ever meet): use it to try code out, never to show
that it is safe.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import fakeredis
import redis.asyncio as aioredis
from redis.asyncio.retry import Retry

from course_lib.sim import Draws, Process
from course_lib.sim import Simulation as Simulated
from course_lib.sim.fake_server_blocking import WaitingConnection
from course_lib.trace import Note, Trace
from course_lib.worlds.live import Live
from course_lib.worlds.recorded import Recorded

__all__ = ["Embedded", "Live", "Real", "Simulated", "World"]


class World(Protocol):
    """What every world can do. A scenario that asks for no more than this runs in all three."""

    trace: Trace

    @property
    def results(self) -> dict[str, Any]:
        """What became of each client so far."""

    def redis(self, node: int = 0) -> aioredis.Redis:
        """A client of a node, by number from 0."""

    def client(
        self,
        name: str,
        body: Callable[..., Awaitable[Any]],
        *args: Any,
        start: float = 0.0,
        process: Process | None = None,
    ) -> Any:
        """Run `await body(*args)` from `start` seconds on, in a process of its own or in `process`."""

    def draws(self, name: str) -> Draws:
        """A stream of random numbers that depends on the world's seed and the name only."""

    def now(self) -> float:
        """Seconds since the run began."""

    def note(self, who: str, kind: str, text: str = "") -> Note:
        """Mark this moment in the trace."""

    def run(self) -> dict[str, Any]:
        """Run until every client is done; return {client: result or exception}."""


class _EmbeddedConnection(Recorded, WaitingConnection):  # type: ignore[misc]  # fakeredis mixes unlike types
    """fakeredis, recorded."""


class _RealConnection(Recorded, aioredis.Connection):
    """A socket, recorded."""


class Embedded(Live):
    """fakeredis inside this process, in real time: no server needed, works on every platform.

    Units: `socket_timeout` in seconds. Does not: show races; each command is answered at once, unless it blocks.
    """

    def __init__(
        self, seed: int = 0, *, nodes: int = 1, socket_timeout: float | None = 5.0, retry: Retry | None = None
    ) -> None:
        super().__init__("embedded", seed, socket_timeout, retry)
        self._servers = [fakeredis.FakeServer(version=(7,)) for _ in range(nodes)]

    def _connect(self, node: int) -> aioredis.Redis:
        name = f"redis{node}" if len(self._servers) > 1 else "redis"
        pool = aioredis.ConnectionPool(
            connection_class=_EmbeddedConnection, server=self._servers[node], recorder=self, node=name,
            max_connections=100_000, **self._options,
        )  # fmt: skip
        return aioredis.Redis(connection_pool=pool)


class Real(Live):
    """Servers that listen somewhere, in real time. `urls` such as `Server().url`: redis://127.0.0.1:6379/0.

    Units: `socket_timeout` in seconds; `connections` is how many sockets a node gets at most, the rest wait for a
    free one.
    Raises: redis's ConnectionError, in a client's result, where nothing listens. Keys stay: start from an empty server.
    """

    def __init__(
        self,
        *urls: str,
        seed: int = 0,
        socket_timeout: float | None = 5.0,
        retry: Retry | None = None,
        connections: int = 64,
    ) -> None:
        if not urls:
            raise ValueError("Real needs the URL of at least one server: Real(server.url)")
        super().__init__("real", seed, socket_timeout, retry)
        self._urls, self._connections = urls, connections

    def _connect(self, node: int) -> aioredis.Redis:
        name = f"redis{node}" if len(self._urls) > 1 else "redis"
        pool = aioredis.BlockingConnectionPool.from_url(
            self._urls[node], connection_class=_RealConnection, recorder=self, node=name,
            max_connections=self._connections, timeout=None, **self._options,
        )  # fmt: skip
        return aioredis.Redis(connection_pool=pool)
