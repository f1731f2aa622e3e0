"""Two near caches, to be read and broken. Above each stands what it does not notice; a learner finds it out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from course_lib.patterns.invalidation import CHANNEL


# Wrong: it does not notice what it has not heard.
class HearsAndForgets:
    """A near cache: copies in this process's memory, which it forgets when it hears that they have changed."""

    def __init__(self, redis: Redis, *, ttl: float) -> None:
        self.redis, self.ttl, self.kept = redis, ttl, dict[str, tuple[float, str | None]]()

    async def get(self, key: str, fetch: Callable[[], Awaitable[str | None]]) -> str | None:
        """From this process's memory, or else from `fetch`."""
        now = asyncio.get_running_loop().time()
        until, value = self.kept.get(key, (0.0, None))
        if now >= until:
            value = await fetch()
            self.kept[key] = now + self.ttl, value
        return value

    async def listen(self) -> None:
        """Hear of changes, for as long as the process runs."""
        while True:
            try:
                async with self.redis.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    async for message in pubsub.listen():
                        self.heard(message)
            except RedisConnectionError:
                await asyncio.sleep(0.1)

    def heard(self, message: dict[str, Any]) -> None:
        """A message: what kind it is, and the key that changed."""
        if message["type"] == "message":
            self.kept.pop(message["data"], None)


# Better, and still wrong: it does not notice a connection that is only silent.
class FlushesOnReconnect(HearsAndForgets):
    """The same, and it begins each connection with an empty memory."""

    def heard(self, message: dict[str, Any]) -> None:
        """A new connection begins with the confirmation that we listen: who knows what was said before."""
        if message["type"] == "subscribe":
            self.kept.clear()
        super().heard(message)
