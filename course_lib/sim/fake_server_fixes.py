"""What fakeredis 2.40 lacks or does otherwise than Redis, each with its fix: clock, order, rules, blocking reads."""

from __future__ import annotations

import heapq
import sys
import time as real_time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from fakeredis._core._database import Database, Item
from fakeredis._socket import AsyncFakeSocket
from fakeredis.aioredis import FakeAsyncRedisConnection
from fakeredis.model import AccessControlList, ClientInfo

NOW: ContextVar[Callable[[], float]] = ContextVar("fakeredis_now", default=real_time.time)  # noqa: TID251  # what is replaced


class _Clock:
    """Takes the place of the module `time` in fakeredis's modules: `time()` asks the node that runs the command."""

    def time(self) -> float:
        return NOW.get()()

    def __getattr__(self, name: str) -> Any:
        return getattr(real_time, name)


def rebind_clock() -> list[str]:
    """Give every fakeredis module the clock above; return their names. Outside a simulation it tells the real time."""
    clock = _Clock()
    modules = [
        m for name, m in sys.modules.items() if name.startswith("fakeredis") and getattr(m, "time", None) is real_time
    ]
    for module in modules:
        module.time = clock  # type: ignore[attr-defined]
    return [module.__name__ for module in modules]


REBOUND = rebind_clock()


class OrderedSet(dict[Any, None]):
    """A set that iterates in order of insertion, instead of by address as fakeredis's own does."""

    def add(self, member: Any) -> None:
        self[member] = None

    def remove(self, member: Any) -> None:
        del self[member]

    def discard(self, member: Any) -> None:
        self.pop(member, None)


class AccessRules(AccessControlList):
    """Users' rules, made when somebody first asks for them: until then nobody can have changed them, so everything is
    allowed."""

    asked = False

    def get_user_acl(self, username: bytes) -> Any:
        self.asked = True
        return super().get_user_acl(username)

    def del_user(self, username: bytes) -> None:
        self.asked = True
        super().del_user(username)

    def validate_command(self, username: bytes, client_info: ClientInfo, fields: list[bytes]) -> None:
        if self.asked and username:
            super().validate_command(username, client_info, fields)


class BlockingSocket(AsyncFakeSocket):
    """A server's end of a connection on which XREADGROUP … BLOCK waits for its message."""

    def _xreadgroup(self, *args: Any) -> Any:
        """With BLOCK, fakeredis returns at once or loses entries. So: never a first pass, and None means wait."""
        return super()._xreadgroup(*args[:-1], False) or None  # type: ignore[call-arg]


class SortedSocket(BlockingSocket):
    """A connection whose replies do not depend on the machine: sets are sorted, and XPENDING's summary is that of
    Redis."""

    def exec_(self) -> Any:
        """EXEC. A watched key that has expired counts as changed, even if nobody has asked for it since."""
        for key, database in self._watches:
            item = database._dict.get(key)
            if item is not None and database.expired(item):
                self._watch_notified = True
        return super().exec_()

    def xpending(self, *args: Any) -> Any:
        """In the summary Redis has nil for no consumers, and counts that are strings."""
        reply = super().xpending(*args)
        if isinstance(reply, list) and reply and isinstance(reply[0], int):
            reply[3] = sorted([name, b"%d" % count] for name, count in reply[3]) or None
        return reply

    def smembers(self, key: Any) -> list[bytes]:
        """Sorted: a Python set's order follows PYTHONHASHSEED, and a trace must not."""
        return sorted(super().smembers(key))

    def sdiff(self, *keys: Any) -> Any:
        return sorted(super().sdiff(*keys))

    def sinter(self, *keys: Any) -> Any:
        return sorted(super().sinter(*keys))

    def sunion(self, *keys: Any) -> Any:
        return sorted(super().sunion(*keys))


class BlockingConnection(FakeAsyncRedisConnection):
    """A client's end of such a connection, in real time: what the embedded world connects with."""

    async def _connect(self) -> None:
        await super()._connect()
        self._sock.__class__ = BlockingSocket  # only _connect names the class


class NodeDatabase(Database):
    """Tells its node of changes at once, so that blocked clients are served before the next command runs."""

    def __init__(self, node: Any) -> None:
        super().__init__(node.lock)
        self._node = node

    def empty(self) -> None:
        """Make it as new; making a new one costs four times as much."""
        self.time = 0.0
        self._dict.clear()
        self._expiry_heap.clear()
        self._watches.clear()
        self._change_callbacks.clear()

    @property
    def ends(self) -> dict[bytes, float | None]:
        """Every key that is held, and when it expires by the node's clock."""
        return {key: item.expireat for key, item in self._dict.items()}

    @property
    def expiring(self) -> bool:
        """Was a key given a TTL that has not run out? The key is perhaps gone."""
        return bool(self._expiry_heap)

    def wake_all(self) -> None:
        self._node.changed = True

    def _forget(self, key: bytes) -> None:
        """A key is found to have expired: clients that watch it are told."""
        del self._dict[key]
        for session in self._watches.get(key, ()):
            session.notify_watch()

    def __getitem__(self, key: bytes) -> Any:
        item = self._dict[key]
        if item.expireat is not None and item.expireat < self.time:
            self._forget(key)
            raise KeyError(key)
        return item

    def live(self, key: bytes) -> Item | None:
        """What is stored there, if it has not expired."""
        item: Item | None = self._dict.get(key)
        if item is not None and item.expireat is not None and item.expireat < self.time:
            self._forget(key)
            return None
        return item

    def put(self, key: bytes, value: Any, expireat: float | None) -> None:
        """Store a value that is not empty; clients that watch the key, or wait for it, are told."""
        self._tell(key)
        item = self.live(key)
        if item is None:
            item = self._dict[key] = Item(None)
        item.value, item.expireat = value, expireat  # type: ignore[assignment]
        self.schedule_expiry(key, expireat)

    def take(self, key: bytes) -> None:
        """Delete what is there; clients that watch the key, or wait for it, are told."""
        self._tell(key)
        del self._dict[key]

    def _tell(self, key: bytes) -> None:
        for session in self._watches.get(key, ()):
            session.notify_watch()
        self._node.changed = True

    def _remove_expired(self) -> None:
        heap = self._expiry_heap
        while heap and heap[0][0] < self.time:
            _, key = heapq.heappop(heap)
            item = self._dict.get(key)
            if item is not None and self.expired(item):
                self._forget(key)
