"""fakeredis as a world: inside this process, in real time."""

from __future__ import annotations

import fakeredis
import redis.asyncio as aioredis
from redis.asyncio.retry import Retry

from course_lib.sim.fake_server_fixes import BlockingConnection
from course_lib.worlds.live import Live
from course_lib.worlds.recorded_connection import RecordedConnection


class _EmbeddedConnection(RecordedConnection, BlockingConnection):  # type: ignore[misc]  # fakeredis mixes unlike types
    """A connection to fakeredis whose commands are recorded."""


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
