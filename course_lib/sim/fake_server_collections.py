"""Lists, sets and sorted sets as Redis 7 has them, where fakeredis has them otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int, StringTest, extract_args
from fakeredis._commands import Key
from fakeredis._core import CommandItem
from fakeredis._helpers import SimpleError, casematch
from fakeredis.commands_mixins.sortedset_mixin import ScoreTest
from fakeredis.model import ExpiringMembersSet, Hash, ZSet

from course_lib.sim.fake_server_commands import CommandSocket, ours, typed

_LEX_SCORES = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"


class CollectionSocket(CommandSocket):
    """Mended commands on lists, sets and sorted sets: most ask for the type after they have read their arguments."""

    def _item(self, key: bytes) -> CommandItem:
        return CommandItem(key, self._db, item=self._db.get(key))

    # -- lists ---------------------------------------------------------------------------------------------------------

    def _lmpop(self, keys: Sequence[bytes], count: int, direction_left: bool, first_pass: bool) -> list[Any] | None:
        """The first list that has elements; one that becomes empty is gone. While it waits, a key of another type
        counts as missing."""
        for key in keys:
            item = self._item(key)
            if item.value is None or (type(item.value) is not list and not first_pass and self._blocked):
                continue
            values = typed(item, list)
            taken = values[:count] if direction_left else values[: -count - 1 : -1]
            del values[slice(count) if direction_left else slice(-count, None)]
            item.updated()
            item.writeback()
            return [key, taken]
        return None

    @ours("lpos", (Key(), bytes), (bytes,))
    def lpos(self, key: CommandItem, elem: bytes, *args: bytes) -> Any:
        (rank, count, maxlen), _ = extract_args(args, ("+rank", "+count", "+maxlen"))
        if rank != 0 and (count or 0) >= 0 and (maxlen or 0) >= 0:
            typed(key, list)
        return super().lpos(key, elem, *args)

    # -- sets ----------------------------------------------------------------------------------------------------------

    @ours("sintercard", (bytes, bytes), (bytes,))
    def sintercard(self, numkeys: bytes, *args: bytes) -> int:
        count = Int.decode(numkeys, msgs.NUMKEYS_GREATER_THAN_ZERO_MSG)
        if count < 1:
            raise SimpleError(msgs.NUMKEYS_GREATER_THAN_ZERO_MSG)
        if count > len(args):
            raise SimpleError(msgs.TOO_MANY_KEYS_MSG)
        limit, options = 0, args[count:]
        for at in range(0, len(options), 2):
            if not casematch(options[at], b"limit") or at + 1 == len(options):
                raise SimpleError(msgs.SYNTAX_ERROR_MSG)
            limit = Int.decode(options[at + 1], msgs.LIMIT_NEGATIVE_MSG)
            if limit < 0:
                raise SimpleError(msgs.LIMIT_NEGATIVE_MSG)
        sets = [typed(self._item(key), ExpiringMembersSet) for key in args[:count]]
        common = len(set(sets[0]).intersection(*map(set, sets[1:])))
        return min(common, limit) if limit else common

    # -- sorted sets ---------------------------------------------------------------------------------------------------

    def _zmpop(self, keys: Sequence[bytes], count: int, reverse: bool, first_pass: bool) -> list[Any] | None:
        for key in keys:
            item = self._item(key)
            if item.value is None or (type(item.value) is not ZSet and not first_pass and self._blocked):
                continue
            typed(item, ZSet)
            popped = self._zpop(item, count, reverse, flatten_list=False)
            item.writeback()
            return [key, popped]
        return None

    @ours("zrandmember", (Key(),), (bytes,))
    def zrandmember(self, key: CommandItem, *args: bytes) -> Any:
        if args:
            Int.decode(args[0])
        if key:
            typed(key, ZSet)
        members = super().zrandmember(key, *args)
        return members if args or not members else members[0]

    @ours("hrandfield", (Key(Hash),), (bytes,))
    def hrandfield(self, key: CommandItem, *args: bytes) -> Any:
        fields = super().hrandfield(key, *args)
        return fields[0] if fields and not args else [] if args and fields is None else fields

    @ours("zpopmin", (Key(),), (bytes,))
    def zpopmin(self, key: CommandItem, *count: bytes) -> list[Any]:
        return self._popped(key, count, reverse=False)

    @ours("zpopmax", (Key(),), (bytes,))
    def zpopmax(self, key: CommandItem, *count: bytes) -> list[Any]:
        return self._popped(key, count, reverse=True)

    def _popped(self, key: CommandItem, count: tuple[bytes, ...], reverse: bool) -> list[Any]:
        if len(count) > 1:
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        wanted = Int.decode(count[0], msgs.INDEX_NEGATIVE_ERROR_MSG) if count else 1
        if wanted < 0:
            raise SimpleError(msgs.INDEX_NEGATIVE_ERROR_MSG)
        typed(key, ZSet)
        return self._zpop(key, wanted, reverse, flatten_list=self._zpop_flatten(wanted if count else None))

    @ours("zadd", (Key(), bytes, bytes), (bytes,))
    def zadd(self, key: CommandItem, *args: bytes) -> Any:
        if key._value is not None and type(key._value) is not ZSet:
            super().zadd(CommandItem(key.key, self._db, default=ZSet()), *args)  # for the errors that come first
        typed(key, ZSet)
        return super().zadd(key, *args)

    @ours("zrange", (Key(), bytes, bytes), (bytes,))
    def zrange(self, key: CommandItem, start: bytes, stop: bytes, *args: bytes) -> list[Any]:
        return list(self._ranged(key, start, stop, args))

    @ours("zrangestore", (Key(), Key(), bytes, bytes), (bytes,))
    def zrangestore(self, dest: CommandItem, src: CommandItem, start: bytes, stop: bytes, *args: bytes) -> int:
        if any(casematch(arg, b"withscores") for arg in args):
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        found = ZSet()
        for member in self._ranged(src, start, stop, args):
            found.add(member, src.value.get(member))
        if found or dest:
            dest.value = found
        return len(found)

    def _ranged(self, key: CommandItem, start: bytes, stop: bytes, args: tuple[bytes, ...]) -> list[Any]:
        (bylex, byscore, _, (offset, _count), scores), _left = extract_args(
            args, ("bylex", "byscore", "rev", "++limit", "withscores")
        )
        if scores and bylex:
            raise SimpleError(_LEX_SCORES)
        if not (bylex or byscore):
            if offset is None:
                Int.decode(start), Int.decode(stop)
        elif byscore and not bylex:
            ScoreTest.decode(start), ScoreTest.decode(stop)
        elif bylex and not byscore:
            StringTest.decode(start), StringTest.decode(stop)
        typed(key, ZSet)
        return list(self._zrange_args(key, start, stop, *args))

    @ours("zrevrange", (Key(), bytes, bytes), (bytes,))
    def zrevrange(self, key: CommandItem, start: bytes, stop: bytes, *args: bytes) -> list[Any]:
        (withscores,), _ = extract_args(args, ("withscores",))
        Int.decode(start), Int.decode(stop)
        typed(key, ZSet)
        return list(self._zrange_args(key, start, stop, b"REV", *((b"WITHSCORES",) if withscores else ())))

    # -- what is stored under another key ------------------------------------------------------------------------------

    def sdiffstore(self, dst: CommandItem, *keys: CommandItem) -> int:
        return self._stored(dst, super().sdiffstore, *keys)

    def sinterstore(self, dst: CommandItem, *keys: CommandItem) -> int:
        return self._stored(dst, super().sinterstore, *keys)

    def sunionstore(self, dst: CommandItem, *keys: CommandItem) -> int:
        return self._stored(dst, super().sunionstore, *keys)

    def zdiffstore(self, dest: CommandItem, numkeys: int, *args: bytes) -> int:
        return self._stored(dest, super().zdiffstore, numkeys, *args)

    def zinterstore(self, dest: CommandItem, numkeys: int, *args: bytes) -> int:
        return self._stored(dest, super().zinterstore, numkeys, *args)

    def zunionstore(self, dest: CommandItem, numkeys: int, *args: bytes) -> int:
        return self._stored(dest, super().zunionstore, numkeys, *args)

    @staticmethod
    def _stored(dst: CommandItem, store: Callable[..., Any], *args: Any) -> int:
        """For a WATCH, storing an empty result where nothing was does not count as a change."""
        there = bool(dst)
        found = int(store(dst, *args))
        if not there and not found:
            dst._modified = dst._expireat_modified = False
        return found
