"""What else one would write to play every order of a few clients' commands: a thread for each, let go in turn.

It is what simulation is measured against: redis-py and fakeredis as they come, real threads, one of which runs at a
time. After each schedule it goes back to the last moment at which another thread could have gone on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import fakeredis
from fakeredis import FakeServer

Client = fakeredis.FakeRedis
Body = Callable[[Client, str], Any]


class Threads:
    """Clients of one run, each in a thread that stands still before each of its commands."""

    def __init__(self, choices: Sequence[str]) -> None:
        self.left, self.options = list(reversed(choices)), list[tuple[list[str], str]]()
        self._changed = threading.Condition()
        self._going: str | None = None
        self._waiting = set[str]()
        self._alive = set[str]()

    def stand(self) -> None:
        """Wait for this thread's turn."""
        name = threading.current_thread().name
        with self._changed:
            self._waiting.add(name)
            self._changed.notify_all()
            while self._going != name:
                self._changed.wait()
            self._going = None
            self._waiting.discard(name)

    def play(self, bodies: dict[str, Callable[[], Any]]) -> dict[str, Any]:
        """Run all of them to their ends; what each returned."""
        results: dict[str, Any] = {}

        def run(name: str) -> None:
            results[name] = bodies[name]()
            with self._changed:
                self._alive.discard(name)
                self._changed.notify_all()

        threads = [threading.Thread(target=run, args=(name,), name=name, daemon=True) for name in bodies]
        self._alive = set(bodies)
        for thread in threads:
            thread.start()
        with self._changed:
            while True:
                while self._going is not None or self._waiting != self._alive:
                    self._changed.wait()
                if not self._alive:
                    break
                able = sorted(self._waiting)
                self._going = chosen = self.left.pop() if self.left else able[0]
                self.options.append((able, chosen))
                self._changed.notify_all()
        for thread in threads:
            thread.join()
        return results


def every_order(body: Body, clients: int) -> list[dict[str, Any]]:
    """The results of each order of these clients' commands and transactions."""
    found: list[dict[str, Any]] = []
    ahead: list[list[str]] = [[]]
    while ahead:
        begins = ahead.pop()
        threads, server = Threads(begins), FakeServer()

        class Stands(Client):
            def execute_command(self, *args: Any, threads: Threads = threads, **options: Any) -> Any:
                threads.stand()
                return super().execute_command(*args, **options)

            def pipeline(self, *args: Any, threads: Threads = threads, **options: Any) -> Any:
                made = super().pipeline(*args, **options)
                execute = made.execute

                def execute_in_turn() -> Any:
                    threads.stand()
                    return execute()

                made.execute = execute_in_turn
                return made

        names = [f"c{number}" for number in range(clients)]
        bodies = {name: partial(body, Stands(server=server), name) for name in names}
        found.append(threads.play(bodies))
        taken = [chosen for _, chosen in threads.options]
        for at in range(len(begins), len(taken)):
            able, chosen = threads.options[at]
            ahead += [[*taken[:at], other] for other in able if other != chosen]
    return found


def published(redis: Client, member: str) -> bool:
    """The limiter of tests/explore/test_exhaustive.py, without asyncio."""
    with redis.pipeline() as pipe:
        pipe.zremrangebyscore("hits", "-inf", 90)
        pipe.zcard("hits")
        _, count = pipe.execute()
    if count < 1:
        redis.zadd("hits", {member: 100})
        redis.expire("hits", 20)
        return True
    return False


def get_then_set(redis: Client, _: str) -> int:
    value = int(redis.get("count") or 0)
    redis.set("count", value + 1)
    return value
