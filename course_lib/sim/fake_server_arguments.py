"""What Redis 7 says of arguments that fit no command, where fakeredis says something else, or nothing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Float, Int, Timeout, extract_args
from fakeredis._commands import Key
from fakeredis._core import CommandItem
from fakeredis._helpers import SimpleError, casematch
from fakeredis.commands_mixins.sortedset_mixin import ScoreTest
from fakeredis.model import ExpiringMembersSet, XStream, ZSet

from course_lib.sim.fake_server_collections import CollectionSocket
from course_lib.sim.fake_server_commands import ours, typed
from course_lib.sim.fake_server_streams import StreamSocket
from course_lib.sim.fake_server_strings import StringSocket

_NO_TIMEOUT = "ERR timeout is not a float or out of range"
_BOTH_WAYS = "ERR GT and LT options at the same time are not compatible"
_CURSOR = "ERR invalid cursor"
_IDLE = "ERR Invalid min-idle-time argument for {}"
_ENDS = (b"left", b"right")


class ArgumentSocket(StringSocket, CollectionSocket, StreamSocket):
    """All of these commands; some look at their arguments before they do what they do."""

    @ours("select", (Int,))
    def select(self, index: int) -> Any:
        if not 0 <= index <= 15:
            raise SimpleError(msgs.INVALID_DB_MSG)
        return super().select(index)

    @ours("hello", (), (bytes,), flags=msgs.FLAG_NO_SCRIPT)
    def hello(self, *args: bytes) -> Any:
        if args and Int.decode(args[0], "ERR Protocol version is not an integer or out of range") not in (2, 3):
            raise SimpleError("NOPROTO unsupported protocol version")
        return super().hello(*args)

    @ours("client getname", ())
    def client_getname(self) -> bytes | None:
        return super().client_getname() or None

    @ours("scan", (bytes,), (bytes,))
    def scan(self, cursor: bytes, *args: bytes) -> Any:
        return super().scan(Int.decode(cursor, _CURSOR), *args)

    def _expireat(self, key: CommandItem, timestamp: float, *args: bytes) -> int:
        options = {arg.lower() for arg in args}
        if {b"gt", b"lt"} <= options and b"nx" not in options:
            raise SimpleError(_BOTH_WAYS)
        return int(super()._expireat(key, timestamp, *args))

    # -- lists and sorted sets -----------------------------------------------------------------------------------------

    @ours("lmove", (Key(), Key(), bytes, bytes))
    def lmove(self, source: CommandItem, target: CommandItem, taken: bytes, put: bytes) -> Any:
        if taken.lower() not in _ENDS or put.lower() not in _ENDS:
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        if source:
            typed(source, list), typed(target, list)
        return super().lmove(source, target, taken, put) if source else None

    @ours("lindex", (Key(), bytes))
    def lindex(self, key: CommandItem, index: bytes) -> Any:
        return super().lindex(key, Int.decode(index)) if typed(key, list) else None

    @ours("linsert", (Key(), bytes, bytes, bytes))
    def linsert(self, key: CommandItem, where: bytes, pivot: bytes, value: bytes) -> Any:
        if where.lower() not in (b"before", b"after"):
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        typed(key, list)
        return super().linsert(key, where, pivot, value)

    @ours("spop", (Key(),), (bytes,))
    def spop(self, key: CommandItem, *count: bytes) -> Any:
        if len(count) > 1:
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        wanted = [Int.decode(text, msgs.INDEX_NEGATIVE_ERROR_MSG) for text in count]
        if wanted and wanted[0] < 0:
            raise SimpleError(msgs.INDEX_NEGATIVE_ERROR_MSG)
        typed(key, ExpiringMembersSet)
        return super().spop(key, *wanted)

    @ours("zrangebyscore", (Key(), ScoreTest, ScoreTest), (bytes,))
    def zrangebyscore(self, key: CommandItem, low: ScoreTest, high: ScoreTest, *args: bytes) -> Any:
        extract_args(args, ("withscores", "++limit"))
        typed(key, ZSet)
        return super().zrangebyscore(key, low, high, *args)

    @ours("zrevrangebyscore", (Key(), ScoreTest, ScoreTest), (bytes,))
    def zrevrangebyscore(self, key: CommandItem, high: ScoreTest, low: ScoreTest, *args: bytes) -> Any:
        extract_args(args, ("withscores", "++limit"))
        typed(key, ZSet)
        return super().zrevrangebyscore(key, high, low, *args)

    def blpop(self, *args: bytes) -> Any:
        _seconds(args[-1])
        return super().blpop(*args)

    def brpop(self, *args: bytes) -> Any:
        _seconds(args[-1])
        return super().brpop(*args)

    def bzpopmin(self, *args: bytes) -> Any:
        _seconds(args[-1])
        return super().bzpopmin(*args)

    def bzpopmax(self, *args: bytes) -> Any:
        _seconds(args[-1])
        return super().bzpopmax(*args)

    def _bzpop(self, keys: list[bytes], reverse: bool, first_pass: bool) -> Any:
        """A key of another type is refused, unless the client waits already: then it counts as missing."""
        items = [CommandItem(key, self._db, item=self._db.get(key)) for key in keys]
        if self._blocked and not first_pass:
            items = [item for item in items if type(item.value) is ZSet]
        there = next((item for item in items if item.value is not None), None)
        if there is not None:
            typed(there, ZSet)
        return super()._bzpop(keys if there is None else [there.key], reverse, first_pass) if there else None

    # -- streams -------------------------------------------------------------------------------------------------------

    def xread(self, *args: bytes) -> Any:
        _waits(args)
        return super().xread(*args)

    def xreadgroup(self, *args: bytes) -> Any:
        _waits(args)
        return super().xreadgroup(*args)

    @ours("xpending", (Key(), bytes), (bytes,), flags=msgs.FLAG_DO_NOT_CREATE)
    def xpending(self, key: CommandItem, group: bytes, *args: bytes) -> Any:
        span = args[2:] if args and casematch(b"idle", args[0]) else args
        if args and len(span) < 3:
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        if key:
            typed(key, XStream)
        return super().xpending(key, group, *args)

    @ours("xautoclaim", (Key(), bytes, bytes, bytes, bytes), (bytes,), flags=msgs.FLAG_DO_NOT_CREATE)
    def xautoclaim(
        self, key: CommandItem, group: bytes, consumer: bytes, idle: bytes, start: bytes, *args: bytes
    ) -> Any:
        least = Int.decode(idle, _IDLE.format("XAUTOCLAIM"))
        for option, given in pairwise(args):
            if casematch(b"count", option) and Int.decode(given) < 1:
                raise SimpleError("ERR COUNT must be > 0")
        if key:
            typed(key, XStream)
        return super().xautoclaim(key, group, consumer, least, start, *args)


def _seconds(text: bytes) -> None:
    """Raises: what Redis says of a time that is none. A negative one the command refuses itself."""
    Float.decode(text, decode_error=_NO_TIMEOUT)
    Timeout.decode(text)


def _waits(args: tuple[bytes, ...]) -> None:
    """Raises: what Redis says of BLOCK with a time that is none."""
    for option, given in pairwise(args):
        if casematch(b"streams", option):
            return
        if casematch(b"block", option) and Int.decode(given, "ERR timeout is not an integer or out of range") < 0:
            raise SimpleError(msgs.TIMEOUT_NEGATIVE_MSG)
