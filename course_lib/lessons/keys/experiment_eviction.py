"""What a real server does when its memory is full: what each policy evicts, and what it refuses."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
from redis.exceptions import OutOfMemoryError

from course_lib.servers import Server
from course_lib.sim import Draws

Row = dict[str, object]
PAGE = "x" * 1000
ROOM = 2_000_000
"""Bytes that a server has for data, beyond what it needs itself."""


def eviction(server: Server, *, pages: int = 6_000) -> list[Row]:
    """Write more than three times what fits, beside a lock: what is refused, what is evicted, is the lock still there?

    The lock is a second older than the pages, because the clock by which LRU tells the age of keys ticks once a second.
    """
    cases: list[tuple[str, int | None]] = [
        ("noeviction", 60),
        ("volatile-ttl", None),
        ("volatile-ttl", 60),
        ("allkeys-lru", 60),
    ]
    with ThreadPoolExecutor(len(cases)) as threads:
        return list(threads.map(lambda case: _filled(server, case[0], case[1], pages), cases))


def _filled(like: Server, policy: str, ttl: int | None, pages: int) -> Row:
    with small(like, policy) as server, redis.Redis.from_url(server.url) as client:
        client.set("lock:report", "a token", ex=3600)
        time.sleep(1.1)
        replies: list[Any] = []
        for first in range(0, pages, 100):
            pipe = client.pipeline(transaction=False)
            for number in range(first, first + 100):
                pipe.set(f"page:{number}", PAGE, ex=ttl)
            replies += pipe.execute(raise_on_error=False)
        refused = [reply for reply in replies if isinstance(reply, OutOfMemoryError)]
        return {
            "policy": policy,
            "pages have a TTL": "yes" if ttl else "no",
            "written": len(replies) - len(refused),
            "refused": len(refused),
            "evicted": client.info("stats")["evicted_keys"],
            "the lock is": "there" if client.exists("lock:report") else "gone",
            "refused with": type(refused[0]).__name__ if refused else "–",
        }


def hits(server: Server, *, rounds: int = 6, pause: float = 0.35) -> list[Row]:
    """Cache-aside for 6,000 pages of which a quarter fit, and 600 get 80 % of the reads: what is served from memory.

    Units: `pause` in seconds from round to round, as LRU's clock ticks once a second.
    """
    policies = ("allkeys-random", "allkeys-lru", "allkeys-lfu")
    with ThreadPoolExecutor(len(policies)) as threads:
        return list(threads.map(lambda policy: _hits(server, policy, rounds, pause), policies))


def _hits(like: Server, policy: str, rounds: int, pause: float) -> Row:
    """The hits in the second half of the rounds."""
    draw, found, asked = Draws("eviction", 7), 0, 0
    with small(like, policy) as server, redis.Redis.from_url(server.url) as client:
        for number in range(rounds):
            began = time.monotonic()
            for _ in range(20):
                popular = [draw() < 0.8 for _ in range(100)]
                names = [f"page:{int(draw() * (600 if hot else 6000))}" for hot in popular]
                values: Any = client.mget(names)
                missed = [name for name, value in zip(names, values, strict=True) if value is None]
                pipe = client.pipeline(transaction=False)
                for name in missed:
                    pipe.set(name, PAGE)
                pipe.execute()
                if number >= rounds / 2:
                    found, asked = found + len(names) - len(missed), asked + len(names)
            time.sleep(max(pause - (time.monotonic() - began), 0))
        return {"policy": policy, "pages that fit": client.dbsize(), "hits (%)": round(100 * found / asked, 1)}


def small(like: Server, policy: str) -> Server:
    """Another server of the same kind, not started yet, with a little memory and this policy."""
    with redis.Redis.from_url(like.url) as client:
        needed = int(client.info("memory")["used_memory_startup"])
    return Server(like.found, name=policy, config={"maxmemory": str(needed + ROOM), "maxmemory-policy": policy})
