"""What an experiment sees of a topology with Sentinels: who is primary, who follows, and all that Sentinels say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from course_lib.lessons.topologies.experiment_writer import ONCE
from course_lib.servers import NodeStatus, Topology

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


async def do(verb: Callable[..., object], *names: str) -> float:
    """Call a verb of a topology aside; when it was done, in seconds of the loop's clock."""
    await asyncio.to_thread(verb, *names)
    return asyncio.get_running_loop().time()


def sentinels_of(topology: Topology) -> list[str]:
    """The names of the sentinels."""
    return [name for name in topology.names if name.startswith("sentinel")]


async def nodes_of(topology: Topology) -> dict[str, NodeStatus]:
    """Every node by name, as it sees itself now."""
    return {node.name: node for node in await asyncio.to_thread(topology.status)}


async def primary_of(topology: Topology, *, but: str = "") -> str:
    """The name of a node that says it is the primary, other than `but`; empty if there is none."""
    nodes = await nodes_of(topology)
    return next((name for name, node in nodes.items() if node.role == "primary" and name != but), "")


async def follows(topology: Topology, name: str) -> bool:
    """Whether this node is a replica again, with its link up."""
    node = (await nodes_of(topology))[name]
    return (node.role, node.link, node.state) == ("replica", "up", "up")


@asynccontextmanager
async def listening(topology: Topology, *only: str) -> AsyncIterator[list[Said]]:
    """What the sentinels publish, all of it, in a list that grows for as long as this block lasts."""
    clock, said = asyncio.get_running_loop().time, list[Said]()

    async def listen(name: str, channel: Any) -> None:
        async for message in channel.listen():
            said.append((clock(), name, message["channel"], message["data"]))

    async with AsyncExitStack() as open_:
        tasks = []
        for name in only or sentinels_of(topology):
            redis = await open_.enter_async_context(
                Redis.from_url(topology.url(name), **{**ONCE, "socket_timeout": None})
            )
            channel = await open_.enter_async_context(redis.pubsub())
            await channel.psubscribe("*")
            await channel.get_message(timeout=10)  # that it is subscribed
            tasks.append(asyncio.create_task(listen(name, channel)))
        try:
            yield said
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def heard(said: list[Said], channel: str) -> set[str]:
    """The sentinels that have said this."""
    return {one[1] for one in said if one[2] == channel}


def since(fault: float, said: list[Said]) -> list[tuple[Any, ...]]:
    """The same events, in seconds from the fault on."""
    return [(round(t - fault, 4), *rest) for t, *rest in said]


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
