"""fakeredis with XREADGROUP … BLOCK mended, which both the simulation and the embedded world need."""

from __future__ import annotations

from typing import Any

from fakeredis._socket import AsyncFakeSocket
from fakeredis.aioredis import FakeAsyncRedisConnection


class Waiting(AsyncFakeSocket):
    """A server's end of a connection on which a consumer group's reader waits for its message."""

    def _xreadgroup(self, *args: Any) -> Any:
        """With BLOCK, fakeredis returns at once or loses entries: never a first pass, and nothing means wait."""
        return super()._xreadgroup(*args[:-1], False) or None  # type: ignore[call-arg]


class WaitingConnection(FakeAsyncRedisConnection):
    """A client's end, in real time."""

    async def _connect(self) -> None:
        await super()._connect()
        self._sock.__class__ = Waiting  # fakeredis names the class in _connect alone
