"""The libraries of a Redis script beside cjson: `bit`, `struct` and `cmsgpack`, for the values that Lua passes.

Knows Lua and nothing of fakeredis. A wrong argument raises ValueError, whose text is the error that the script gets.
Sources: https://bitop.luajit.org/api.html; http://www.inf.puc-rio.br/~roberto/struct/; the formats of MessagePack,
https://github.com/msgpack/msgpack/blob/master/spec.md. Does not: keep more than the 53 bits of a Lua number.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

from lupa.lua51 import lua_type


def answering(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a function into one that the sandbox can call: its errors become values, and a tuple is several values."""

    def answer(*args: Any) -> Any:
        try:
            value = function(*args)
        except ValueError as error:
            return False, str(error).encode("utf-8", "surrogateescape")
        except TypeError:
            return False, b"wrong number or type of arguments"
        return (True, *value) if type(value) is tuple else (True, value)

    return answer


def _number(value: Any, at: int, name: str) -> float:
    if isinstance(value, bytes):
        try:
            value = float(value)
        except ValueError:
            value = value.decode("utf-8", "replace")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        kind = {type(None): "nil", bool: "boolean", str: "string"}.get(type(value)) or lua_type(value) or "userdata"
        raise ValueError(f"bad argument #{at} to '{name}' (number expected, got {kind})")
    return value


# -- bit --------------------------------------------------------------------------------------------------------------


def _signed(word: int) -> int:
    return (word + 0x80000000) % 0x100000000 - 0x80000000


def _words(name: str, args: tuple[Any, ...]) -> list[int]:
    if not args:
        raise ValueError(f"bad argument #1 to '{name}' (number expected, got no value)")
    return [round(_number(value, at, name)) & 0xFFFFFFFF for at, value in enumerate(args, 1)]


def _tohex(*args: Any) -> bytes:
    word, digits = _words("tohex", args)[0], _signed(_words("tohex", args[1:])[0]) if len(args) > 1 else 8
    text = b"%08x" % word if digits >= 0 else b"%08X" % word
    return text[-min(abs(digits), 8) :] if digits else b""


def _rotated(word: int, by: int) -> int:
    return word << (by & 31) | word >> (32 - (by & 31))


def _folded(name: str, join: Callable[[int, int], int]) -> Callable[..., int]:
    def answer(*args: Any) -> int:
        first, *others = _words(name, args)
        for word in others:
            first = join(first, word)
        return _signed(first)

    return answer


def _binary(name: str, compute: Callable[[int, int], int]) -> Callable[..., int]:
    return lambda *args: _signed(compute(*(_words(name, args[:1]) + _words(name, (0, *args[1:2]))[1:])))


def _unary(name: str, compute: Callable[[int], int]) -> Callable[..., int]:
    return lambda *args: _signed(compute(_words(name, args)[0]))


BIT: dict[bytes, Callable[..., Any]] = {
    b"tobit": _unary("tobit", lambda word: word),
    b"bnot": _unary("bnot", lambda word: ~word),
    b"bswap": _unary("bswap", lambda word: int.from_bytes(word.to_bytes(4, "big"), "little")),
    b"band": _folded("band", lambda one, other: one & other),
    b"bor": _folded("bor", lambda one, other: one | other),
    b"bxor": _folded("bxor", lambda one, other: one ^ other),
    b"lshift": _binary("lshift", lambda word, by: word << (by & 31)),
    b"rshift": _binary("rshift", lambda word, by: word >> (by & 31)),
    b"arshift": _binary("arshift", lambda word, by: _signed(word) >> (by & 31)),
    b"rol": _binary("rol", _rotated),
    b"ror": _binary("ror", lambda word, by: _rotated(word, -by)),
    b"tohex": _tohex,
}

# -- struct -----------------------------------------------------------------------------------------------------------

_SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "l": 8, "L": 8, "T": 8, "i": 4, "I": 4, "f": 4, "d": 8, "x": 1, "s": 0}


def _items(layout: bytes, name: str) -> Iterator[tuple[str, int, str, int]]:
    """Each option of a format: its letter, its size, the byte order, and to how many bytes it is aligned."""
    order, limit = "little", 1
    for letter, digits in re.findall(r"(.)(\d*)", layout.decode("latin-1"), re.DOTALL):
        if letter in "<>":
            order = "little" if letter == "<" else "big"
        elif letter == "!":
            limit = int(digits or 8)
            if limit & (limit - 1):
                raise ValueError(f"alignment {limit} is not a power of 2")
        elif letter == "c" or letter in _SIZES:
            sized = digits if letter in "ciI" else ""
            size = int(sized or (1 if letter == "c" else _SIZES[letter]))
            if letter in "iI" and size > 32:
                raise ValueError(f"integral size {size} is larger than limit of 32")
            yield letter, size, order, 1 if letter in "cxs" else max(1, min(size, limit))
        elif letter != " ":
            raise ValueError(f"bad argument #1 to '{name}' (invalid format option '{letter}')")


def _pack(layout: bytes, *values: Any) -> bytes:
    out, at = b"", 1
    for letter, size, order, step in _items(layout, "pack"):
        out += bytes(-len(out) % step)
        if letter == "x":
            out += b"\0"
            continue
        value = values[at - 1] if at <= len(values) else None
        at += 1
        if letter in "cs":
            if not isinstance(value, bytes):
                value = b"%.14g" % _number(value, at, "pack")
            if letter == "c" and len(value) < size:
                raise ValueError(f"bad argument #{at} to 'pack' (string too short)")
            out += value + b"\0" if letter == "s" else value[: size or None]
        elif letter in "fd":
            out += struct.pack(("<" if order == "little" else ">") + letter, _number(value, at, "pack"))
        else:
            whole = int(_number(value, at, "pack"))
            out += (whole & ((1 << 8 * size) - 1)).to_bytes(size, order)  # type: ignore[arg-type]
    return out


def _unpack(layout: bytes, data: bytes, start: float = 1) -> tuple[Any, ...]:
    place, values = int(start) - 1, list[Any]()
    for letter, size, order, step in _items(layout, "unpack"):
        place += -place % step
        if letter == "c" and size == 0:
            if not values or not isinstance(values[-1], (int, float)):
                raise ValueError("format 'c0' needs a previous size")
            size = int(values.pop())
        if place + size > len(data):
            raise ValueError("bad argument #2 to 'unpack' (data string too short)")
        part = data[place : place + size]
        if letter == "s":
            end = data.find(b"\0", place)
            if end < 0:
                raise ValueError("unfinished string in data")
            part, size = data[place:end], end + 1 - place
        if letter in "cs":
            values.append(part)
        elif letter in "fd":
            values.append(struct.unpack(("<" if order == "little" else ">") + letter, part)[0])
        elif letter != "x":
            values.append(float(int.from_bytes(part, order, signed=letter.islower())))  # type: ignore[arg-type]
        place += size
    return (*values, place + 1)


def _size(layout: bytes) -> int:
    total = 0
    for letter, size, _, step in _items(layout, "size"):
        if letter == "s" or (letter == "c" and size == 0):
            raise ValueError(f"bad argument #1 to 'size' (option '{'s' if letter == 's' else 'c0'}' has no fixed size)")
        total += -total % step + size
    return total


STRUCT: dict[bytes, Callable[..., Any]] = {b"pack": _pack, b"unpack": _unpack, b"size": _size}
