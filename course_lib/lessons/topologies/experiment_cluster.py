"""Lesson 01, Cluster: what the death of a primary costs, and what one that is cut off still promises."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from redis.asyncio import Redis
from redis.crc import key_slot

from course_lib.lessons.topologies.experiment_sentinel_log import do, follows, nodes_of
from course_lib.lessons.topologies.experiment_writer import LOST, OK, ONCE, Attempt, Writer, account, at_work, writing
from course_lib.servers import Topology
from course_lib.servers.topology.cluster_nodes import Ranges
from course_lib.worlds.threads import until


async def crash(topology: Topology, *, writes: int = 100) -> dict[str, Any]:
    """SIGKILL for one of the primaries while a writer writes into all slots; its writes are told apart by slot."""
    name, ranges = next(iter((await asyncio.to_thread(topology.slot_map)).items()))
    async with at_work(topology, writes) as writer:

        def theirs(one: Attempt) -> bool:
            return within(ranges, slot_of(writer.key(one.number)))

        killed = await do(topology.kill, name)
        await until(
            lambda: sum(o.answer == OK and o.began >= killed and theirs(o) for o in writer.attempts) >= 20,
            "the killed node's slots take writes again",
        )
        told = {
            "its slots": await account(writer.redis, writer, killed, only=theirs),
            "other slots": await account(writer.redis, writer, killed, only=lambda one: not theirs(one)),
        }
    return {"writers": told, "marks": {"killed": 0.0}, "killed": name}


async def partition(topology: Topology, *, lasts: float = 3.5) -> dict[str, Any]:
    """Cut one primary off from the other nodes. One writer stays with it; another asks the cluster, after the cut.

    Units: `lasts`, seconds from the cut to the healing; more if the failover takes longer.
    """
    clock = asyncio.get_running_loop().time
    name, ranges = next(iter((await asyncio.to_thread(topology.slot_map)).items()))
    tag = next(word for word in map(str, range(1000)) if within(ranges, slot_of(word)))
    async with AsyncExitStack() as open_:
        beside: Any = await open_.enter_async_context(Redis.from_url(topology.url(name), **ONCE))
        timeout = await beside.config_get("cluster-node-timeout")
        early = Writer(beside, f"{{{tag}}}early")
        async with writing(early):
            await early.wait_until_acknowledged(50)
            cut = await do(topology.partition, name)
            await until(lambda: elsewhere(topology, name, slot_of(tag)), "another node owns its slots")
            promoted = clock()
            others = await open_.enter_async_context(topology.redis(**ONCE))
            late = Writer(others, f"{{{tag}}}late")
            async with writing(late):
                await late.wait_until_acknowledged(50)
                await asyncio.sleep(cut + lasts - clock())
                healed = clock()
                await asyncio.to_thread(topology.heal)
                await until(lambda: follows(topology, name), "the old primary follows the new one", within=60)
        told = {word: await account(others, w, cut) for word, w in (("early", early), ("late", late))}
    last = max((t for t, answer in told["early"]["writes"] if answer in (OK, LOST)), default=0.0)
    return {
        "writers": told,
        "marks": {"cut off": 0.0, "new primary": round(promoted - cut, 4), "healed": round(healed - cut, 4)},
        "cut": name,
        "node timeout (s)": float(timeout["cluster-node-timeout"]) / 1000,
        "took writes for (s)": round(last, 3),
    }


def within(ranges: Ranges, slot: int) -> bool:
    """Whether a slot lies in one of the ranges."""
    return any(low <= slot <= high for low, high in ranges)


async def elsewhere(topology: Topology, name: str, slot: int) -> bool:
    """Whether a node other than `name` says that it is the primary of a slot."""
    nodes = (await nodes_of(topology)).values()
    return any(node.name != name and node.role == "primary" and within(node.slots, slot) for node in nodes)


def slot_of(key: str) -> int:
    """The slot of a key."""
    return int(key_slot(key.encode()))
