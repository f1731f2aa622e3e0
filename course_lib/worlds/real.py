"""Servers that listen on this machine as a world."""

from __future__ import annotations

from collections.abc import Sequence

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry

from course_lib.worlds.live import Live
from course_lib.worlds.recorded_connection import RecordedConnection


class _RealConnection(RecordedConnection, aioredis.Connection):
    """A socket whose commands are recorded."""


class Real(Live):
    """Servers that listen somewhere, in real time. `urls` such as `Server().url`: redis://127.0.0.1:6379/0.

    Units: `socket_timeout` in seconds; `connections` is how many sockets a node gets at most, the rest wait for a
    free one. `names` are the nodes' in the trace: two URLs that lead to one node can have one name.
    Raises: redis's ConnectionError, in a client's result, where nothing listens. Keys stay: start from an empty server.
    """

    def __init__(
        self,
        *urls: str,
        seed: int = 0,
        socket_timeout: float | None = 5.0,
        retry: Retry | None = None,
        connections: int = 64,
        names: Sequence[str] = (),
    ) -> None:
        if not urls:
            raise ValueError("Real needs the URL of at least one server: Real(server.url)")
        super().__init__("real", seed, socket_timeout, retry)
        self._urls, self._connections = urls, connections
        self._names = names or ([f"redis{i}" for i in range(len(urls))] if len(urls) > 1 else ["redis"])

    def _connect(self, node: int) -> aioredis.Redis:
        pool = aioredis.BlockingConnectionPool.from_url(
            self._urls[node], connection_class=_RealConnection, recorder=self, node=self._names[node],
            max_connections=self._connections, timeout=None, **self._options,
        )  # fmt: skip
        return aioredis.Redis(connection_pool=pool)
