"""How a replica is made the primary, by whoever decides it in that topology."""

from __future__ import annotations

import time
from collections.abc import Sequence

from course_lib.errors import ServerFailed
from course_lib.servers.ask import ask, ask_all, info
from course_lib.servers.topology.node import Node
from course_lib.servers.topology.startup import wait_until
from course_lib.servers.topology.status import NAME, PATIENTLY, NodeStatus, observe, pairs

WITHIN = 10.0  # s until a promotion counts as failed
FIRST = 1  # replica-priority: Sentinel promotes the replica with the lowest
PATIENCE = 3.0  # s until a failover that was ordered is ordered again


def promote(node: Node, nodes: Sequence[Node]) -> None:
    """Make this replica the primary; return when it is. What it raises: see Topology.promote."""
    seen = {status.name: status for status in observe(nodes, PATIENTLY)}
    own = seen[node.name]
    if own.role != "replica":
        raise ValueError(f"{node.name} is no replica now: its role is {own.role}, its state {own.state}")
    if node.bus:
        return _in_cluster(node, seen.get(own.primary), nodes)
    if own.state != "up" and any(one.kind == "sentinel" for one in nodes):
        raise ServerFailed(f"{node.name} is {own.state}, so no Sentinel can reach it: heal it first")
    if sentinels := [one for one in nodes if seen[one.name].role == "sentinel" and seen[one.name].state == "up"]:
        return _by_sentinel(node, sentinels)
    if any(one.kind == "sentinel" for one in nodes):
        raise ServerFailed("no Sentinel answers, so nobody can order a failover")
    ask(node.own, "REPLICAOF", "NO", "ONE")


def is_primary(node: Node) -> bool:
    """Whether the server says so itself."""
    answers = ask_all({node.own: [("INFO", "replication")]})
    return any(info(answer).get("role") == "master" for (answer,) in answers.values())


def _in_cluster(node: Node, primary: NodeStatus | None, nodes: Sequence[Node]) -> None:
    """A primary ignores a replica that it does not know as its own yet, so that is waited for, and asked for again."""
    if primary is None or (primary.role, primary.state, node.state) != ("primary", "up", "up"):
        ask(node.own, "CLUSTER", "FAILOVER", "TAKEOVER")
        return wait_until(lambda: is_primary(node), f"{node.name} is the primary", WITHIN)
    (old,) = [one for one in nodes if one.name == primary.name]
    wait_until(lambda: _has_replica(old, node), f"{old.name} knows {node.name} as its replica", WITHIN)
    asked = float("-inf")

    def done() -> bool:
        nonlocal asked
        if not is_primary(node) and time.monotonic() - asked > PATIENCE:
            asked = time.monotonic()
            _request(node)
        return is_primary(node)

    wait_until(done, f"{node.name} is the primary", WITHIN)


def _request(node: Node) -> None:
    """A replica whose link is down refuses to ask its primary, whatever we know of that."""
    try:
        ask(node.own, "CLUSTER", "FAILOVER")
    except ServerFailed as error:
        if "FORCE" not in str(error):
            raise
        ask(node.own, "CLUSTER", "FAILOVER", "TAKEOVER")


def _has_replica(primary: Node, replica: Node) -> bool:
    """Whether that primary counts that replica among its own."""
    said = ask_all({primary.own: [("CLUSTER", "MYID"), ("CLUSTER", "NODES")]}).get(primary.own, ["", ""])
    lines = [line.split() for line in said[1].splitlines()]
    return any(f":{replica.port}@" in words[1] and words[3] == said[0] for words in lines)


def _by_sentinel(node: Node, sentinels: Sequence[Node]) -> None:
    """Sentinel chooses by priority, as each replica says it; so this replica gets the first for that while.

    The order waits until all of them know it as a replica: one that has seen it as a primary, as it is after a
    restart, would make it a replica again. It is given again if the failover was given up.
    """
    _, usual = ask(node.own, "CONFIG", "GET", "replica-priority")
    ask(node.own, "CONFIG", "SET", "replica-priority", FIRST)
    try:
        wait_until(lambda: _is_candidate(node, sentinels), f"all Sentinels know {node.name} as a replica", WITHIN)
        asked = float("-inf")

        def done() -> bool:
            nonlocal asked
            if not is_primary(node) and time.monotonic() - asked > PATIENCE:
                asked = time.monotonic()
                ask_all({sentinels[0].own: [("SENTINEL", "FAILOVER", NAME)]})  # refused while another is under way
            return _is_agreed(node, sentinels)

        wait_until(done, f"{node.name} is the primary, and all Sentinels say so", 2 * WITHIN)
    finally:
        ask(node.own, "CONFIG", "SET", "replica-priority", usual)
        ask(node.own, "CONFIG", "REWRITE")  # as the Sentinels have made it do, for its new role, meanwhile


def _is_candidate(node: Node, sentinels: Sequence[Node]) -> bool:
    """Whether every Sentinel takes this node for a replica that says so itself, and that comes first."""
    answers = ask_all({sentinel.own: [("SENTINEL", "REPLICAS", NAME)] for sentinel in sentinels})
    wanted = {"port": str(node.port), "role-reported": "slave", "slave-priority": str(FIRST), "flags": "slave"}
    known = [map(pairs, answer) if isinstance(answer, list) else () for (answer,) in answers.values()]
    found = [any(wanted.items() <= replica.items() for replica in replicas) for replicas in known]
    return len(found) == len(sentinels) and all(found)


def _is_agreed(node: Node, sentinels: Sequence[Node]) -> bool:
    """Whether this node is the primary by its own account and by every Sentinel's."""
    answers = ask_all({sentinel.own: [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)] for sentinel in sentinels})
    named = [answer for (answer,) in answers.values() if isinstance(answer, list) and answer[1] == str(node.port)]
    return len(named) == len(sentinels) and is_primary(node)
