"""EVAL in the simulated server: fakeredis's commands and JSON, run in our own Lua sandbox."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int
from fakeredis._commands import COMMANDS_WITH_SUB
from fakeredis._helpers import SimpleError, SimpleString
from fakeredis.commands_mixins import scripting_mixin
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE
from fakeredis.model import is_write_command

from course_lib.sim.fake_server_commands import CommandSocket, ours, reworded
from course_lib.sim.lua_sandbox import MEMORY, TOO_MUCH, Failure, LuaSandbox
from course_lib.sim.process import CLIENT
from course_lib.sim.random_streams import first_of_scripts

_NONE: frozenset[Any] = frozenset()  # of the globals that a script may add
_NO_ARGUMENT = "ERR Please specify at least one argument for this redis lib call"
_NOT_FROM_SCRIPT = "ERR This Redis command is not allowed from script"
_TOO_FEW = "ERR Wrong number of args calling Redis command from script"
_ALSO_WRITING = ("pfcount", "publish", "spublish")  # for a read-only script


class ScriptSocket(CommandSocket):
    """A server's end of a connection, for scripts: `redis.call`, and what a script's value is as a reply."""

    calls: tuple[tuple[bytes, ...], ...] | list[tuple[bytes, ...]] = ()
    """What scripts have run since the last reply."""
    effects: tuple[tuple[bytes, ...], ...] = ()
    """What of that may write, where nodes replicate: a replica is sent this, and not the script."""

    @ours("eval_ro", (bytes, Int), (bytes,), flags=msgs.FLAG_NO_SCRIPT)
    def eval_ro(self, script: bytes, numkeys: int, *rest: bytes) -> Any:
        return self._read_only(self.eval, script, numkeys, *rest)

    @ours("evalsha_ro", (bytes, Int), (bytes,), flags=msgs.FLAG_NO_SCRIPT)
    def evalsha_ro(self, sha1: bytes, numkeys: int, *rest: bytes) -> Any:
        return self._read_only(self.evalsha, sha1, numkeys, *rest)

    def _read_only(self, run: Callable[..., Any], *args: Any) -> Any:
        engine = self._server.scripts  # type: ignore[attr-defined]
        engine.read_only = True
        try:
            return run(*args)
        finally:
            engine.read_only = False

    def evalsha(self, sha1: bytes, numkeys: int, *rest: bytes) -> Any:
        return super().evalsha(sha1.lower(), numkeys, *rest)

    def _sig_of(self, said: list[bytes]) -> tuple[Any, Any, list[bytes]]:
        name, args = said[0].decode("utf-8", "replace").lower(), said[1:]
        if name in COMMANDS_WITH_SUB and args:
            name, args = f"{name} {args[0].decode('utf-8', 'replace').lower()}", args[1:]
        return (*self._name_to_func(name), args)

    def well_formed(self, said: list[bytes]) -> bool:
        """Is there such a command, and does it take as many arguments? A server asks this before all else."""
        try:
            _, sig, args = self._sig_of(said)
            sig.check_arity(args, self.version)
        except SimpleError:
            return False
        return True

    def _lua_redis_call(self, lua_runtime: Any, expected_globals: Any, *said: Any) -> Any:
        words = [part if type(part) is bytes else _argument(part) for part in said]
        if not isinstance(self.calls, list):
            self.calls = []
        self.calls.append(tuple(words))
        func, sig, args = self._sig_of(words)
        if not sig.fits(len(args), self.version):
            raise SimpleError(_TOO_FEW)
        if msgs.FLAG_NO_SCRIPT in sig.flags:
            raise SimpleError(_NOT_FROM_SCRIPT)
        if lua_runtime.read_only and (sig.name in _ALSO_WRITING or is_write_command(sig.name.encode())):
            raise SimpleError(msgs.SCRIPT_READ_ONLY_WRITE_MSG)
        if self._server.extension is not None and _may_write(sig.name):  # type: ignore[attr-defined]
            self.effects += (tuple(words),)
        result = self._run_command(func, sig, args, True)
        if type(result) is bytes or type(result) is int:
            return result
        if isinstance(result, SimpleError):
            raise SimpleError(reworded(result.value))
        return self._convert_redis_result(lua_runtime, result)

    def allows(self, *said: Any) -> bool:
        """`redis.acl_check_cmd`: everybody may do everything."""
        try:
            self._sig_of([part if type(part) is bytes else _argument(part) for part in said])
        except SimpleError:
            raise SimpleError("ERR Invalid command passed to redis.acl_check_cmd()") from None
        return True

    def _convert_lua_result(self, value: Any, nested: bool = True) -> Any:
        kind = type(value)
        if kind is bytes:
            return value
        if kind is bool:
            return 1 if value else None
        if kind is int or kind is float:
            return int(value) if -(2**63) <= value < 2**63 else -(2**63)  # as C casts it; so too what is no number
        if LUA_MODULE.lua_type(value) != "table":
            return None
        error = value[b"err"]
        if isinstance(error, bytes):
            text = SimpleError(error.decode("utf-8", "replace"))
            if nested:
                return text
            raise text
        status = value[b"ok"]
        if isinstance(status, bytes):
            return SimpleString(status.replace(b"\r", b" ").replace(b"\n", b" "))
        if value[b"double"] is not None or value[b"map"] is not None:
            return super()._convert_lua_result(value, nested)
        items: list[Any] = []
        while (item := value[len(items) + 1]) is not None:
            items.append(self._convert_lua_result(item))
        return items


@cache
def _may_write(name: str) -> bool:
    """Of subcommands it is not known, so yes."""
    return " " in name or is_write_command(name.encode())


def _argument(value: Any) -> bytes:
    return bytes(scripting_mixin._convert_redis_arg(value))


class ScriptEngine:
    """One sandbox for all servers of a world, where fakeredis has a Lua runtime for each server."""

    def __init__(self) -> None:
        self._running: list[Any] = [None]  # the session whose script runs; fakeredis sets it
        self._garbage = 0
        self.read_only = False

    @cached_property
    def _sandbox(self) -> LuaSandbox:
        lua = LUA_MODULE.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, max_memory=MEMORY,
            register_eval=False, register_builtins=False, attribute_filter=_no_attribute,
        )  # fmt: skip
        functions = {
            b"call": self._call,
            b"log": lambda *args: scripting_mixin._lua_redis_log(self, set(), "redis", *args),
            b"setresp": lambda *args: self._running[0]._lua_setresp(self, set(), *args),
            b"allows": lambda *args: self._running[0].allows(*args),
        }
        guarded = {name: _guarded(function) for name, function in functions.items()}
        return LuaSandbox(lua, {**guarded, b"draw": self._draw, b"seed": self._seed})

    def attach(self, node: Any) -> None:
        """Be the Lua runtime of `node`: these names are what fakeredis's EVAL uses."""
        node._lua_runtime, node._lua_expected_globals = self, _NONE
        node._lua_current_socket, node._lua_set_keys_argv = self._running, self._sandbox.bind

    def globals(self) -> dict[Any, Any]:
        """No script can leave a global behind, so there is nothing for fakeredis to find."""
        return {}

    def table_from(self, *args: Any, **kwargs: Any) -> Any:
        return self._sandbox.lua.table_from(*args, **kwargs)

    def execute(self, source: Any) -> Any:
        """Run a script; errors read as those of Redis 7."""
        if source == "collectgarbage()":  # fakeredis asks for it after every script, and it costs more than the script
            self._garbage += 1
            return self._sandbox.lua.gccollect() if self._garbage % 256 == 0 else None
        body, before = source, self.read_only
        if source.startswith(b"#!"):
            body, self.read_only = _without_shebang(source, before)
        try:
            result = self._sandbox.run(body)
        except LUA_MODULE.LuaSyntaxError as error:
            said = error.args[0] if error.args else b""
            said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise SimpleError(f"ERR Error compiling script (new function): {said}") from None
        except LUA_MODULE.LuaMemoryError:
            self._sandbox.lua.gccollect()
            raise SimpleError(TOO_MUCH) from None
        finally:
            self.read_only = before
        if isinstance(result, Failure):
            sha = hashlib.sha1(source).hexdigest()
            raise SimpleError(f"{result.message} script: {sha}, on {result.where}.")
        return result

    def _call(self, *args: Any) -> Any:
        if not args:
            raise SimpleError(_NO_ARGUMENT)
        return self._running[0]._lua_redis_call(self, _NONE, *args)

    # The random numbers of Redis, which are those of drand48; Lua's own come from the C library of the machine.

    def _draw(self) -> float:
        states, client = self._running[0]._server.random, CLIENT.get()
        state = states[client] if client in states else first_of_scripts(client)
        states[client] = state = (state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        return float((state >> 17) / 0x7FFFFFFF)

    def _seed(self, number: float) -> None:
        self._running[0]._server.random[CLIENT.get()] = ((int(number) & 0xFFFFFFFF) << 16) + 0x330E


def _no_attribute(held: object, name: object, is_setting: bool) -> Any:
    raise AttributeError("nothing of Python's can be reached from a script")


def _guarded(function: Callable[..., Any]) -> Callable[..., tuple[bool, Any]]:
    """Errors become values: a Python exception in the middle of Lua would escape every `pcall`."""

    def answer(*args: Any) -> tuple[bool, Any]:
        try:
            return True, function(*args)
        except SimpleError as error:
            return False, error.value.encode()
        except Exception as error:
            return False, f"SIMULATOR {type(error).__name__}: {error}".encode()

    return answer


def _without_shebang(source: bytes, read_only: bool) -> tuple[bytes, bool]:
    """A script behind its first line `#!lua flags=…`, and whether that says that it only reads."""
    line, newline, rest = source.partition(b"\n")
    engine, *options = line.decode("utf-8", "replace").split()
    if not newline:
        raise SimpleError("ERR Invalid script shebang")
    if engine != "#!lua":
        raise SimpleError(f"ERR Unexpected engine in script shebang: {engine}")
    flags: list[str] = []
    for option in options:
        if not option.startswith("flags="):
            raise SimpleError(f"ERR Unknown lua shebang option: {option}")
        flags = option.removeprefix("flags=").split(",")
    known = {"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"}
    if unknown := [flag for flag in flags if flag not in known]:
        raise SimpleError(f"ERR Unexpected flag in script shebang: {unknown[0]}")
    if read_only and "no-writes" not in flags:
        raise SimpleError("ERR Can not execute a script with write flag using *_ro command.")
    return newline + rest, read_only or "no-writes" in flags
