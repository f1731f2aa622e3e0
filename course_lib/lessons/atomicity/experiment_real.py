"""Lesson 03 on a real server: counting at once, what a limiter costs, a reply that is lost.

`EXPERIMENTS` names these and those of experiment_scripts; all of them together take some five seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import redis as sync
from redis.asyncio import Redis

from course_lib.lessons.atomicity.experiment_counting import Body, Contention, contend
from course_lib.lessons.atomicity.experiment_limiters import ALGORITHMS, Traffic, limiter_of
from course_lib.lessons.atomicity.experiment_scripts import PATIENCE, busy, endless, undeclared
from course_lib.servers import Proxy, Server
from course_lib.worlds import Real
from course_lib.worlds.threads import run_anywhere

Row = dict[str, object]
PERIOD = 1e6
"""Seconds of a window that is so long that none ends during an experiment."""


def costs(server: Server, *, limit: int = 100, asked: int = 150) -> list[Row]:
    """Each limiter asked `asked` times by one subject: commands, time and memory, as the server counts them."""
    return [_cost(server, name, limit, asked) for name in ALGORITHMS]


def _cost(server: Server, name: str, limit: int, asked: int) -> Row:
    async def ask() -> tuple[str, ...]:
        async with Redis.from_url(server.url, decode_responses=True, socket_timeout=PATIENCE) as redis:
            limiter = limiter_of(Traffic(name, limit=limit, window=PERIOD, rate=1e-6, windows=1), redis)
            await limiter.hit("somebody else")  # the server learns the script
            await redis.config_resetstat()
            await limiter.hit("visitor", request_id="first")  # an id of our own is remembered for a whole window
            for _ in range(asked - 1):
                await limiter.hit("visitor")
            return tuple(limiter.command("visitor", request_id="first")[2:4])

    with sync.Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        subject, admission = run_anywhere(ask, name="what a limiter costs")
        stats: dict[str, Any] = client.info("commandstats")
        calls = {command.removeprefix("cmdstat_"): numbers["calls"] for command, numbers in stats.items()}
        script = stats["cmdstat_evalsha"]
        inner = sum(count for command, count in calls.items() if command not in ("evalsha", "config|resetstat", "info"))
        return {
            "limiter": ALGORITHMS[name].label,
            "round trips a request": script["calls"] / asked,
            "commands in the script": round(inner / asked, 1),
            "server busy, each (µs)": round(script["usec"] / script["calls"], 1),
            "bytes a subject": client.memory_usage(subject, samples=0),
            "bytes an admission": client.memory_usage(admission, samples=0),
        }


def lost_reply(server: Server) -> list[Row]:
    """One request each, through a proxy that loses one reply; redis-py retries as it does by default."""
    rows: list[Row] = []

    async def lose(command: str, count: Callable[[], Awaitable[int]]) -> None:
        proxy.forget()
        proxy.drop_reply(close=True)
        counted = await count()
        rows.append({"command": command, "sent": proxy.requests, "replies lost": proxy.swallowed, "counted": counted})

    async def ask() -> None:
        # As `Redis(host, port)` makes a client; one made `from_url` would not retry.
        async with Redis(host="127.0.0.1", port=proxy.port, decode_responses=True) as client:
            limiter = limiter_of(Traffic("fixed", limit=100, window=PERIOD, rate=1e-6, windows=1), client)
            await limiter.hit("somebody else")

            async def hit() -> int:
                return limiter.most - (await limiter.hit("visitor")).remaining

            await lose("INCR", lambda: client.incr("requests"))
            await lose("FixedWindow.hit", hit)

    with sync.Redis.from_url(server.url) as empty:
        empty.flushall()
    with Proxy(server.port) as proxy:
        run_anywhere(ask, name="a lost reply")
    return rows


EXPERIMENTS: Mapping[str, Callable[[Server], Any]] = {
    "costs": costs,
    "retry": lost_reply,
    "keys": undeclared,
    "endless": endless,
    "busy": busy,
}


def in_real_time(server: Server, body: Body, **given: Any) -> Contention:
    """`contend` on a server, which is emptied first."""
    with sync.Redis.from_url(server.url) as client:
        client.flushall()
    return contend(body, world=Real(server.url), **given)
