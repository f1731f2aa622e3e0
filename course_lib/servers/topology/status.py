"""What the nodes of a topology say of themselves, each asked at the same moment; it never hangs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.servers.ask import ask_all, info
from course_lib.servers.resp import Command
from course_lib.servers.topology.cluster_nodes import Ranges, own_slots
from course_lib.servers.topology.node import TopologyNode

WITHIN = 0.25  # s for all nodes together
PATIENTLY = 2.0  # s for them before something is done that rests on what they say
NAME = "course"  # what the Sentinels call what they watch
QUESTIONS: dict[str, list[Command]] = {
    "data": [("INFO", "replication"), ("DBSIZE",), ("CLUSTER", "NODES")],
    "sentinel": [("SENTINEL", "MASTER", NAME)],
}


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node as it saw itself at one moment; two nodes may disagree, and in a partition they do.

    `kind` is "data" or "sentinel". `state` is "up", "down", "paused" or "cut off", and is ours to know. The rest is
    what the node said: `role` ("primary", "replica", "sentinel", or "unknown" if it said nothing in time), `primary`
    (the name of the node that it follows or watches, "" if none), `link` to that node ("up", "down", "" if none), `lag`
    (bytes of that node's writes that it has not got; None if it cannot be told), `slots` (first and last of each
    range), `keys` (None if unknown). A Sentinel's link is "down" when it finds the primary down.
    """

    name: str
    kind: str
    port: int
    state: str
    role: str = "unknown"
    primary: str = ""
    link: str = ""
    lag: int | None = None
    slots: Ranges = ()
    keys: int | None = None


def observe(nodes: Iterable[TopologyNode], within: float = WITHIN) -> tuple[NodeStatus, ...]:
    """The status of each node, in their order.

    Units: `within`, seconds that all of them have to answer, at the same time.
    """
    nodes = list(nodes)
    alive = {node.own: QUESTIONS[node.kind] for node in nodes if node.state not in ("down", "paused")}
    answers = ask_all(alive, within)
    names = {str(node.port): node.name for node in nodes}
    said = {node.name: info(answers[node.own][0]) for node in nodes if node.own in answers and node.kind == "data"}
    return tuple(_status(node, answers.get(node.own), names, said) for node in nodes)


def _status(
    node: TopologyNode, answer: list[Any] | None, names: Mapping[str, str], said: Mapping[str, dict[str, str]]
) -> NodeStatus:
    start = NodeStatus(node.name, node.kind, node.port, node.state)
    if answer is None or start.state == "down":
        return start
    what = (node.name, node.kind, node.port, start.state)
    if node.kind == "sentinel":
        watched = pairs(answer[0])
        doubt = any(flag in watched.get("flags", "s_down") for flag in ("s_down", "o_down", "disconnected"))
        return NodeStatus(*what, "sentinel", names.get(watched.get("port", ""), ""), "down" if doubt else "up")
    own, keys = said[node.name], answer[1] if isinstance(answer[1], int) else None
    slots = own_slots(answer[2])
    if own.get("role") != "slave":  # a server that is busy or loading refuses to say
        return NodeStatus(*what, "primary" if "role" in own else "unknown", slots=slots, keys=keys)
    primary = names.get(own.get("master_port", ""), "")
    link = "up" if own.get("master_link_status") == "up" else "down"
    return NodeStatus(*what, "replica", primary, link, _lag(own, said.get(primary, {})), slots, keys)


def _lag(own: Mapping[str, str], primary: Mapping[str, str]) -> int | None:
    """Bytes between the two, if they count from the same beginning."""
    if own.get("master_replid") != primary.get("master_replid") or "slave_repl_offset" not in own:
        return None
    return max(0, int(primary["master_repl_offset"]) - int(own["slave_repl_offset"]))


def pairs(reply: Any) -> dict[str, str]:
    """Names and values that stand in turn in a list, as Sentinel answers; empty for anything else."""
    return dict(zip(reply[::2], reply[1::2], strict=True)) if isinstance(reply, list) else {}
