"""What reaches replicas although no WATCH sees it change: libraries of functions, and consumer groups of streams."""

from __future__ import annotations

from typing import Any

from course_lib.sim.fake_server import SimNode

MAY_CHANGE_GROUPS = frozenset(b"EVAL EVALSHA EXEC FCALL XACK XAUTOCLAIM XCLAIM XGROUP XREADGROUP".split())
"""What may change a consumer group of a stream, which is data, although a WATCH does not see that it changes."""


def libraries_of(node: SimNode) -> dict[bytes, Any]:
    """The libraries of functions on a node."""
    engine = getattr(node, "_lua_functions", None)
    return {} if engine is None else dict(engine.libraries)


def groups_of(node: SimNode) -> dict[tuple[int, bytes, bytes], Any]:
    """What each consumer group on a node has handed out, by database, key and name."""
    return {
        (number, key, name): (group.last_delivered_key, tuple(group.consumers), dict(group.pel))
        for number, database in node.dbs.items()
        for key, item in list(dict.items(database._dict))
        for name, group in getattr(item.value, "_groups", {}).items()
    }
