"""Lesson 03 on a real server: counting at once, what a limiter costs, a reply that is lost.

`EXPERIMENTS` names these and those of scripts_real; all of them together take some five seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import redis as sync
from redis.asyncio import Redis

from course_lib.lessons.atomicity.experiment_counting import Body, Contention, contend
from course_lib.lessons.atomicity.experiment_limiters import ALGORITHMS, Traffic, limiter_of
from course_lib.lessons.atomicity.experiment_scripts import PATIENCE, apart, busy, endless, undeclared
from course_lib.servers import Proxy, Server
from course_lib.worlds import Real

Row = dict[str, object]
PERIOD = 1e6
"""Seconds of a window in which none ends meanwhile."""


def costs(server: Server, *, limit: int = 100, asked: int = 150) -> list[Row]:
    """Each limiter asked `asked` times by one subject: commands, time and memory, as the server counts them."""
    return [_cost(server, name, limit, asked) for name in ALGORITHMS]


def _cost(server: Server, name: str, limit: int, asked: int) -> Row:
    keys: tuple[str, ...] = ()

    async def ask(redis: Redis) -> None:
        nonlocal keys
        limiter = limiter_of(Traffic(name, limit=limit, window=PERIOD, rate=1e-6, windows=1), redis)
        keys = limiter.command("visitor", request_id="first")[2:4]
        await limiter.hit("somebody else")  # the server learns the script
        await redis.config_resetstat()
        await limiter.hit("visitor", request_id="first")  # an id of our own is remembered for a whole window
        for _ in range(asked - 1):
            await limiter.hit("visitor")

    with sync.Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        _alone(server, ask)
        stats: dict[str, Any] = client.info("commandstats")
        calls = {command.removeprefix("cmdstat_"): numbers["calls"] for command, numbers in stats.items()}
        script = stats["cmdstat_evalsha"]
        inner = sum(count for command, count in calls.items() if command not in ("evalsha", "config|resetstat", "info"))
        return {
            "limiter": ALGORITHMS[name].label,
            "round trips a request": script["calls"] / asked,
            "commands in the script": round(inner / asked, 1),
            "server busy, each (µs)": round(script["usec"] / script["calls"], 1),
            "bytes a subject": client.memory_usage(keys[0], samples=0),
            "bytes an admission": client.memory_usage(keys[1], samples=0),
        }


def lost_reply(server: Server) -> list[Row]:
    """One request each, through a proxy that loses one reply; redis-py retries as it does by default."""
    rows: list[Row] = []

    async def ask(client: Redis) -> None:
        limiter = limiter_of(Traffic("fixed", limit=100, window=PERIOD, rate=1e-6, windows=1), client)
        await limiter.hit("somebody else")
        proxy.forget()
        proxy.drop_reply(close=True)
        counted = int(await client.incr("requests"))
        rows.append({"command": "INCR", "sent": proxy.requests, "replies lost": proxy.swallowed, "counted": counted})
        proxy.forget()
        proxy.drop_reply(close=True)
        counted = limiter.most - (await limiter.hit("visitor")).remaining
        row = {"command": "FixedWindow.hit", "sent": proxy.requests, "replies lost": proxy.swallowed}
        rows.append({**row, "counted": counted})

    with sync.Redis.from_url(server.url) as empty:
        empty.flushall()
    with Proxy(server.port) as proxy:
        apart(_with_defaults(proxy.port, ask))
    return rows


async def _with_defaults(port: int, ask: Any) -> None:
    """A client as `Redis(host, port)` makes it; one made `from_url` would not retry."""
    async with Redis(host="127.0.0.1", port=port, decode_responses=True) as client:
        await ask(client)


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


def _alone(server: Server, body: Any) -> None:
    async def main() -> None:
        async with Redis.from_url(server.url, decode_responses=True, socket_timeout=PATIENCE) as redis:
            await body(redis)

    apart(main())
