"""How a command of a simulated server runs: as fakeredis runs it, asking less, and the commonest without fakeredis.

`DIRECT` has only what is plain: the key's type fits, the options are few and right. Whatever else is asked, and each
error, is fakeredis's, so there is one place where each is worded. tests/sim/test_direct.py holds both to the same
replies, keys and TTLs; the oracle holds them to real servers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol, cast

from fakeredis import _msgs as msgs
from fakeredis._commands import COMMANDS_WITH_SUB
from fakeredis._core._database import Item
from fakeredis._helpers import OK, NoResponse, SimpleError, SimpleString
from fakeredis._socket._resp import convert_to_resp2, valid_response_type

from course_lib.sim.fake_server_commands import COMMANDS, LATER, CommandSocket
from course_lib.sim.fake_server_fixes import AccessRules, NodeDatabase

PASS: Any = object()
"""Not plain: ask fakeredis."""

Direct = Callable[[NodeDatabase, list[bytes]], Any]
"""Runs a command's arguments on a database; returns the reply, or `PASS`, and then it has changed nothing."""

_MOST = 15  # digits of a number that needs no check against 64 bits
_PLAIN = frozenset((bytes, int, type(None), SimpleString, NoResponse))  # replies that are sent as they are


def _get(db: NodeDatabase, args: list[bytes]) -> Any:
    item = db.live(args[0])
    return None if item is None else item.value if type(item.value) is bytes else PASS


def _set(db: NodeDatabase, args: list[bytes]) -> Any:
    expireat, only_new, at, count = None, False, 2, len(args)
    while at < count:
        option = args[at].upper()
        if option == b"NX" and not only_new:
            only_new = True
        elif (option == b"PX" or option == b"EX") and expireat is None and at + 1 < count:
            at += 1
            if (amount := _positive(args[at])) is None:
                return PASS
            expireat = db.time + (amount / 1000.0 if option == b"PX" else amount)
        else:
            return PASS
        at += 1
    if only_new and (item := db.live(args[0])) is not None:
        return None if _there(item) else PASS
    db.put(args[0], args[1], expireat)
    return OK


def _del(db: NodeDatabase, args: list[bytes]) -> Any:
    if len(args) != 1:
        return PASS
    item = db.live(args[0])
    if item is None:
        return 0
    if not _there(item):
        return PASS
    db.take(args[0])
    return 1


def _exists(db: NodeDatabase, args: list[bytes]) -> Any:
    items = [db.live(key) for key in args]
    there = [item for item in items if item is not None]
    return len(there) if all(map(_there, there)) else PASS


def _incr(db: NodeDatabase, args: list[bytes]) -> Any:
    item = db.live(args[0])
    if item is None:
        db.put(args[0], b"1", None)
        return 1
    if type(item.value) is not bytes or _positive(item.value) is None:
        return PASS
    number = int(item.value) + 1
    db.put(args[0], b"%d" % number, item.expireat)
    return number


def _pttl(db: NodeDatabase, args: list[bytes]) -> Any:
    return _ends(db, args, db.time)


def _pexpiretime(db: NodeDatabase, args: list[bytes]) -> Any:
    return _ends(db, args, 0.0)


def _ends(db: NodeDatabase, args: list[bytes], since: float) -> Any:
    item = db.live(args[0])
    if item is None:
        return -2
    if not _there(item):
        return PASS
    return -1 if item.expireat is None else round((item.expireat - since) * 1000)


def _expire(db: NodeDatabase, args: list[bytes]) -> Any:
    return _live_for(db, args, 1.0)


def _pexpire(db: NodeDatabase, args: list[bytes]) -> Any:
    return _live_for(db, args, 1000.0)


def _live_for(db: NodeDatabase, args: list[bytes], parts: float) -> Any:
    if len(args) != 2 or (amount := _positive(args[1])) is None:
        return PASS
    item = db.live(args[0])
    if item is None:
        return 0
    if not _there(item):
        return PASS
    db.put(args[0], item.value, db.time + amount / parts)
    return 1


def _positive(text: bytes) -> int | None:
    """The number that a text plainly says, above 0."""
    plain = len(text) <= _MOST and text.isdigit() and text[0] != 48  # no number begins with a zero
    return int(text) if plain else None


def _there(item: Item) -> bool:
    """A value that every command takes for one: fakeredis asks whether it is empty, as a stream can be."""
    return type(item.value) is bytes or bool(item.value)


DIRECT: dict[str, Direct] = {
    "get": _get, "set": _set, "del": _del, "unlink": _del, "exists": _exists, "incr": _incr, "pttl": _pttl,
    "pexpiretime": _pexpiretime, "expire": _expire, "pexpire": _pexpire,
}  # fmt: skip


@lru_cache(1_000)
def _plain(word: bytes) -> Any:
    """The command of this name, if it needs no look at its subcommand or at the server's version."""
    name = word.decode("utf-8", "replace").lower()
    return None if name in LATER or name in COMMANDS_WITH_SUB else COMMANDS.get(name)


class Node(Protocol):
    """What is asked of a simulated server here."""

    acl: AccessRules
    dbs: dict[int, NodeDatabase]

    def now(self) -> float:
        """Seconds since 1970."""


class DirectSocket(CommandSocket):
    """A server's end of a connection that runs commands by a shorter way."""

    answer: Callable[[Any], None]

    def _process_command(self, fields: list[bytes]) -> None:
        """What fakeredis does: no lock, as there are no threads; connections that were closed are forgotten at once."""
        sig, node = _plain(fields[0]) if fields else None, cast("Node", self._server)
        silent = self._reply_off or self._reply_skip or self._reply_skip_next
        if sig is None or silent or node.acl.asked or not sig.least < len(fields) <= sig.most + 1:
            super()._process_command(fields)
            return
        args = fields[1:]
        now = node.now()
        for db in node.dbs.values():
            db.time = now
        if self._transaction is not None and msgs.FLAG_TRANSACTION not in sig.flags:
            self._transaction.append((getattr(self, sig.func_name), sig, args))
            self.answer(b"QUEUED")
            return
        result = self._run_command(None, sig, args, False)
        kind = type(result)
        if kind is SimpleString:
            result = result.value
        elif kind not in _PLAIN:
            result = self._decode_result(result)
        if kind is not NoResponse:
            self.answer(result)

    def _run_command(self, func: Any, sig: Any, args: list[Any], from_script: bool) -> Any:
        """What fakeredis does, for Redis alone. Without `func` it is the signature's."""
        node, heard = self._server, bool(self._server.subscribers or self._server.psubscribers)
        direct = DIRECT.get(sig.name)
        if direct is not None and not heard and not self._pubsub:
            result = direct(self._db, args)  # type: ignore[arg-type]
            if result is not PASS:
                return result
        items: list[Any] = []
        self._subkey_events = []
        try:
            ready = sig.apply(args, self._db, node.version)
            if from_script and msgs.FLAG_NO_SCRIPT in sig.flags:
                raise SimpleError(msgs.COMMAND_IN_SCRIPT_MSG)
            if self._pubsub and sig.name not in self.ACCEPTED_COMMANDS_WHILE_PUBSUB:
                raise SimpleError(msgs.BAD_COMMAND_IN_PUBSUB_MSG)
            if len(ready) == 1:
                result = ready[0]
            else:
                values, items = ready
                result = (func or getattr(self, sig.func_name))(*values)
                if type(result) not in _PLAIN and msgs.FLAG_SKIP_CONVERT_TO_RESP2 not in sig.flags:
                    result = self._shown(result)
        except SimpleError as error:
            result = error
        keeps = msgs.FLAG_LEAVE_EMPTY_VAL in sig.flags
        for item in items:
            item.writeback(remove_empty_val=not keeps)
        if heard:
            self._keyspace_notifications(items, sig.name.encode())
        if node.version >= (8, 8):
            self._subkey_notifications(items)
        return result

    def _shown(self, result: Any) -> Any:
        spoken = self._resp_version
        if spoken == 2:
            result = convert_to_resp2(result)
        if not valid_response_type(result, spoken):
            raise AssertionError(f"Invalid response type for {result}")
        return result
