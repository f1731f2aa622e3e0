"""Sessions, leaderboards and work queues through redis-py's Cluster client, on each server of this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
from redis.asyncio import RedisCluster

from course_lib.patterns.leaderboards import Leaderboard
from course_lib.patterns.queues import WorkQueue
from course_lib.patterns.sessions import Sessions
from course_lib.servers import Server, find_all

NONE = pytest.param(None, marks=pytest.mark.skip(reason="no Redis or Valkey server here"))


@pytest.fixture(scope="module", params=find_all() or [NONE], ids=str)
def cluster(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A Cluster of one node, which checks the slots of keys as any other does."""
    server = Server(request.param, config={"cluster-enabled": "yes"}).start()
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        deadline = time.monotonic() + 30
        while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    yield server
    server.stop()


def on(cluster: Server, act: Callable[[Any], Awaitable[Any]]) -> Any:
    async def acting() -> Any:
        async with RedisCluster(host="127.0.0.1", port=cluster.port, decode_responses=True) as client:
            return await act(client)

    return asyncio.run(acting())


def test_a_log_in_moves_a_session_within_its_slot(cluster: Server) -> None:
    async def act(client: Any) -> Any:
        sessions = Sessions(client, "shop", idle=60, lifetime=600)
        found = list[Any]()
        for _ in range(5):
            visitor = await sessions.log_in(cart="duck")
            member = await sessions.log_in(visitor, user="ann")
            found.append((await sessions.use(visitor), await sessions.use(member)))
            await sessions.log_out(member)
        return found

    assert on(cluster, act) == [(None, {"cart": "duck", "user": "ann"})] * 5


def test_a_board_and_what_belongs_to_it_share_a_slot(cluster: Server) -> None:
    async def act(client: Any) -> Any:
        day = Leaderboard(client, "points", ties="shared")
        week = Leaderboard(client, "{points}:week", ties="shared")
        await day.add("ann", 3)
        await week.sum_of("points")
        return await day.around("ann", 1), await week.top()

    assert on(cluster, act) == ([(1, "ann", 3)], [(1, "ann", 3)])


def test_a_queue_and_what_belongs_to_it_share_a_slot(cluster: Server) -> None:
    async def act(client: Any) -> Any:
        queue, handled = WorkQueue(client, "jobs", claim_after=0.05, block=0.05, max_deliveries=1), list[str]()

        async def handler(message_id: str, text: str) -> None:
            handled.append(text)
            if text == "poison":
                raise ValueError(text)

        for text in ("good", "poison"):
            await queue.send(text, message_id=text)
        worker = asyncio.create_task(queue.run("w", handler))
        async with asyncio.timeout(30):
            while not await client.xlen(queue.dead):
                await asyncio.sleep(0.01)
        while not worker.done():
            worker.cancel()
            await asyncio.wait([worker], timeout=0.1)
        return handled, await queue.tidy(), await client.xlen("jobs")

    assert on(cluster, act) == (["good", "poison"], 1, 1)
