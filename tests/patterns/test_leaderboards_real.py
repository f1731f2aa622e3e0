"""Leaderboards through a network that loses replies and resets connections, on each server of this machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.patterns import leaderboards as module
from course_lib.patterns.leaderboards import Leaderboard
from course_lib.servers import Proxy, Server

from . import broken_leaderboards as broken


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize(("script", "points"), [("ADD", 11), ("COUNTS_AGAIN", 21)])
def test_a_lost_reply_counts_a_score_once(
    server: Server, script: str, points: int, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library asks again. The control, which does not know the event, counts it twice."""
    if script != "ADD":
        monkeypatch.setattr(module, "ADD", getattr(broken, script))

    async def acting() -> tuple[Any, int]:
        with Proxy(server.port) as proxy:
            options: dict[str, Any] = {"retry": Retry(NoBackoff(), 1), "protocol": protocol, "decode_responses": True}
            async with Redis.from_url(proxy.url, **options) as client:
                board = Leaderboard(client, "points")
                await board.add("ann", 1)
                proxy.drop_reply(close=True)
                await board.add("ann", 10)
                return await board.top(), proxy.swallowed

    assert asyncio.run(acting()) == ([(1, "ann", points)], 1)


def test_a_reset_connection_costs_nothing(server: Server) -> None:
    """Reset between any two of twenty scores: each counts once."""

    async def acting() -> Any:
        with Proxy(server.port) as proxy:
            retry = Retry(NoBackoff(), 3)
            async with Redis.from_url(proxy.url, decode_responses=True, retry=retry) as client:
                board = Leaderboard(client, "points")
                for _ in range(20):
                    await board.add("ann", 1)
                    proxy.reset()
                return await board.around("ann", 3)

    assert asyncio.run(acting()) == [(1, "ann", 20)]
