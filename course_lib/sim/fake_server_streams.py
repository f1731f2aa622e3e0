"""Streams as Redis 7 has them, where fakeredis has them otherwise: identifiers, groups that are missing, replies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int, extract_args
from fakeredis._commands import Key
from fakeredis._core import CommandItem
from fakeredis._helpers import OK, SimpleError, SimpleString, casematch, current_time
from fakeredis.model import StreamEntryKey, StreamRangeTest, XStream

from course_lib.sim.fake_server_commands import CommandSocket, ours, typed

_NOGROUP = "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option"
_DOLLAR = (
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
)
_GREATER = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
_SMALLER = "ERR The ID specified in XSETID is smaller than the target stream top item"
_CLAIM_OPTIONS = (b"idle", b"time", b"retrycount", b"force", b"justid", b"lastid")
_INFO = (
    b"length", b"radix-tree-keys", b"radix-tree-nodes", b"last-generated-id", b"max-deleted-entry-id",
    b"entries-added", b"recorded-first-entry-id", b"groups", b"first-entry", b"last-entry",
)  # fmt: skip


def _within(entry: StreamEntryKey, start: StreamRangeTest) -> bool:
    return bool(start.value < entry or (start.value == entry and not start.exclusive))


def _valid(identifier: bytes) -> bool:
    try:
        StreamEntryKey.parse_str(identifier)
    except SimpleError:
        return False
    return True


@contextmanager
def _unless_it_claims(key: CommandItem, group_name: bytes, consumer: bytes) -> Iterator[None]:
    """A client that claims nothing does not become a consumer by trying."""
    group = key.value.group_get(group_name) if key.value is not None else None
    known = group is not None and consumer in group.consumers
    yield
    if group is not None and not known and group.consumers[consumer].pending == 0:
        del group.consumers[consumer]


class StreamSocket(CommandSocket):
    """Mended commands on streams."""

    def xread(self, *args: bytes) -> Any:
        self._check_streams(args, None)
        return super().xread(*args) or None

    def xreadgroup(self, group_const: bytes, group_name: bytes, consumer_name: bytes, *args: bytes) -> Any:
        if casematch(b"GROUP", group_const):
            self._check_streams(args, group_name)
        return super().xreadgroup(group_const, group_name, consumer_name, *args)

    def _xreadgroup(self, consumer: bytes, groups: Any, *rest: Any) -> Any:
        """A client that finds nothing new does not become a consumer by trying."""
        new = [(group, name) for group, name, start in groups if start == b">" and consumer not in group.consumers]
        reply = super()._xreadgroup(consumer, groups, *rest)
        for group, name in new:
            if name not in (reply or ()):
                group.consumers.pop(consumer, None)
        return reply

    def xinfo_groups(self, key: CommandItem) -> Any:
        return sorted(super().xinfo_groups(key), key=lambda group: group[b"name"])

    def xinfo_consumers(self, key: CommandItem, group_name: bytes) -> Any:
        """By name; how long one has been inactive is told since 7.2."""
        found = sorted(super().xinfo_consumers(key, group_name), key=lambda consumer: consumer["name"])
        told = len(found[0]) - (self.version < (7, 2)) if found else 0
        return [dict(list(consumer.items())[:told]) for consumer in found]

    def _check_streams(self, args: tuple[bytes, ...], group: bytes | None) -> None:
        """Each stream in turn: its type, its group, the identifier to read from."""
        at = next((at for at, arg in enumerate(args) if casematch(arg, b"streams")), len(args))
        names = args[at + 1 :]
        if not names or len(names) % 2:
            if names:
                command = "xread" if group is None else "xreadgroup"
                raise SimpleError(
                    f"ERR Unbalanced '{command}' list of streams: for each stream key an ID or "
                    f"'{'$' if group is None else '>'}' must be specified."
                )
            return
        for name, identifier in zip(names[: len(names) // 2], names[len(names) // 2 :], strict=True):
            item = CommandItem(name, self._db, item=self._db.get(name))
            if item.value is not None:
                typed(item, XStream)
            if group is not None and (item.value is None or item.value.group_get(group) is None):
                raise SimpleError(_NOGROUP.format(name.decode("utf-8", "replace"), group.decode("utf-8", "replace")))
            if identifier == b"$":
                if group is not None:
                    raise SimpleError(_DOLLAR)
            elif identifier == b">":
                if group is None:
                    raise SimpleError(_GREATER)
            elif not _valid(identifier):
                raise SimpleError(msgs.XADD_INVALID_ID)

    @ours("xdel", (Key(), bytes), (bytes,))
    def xdel(self, key: CommandItem, *args: bytes) -> int:
        if key.value is None:
            return 0
        stream = typed(key, XStream)
        for identifier in args:
            StreamEntryKey.parse_str(identifier)
        deleted = int(stream.delete(list(args)))
        if deleted:
            key.updated()
        return deleted

    def xack(self, key: CommandItem, group_name: bytes, *args: bytes) -> int:
        if args and key.value is not None and key.value.group_get(group_name) is not None:
            for identifier in args:
                StreamEntryKey.parse_str(identifier)
        return int(super().xack(key, group_name, *args))

    def xclaim(self, key: CommandItem, group_name: bytes, consumer: bytes, min_idle_ms: int, *args: bytes) -> Any:
        if key.value is not None and key.value.group_get(group_name) is not None:
            rest = args[next((at for at, arg in enumerate(args) if not _valid(arg)), len(args)) :]
            while rest:
                if rest[0].lower() not in _CLAIM_OPTIONS:
                    raise SimpleError(f"ERR Unrecognized XCLAIM option '{rest[0].decode('utf-8', 'replace')}'")
                rest = rest[1:] if rest[0].lower() in (b"force", b"justid") else rest[2:]
        with _unless_it_claims(key, group_name, consumer):
            return super().xclaim(key, group_name, consumer, min_idle_ms, *args)

    def xautoclaim(
        self, key: CommandItem, group_name: bytes, consumer: bytes, min_idle_ms: int, start: bytes, *args: bytes
    ) -> Any:
        """It looks at ten times `count` pending entries, and goes on behind them: a reply can be empty before the end.
        Entries that are in no stream any more count like others."""
        (count, justid), _ = extract_args(args, ("+count", "justid"))
        group = key.value.group_get(group_name) if key.value is not None else None
        if group is None:
            return super().xautoclaim(key, group_name, consumer, min_idle_ms, start, *args)
        room, now, claimed, gone = count or 100, current_time(), list[StreamEntryKey](), list[StreamEntryKey]()
        left = sorted(entry for entry in group.pel if _within(entry, StreamRangeTest.decode(start)))
        looks = 10 * room
        while left and looks and len(claimed) + len(gone) < room:
            entry, looks = left.pop(0), looks - 1
            if entry not in key.value:
                gone.append(entry)
            elif now - group.pel[entry].time_read >= max(min_idle_ms, 0):
                claimed.append(entry)
        with _unless_it_claims(key, group_name, consumer):
            group.claim(0, claimed + gone, consumer, None, False, justid=bool(justid))
        found = [entry.encode() if justid else key.value.format_record(entry) for entry in claimed]
        removed = [[entry.encode() for entry in gone]] if self.version >= (7,) else []
        return [left[0].encode() if left else b"0-0", found, *removed]

    def xpending(self, key: CommandItem, group_name: bytes, *args: bytes) -> Any:
        """An entry that has been idle for exactly IDLE is among them."""
        if len(args) > 4 and casematch(b"idle", args[0]):
            args = (args[0], str(Int.decode(args[1]) - 1).encode(), *args[2:])
        return super().xpending(key, group_name, *args)

    def xrange(self, key: CommandItem, start: bytes, end: bytes, *args: bytes) -> Any:
        return self._counted(key, args, super().xrange(key, start, end, *args))

    def xrevrange(self, key: CommandItem, end: bytes, start: bytes, *args: bytes) -> Any:
        return self._counted(key, args, super().xrevrange(key, end, start, *args))

    @staticmethod
    def _counted(key: CommandItem, args: tuple[bytes, ...], found: list[Any]) -> list[Any] | None:
        """A count of nothing is answered with nil, if there is a stream."""
        (count,), _ = extract_args(args, ("+count",))
        return None if count is not None and count <= 0 and key.value is not None else found

    def xinfo_stream(self, key: CommandItem, *args: bytes) -> Any:
        reply = super().xinfo_stream(key, *args)
        if args:
            raise SimpleError("ERR XINFO STREAM FULL is not simulated: XPENDING and XINFO GROUPS are.")
        told = dict(zip(reply[::2], reply[1::2], strict=True))
        told[b"radix-tree-nodes"] = told[b"radix-tree-keys"] + 1
        return [part for name in _INFO for part in (name, told[name])]

    @ours("xsetid", (Key(), bytes), (bytes,))
    def xsetid(self, key: CommandItem, identifier: bytes, *args: bytes) -> SimpleString:
        wanted = StreamEntryKey.parse_str(identifier)
        (added, deleted), _ = extract_args(args, ("+entriesadded", "*maxdeletedid"))
        if key.value is None:
            raise SimpleError(msgs.NO_KEY_MSG)
        stream = typed(key, XStream)
        if len(stream) and wanted < stream._ids[-1]:
            raise SimpleError(_SMALLER)
        stream._last_id = wanted
        if added is not None:
            stream._entries_added = added
        if deleted is not None:
            stream._max_deleted_id = StreamEntryKey.parse_str(deleted)
        self._db.wake_all()  # a change, of which a WATCH is not told
        return OK

    def xgroup_create(self, key: CommandItem, *args: bytes) -> SimpleString:
        there = key.value is not None
        super().xgroup_create(key, *args)
        if there:
            key._modified = False
            self._db.wake_all()
        return OK
