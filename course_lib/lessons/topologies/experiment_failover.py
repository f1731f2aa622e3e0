"""Lesson 01, one server and Sentinel: what a crash and a partition cost, counted by writers, timed by sentinels.

Each experiment takes a running topology that nobody else uses meanwhile and returns what a picture and a table need.
Times are seconds from the fault on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

import redis as sync

from course_lib.lessons.topologies.experiment_sentinel_log import (
    STEPS,
    data_nodes,
    follows,
    listening,
    milestones,
    primary_of,
    switched,
)
from course_lib.lessons.topologies.experiment_writer import ONCE, Writer, account, silence, writing
from course_lib.servers import NodeStatus, Topology
from course_lib.worlds.threads import until

KILLED, AGAIN = "primary killed", "a write is acknowledged again"
PHASES = {
    "notice": (KILLED, STEPS["+odown"]),
    "vote": (STEPS["+odown"], STEPS["+elected-leader"]),
    "promote": (STEPS["+elected-leader"], STEPS["+switch-master"]),
    "find it": (STEPS["+switch-master"], AGAIN),
}


async def calm(topology: Topology, *, writes: int = 100) -> dict[str, Any]:
    """Nothing happens: the control of all others."""
    async with topology.redis(**ONCE) as redis:
        writer, began = Writer(redis, "w"), asyncio.get_running_loop().time()
        async with writing(writer):
            await until(lambda: writer.acknowledged() >= writes, f"{writes} writes are acknowledged")
        return {"writers": {"writer": await account(redis, writer, began)}, "marks": {}}


async def crash(topology: Topology, *, writes: int = 100, down_for: float = 0.3) -> dict[str, Any]:
    """SIGKILL for the only server while a writer writes; some time later it is started again on the same folder."""
    clock, name = asyncio.get_running_loop().time, topology.names[0]
    async with topology.redis(**ONCE) as redis:
        writer = Writer(redis, "w")
        async with writing(writer):
            await until(lambda: writer.acknowledged() >= writes, f"{writes} writes are acknowledged")
            await asyncio.to_thread(topology.kill, name)
            killed = clock()
            await asyncio.sleep(down_for)
            await asyncio.to_thread(topology.restart, name)
            began = clock()
            await until(lambda: writer.acknowledged(began) >= writes, "the writer is acknowledged again")
        return {"writers": {"writer": await account(redis, writer, killed)}, "marks": {"killed": 0.0}}


async def failover(topology: Topology, *, writes: int = 100) -> dict[str, Any]:
    """SIGKILL for the primary, and nobody does anything about it but the sentinels."""
    clock, name = asyncio.get_running_loop().time, await primary_of(topology)
    async with topology.redis(**ONCE) as redis, listening(topology) as said:
        writer = Writer(redis, "w")
        async with writing(writer):
            await until(lambda: writer.acknowledged() >= writes, f"{writes} writes are acknowledged")
            await asyncio.to_thread(topology.kill, name)
            killed = clock()
            await until(lambda: switched(said), "the sentinels agree on a new primary")
            began = clock()
            await until(lambda: writer.acknowledged(began) >= writes, "the writer is acknowledged again")
        told = await account(redis, writer, killed)
    events = [(round(t - killed, 4), *rest) for t, *rest in said]
    last, again = (round(t - killed, 4) for t in silence(writer.attempts))
    steps = {"last write acknowledged": last, KILLED: 0.0, **milestones(events)}
    steps[AGAIN] = again
    phases = {phase: [steps[a], steps[b]] for phase, (a, b) in PHASES.items() if a in steps and b in steps}
    return {
        "writers": {"writer": told},
        "marks": {"killed": 0.0},
        "events": events,
        "steps": steps,
        "phases": {phase: span for phase, span in phases.items() if span[0] <= span[1]},
        "killed": name,
    }


async def partition(topology: Topology, *, min_replicas: int = 0, lasts: float = 3.5) -> dict[str, Any]:
    """Cut the primary off from the other nodes, not from its clients, and heal the cut when there is a new primary.

    Two writers were connected before the cut, and the second asks WAIT for both replicas; a third comes after it.
    Units: `lasts`, seconds from the cut to the healing; more if the failover takes longer.
    """
    clock, name = asyncio.get_running_loop().time, await primary_of(topology)
    await asyncio.to_thread(_configure, topology, min_replicas)
    async with AsyncExitStack() as open_:
        clients = [await open_.enter_async_context(topology.redis(**ONCE)) for _ in range(3)]
        said = await open_.enter_async_context(listening(topology))
        early, asking, late = (Writer(*given) for given in zip(clients, ("early", "asking", "late"), strict=True))
        asking.wait = (2, 0.1)
        async with writing(early, asking):
            await until(lambda: min(early.acknowledged(), asking.acknowledged()) >= 50, "the first writes are through")
            await asyncio.to_thread(topology.partition, name)
            cut = clock()
            await until(lambda: switched(said, all_of=topology), "all sentinels know the new primary")
            async with writing(late):
                await asyncio.sleep(cut + lasts - clock())
                nodes, healed = await asyncio.to_thread(topology.status), clock()
                await asyncio.to_thread(topology.heal)
                await until(lambda: follows(topology, name), "the old primary follows the new one", within=60)
                await until(lambda: late.acknowledged() >= 50, "the new primary takes writes")
        told = {w.name: await account(clients[2], w, cut) for w in (early, asking, late)}
    marks = {"cut off": 0.0, "healed": round(healed - cut, 4)}
    marks["new primary"] = min(round(t - cut, 4) for t, _, channel, _ in said if channel == "+switch-master")
    return {"writers": told, "marks": marks, "cut": name, "nodes": [asdict(node) for node in nodes]}


def as_seen(outcome: Mapping[str, Any]) -> list[NodeStatus]:
    """The nodes of a partition as they were just before it was healed, by what each said of itself."""
    return [NodeStatus(**node) for node in outcome["nodes"]]


def _configure(topology: Topology, min_replicas: int) -> None:
    for node in data_nodes(topology):
        with sync.Redis.from_url(topology.url(node), protocol=2) as client:
            client.config_set("min-replicas-max-lag", 1)
            client.config_set("min-replicas-to-write", min_replicas)
