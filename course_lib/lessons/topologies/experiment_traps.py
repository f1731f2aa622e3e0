"""Lesson 01, two traps: a primary that comes back empty before the sentinels notice, and a set-up of two sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from course_lib.lessons.topologies.experiment_sentinel_log import (
    do,
    follows,
    heard,
    listening,
    primary_of,
    sentinel_set,
    sentinels_of,
    since,
)
from course_lib.lessons.topologies.experiment_writer import account, at_work
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
"""Events of an election by channel and by what they are about, and what they mean. Source: that of STEPS."""


async def empty_restart(topology: Topology, *, writes: int = 100) -> dict[str, Any]:
    """Kill the primary and start it again at once, as a supervisor does, before the sentinels have noticed.

    They are told to wait for 10 s, a third of Sentinel's own default. The servers keep nothing on disk.
    """
    name, sentinels = await primary_of(topology), sentinels_of(topology)
    replicas = [node for node in topology.names if node not in (name, *sentinels)]
    for node in sentinels:
        await sentinel_set(topology, node, "down-after-milliseconds", 10_000)
    async with at_work(topology, writes, wait=(len(replicas), 0.1)) as writer:
        killed = await do(topology.kill, name)
        began = await do(topology.restart, name)
        for node in replicas:
            await until(partial(follows, topology, node), "the replicas follow again", within=60)
        await writer.wait_until_acknowledged(writes, since=began)
        told = await account(writer.redis, writer, killed)
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
        await do(topology.kill, gone)
        killed = await do(topology.kill, name)
        await until(lambda: heard(said, "-failover-abort-not-elected"), "the election is given up", within=60)
        gave_up, alone = clock(), await primary_of(topology, but=name)
        await sentinel_set(topology, left, "failover-timeout", 30_000)  # so that the two do not compete for the lead
        await do(topology.restart, gone)
        await until(lambda: heard(said, "+switch-master"), "two sentinels elect a leader", within=60)
        promoted = clock()
    return {
        "sentinels": len(sentinels),
        "quorum": quorum,
        "majority": len(sentinels) // 2 + 1,
        "events": since(killed, said),
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
            me = me or subject  # a sentinel that asks for votes gives itself the first
            told = f"votes for {'itself' if subject == me else 'the other sentinel'}, in epoch {epoch}"
        else:
            told = HEARD.get((channel, subject)) or HEARD.get((channel, "")) or ""
        if told:
            rows.append({"seconds": f"{seconds:.2f}", "who": sentinel, "event": channel, "in words": told})
    return rows
