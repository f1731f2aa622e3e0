"""lupa.lua51 as the course uses it, over the real Lua 5.1.5 in WebAssembly that `lua51.js` drives.

With `encoding=None` and `unpack_returned_tuples=True`, as the simulated server asks for: strings are bytes, a tuple is
several values. Does not: an encoding, attributes of Python's objects in Lua, coroutines in Python. Each is refused.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from js import eval as js_eval  # in a browser's Python only
from pyodide.ffi import create_proxy, to_js

HERE = Path(__file__).resolve().parent.parent


class LuaError(Exception):
    """A script raised an error; or a value cannot be given to Lua."""


class LuaSyntaxError(LuaError):
    """A text is not Lua."""


class LuaMemoryError(LuaError, MemoryError):
    """Lua has used up its memory."""


_runtimes: WeakValueDictionary[int, LuaRuntime] = WeakValueDictionary()


@cache
def _machine() -> Any:
    """Lua's code, compiled once; each runtime is an instance of it, with memory of its own."""
    make = js_eval((HERE / "lua51.js").read_text(encoding="utf-8"))
    called = create_proxy(lambda runtime, number, *args: _runtimes[runtime]._called(number, *args))
    told = create_proxy(lambda runtime, number: _runtimes[runtime]._told(number))
    return make(to_js((HERE / "lua51.wasm").read_bytes()), called, told)


class _Held:
    """What stays in Lua: a table, a function. Lua may collect it when nothing in Python holds it any longer."""

    def __init__(self, runtime: LuaRuntime, ref: Any) -> None:
        self._runtime, self._ref = runtime, ref

    def __del__(self) -> None:
        self._runtime._lua.drop(self._ref.at)

    def __repr__(self) -> str:
        return f"<Lua {self._ref.kind} at {self._ref.at:#x}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Held):
            return NotImplemented
        return bool(self._runtime._same(self, other))

    __hash__ = None  # type: ignore[assignment]


class _LuaTable(_Held):
    """A table, read and written without its metatable's say."""

    def __getitem__(self, key: Any) -> Any:
        lua = self._runtime
        return lua._given(lua._lua.get(self._ref, lua._taken(key)))

    def __setitem__(self, key: Any, value: Any) -> None:
        lua = self._runtime
        if key is None or key != key:
            raise LuaError(f"table index is {'nil' if key is None else 'NaN'}")
        lua._lua.set(self._ref, lua._taken(key), lua._taken(value))

    def __len__(self) -> int:
        return int(self._runtime._lua.length(self._ref))

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Pairs, in the order of Lua's `next`."""
        found = [self._runtime._given(one) for one in self._runtime._lua.pairs(self._ref)]
        return zip(found[::2], found[1::2], strict=True)

    def keys(self) -> Iterator[Any]:
        """The keys, in the order of Lua's `next`."""
        return (key for key, _ in self.items())

    def values(self) -> Iterator[Any]:
        """The values, in the order of their keys."""
        return (value for _, value in self.items())

    def __iter__(self) -> Iterator[Any]:
        return self.keys()


class _LuaFunction(_Held):
    """A function, called with Python's values and answering with such."""

    def __call__(self, *args: Any) -> Any:
        lua = self._runtime
        return lua._settled(lua._lua.invoke(self._ref, *map(lua._taken, args)))


class _LuaOther(_Held):
    """A coroutine, or something of C's: it can be handed back to Lua, and nothing else."""


_KINDS = {"table": _LuaTable, "function": _LuaFunction}


class LuaRuntime:
    """One Lua, with a memory of its own."""

    lua_version = (5, 1)
    lua_implementation = b"Lua 5.1"

    def __init__(
        self, *, encoding: str | None = None, unpack_returned_tuples: bool = True, max_memory: int = 0,
        register_eval: bool = False, register_builtins: bool = False, attribute_filter: Any = None,
    ) -> None:  # fmt: skip
        if encoding is not None or not unpack_returned_tuples or register_eval or register_builtins:
            raise NotImplementedError("in a browser, Lua's strings are bytes, and Lua sees nothing of Python's")
        self._numbers: dict[int, int] = {}
        self._objects: dict[int, Any] = {}
        self._next, self._answer = 0, None
        machine = _machine()
        self._python = machine.python
        _runtimes[id(self)] = self
        self._lua = machine.make(id(self), max_memory)
        self._equal = self.eval(b"rawequal")

    # -- what lupa's has ----------------------------------------------------------------------------------------------

    def compile(self, source: bytes | str, name: bytes = b'=[string "<python>"]') -> Any:
        """A function that runs the source. Raises: LuaSyntaxError."""
        text = _encoded(source).decode("latin-1")
        return self._settled(self._lua.load(text, name.decode("latin-1")), LuaSyntaxError)

    def execute(self, source: bytes | str, *args: Any, name: bytes = b'=[string "<python>"]') -> Any:
        """Run the source; what it returns. Raises: LuaError."""
        return self.compile(source, name)(*args)

    def eval(self, source: bytes | str, *args: Any) -> Any:
        """The value of an expression. Raises: LuaError."""
        return self.execute(b"return " + _encoded(source), *args)

    def globals(self) -> Any:
        """The table of global variables."""
        return self._given(self._lua.globals())

    def table(self, *items: Any) -> Any:
        """A new table of these items."""
        return self.table_from(items)

    def table_from(self, *of: Any, recursive: bool = False) -> Any:
        """A table of what each mapping or iterable has; `recursive` makes tables of what they hold, too."""
        items: list[Any] = []
        pairs: list[Any] = []
        for one in of:
            if isinstance(one, _LuaTable):
                one = dict(one.items())
            if isinstance(one, Mapping):
                pairs += (part for pair in one.items() for part in pair)
            else:
                items += one
        values = [*items, *pairs]
        if recursive:  # held by this list until they are in the table
            values = [
                self.table_from(v, recursive=True) if isinstance(v, (Mapping, list, tuple)) else v for v in values
            ]
        return self._given(self._lua.table(len(items), *map(self._taken, values)))

    def require(self, name: bytes) -> Any:
        """A module of Lua's. Raises: LuaError, as there is none but its own libraries."""
        return self.globals()[b"require"](name)

    def gccollect(self) -> None:
        """Have Lua collect what nothing refers to."""
        self._lua.collect()

    # -- values there and back ----------------------------------------------------------------------------------------

    def _taken(self, value: Any) -> Any:
        kind = type(value)
        if kind is bytes:
            return value.decode("latin-1")
        if kind is float or kind is bool or value is None:
            return value
        if kind is int:
            if not -(2**63) <= value < 2**63:
                raise OverflowError("Python int too large to convert to C long")
            return float(value)
        if isinstance(value, _Held):
            return value._ref
        return self._python(self._number(value))

    def _number(self, value: Any) -> int:
        """Of an object of Python's: always the same while Lua may hold it, so that it is equal to itself there."""
        if (number := self._numbers.get(id(value))) is None:
            self._next += 1
            number = self._numbers[id(value)] = self._next
            self._objects[number] = value
        return number

    def _given(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return value.encode("latin-1")
        if kind is int or kind is bool or value is None:
            return value
        if kind is float:  # as lupa does: what is whole is an int, if C has such a one
            return int(value) if value.is_integer() and -(2**63) <= value < 2**63 else value
        if value.kind == "python":
            return self._objects[value.at]
        return _KINDS.get(value.kind, _LuaOther)(self, value)

    def _settled(self, answer: Any, kind: type[LuaError] = LuaError) -> Any:
        fine, *values = answer
        if fine:
            found = [self._given(one) for one in values]
            return found[0] if len(found) == 1 else tuple(found) if found else None
        error = self._given(values[0])
        if isinstance(error, BaseException):
            self._forget(error)
            raise error
        text = error.decode("utf-8", "replace") if isinstance(error, bytes) else "" if error is None else str(error)
        raise (LuaMemoryError if values[1] == 4 else kind)(text)

    def _same(self, one: _Held, other: _Held) -> Any:
        return self._equal(one, other)

    # -- what Lua asks of Python --------------------------------------------------------------------------------------

    def _called(self, number: int, *args: Any) -> Any:
        """Call an object, or refuse an attribute of it (-1). What it raises is an answer; nothing leaves this."""
        try:
            if number < 0:
                raise AttributeError("nothing of Python's can be reached from a script")
            value = self._objects[number](*map(self._given, args))
            self._answer = value  # a table of it would be collected before Lua has it
            if type(value) is tuple:
                return to_js([True, *map(self._taken, value)], depth=1) if value else to_js([True], depth=1)
            return self._taken(value)
        except BaseException as error:
            return to_js([False, self._taken(error)], depth=1)

    def _told(self, number: int) -> str:
        try:
            return str(self._objects[number]).encode("utf-8", "replace").decode("latin-1")
        except Exception:
            return traceback.format_exc().encode("utf-8", "replace").decode("latin-1")

    def _forget(self, error: BaseException) -> None:
        """An exception comes out of Lua once; to keep each of them would keep all that it saw."""
        number = self._numbers.pop(id(error))
        del self._objects[number]
        self._lua.forget(number)


def _encoded(source: bytes | str) -> bytes:
    return source.encode() if isinstance(source, str) else source


def lua_type(value: Any) -> str | None:
    """The Lua type of what stays in Lua; None for a value of Python's."""
    return value._ref.kind if isinstance(value, _Held) else None
