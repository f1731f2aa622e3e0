"""Lesson 01, one server and Sentinel: what a crash and a partition cost, counted by writers, timed by sentinels.

Each experiment takes a running topology, which has no other user meanwhile, and returns what a picture and a table
need. Times are seconds from the fault on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

from course_lib.lessons.topologies.experiment_sentinel_log import (
    STEPS,
    do,
    follows,
    heard,
    listening,
    milestones,
    primary_of,
    sentinels_of,
    since,
)
from course_lib.lessons.topologies.experiment_writer import ONCE, Writer, account, at_work, silence, writing
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
    began = asyncio.get_running_loop().time()
    async with at_work(topology, writes) as writer:
        return {"writers": {"writer": await account(writer.redis, writer, began)}, "marks": {}}


async def crash(topology: Topology, *, writes: int = 100, down_for: float = 0.3) -> dict[str, Any]:
    """SIGKILL for the only server while a writer writes; some time later it is started again on the same folder."""
    name = topology.names[0]
    async with at_work(topology, writes) as writer:
        killed = await do(topology.kill, name)
        await asyncio.sleep(down_for)
        await writer.wait_until_acknowledged(writes, since=await do(topology.restart, name))
        return {"writers": {"writer": await account(writer.redis, writer, killed)}, "marks": {"killed": 0.0}}


async def failover(topology: Topology, *, writes: int = 100) -> dict[str, Any]:
    """SIGKILL for the primary; only the sentinels do anything about it."""
    name = await primary_of(topology)
    async with listening(topology) as said, at_work(topology, writes) as writer:
        killed = await do(topology.kill, name)
        await until(lambda: heard(said, "+switch-master"), "the sentinels agree on a new primary")
        await writer.wait_until_acknowledged(writes, since=asyncio.get_running_loop().time())
        told = await account(writer.redis, writer, killed)
        last, again = (round(t - killed, 4) for t in silence(writer.attempts))
    events = since(killed, said)
    steps = {"last write acknowledged": last, KILLED: 0.0, **milestones(events), AGAIN: again}
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
    for redis in topology.nodes(socket_timeout=5.0):
        async with redis:
            await redis.config_set("min-replicas-max-lag", 1, "min-replicas-to-write", min_replicas)
    async with AsyncExitStack() as open_:
        clients = [await open_.enter_async_context(topology.redis(**ONCE)) for _ in range(3)]
        said = await open_.enter_async_context(listening(topology))
        early, asking, late = (Writer(*given) for given in zip(clients, ("early", "asking", "late"), strict=True))
        asking.wait = (2, 0.1)
        async with writing(early, asking):
            await until(lambda: min(early.acknowledged(), asking.acknowledged()) >= 50, "the first writes are through")
            cut, all_ = await do(topology.partition, name), set(sentinels_of(topology))
            await until(lambda: heard(said, "+switch-master") == all_, "all sentinels know the new primary")
            async with writing(late):
                await asyncio.sleep(cut + lasts - clock())
                nodes, healed = await asyncio.to_thread(topology.status), clock()
                await asyncio.to_thread(topology.heal)
                await until(lambda: follows(topology, name), "the old primary follows the new one", within=60)
                await late.wait_until_acknowledged(50)
        told = {w.name: await account(clients[2], w, cut) for w in (early, asking, late)}
    marks = {"cut off": 0.0, "healed": round(healed - cut, 4)}
    marks["new primary"] = min(round(t - cut, 4) for t, _, channel, _ in said if channel == "+switch-master")
    return {"writers": told, "marks": marks, "cut": name, "nodes": [asdict(node) for node in nodes]}


def as_seen(outcome: Mapping[str, Any]) -> list[NodeStatus]:
    """The nodes of a partition as they were just before it was healed, by what each said of itself."""
    return [NodeStatus(**node) for node in outcome["nodes"]]
