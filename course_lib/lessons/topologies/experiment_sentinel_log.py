"""What an experiment sees of a topology with Sentinels: who is primary, who follows, and all that Sentinels say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from course_lib.lessons.topologies.experiment_writer import ONCE
from course_lib.servers import Topology

Said = tuple[float, str, str, str]
"""One event: when, which sentinel, its channel, its words."""
STEPS = {
    "+sdown": "a sentinel finds the primary down",
    "+odown": "as many as the quorum agree",
    "+vote-for-leader": "first vote for a leader",
    "+elected-leader": "a leader has a majority",
    "+promoted-slave": "a replica is promoted",
    "+switch-master": "its address is published",
}
"""The events of a failover, in Sentinel's own words and in ours. Source: redis.io, "High availability with Redis
Sentinel", the section on Pub/Sub messages."""


def data_nodes(topology: Topology) -> list[str]:
    """The names of the nodes that hold data."""
    return [node.name for node in topology.status() if node.kind == "data"]


def sentinels_of(topology: Topology) -> tuple[str, ...]:
    """The names of the sentinels."""
    return tuple(name for name in topology.names if name.startswith("sentinel"))


async def primary_of(topology: Topology, *, but: str = "") -> str:
    """The name of a node that says it is the primary, other than `but`; empty if there is none."""
    nodes = await asyncio.to_thread(topology.status)
    return next((n.name for n in nodes if n.kind == "data" and n.role == "primary" and n.name != but), "")


async def follows(topology: Topology, name: str) -> bool:
    """Whether this node is a replica again, with its link up."""
    nodes = {node.name: node for node in await asyncio.to_thread(topology.status)}
    return nodes[name].role == "replica" and nodes[name].link == "up" and nodes[name].state == "up"


@asynccontextmanager
async def listening(topology: Topology, *only: str) -> AsyncIterator[list[Said]]:
    """What the sentinels say, all of it, in a list that grows for as long as this block lasts."""
    clock, said = asyncio.get_running_loop().time, list[Said]()
    names = only or sentinels_of(topology)

    async def listen(name: str, redis: Redis, ready: asyncio.Event) -> None:
        async with redis.pubsub() as channel:
            await channel.psubscribe("*")
            while True:
                message = await channel.get_message(timeout=60)
                if message and message["type"] == "psubscribe":
                    ready.set()
                elif message and message["type"] == "pmessage":
                    said.append((clock(), name, message["channel"], message["data"]))

    async with AsyncExitStack() as open_:
        tasks = []
        for name in names:
            options = {**ONCE, "socket_timeout": None}
            redis = await open_.enter_async_context(Redis.from_url(topology.url(name), **options))
            ready = asyncio.Event()
            tasks.append(asyncio.create_task(listen(name, redis, ready)))
            await asyncio.wait_for(ready.wait(), 10)
        try:
            yield said
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError, RedisError, OSError):
                await asyncio.gather(*tasks, return_exceptions=True)


def heard(said: list[Said], channel: str) -> bool:
    """Whether a sentinel has said this."""
    return any(one[2] == channel for one in said)


def switched(said: list[Said], *, all_of: Topology | None = None) -> bool:
    """Whether a sentinel has published a new primary; or whether all of a topology's sentinels have."""
    names = {name for _, name, channel, _ in said if channel == "+switch-master"}
    return names >= set(sentinels_of(all_of)) if all_of is not None else bool(names)


def milestones(events: list[tuple[Any, ...]]) -> dict[str, float]:
    """When each step of a failover was first heard, in STEPS' order. Only what concerns the primary counts."""
    found: dict[str, float] = {}
    for t, _, channel, words in events:
        if channel in STEPS and (channel != "+sdown" or words.startswith("master ")):
            found.setdefault(STEPS[channel], t)
    return {words: found[words] for words in STEPS.values() if words in found}


async def sentinel_set(topology: Topology, sentinel: str, *settings: object) -> None:
    """SENTINEL SET for the primary that the topology watches."""
    async with Redis.from_url(topology.url(sentinel), **ONCE) as redis:
        await redis.sentinel_set("course", *settings)
