"""Lesson 01, Cluster: what the death of a primary costs, and what one that is cut off still promises."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import redis as sync
from redis.asyncio import Redis
from redis.crc import key_slot

from course_lib.lessons.topologies.experiment_sentinel_log import follows
from course_lib.lessons.topologies.experiment_writer import LOST, OK, ONCE, Attempt, Writer, account, writing
from course_lib.servers import Topology
from course_lib.worlds.threads import until


async def crash(topology: Topology, *, writes: int = 100) -> dict[str, Any]:
    """SIGKILL for one of the primaries while a writer writes into all slots; its writes are told apart by slot."""
    clock = asyncio.get_running_loop().time
    owned = await asyncio.to_thread(topology.slot_map)
    name = next(iter(owned))
    async with topology.redis(**ONCE) as redis:
        writer = Writer(redis, "w")

        def theirs(one: Attempt) -> bool:
            return within(owned[name], writer.key(one.number))

        async with writing(writer):
            await until(lambda: writer.acknowledged() >= writes, f"{writes} writes are acknowledged")
            await asyncio.to_thread(topology.kill, name)
            killed = clock()
            await until(
                lambda: sum(o.answer == OK and o.began >= killed and theirs(o) for o in writer.attempts) >= 20,
                "the killed node's slots take writes again",
            )
        told = {
            "its slots": await account(redis, writer, killed, only=theirs),
            "other slots": await account(redis, writer, killed, only=lambda one: not theirs(one)),
        }
    return {"writers": told, "marks": {"killed": 0.0}, "killed": name}


async def partition(topology: Topology, *, lasts: float = 3.5) -> dict[str, Any]:
    """Cut one primary off from the other nodes. One writer stays with it; another asks the cluster, after the cut.

    Units: `lasts`, seconds from the cut to the healing; more if the failover takes longer.
    """
    clock = asyncio.get_running_loop().time
    owned = await asyncio.to_thread(topology.slot_map)
    name = next(iter(owned))
    tag = next(word for word in map(str, range(1000)) if within(owned[name], word))
    async with AsyncExitStack() as open_:
        beside = await open_.enter_async_context(Redis.from_url(topology.url(name), **ONCE))
        early = Writer(beside, f"{{{tag}}}early")
        async with writing(early):
            await until(lambda: early.acknowledged() >= 50, "the first writes are through")
            await asyncio.to_thread(topology.partition, name)
            cut = clock()
            await until(lambda: elsewhere(topology, name, key_slot(tag.encode())), "another node owns its slots")
            promoted = clock()
            others = await open_.enter_async_context(topology.redis(**ONCE))
            late = Writer(others, f"{{{tag}}}late")
            async with writing(late):
                await until(lambda: late.acknowledged() >= 50, "the new primary takes writes")
                await asyncio.sleep(cut + lasts - clock())
                healed = clock()
                await asyncio.to_thread(topology.heal)
                await until(lambda: follows(topology, name), "the old primary follows the new one", within=60)
        told = {word: await account(others, w, cut) for word, w in (("early", early), ("late", late))}
    last = max((t for t, answer in told["early"]["writes"] if answer in (OK, LOST)), default=0.0)
    timeout = await asyncio.to_thread(_node_timeout, topology.url(name))
    return {
        "writers": told,
        "marks": {"cut off": 0.0, "new primary": round(promoted - cut, 4), "healed": round(healed - cut, 4)},
        "cut": name,
        "node timeout (s)": timeout,
        "took writes for (s)": round(last, 3),
    }


def within(ranges: Any, key: str) -> bool:
    """Whether a key's slot lies in one of the ranges."""
    slot = key_slot(key.encode())
    return any(low <= slot <= high for low, high in ranges)


async def elsewhere(topology: Topology, name: str, slot: int) -> bool:
    """Whether a node other than `name` says that it is the primary of a slot."""
    nodes = await asyncio.to_thread(topology.status)
    return any(
        node.name != name and node.role == "primary" and any(low <= slot <= high for low, high in node.slots)
        for node in nodes
    )


def _node_timeout(url: str) -> float:
    with sync.Redis.from_url(url, protocol=2, decode_responses=True) as client:
        return float(client.config_get("cluster-node-timeout")["cluster-node-timeout"]) / 1000
