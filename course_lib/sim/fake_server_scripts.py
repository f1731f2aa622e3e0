"""EVAL in the simulated server: fakeredis's commands and JSON, run in our own Lua sandbox."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._helpers import SimpleError
from fakeredis.commands_mixins import scripting_mixin
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE

from course_lib.sim.lua_sandbox import Failure, Sandbox

_NO_ARGUMENT = "ERR Please specify at least one argument for this redis lib call"
_REPHRASED = {  # what fakeredis says: what Redis 7 says
    "ERR unknown command": msgs.SCRIPT_UNKNOWN_COMMAND_MSG,
    msgs.COMMAND_IN_SCRIPT_MSG: "ERR This Redis command is not allowed from script",
}


class ScriptEngine:
    """One sandbox for all servers of a world, where fakeredis has a Lua runtime for each server."""

    def __init__(self) -> None:
        self._running: list[Any] = [None]  # the session whose script runs; fakeredis sets it
        self._garbage = 0

    @cached_property
    def _sandbox(self) -> Sandbox:
        lua = LUA_MODULE.LuaRuntime(
            encoding=None, unpack_returned_tuples=True,
            register_eval=False, register_builtins=False, attribute_filter=_no_attribute,
        )  # fmt: skip
        functions = {
            b"call": self._call,
            b"log": lambda *args: scripting_mixin._lua_redis_log(self, set(), "redis", *args),
            b"setresp": lambda *args: self._running[0]._lua_setresp(self, set(), *args),
            b"encode": _to_json,
            b"decode": self._from_json,
        }
        guarded = {name: _guarded(function) for name, function in functions.items()}
        return Sandbox(lua, {**guarded, b"draw": self._draw, b"seed": self._seed}, scripting_mixin._lua_cjson_null)

    def attach(self, node: Any) -> None:
        """Be the Lua runtime of `node`: these names are what fakeredis's EVAL uses."""
        node._lua_runtime, node._lua_expected_globals = self, set()
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
        try:
            result = self._sandbox.run(source)
        except LUA_MODULE.LuaSyntaxError as error:
            said = error.args[0] if error.args else b""
            said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise SimpleError(f"ERR Error compiling script (new function): {said}") from None
        if isinstance(result, Failure):
            sha = hashlib.sha1(source).hexdigest()
            raise SimpleError(f"{result.message} script: {sha}, on {result.where}.")
        return result

    def _call(self, *args: Any) -> Any:
        if not args:
            raise SimpleError(_NO_ARGUMENT)
        try:
            return self._running[0]._lua_redis_call(self, set(), *args)
        except SimpleError as error:
            better = next((new for old, new in _REPHRASED.items() if error.value.startswith(old)), error.value)
            raise SimpleError(better) from None

    def _from_json(self, text: Any) -> Any:
        try:
            return scripting_mixin._lua_cjson_decode(self, set(), text)
        except json.JSONDecodeError as error:
            raise SimpleError(f"Expected value but found invalid token at character {error.pos + 1}") from None

    # The random numbers of Redis, which are those of drand48; Lua's own come from the C library of the machine.

    def _draw(self) -> float:
        node = self._running[0]._server
        node.random = (node.random * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        return float((node.random >> 17) / 0x7FFFFFFF)

    def _seed(self, number: float) -> None:
        self._running[0]._server.random = ((int(number) & 0xFFFFFFFF) << 16) + 0x330E


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


def _to_json(value: Any) -> bytes:
    return _json(value).encode("utf-8", "surrogateescape")


def _json(value: Any) -> str:
    """JSON as cjson writes it: an empty table is an object, a number has 14 digits, a slash is escaped."""
    if value is scripting_mixin._lua_cjson_null or value is None:
        return "null"
    if isinstance(value, bytes):
        text = json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)
        return text.replace("/", "\\/").replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:.14g}"
    if LUA_MODULE.lua_type(value) != "table":
        raise SimpleError(f"Cannot serialise {LUA_MODULE.lua_type(value) or 'userdata'}: type not supported")
    items = dict(value.items())
    if items and set(items) == set(range(1, len(items) + 1)):
        return "[" + ",".join(_json(items[at]) for at in range(1, len(items) + 1)) + "]"
    names = {key: _json(key if isinstance(key, bytes) else _json(key).encode()) for key in items}
    return "{" + ",".join(f"{names[key]}:{_json(item)}" for key, item in items.items()) + "}"
