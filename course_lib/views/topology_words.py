"""A topology in words: its one finding, what changed between two looks at it, and each node with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Protocol

from course_lib.words import counted, listed

SLOTS = 16384
Ranges = Sequence[tuple[int, int]]
Phrase = tuple[str, str]
"""How a state is said of one node, and of several; `{}` stands for the names."""


class NodeLike(Protocol):
    """What is shown of a node: what `status()` of a topology returns for each.

    Units: `lag` in bytes behind the node that it follows; None where there is none or it is not known.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str:
        """`data` or `sentinel`."""

    @property
    def port(self) -> int: ...
    @property
    def state(self) -> str:
        """`up`, `down`, `paused` or `cut off`."""

    @property
    def role(self) -> str:
        """`primary`, `replica`, `sentinel` or `unknown`: what the node says of itself."""

    @property
    def primary(self) -> str:
        """The name of the node that it follows or watches; empty if there is none."""

    @property
    def link(self) -> str:
        """`up` or `down`: the link to what it follows, or how a Sentinel finds what it watches; empty without one."""

    @property
    def lag(self) -> int | None: ...
    @property
    def slots(self) -> Ranges: ...
    @property
    def keys(self) -> int | None: ...


def finding(nodes: Sequence[NodeLike]) -> str:
    """The one thing that a look at these nodes should tell: who leads, and what is wrong."""
    return "; ".join(filter(None, [leading(nodes), trouble(nodes)]))


def trouble(nodes: Sequence[NodeLike]) -> str:
    """Which nodes are not up: `primary is down and replica2 is paused`; empty if all are."""
    return listed([f"{one.name} is {one.state}" for one in nodes if one.state != "up"])


def alternative(nodes: Sequence[NodeLike]) -> str:
    """The finding, and every node with its numbers."""
    return f"{finding(nodes)}. " + " ".join(f"{described(node)}." for node in nodes)


def described(node: NodeLike) -> str:
    """One node: `replica1: up, replica of primary, link up, 0 bytes behind, 12 keys`."""
    said = [node.state, role(node), *filter(None, [linked(node)])]
    if node.lag is not None:
        said.append(f"{node.lag:,} bytes behind")
    if node.slots:
        said.append(f"slots {ranges(node.slots)}")
    if node.keys is not None:
        said.append(counted(node.keys, "key"))
    return f"{node.name}: {', '.join(said)}"


def role(node: NodeLike) -> str:
    """`primary`, `replica of replica1`, `watches primary`, or that it is not known."""
    if node.role == "replica":
        return f"replica of {node.primary}" if node.primary else "replica"
    if node.role == "sentinel":
        return f"watches {node.primary}" if node.primary else "sentinel"
    return node.role if node.role == "primary" else "role unknown"


def linked(node: NodeLike) -> str:
    """`link up`; of a Sentinel `finds it down`; empty where there is nothing to say."""
    if not node.link:
        return ""
    return f"finds it {node.link}" if node.role == "sentinel" else f"link {node.link}"


def changes(before: Sequence[NodeLike], after: Sequence[NodeLike], *, views: bool = True) -> list[str]:
    """What has changed, in phrases to which a time can be added: `sentinel1 and sentinel2 watch replica1`.

    Without `views`, only what nodes are and own, not how they see each other. Numbers that always move, the lag and the
    keys, do not count as changes.
    """
    known, there, found = {node.name: node for node in before}, {node.name for node in after}, dict[Phrase, list[str]]()
    for name in known:
        if name not in there:
            found.setdefault(("{} has left", "{} have left"), []).append(name)
    for node in after:
        old = known.get(node.name)
        if old is None:
            said = [("{} has joined", "{} have joined")]
        else:
            said = [*_become(old, node), *(_view(old, node) if views else ())]
        for phrase in said:
            found.setdefault(phrase, []).append(node.name)
    return [(several if len(names) > 1 else one).format(listed(names)) for (one, several), names in found.items()]


def ranges(slots: Ranges) -> str:
    """`0–5460, 10923`."""
    return ", ".join(f"{low}–{high}" if low != high else str(low) for low, high in slots)


def claimed_twice(nodes: Iterable[NodeLike]) -> list[tuple[NodeLike, NodeLike]]:
    """Pairs of nodes that both say that they own some slot."""
    owners = [node for node in nodes if node.role == "primary" and node.slots]
    return [(a, b) for a, b in combinations(owners, 2) if _shared(a.slots, b.slots)]


def leading(nodes: Sequence[NodeLike]) -> str:
    """Who is primary, who follows, or who owns the slots: by what the nodes say of themselves."""
    primaries = [node for node in nodes if node.role == "primary"]
    if any(node.slots for node in nodes):
        return _who_owns(nodes, primaries)
    led = [node for node in nodes if node.role == "replica" or node.kind == "sentinel"]
    if not led:
        if len(nodes) == 1:
            return f"One server: {nodes[0].name}, {nodes[0].state}"
        return f"{len(primaries)} of {len(nodes)} independent nodes answer"
    if not primaries:
        return "No node says that it is the primary"
    if len(primaries) > 1:
        names = listed([node.name for node in primaries])
        return f"{len(primaries)} nodes say that they are the primary: {names}"
    followers = [n.name for n in nodes if n.role == "replica" and n.primary == primaries[0].name and n.link == "up"]
    follow = f"{listed(followers)} follow{'s' * (len(followers) == 1)}" if followers else "no replica follows"
    return f"{primaries[0].name} is the primary; {follow}"


def _who_owns(nodes: Sequence[NodeLike], primaries: Sequence[NodeLike]) -> str:
    if twice := claimed_twice(nodes):
        a, b = twice[0]
        return f"{a.name} and {b.name} both say that they own slots {ranges(_shared(a.slots, b.slots))}"
    owned = sum(high - low + 1 for node in primaries for low, high in node.slots)
    owners = sum(bool(node.slots) for node in primaries)
    verb = "own" if owners != 1 else "owns"
    return f"{counted(owners, 'primary', 'primaries')} {verb} {_share(owned)}"


def _share(owned: int) -> str:
    return f"all {SLOTS} slots" if owned == SLOTS else f"{owned} of {SLOTS} slots"


def _become(old: NodeLike, node: NodeLike) -> Iterator[Phrase]:
    """What a node is now that it was not: its state, its role if it holds data, its slots."""
    if node.state != old.state:
        yield f"{{}} is {node.state}", f"{{}} are {node.state}"
    if node.role == "primary":
        if (node.role, node.primary) != (old.role, old.primary):
            yield "{} is primary", "{} are primaries"
        if tuple(node.slots) != tuple(old.slots) and old.role != "unknown":
            owned = f"slots {ranges(node.slots)}" if node.slots else "no slots"
            yield f"{{}} owns {owned}", f"{{}} own {owned}"
    elif node.role == "replica" and (node.role, node.primary) != (old.role, old.primary):
        yield f"{{}} is a {role(node)}", f"{{}} are {role(node).replace('replica', 'replicas', 1)}"


def _view(old: NodeLike, node: NodeLike) -> Iterator[Phrase]:
    """What a node says of another that it did not say before: whom a Sentinel watches, and how a link is."""
    if node.role == "unknown" or (old.role == "unknown" and node.role == "sentinel"):
        return
    whose = node.primary or "its primary"
    if node.role == "sentinel" and node.primary != old.primary:
        yield f"{{}} watches {whose}", f"{{}} watch {whose}"
    if node.link not in ("", old.link) and (old.link or node.link == "down"):
        if node.role == "sentinel":
            yield f"{{}} finds {whose} {node.link}", f"{{}} find {whose} {node.link}"
        else:
            yield f"the link of {{}} to {whose} is {node.link}", f"the links of {{}} to {whose} are {node.link}"


def _shared(one: Ranges, other: Ranges) -> list[tuple[int, int]]:
    return [(max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) <= min(b, d)]
