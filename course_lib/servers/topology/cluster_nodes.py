"""CLUSTER NODES: what one node of a cluster knows of every node.

Source: Redis documentation, https://redis.io/docs/latest/commands/cluster-nodes/
"""

from __future__ import annotations

from typing import Any, NamedTuple

from course_lib.servers.resp import Refusal

Ranges = tuple[tuple[int, int], ...]
"""Slots: the first and the last of each range."""


class KnownNode(NamedTuple):
    """A node as another one, or it itself, knows it. `primary` is the id of the node that it follows, or "-"."""

    id: str
    port: int
    flags: frozenset[str]
    primary: str
    slots: Ranges


def cluster_nodes(reply: Any) -> list[KnownNode]:
    """The nodes in a reply to CLUSTER NODES; none if it is anything else. Open slots (`[93->-…`) are left out."""
    if not isinstance(reply, str) or isinstance(reply, Refusal):
        return []
    return [_known(*line.split()) for line in reply.splitlines()]


def own_slots(reply: Any) -> Ranges:
    """The slots that the node which answered holds by its own account."""
    return next((node.slots for node in cluster_nodes(reply) if "myself" in node.flags), ())


def _known(identity: str, address: str, flags: str, primary: str, *others: str) -> KnownNode:
    port = address.partition("@")[0].rpartition(":")[2]
    ranges = [word.partition("-") for word in others[4:] if not word.startswith("[")]
    slots = tuple((int(first), int(last or first)) for first, _, last in ranges)
    return KnownNode(identity, int(port), frozenset(flags.split(",")), primary, slots)
