"""Lesson 01, two traps: a primary that comes back empty before anybody has noticed, and a set-up of two sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from course_lib.lessons.topologies.experiment_sentinel_log import (
    data_nodes,
    follows,
    heard,
    listening,
    primary_of,
    sentinel_set,
    sentinels_of,
    switched,
)
from course_lib.lessons.topologies.experiment_writer import ONCE, Writer, account, writing
from course_lib.servers import Topology
from course_lib.worlds.threads import until

HEARD = {
    ("+sdown", "master"): "finds the primary down",
    ("+odown", "master"): "as many as the quorum agree",
    ("+sdown", "sentinel"): "finds the other sentinel down",
    ("-failover-abort-not-elected", ""): "gives up: nobody has a majority",
    ("-sdown", "sentinel"): "hears the other sentinel again",
    ("+switch-master", ""): "learns of the new primary",
}
"""Events of an election by channel and by what they are about, and what they mean. Source: as of watching.STEPS."""


async def empty_restart(topology: Topology, *, writes: int = 100) -> dict[str, Any]:
    """Kill the primary and start it again at once, as a supervisor does, before the sentinels have noticed.

    They are told to wait for 10 s, a third of Sentinel's own default. The servers keep nothing on disk.
    """
    clock, name = asyncio.get_running_loop().time, await primary_of(topology)
    sentinels = sentinels_of(topology)
    for node in sentinels:
        await sentinel_set(topology, node, "down-after-milliseconds", 10_000)
    replicas = [node for node in data_nodes(topology) if node != name]
    async with topology.redis(**ONCE) as redis:
        writer = Writer(redis, "w", wait=(len(replicas), 0.1))
        async with writing(writer):
            await until(lambda: writer.acknowledged() >= writes, f"{writes} writes are acknowledged")
            await asyncio.to_thread(topology.kill, name)
            killed = clock()
            await asyncio.to_thread(topology.restart, name)
            began = clock()
            for node in replicas:
                await until(partial(follows, topology, node), "the replicas follow again", within=60)
            await until(lambda: writer.acknowledged(began) >= writes, "the writer is acknowledged again")
        told = await account(redis, writer, killed)
    for node in sentinels:
        await sentinel_set(topology, node, "down-after-milliseconds", 500)
    return {"writers": {"writer": told}, "marks": {"killed": 0.0, "started": round(began - killed, 4)}, "killed": name}


async def two_sentinels(topology: Topology, *, quorum: int = 1) -> dict[str, Any]:
    """A set-up of two sentinels loses the host with the primary and one sentinel; later that sentinel comes back.

    The surviving sentinel's failover time-out is 1 s meanwhile, so that it gives up its election after 1 s, not 10.
    """
    sentinels = sentinels_of(topology)
    left, gone = sentinels[0], sentinels[-1]
    for node in sentinels:
        await sentinel_set(topology, node, "quorum", quorum)
    await sentinel_set(topology, left, "failover-timeout", 1000)
    # The one that comes back must have heard of the other's vote before it asks for one.
    for setting in (("down-after-milliseconds", 1500), ("failover-timeout", 2000)):
        await sentinel_set(topology, gone, *setting)
    clock, name = asyncio.get_running_loop().time, await primary_of(topology)
    async with listening(topology, left) as said:
        for node in (gone, name):
            await asyncio.to_thread(topology.kill, node)
        killed = clock()
        await until(lambda: heard(said, "-failover-abort-not-elected"), "the election is given up", within=60)
        gave_up, alone = clock(), await primary_of(topology, but=name)
        await sentinel_set(topology, left, "failover-timeout", 30_000)  # so that the two do not compete for the lead
        await asyncio.to_thread(topology.restart, gone)
        await until(lambda: switched(said), "two sentinels elect a leader", within=60)
        promoted = clock()
    events = [(round(t - killed, 4), *rest) for t, *rest in said]
    return {
        "sentinels": len(sentinels),
        "quorum": quorum,
        "majority": len(sentinels) // 2 + 1,
        "events": events,
        "promoted by one alone": bool(alone),
        "given up after (s)": round(gave_up - killed, 3),
        "promoted after it came back (s)": round(promoted - gave_up, 3),
    }


def election(outcome: Mapping[str, Any]) -> list[dict[str, object]]:
    """What the surviving sentinel of two_sentinels said that matters to the election, as rows of a table."""
    rows, me = list[dict[str, object]](), ""
    for seconds, sentinel, channel, words in outcome["events"]:
        subject, epoch = words.split(" ", 1)[0], words.rpartition(" ")[2]
        if channel == "+vote-for-leader":
            me = me or subject  # whoever asks for votes gives itself the first
            told = f"votes for {'itself' if subject == me else 'the other sentinel'}, in epoch {epoch}"
        else:
            told = HEARD.get((channel, subject)) or HEARD.get((channel, "")) or ""
        if told:
            rows.append({"seconds": f"{seconds:.2f}", "who": sentinel, "event": channel, "in words": told})
    return rows
