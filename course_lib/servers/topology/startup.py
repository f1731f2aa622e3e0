"""How servers become a topology that is ready to be used: replicas linked, Sentinels introduced, slots shared out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from course_lib.errors import ServerFailed
from course_lib.servers.ask import ask, ask_all, info
from course_lib.servers.ports import HOST
from course_lib.servers.topology.cluster_nodes import KnownNode, cluster_nodes
from course_lib.servers.topology.node import TopologyNode
from course_lib.servers.topology.status import NAME, pairs

SLOTS = 16_384
READY_WITHIN = 20.0  # s, on a machine under heavy load
POLL = 0.01  # s between two looks
# ms. A Sentinel that was just started finds the others within a second, not ten; down-after-milliseconds is untouched.
# During a failover it asks replicas for INFO once a second, and it promotes none that it has not heard from for five
# ping-periods. So with a ping-period of 200 or less there would often be no replica to promote.
PERIODS = {"info-period": 200, "publish-period": 200, "ping-period": 400, "ask-period": 100}
PERIOD_WORDS = [word for period in PERIODS.items() for word in period]


def wait_until(holds: Callable[[], bool], what: str, within: float = READY_WITHIN) -> None:
    """Look again and again until the condition holds. Raises: ServerFailed after `within` seconds, which says what did
    not."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise ServerFailed(f"not within {within:g} s: {what}")
        time.sleep(POLL)


def bring_up(nodes: Sequence[TopologyNode], start: Callable[[TopologyNode], object]) -> None:
    """Start the servers, each kind after those that it needs, and return when they are a topology."""
    replicas = [node for node in nodes if node.service.follows]
    sentinels = [node for node in nodes if node.kind == "sentinel"]
    each(start, [node for node in nodes if node not in replicas + sentinels])
    each(start, replicas)
    wait_for_links(replicas)
    each(start, sentinels)
    introduce_sentinels(sentinels, len(replicas))
    if nodes[0].bus:
        form_cluster(nodes)


def each(work: Callable[[TopologyNode], object], nodes: Sequence[TopologyNode]) -> None:
    """Call the function for all of them at the same time."""
    if nodes:
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(work, nodes))


# -- replication and Sentinel -----------------------------------------------------------------------------------------


def wait_for_links(replicas: Sequence[TopologyNode]) -> None:
    """Return when each replica has its primary's data and follows it."""

    def linked() -> bool:
        answers = ask_all({node.own: [("INFO", "replication")] for node in replicas})
        return len(answers) == len(replicas) and all(
            info(answer).get("master_link_status") == "up" for (answer,) in answers.values()
        )

    wait_until(linked, f"{', '.join(node.name for node in replicas)} linked to the primary")


def introduce_sentinels(sentinels: Sequence[TopologyNode], replicas: int) -> None:
    """Return when every Sentinel knows all the others, and all replicas."""
    hurry(sentinels)

    def introduced() -> bool:
        answers = ask_all({node.own: [("SENTINEL", "MASTER", NAME)] for node in sentinels})
        known = [pairs(answer) for (answer,) in answers.values()]
        wanted = {"num-slaves": str(replicas), "num-other-sentinels": str(len(sentinels) - 1), "flags": "master"}
        return len(known) == len(sentinels) and all(wanted.items() <= one.items() for one in known)

    wait_until(introduced, "every Sentinel knows the others and the replicas")


def hurry(sentinels: Sequence[TopologyNode]) -> None:
    """Let these Sentinels look around more often. A restarted Sentinel has forgotten it."""
    ask_all({node.own: [("SENTINEL", "DEBUG", *PERIOD_WORDS)] for node in sentinels}, within=2.0)


# -- Cluster ----------------------------------------------------------------------------------------------------------


def form_cluster(nodes: Sequence[TopologyNode]) -> None:
    """Share the slots out among the primaries, introduce all to all, and give each replica its primary.

    A replica whose primary is not among the nodes becomes a primary.
    """
    names = {node.name for node in nodes}
    primaries = [node for node in nodes if node.service.replicates not in names]
    first = 0
    for n, node in enumerate(primaries, 1):
        last = round(SLOTS * n / len(primaries)) - 1  # as redis-cli --cluster create does
        ask(node.own, "CLUSTER", "SET-CONFIG-EPOCH", n)
        ask(node.own, "CLUSTER", "ADDSLOTSRANGE", first, last)
        first = last + 1
    for node in nodes[1:]:
        meet(node, nodes[0])
    wait_until(lambda: all(len(view) == len(nodes) for view in views(nodes)), "every node knows all others")
    ids = {node.name: ask(node.own, "CLUSTER", "MYID") for node in primaries}
    for node in nodes:
        if node not in primaries:
            ask(node.own, "CLUSTER", "REPLICATE", ids[node.service.replicates])
    wait_until_agreed(nodes)


def meet(node: TopologyNode, other: TopologyNode) -> None:
    """Introduce a node to another; the rest of the cluster hears of it from them."""
    ask(node.own, "CLUSTER", "MEET", HOST, other.port, other.bus)


def wait_until_agreed(nodes: Sequence[TopologyNode], within: float = READY_WITHIN) -> None:
    """Return when every slot is covered, every replica linked, and all nodes give the same account of it."""
    questions = [("CLUSTER", "INFO"), ("INFO", "replication")]

    def agreed() -> bool:
        answers = ask_all({node.own: questions for node in nodes})
        if len(answers) < len(nodes) or len(set(views(nodes))) > 1:
            return False
        states = [(info(cluster), info(replication)) for cluster, replication in answers.values()]
        return all(
            cluster.get("cluster_state") == "ok" and own.get("master_link_status", "up") == "up"
            for cluster, own in states
        )

    wait_until(agreed, "all slots are covered and all nodes of the cluster agree", within)


def views(nodes: Sequence[TopologyNode]) -> list[frozenset[KnownNode]]:
    """What each of these nodes knows of the cluster; nothing, if it did not answer.

    A node whose address or whose id is not known yet is left out.
    """
    answers = ask_all({node.own: [("CLUSTER", "NODES")] for node in nodes})
    known = [cluster_nodes(answers.get(node.own, [""])[0]) for node in nodes]
    return [
        frozenset(one._replace(flags=one.flags - {"myself"}) for one in view if not one.flags & {"handshake", "noaddr"})
        for view in known
    ]
