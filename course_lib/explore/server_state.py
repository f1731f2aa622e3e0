"""What the servers hold when a run is judged: asked as a client would ask, unseen by the trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from course_lib.errors import CourseError
from course_lib.explore.trial import Play
from course_lib.sim import Simulation
from course_lib.sim.fake_server import Session, SimNode

OF_AN_EMPTY_SERVER: dict[bytes, Any] = {
    b"KEYS": [], b"PTTL": -2, b"EXISTS": 0, b"ZCARD": 0, b"TYPE": b"none", b"HGETALL": [], b"HVALS": [],
}  # fmt: skip
"""What is not None."""


def ask(node: SimNode, *command: bytes) -> Any:
    """What a simulated server answers to a command: bytes, a number, a list, None. A server to which nobody ever
    connected answers as an empty one."""
    if not node.first_sessions:  # and outside of a run, without a loop, none can be built
        return OF_AN_EMPTY_SERVER.get(command[0])
    replies: list[Any] = []
    session = Session.accept(node, 0, replies.append)
    session.execute(list(command))
    session.hang_up()
    return replies[0]


READS: dict[bytes, tuple[bytes, ...]] = {
    b"string": (b"GET",),
    b"hash": (b"HGETALL",),
    b"list": (b"LRANGE", b"0", b"-1"),
    b"set": (b"SMEMBERS",),
    b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES"),
    b"stream": (b"XRANGE", b"-", b"+"),
}
"""The command that reads a whole value of each type, and what follows the key in it."""


def value(node: SimNode, key: bytes) -> tuple[bytes, Any]:
    """The type of a key and all that it holds, a stream's groups included. Equal contents give equal values, whatever
    the order of a set."""
    kind = ask(node, b"TYPE", key)
    command, *rest = READS[kind]
    held = ask(node, command, key, *rest)
    if kind == b"set":
        held = sorted(held)
    return kind, [held, ask(node, b"XINFO", b"GROUPS", key)] if kind == b"stream" else held


def world_of(run: Play) -> Simulation:
    """The world of a run that is being judged. Raises: CourseError later, when it has gone on to other runs."""
    if run.world is None:
        raise CourseError(
            "This invariant asks the servers what they hold, and only the judge of a run can: give it to a Trial as "
            "its judge, rather than call it with a run that was played before."
        )
    return run.world


def left(run: Play, match: str = "*") -> Iterator[tuple[SimNode, str, int]]:
    """(node, key, milliseconds it has left, or −1 for a key without a TTL) of each key that matches, in order."""
    for node in world_of(run).nodes:
        for key in sorted(ask(node, b"KEYS", match.encode())):
            yield node, key.decode(errors="replace"), ask(node, b"PTTL", key)


def gave_a_ttl(world: Simulation) -> bool:
    """Was any key given a TTL that has not run out?"""
    return any(database.expiring for node in world.nodes for database in node.dbs.values())
