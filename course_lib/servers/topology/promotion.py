"""How a replica is made the primary: by the Sentinels, by the cluster, or by REPLICAOF where there is neither."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from course_lib.errors import ServerFailed
from course_lib.servers.ask import ask, ask_all, info
from course_lib.servers.topology.cluster_nodes import cluster_nodes
from course_lib.servers.topology.node import TopologyNode
from course_lib.servers.topology.startup import wait_until
from course_lib.servers.topology.status import NAME, PATIENTLY, NodeStatus, observe, pairs

WITHIN = 10.0  # s until a promotion counts as failed
FIRST = 1  # replica-priority: Sentinel promotes the replica with the lowest
PATIENCE = 3.0  # s until a failover that was ordered is ordered again


def promote(node: TopologyNode, nodes: Sequence[TopologyNode]) -> None:
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


def is_primary(node: TopologyNode) -> bool:
    """Whether the server says so itself."""
    answers = ask_all({node.own: [("INFO", "replication")]})
    return any(info(answer).get("role") == "master" for (answer,) in answers.values())


def _order_until(
    holds: Callable[[], bool], node: TopologyNode, order: Callable[[], object], what: str, within: float
) -> None:
    """Give the order, and again if the node is not the primary after PATIENCE; return when it holds."""
    ordered = float("-inf")

    def looked() -> bool:
        nonlocal ordered
        if not is_primary(node) and time.monotonic() - ordered > PATIENCE:
            ordered = time.monotonic()
            order()
        return holds()

    wait_until(looked, what, within)


def _in_cluster(node: TopologyNode, primary: NodeStatus | None, nodes: Sequence[TopologyNode]) -> None:
    """By CLUSTER FAILOVER, or TAKEOVER where the primary cannot be reached.

    A primary ignores a replica that it does not know yet. So wait until it does, and repeat an order that was ignored.
    """
    if primary is None or (primary.role, primary.state, node.state) != ("primary", "up", "up"):
        ask(node.own, "CLUSTER", "FAILOVER", "TAKEOVER")
        return wait_until(lambda: is_primary(node), f"{node.name} is the primary", WITHIN)
    (old,) = [one for one in nodes if one.name == primary.name]
    wait_until(lambda: _has_replica(old, node), f"{old.name} knows {node.name} as its replica", WITHIN)
    _order_until(lambda: is_primary(node), node, lambda: _request(node), f"{node.name} is the primary", WITHIN)


def _request(node: TopologyNode) -> None:
    """Order the failover. A replica whose link is down refuses to ask its primary, and then takes over by itself."""
    try:
        ask(node.own, "CLUSTER", "FAILOVER")
    except ServerFailed as error:
        if "FORCE" not in str(error):
            raise
        ask(node.own, "CLUSTER", "FAILOVER", "TAKEOVER")


def _has_replica(primary: TopologyNode, replica: TopologyNode) -> bool:
    """Whether that primary counts that replica among its own."""
    said = ask_all({primary.own: [("CLUSTER", "MYID"), ("CLUSTER", "NODES")]}).get(primary.own, ["", ""])
    return any(node.port == replica.port and node.primary == said[0] for node in cluster_nodes(said[1]))


def _by_sentinel(node: TopologyNode, sentinels: Sequence[TopologyNode]) -> None:
    """By SENTINEL FAILOVER. Sentinel chooses the replica by its priority, so this one gets the best for the time being.

    First wait until every Sentinel knows it as a replica. A Sentinel that has seen it as a primary, as it was before a
    restart, would make it a replica again. The order is repeated if the failover was given up.
    """
    _, usual = ask(node.own, "CONFIG", "GET", "replica-priority")
    ask(node.own, "CONFIG", "SET", "replica-priority", FIRST)
    try:
        wait_until(lambda: _is_candidate(node, sentinels), f"all Sentinels know {node.name} as a replica", WITHIN)
        failover = {sentinels[0].own: [("SENTINEL", "FAILOVER", NAME)]}  # refused while another is under way
        said = f"{node.name} is the primary, and all Sentinels say so"
        _order_until(lambda: _is_agreed(node, sentinels), node, lambda: ask_all(failover), said, 2 * WITHIN)
    finally:
        ask(node.own, "CONFIG", "SET", "replica-priority", usual)
        ask(node.own, "CONFIG", "REWRITE")  # the Sentinels made it write its new role, and this priority with it


def _is_candidate(node: TopologyNode, sentinels: Sequence[TopologyNode]) -> bool:
    """Whether every Sentinel knows this node as a replica, by its own account, and with the best priority."""
    answers = ask_all({sentinel.own: [("SENTINEL", "REPLICAS", NAME)] for sentinel in sentinels})
    wanted = {"port": str(node.port), "role-reported": "slave", "slave-priority": str(FIRST), "flags": "slave"}
    known = [map(pairs, answer) if isinstance(answer, list) else () for (answer,) in answers.values()]
    found = [any(wanted.items() <= replica.items() for replica in replicas) for replicas in known]
    return len(found) == len(sentinels) and all(found)


def _is_agreed(node: TopologyNode, sentinels: Sequence[TopologyNode]) -> bool:
    """Whether this node is the primary by its own account and by every Sentinel's."""
    answers = ask_all({sentinel.own: [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)] for sentinel in sentinels})
    named = [answer for (answer,) in answers.values() if isinstance(answer, list) and answer[1] == str(node.port)]
    return len(named) == len(sentinels) and is_primary(node)
