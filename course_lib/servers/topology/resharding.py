"""Moving slots of a cluster from one primary to another while clients read and write.

For each slot, in this order: the target is told to import it, and the source to hand it out; the keys are moved, some
at a time; all primaries are told who has the slot. Meanwhile the source answers ASK for a key that has been moved
already, and afterwards MOVED.

Source: Redis cluster specification, "Live resharding" and "MOVED Redirection",
https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from course_lib.errors import ServerFailed
from course_lib.servers.ask import ask, ask_all
from course_lib.servers.ports import HOST
from course_lib.servers.topology.cluster_nodes import Ranges, cluster_nodes
from course_lib.servers.topology.node import TopologyNode
from course_lib.servers.topology.status import PATIENTLY, observe

BATCH = 100  # keys in one MIGRATE, during which the source serves no other client
MIGRATE_WITHIN = 5000  # ms


def slot_map(nodes: Sequence[TopologyNode]) -> dict[str, Ranges]:
    """The slots of each primary that has some, as most of the nodes that can be reached see it."""
    names = {node.port: node.name for node in nodes}
    reachable = {node.own: [("CLUSTER", "NODES")] for node in nodes if node.state == "up"}
    maps = [_owners(answer, names) for (answer,) in ask_all(reachable, PATIENTLY).values()]
    if not maps:
        raise ServerFailed("no node of the cluster answers, so nobody can say who has which slots")
    return dict(Counter(maps).most_common(1)[0][0])


def reshard(
    slots: int | range,
    source: TopologyNode,
    target: TopologyNode,
    nodes: Sequence[TopologyNode],
    progress: Callable[[int, int], object] | None = None,
) -> int:
    """Move them; what it does and raises: see Topology.reshard."""
    primaries = _primaries(nodes, source, target)
    chosen = _chosen(slots, source, observe([source], PATIENTLY)[0].slots)
    ids = {node.name: ask(node.own, "CLUSTER", "MYID") for node in (source, target)}
    for moved, slot in enumerate(chosen, 1):
        ask(target.own, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.name])
        ask(source.own, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target.name])
        _move_keys(slot, source, target)
        for node in primaries:  # the target first: if we stop here, two nodes claim the slot, and it is not lost
            ask(node.own, "CLUSTER", "SETSLOT", slot, "NODE", ids[target.name])
        if progress is not None:
            progress(moved, len(chosen))
    return len(chosen)


def _move_keys(slot: int, source: TopologyNode, target: TopologyNode) -> None:
    while keys := ask(source.own, "CLUSTER", "GETKEYSINSLOT", slot, BATCH):
        ask(source.own, "MIGRATE", HOST, target.port, "", 0, MIGRATE_WITHIN, "KEYS", *keys, within=10.0)


def _primaries(nodes: Sequence[TopologyNode], source: TopologyNode, target: TopologyNode) -> list[TopologyNode]:
    """The target, the source, and the other primaries that answer."""
    seen = {status.name: status for status in observe(nodes, PATIENTLY)}
    if source is target:
        raise ValueError(f"{source.name} has its own slots already: source and target are the same")
    for node in (source, target):
        if seen[node.name].role != "primary" or seen[node.name].state != "up":
            state = f"its role is {seen[node.name].role}, its state {seen[node.name].state}"
            raise ValueError(f"{node.name} is no primary that can be reached: {state}")
    others = [node for node in nodes if seen[node.name].role == "primary" and seen[node.name].state == "up"]
    return [target, source, *(node for node in others if node not in (source, target))]


def _chosen(slots: int | range, source: TopologyNode, held: Ranges) -> list[int]:
    """The slots to move, all of which the source holds."""
    holds = [slot for first, last in held for slot in range(first, last + 1)]
    wanted = holds[:slots] if isinstance(slots, int) else list(slots)
    if isinstance(slots, int) and not 0 <= slots <= len(holds):
        raise ValueError(f"{source.name} has {len(holds)} slots, so {slots} of them cannot be moved")
    if strange := set(wanted) - set(holds):
        text = ", ".join(f"{first} to {last}" for first, last in held) or "none"
        raise ValueError(f"{source.name} does not hold slot {min(strange)}; it holds {text}")
    return wanted


def _owners(reply: Any, names: dict[int, str]) -> tuple[tuple[str, Ranges], ...]:
    """Name and slots of each primary with slots, in the order of their first slot."""
    owners = [(names.get(node.port, str(node.port)), node.slots) for node in cluster_nodes(reply) if node.slots]
    return tuple(sorted(owners, key=lambda owner: owner[1]))
