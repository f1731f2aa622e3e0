"""What a server holds, read without a command: nothing expires by it, no connection is opened, no counter moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from fakeredis.model import ExpiringMembersSet, Hash, XStream, ZSet

from course_lib.sim.fake_server import SimNode


class Held(NamedTuple):
    """One key: its database, its type as TYPE says it, what it holds, of how many members, and when it expires by its
    server's clock, in seconds since 1970.

    `content` is the bytes of a string; else the first few members, in the order of the command that reads them all: of
    a hash (field, value), of a sorted set (member, score), of a stream (ID, [field, value, …]).
    """

    db: int
    key: bytes
    kind: str
    content: Any
    size: int
    ends: float | None


def held(node: SimNode, most: int) -> Iterator[Held]:
    """Every key that has not expired, with `most` of its members at most, in the order in which they came."""
    now = node.now()
    for db, database in node.dbs.items():
        for key, item in database._dict.items():
            if item.expireat is None or item.expireat >= now:
                yield Held(db, key, *_content(item.value, now, most), item.expireat)


def _content(value: Any, now: float, most: int) -> tuple[str, Any, int]:
    if isinstance(value, bytes):
        return "string", bytes(value), len(value)
    if isinstance(value, list):
        return "list", tuple(value[:most]), len(value)
    if isinstance(value, ZSet):
        return "zset", tuple((member, score) for score, member in islice(value._byscore, most)), len(value._bylex)
    if isinstance(value, XStream):
        first = islice(value._ids, most)
        return "stream", tuple((id.encode(), tuple(value._values_dict[id])) for id in first), len(value._ids)
    if isinstance(value, Hash):
        fields = _unexpired(value._values.items(), value._expirations, now)
        return "hash", tuple(fields[:most]), len(fields)
    if isinstance(value, ExpiringMembersSet):
        members = sorted(member for member, _ in _unexpired(value._values.items(), value._values, now))
        return "set", tuple(members[:most]), len(members)
    return getattr(value, "_model_type", b"unknown").decode(), None, 0


def _unexpired(members: Iterable[tuple[bytes, Any]], ends: Any, now: float) -> list[tuple[bytes, Any]]:
    """Those whose own time has not run out. Units: `ends` in milliseconds since 1970."""
    return [(name, value) for name, value in members if (when := ends.get(name)) is None or when >= int(now * 1000)]
