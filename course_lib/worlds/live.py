"""What the worlds in real time share: clients as tasks of one event loop, a clock that starts at zero, a trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.sim import Body, Draws, Process
from course_lib.trace import Event, Note, Trace
from course_lib.worlds.threads import run_anywhere, to_its_end

_CLIENT: ContextVar[str] = ContextVar("live_client", default="outside")


class Live:
    """What the two worlds in real time share: tasks in one event loop, a clock that starts at zero, a trace.

    Every client is a task of this process, so nothing crashes or pauses here; for processes that can be killed, start
    them with `course_lib.servers.guarded`. Runs in a thread of its own where a loop is running already, as in a
    notebook.
    """

    def __init__(self, world: str, seed: int, socket_timeout: float | None, retry: Retry | None) -> None:
        self.seed, self.trace, self.results = seed, Trace(world), dict[str, Any]()
        self._options: dict[str, Any] = {
            "decode_responses": True,
            "protocol": 2,
            "retry": retry or Retry(NoBackoff(), 0),
            "socket_timeout": socket_timeout,
        }
        self._clients: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {}
        self._redis: dict[int, aioredis.Redis] = {}
        self._began: float | None = None

    def _connect(self, node: int) -> aioredis.Redis:
        raise NotImplementedError

    def redis(self, node: int = 0) -> aioredis.Redis:
        if node not in self._redis:
            self._redis[node] = self._connect(node)
        return self._redis[node]

    def client(self, name: str, body: Body, *args: Any, start: float = 0.0, process: Process | None = None) -> None:
        """Run `await body(*args)` from `start` seconds on. `process` means nothing here: all are tasks of this one."""
        if name in self._clients or name in self.results:
            raise ValueError(f"There is a client named {name!r} already; give each its own name.")

        async def whole() -> Any:
            _CLIENT.set(name)
            if start:
                await asyncio.sleep(start)
            return await body(*args)

        self._clients[name] = whole

    def draws(self, name: str) -> Draws:
        return Draws(self.seed, "draws", name)

    def now(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began

    def note(self, who: str, kind: str, text: str = "") -> Note:
        return self.trace.note(who, kind, self.now(), text=text)

    def record(self, node: str, command: tuple[bytes, ...]) -> Event:
        """Write down a command that is about to leave."""
        event = Event(_CLIENT.get(), node, command, self.now())
        self.trace.events.append(event)
        return event

    def run(self) -> dict[str, Any]:
        """Run until every client is done; return {client: result or exception}. An interrupt stops them all."""
        run_anywhere(self._whole, name="live world")
        return self.results

    async def _whole(self) -> None:
        self._began = time.monotonic() if self._began is None else self._began
        clients, self._clients = self._clients, {}
        tasks = {name: asyncio.create_task(client()) for name, client in clients.items()}
        try:
            if tasks:
                await asyncio.wait(tasks.values())
        finally:
            await to_its_end(self._stop(tasks))

    async def _stop(self, tasks: dict[str, asyncio.Task[Any]]) -> None:
        await _end(list(tasks.values()))
        self.results.update({name: _outcome(task) for name, task in tasks.items()})
        for client in self._redis.values():
            await client.aclose()
            await client.connection_pool.disconnect()


def _outcome(task: asyncio.Task[Any]) -> Any:
    return asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel until they are gone: before Python 3.12 wait_for, on which redis-py rests, may swallow a cancellation."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.2)
