"""A cache that is full: the simulated server keeps a fixed number of keys; the least recently used makes room.

Redis does so with `maxmemory` and `maxmemory-policy allkeys-lru`. It counts bytes where this counts keys, and finds
the least recently used of a few that it draws where this finds it exactly.
"""

from __future__ import annotations

from collections import OrderedDict

from course_lib.explore import Extension, Session
from course_lib.sim import Simulation


class LeastRecentlyUsed(Extension):
    """At most `size` keys live. It knows GET and SET … PX, which is what cache-aside sends.

    Every TTL must be the same, so that keys expire in the order in which they were set.
    """

    def __init__(self, world: Simulation, size: int) -> None:
        self.world, self.size = world, size
        self._used: OrderedDict[bytes, None] = OrderedDict()  # the least recently used first
        self._expires: OrderedDict[bytes, float] = OrderedDict()  # the first to expire first

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        name, key, now = command[0].upper(), command[1] if command[1:] else b"", self.world.now()
        while self._expires and next(iter(self._expires.values())) <= now:
            self._used.pop(self._expires.popitem(last=False)[0], None)
        if name == b"SET":
            self._expires.pop(key, None)
            self._expires[key] = now + int(command[-1]) / 1000
            self._used[key] = None
        if key in self._used:
            self._used.move_to_end(key)
        if len(self._used) > self.size:
            oldest, _ = self._used.popitem(last=False)
            self._expires.pop(oldest, None)
            Session.accept(self.world.nodes[0], 0, lambda reply: None).execute([b"DEL", oldest])
