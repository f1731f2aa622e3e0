"""Which commands the simulated server has: fakeredis's, those of ours in their stead, and those that it refuses.

A command that fakeredis answers wrongly is mended where that is short; else it is refused, with a sentence that names
it. What Redis 7.0 does not know is unknown here too, unless a world is made with a later version.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int
from fakeredis._commands import COMMANDS_WITH_SUB, SUPPORTED_COMMANDS, Key, Signature
from fakeredis._core import CommandItem
from fakeredis._helpers import SimpleError
from fakeredis._socket import AsyncFakeSocket
from fakeredis.model import get_command_info

LONGER = ("zrank", "zrevrank")
"""Those that take WITHSCORE, since 7.2."""


class _Arity(Signature):
    """A command's arguments. A wrong number is refused before the command is queued, anything else when it runs."""

    def __init__(self, name: str, func_name: str, fixed: Any, repeat: Any = (), *args: Any, **kwargs: Any) -> None:
        super().__init__(name, func_name, fixed, repeat, *args, **kwargs)
        words = len(name.split())
        info = get_command_info(name.encode())  # which knows no subcommand
        self.least = abs(info[1]) - 1 if info and words == 1 else len(fixed)
        self.most = sys.maxsize if (info[1] < 0 if info and words == 1 else repeat) else self.least

    def check_arity(self, args: Sequence[Any], version: Any) -> None:
        if not self.fits(len(args), version):
            raise SimpleError(msgs.WRONG_ARGS_MSG6.format(self.name.replace(" ", "|")))

    def fits(self, count: int, version: Any) -> bool:
        """Does it take that many arguments, in that version?"""
        most = self.least if self.name in LONGER and version < (7, 2) else self.most
        return self.least <= count <= most

    def apply(self, args: Sequence[Any], db: Any, version: Any) -> Any:
        """Do what fakeredis does, with fewer checks: give the arguments as values, and the keys among them as items."""
        types: tuple[Any, ...] = self.fixed
        if more := len(args) - len(types):
            if more < 0 or not self.repeat or more % len(self.repeat):
                raise SimpleError(msgs.WRONG_ARGS_MSG6.format(self.name))
            types += self.repeat * (more // len(self.repeat))
        values, keys = list(args), list[tuple[int, Any]]()
        for at, kind in enumerate(types):
            if type(kind) is Key:
                if kind.missing_return is not Key.UNSPECIFIED and args[at] not in db:
                    return (kind.missing_return,)
                keys.append((at, kind.type_))
            elif kind is not bytes:
                values[at] = kind.decode(args[at])
        items: list[CommandItem] = []
        for at, wanted in keys:
            item, default = db.get(args[at]), None
            if wanted is not None:
                if item is not None:
                    if type(item.value) is not wanted:
                        raise SimpleError(msgs.WRONGTYPE_MSG)
                elif wanted is not bytes and msgs.FLAG_DO_NOT_CREATE not in self.flags:
                    default = wanted()
            values[at] = CommandItem(args[at], db, item, default)
            items.append(values[at])
        return values, items


def _own(sig: Signature) -> Signature:
    return _Arity(sig.name, sig.func_name, sig.fixed, sig.repeat, sig.command_args, sig.flags)


COMMANDS: dict[str, Signature] = {
    name: _own(sig) for name, sig in SUPPORTED_COMMANDS.items() if "redis" in sig.server_types and "." not in name
}
"""By name in lower case, a subcommand after its command. Modules' commands, which have a dot, are left out."""

_SINCE = {
    (7, 2): "client no-touch|client setinfo|waitaof",
    (7, 4): "hexpire|hexpireat|hexpiretime|hpersist|hpexpire|hpexpireat|hpexpiretime|hpttl|httl",
    (8, 0): "hgetdel|hgetex|hsetex",
    (8, 2): "xackdel|xdelex",
    (8, 4): "delex|digest|msetex",
    (8, 6): "xcfgset|xidmprecord",
    (8, 8): "arcount|ardel|ardelrange|arget|argetrange|argrep|arinfo|arinsert|arlastitems|arlen|armget|armset|arnext|"
    "arop|arring|arscan|arseek|arset|blmovem|client maint_notifications|himport discard|himport discardall|"
    "himport prepare|himport set|increx|lmovem|sdiffcard|sunioncard|xnack",
}
LATER = {name: version for version, names in _SINCE.items() for name in names.split("|")}
"""The commands that 7.0 does not have, with the version that brought them."""

_REFUSED = {
    "it has no memory, disk, log or load of its own; ask a real server": "bgrewriteaof|bgsave|debug|info|lastsave|"
    "latency|lolwut|memory|module|monitor|quit|save|shutdown|slowlog",
    "a value is kept as Python keeps it": "pfdebug|pfselftest|restore|restore-asking|migrate",
    "fakeredis keeps less of a place than Redis": "geoadd|geodist|geohash|geopos|georadius|georadius_ro|"
    "georadiusbymember|georadiusbymember_ro|geosearch|geosearchstore",
    "a node stands alone; see Replication, and real topologies": "asking|cluster|failover|psync|readonly|readwrite|"
    "replconf|replicaof|role|slaveof|sync",
    "a connection tracks no keys": "client caching|client getredir|client tracking|client trackinginfo",
    "a script cannot be interrupted": "script debug|script kill",
    "use BITFIELD": "bitfield_ro",
    "its settings are those of a fresh server": "config resetstat|config rewrite|config set|config help",
    "there is one user": "acl dryrun",
    "what a command is, a real server says": "acl help|client help|command docs|command getkeys|"
    "command getkeysandflags|command help|command list|function help|object help|pubsub help|script help|xgroup help|"
    "xinfo help",
}
REFUSED = {name: reason for reason, names in _REFUSED.items() for name in names.split("|")}
"""What Redis has and this server does not, with the end of the sentence that a client gets."""

for _name in REFUSED.keys() & COMMANDS.keys():
    del COMMANDS[_name]
COMMANDS_WITH_SUB.add("object")  # where fakeredis looks which commands have a first argument that is part of their name

_REWORDED: tuple[tuple[str, str], ...] = (
    (r"^ERR invalid expire time in (\w+)$", r"ERR invalid expire time in '\1' command"),
    (r"not a valid string range item$", "not valid string range item"),
    (r"^(ERR BITOP NOT must be called with a single source key)$", r"\1."),
    (r"^ERR BUSYGROUP", "BUSYGROUP"),
    (r"(at least 1 input key is needed for) (\w+)$", r"\1 '\2' command"),
)


def ours(name: str, fixed: tuple[Any, ...], repeat: tuple[Any, ...] = (), flags: Any = "") -> Callable[[Any], Any]:
    """Register a method of a session as the command, with arguments of its own; fakeredis's table stays as it is."""

    def register(function: Any) -> Any:
        COMMANDS[name] = _Arity(name, function.__name__, fixed, repeat, flags=flags)
        return function

    return register


def typed(key: CommandItem, kind: type[Any]) -> Any:
    """The key's value, an empty one if there is none. Raises: WRONGTYPE. This comes later than in fakeredis, which
    checks the type first."""
    if key._value is None and kind is not bytes:
        key._value = kind()
    if key._value is not None and type(key._value) is not kind:
        raise SimpleError(msgs.WRONGTYPE_MSG)
    return key._value


_REFUSAL = _Arity("", "", (), (bytes,))


def _refuse(name: str, *args: bytes) -> None:
    raise SimpleError(f"ERR {name.upper()} is not simulated: {REFUSED[name]}.")


class CommandSocket(AsyncFakeSocket):
    """A server's end of a connection that knows these commands, and says no as Redis 7 does."""

    _said: Sequence[bytes] = ()  # the command that the client sent
    _script_resp: int | None

    @ours("wait", (Int, Int), flags=msgs.FLAG_NO_SCRIPT)
    def wait(self, replicas: int, timeout: int) -> int:
        """WAIT, which an extension answers, unless it stands in a transaction."""
        extension = getattr(self._server, "extension", None)
        if extension is None:
            raise SimpleError("ERR WAIT is not simulated: a node stands alone; see Replication, and real topologies.")
        return int(extension.wait_in_transaction(self))

    def _name_to_func(self, cmd_name: str) -> tuple[Callable[..., Any] | None, Signature]:
        sig = COMMANDS.get(cmd_name)
        if sig is None or (cmd_name in LATER and self.version < LATER[cmd_name]):
            if cmd_name in REFUSED:
                return partial(_refuse, cmd_name), _REFUSAL
            raise self._unknown_command(cmd_name)
        return getattr(self, sig.func_name), sig

    def _unknown_command(self, command: str, args: str | None = None) -> SimpleError:
        name, _, sub = command.partition(" ")
        if self._script_resp is not None:
            return SimpleError("ERR Unknown Redis command called from script")
        said = [part.decode("utf-8", "replace").replace("\r", " ").replace("\n", " ") for part in self._said]
        if sub:
            return SimpleError(f"ERR unknown subcommand '{said[1][:128]}'. Try {name.upper()} HELP.")
        if command in COMMANDS_WITH_SUB:
            return SimpleError(msgs.WRONG_ARGS_MSG6.format(command))
        told = ""
        for part in said[1:]:
            if len(told) >= 128:
                break
            told += f"'{part[: 128 - len(told)]}' "
        return SimpleError(f"ERR unknown command '{(said or [command])[0][:128]}', with args beginning with: {told}")

    def _decode_error(self, error: SimpleError) -> Any:
        return super()._decode_error(SimpleError(reworded(error.value)))


def reworded(text: str) -> str:
    """An error as Redis 7 words it."""
    for old, new in _REWORDED:
        text = re.sub(old, new, text)
    return text
