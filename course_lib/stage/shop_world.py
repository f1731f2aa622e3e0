"""What the shop stands on: a world with a primary and two replicas, and what can be done to them."""

from __future__ import annotations

from typing import Any, Protocol

from redis.asyncio import Redis

from course_lib.sim import Draws, Simulation
from course_lib.trace import Note, Trace
from course_lib.worlds import Real


class ShopWorld(Protocol):
    """What the shop asks of a world, and what can be done to it."""

    trace: Trace

    def redis(self, node: int, who: str) -> Redis: ...
    def client(self, name: str, body: Any, *args: Any, start: float = 0.0) -> Any: ...
    def draws(self, name: str) -> Draws: ...
    def now(self) -> float: ...
    def note(self, who: str, kind: str, text: str = "") -> Note: ...
    async def primary(self) -> int: ...
    async def work(self, who: str, seconds: float) -> None: ...
    async def kill(self) -> None: ...
    async def partition(self) -> None: ...
    async def pause(self, who: str, seconds: float) -> None: ...
    async def skew(self, seconds: float) -> None: ...
    async def lose_reply(self) -> None: ...


class InWorld:
    """Of a ground what every world can do."""

    def __init__(self, world: Simulation | Real) -> None:
        self.trace = world.trace
        self._any = world

    def client(self, name: str, body: Any, *args: Any, start: float = 0.0) -> Any:
        return self._any.client(name, body, *args, start=start)

    def draws(self, name: str) -> Draws:
        return self._any.draws(name)

    def now(self) -> float:
        return self._any.now()

    def note(self, who: str, kind: str, text: str = "") -> Note:
        return self._any.note(who, kind, text)
