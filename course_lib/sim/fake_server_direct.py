"""How a command of a simulated server runs: as in fakeredis but with fewer checks, and the commonest without
fakeredis."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._commands import COMMANDS_WITH_SUB
from fakeredis._helpers import NoResponse, SimpleError, SimpleString
from fakeredis._socket._resp import convert_to_resp2, valid_response_type

from course_lib.sim.fake_server_commands import COMMANDS, LATER, LONGER, CommandSocket
from course_lib.sim.fake_server_plain import DIRECT, PASS

_PLAIN = frozenset((bytes, int, type(None), SimpleString, NoResponse))  # replies that are sent as they are


@lru_cache(1_000)
def _plain(word: bytes) -> Any:
    """The command of this name, if it depends neither on a subcommand nor on the server's version."""
    name = word.decode("utf-8", "replace").lower()
    return None if name in LATER or name in LONGER or name in COMMANDS_WITH_SUB else COMMANDS.get(name)


class DirectSocket(CommandSocket):
    """A server's end of a connection that runs commands by a shorter way."""

    _server: Any  # a SimNode
    answer: Callable[[Any], None]

    def _process_command(self, fields: list[bytes]) -> None:
        """What fakeredis does: no lock, as there are no threads; connections that were closed are forgotten at once."""
        sig, node = _plain(fields[0]) if fields else None, self._server
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
        if type(result) is list and _PLAIN.issuperset(map(type, result)):
            return result
        spoken = self._resp_version
        if spoken == 2:
            result = convert_to_resp2(result)
        if not valid_response_type(result, spoken):
            raise AssertionError(f"Invalid response type for {result}")
        return result
