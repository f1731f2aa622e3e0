"""Three simulated primaries of a Cluster: each has a third of the slots, and refuses what is not its own.

Source: Redis documentation, "Redis cluster specification",
https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
"""

from __future__ import annotations

from bisect import bisect
from typing import Any

from redis.crc import key_slot

from course_lib.sim.fake_server import Extension, Session
from course_lib.sim.simulation import Simulation

NODES, SLOTS, FIRST = 3, 16384, (0, 5461, 10923)
ALL_ARE_KEYS = frozenset(b"DEL EXISTS MGET PFCOUNT PFMERGE SUNION SUNIONSTORE UNLINK".split())
TWO_KEYS = frozenset((b"SMOVE", b"RENAME", b"COPY"))
CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot"


def slot_of(key: str) -> int:
    """The slot, as a server computes it; tests compare redis-py's function with real servers."""
    return int(key_slot(key.encode()))


def owner(slot: int) -> int:
    """The number of the node that has the slot: 0 to 5460, 5461 to 10922, 10923 to 16383."""
    return bisect(FIRST, slot) - 1


def keys_of(command: list[bytes]) -> list[bytes]:
    """The keys among a command's arguments: all of them, the first two, or only the first. That is right for most
    commands, not for all."""
    name, arguments = command[0].upper(), command[1:]
    return arguments if name in ALL_ARE_KEYS else arguments[: 2 if name in TWO_KEYS else 1]


class Shard(Extension):
    """One primary: CROSSSLOT where keys lie in several slots, MOVED where the slot is another's."""

    def __init__(self, world: Simulation, number: int) -> None:
        self.world, self.number = world, number

    def answers(self, session: Session, command: list[bytes]) -> bool:
        slots = {int(key_slot(key)) for key in keys_of(command)}
        slot = min(slots, default=0)
        if len(slots) > 1:
            session.refuse(CROSSSLOT)
        elif slots and owner(slot) != self.number:
            session.refuse(f"MOVED {slot} {self.world.nodes[owner(slot)].name}:6379")
        else:
            return False
        return True


def cluster() -> Simulation:
    """A world of three nodes, which become a Cluster by `share_slots`."""
    return Simulation(nodes=NODES)


def share_slots(world: Simulation) -> None:
    """From now on, in this run, each node has its third of the slots."""
    for number, node in enumerate(world.nodes):
        node.extension = Shard(world, number)


def redis_for(world: Simulation, key: str) -> Any:
    """The client of the node that has this key, which a cluster-aware client finds in its map of slots."""
    return world.redis(owner(slot_of(key)))
