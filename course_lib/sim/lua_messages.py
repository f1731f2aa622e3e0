"""MessagePack for scripts: `cmsgpack`, which packs nil, booleans, numbers, strings, arrays and maps.

Knows Lua and nothing of fakeredis. A wrong argument raises ValueError, whose text is the error that the script gets.
Source: https://github.com/msgpack/msgpack/blob/master/spec.md. Does not: extension types, which cmsgpack refuses too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from lupa.lua51 import lua_type

_NESTED = 16  # tables inside one another that are packed; what is deeper becomes nil
_BAD, _MISSING = "Bad data format in input.", "Missing bytes in input."

_FIXED = {  # by first byte: how the bytes that follow are read, as struct says it
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_LENGTHS = {  # by first byte: what follows, and how its length is read
    0xD9: ("text", ">B"), 0xDA: ("text", ">H"), 0xDB: ("text", ">I"),
    0xC4: ("text", ">B"), 0xC5: ("text", ">H"), 0xC6: ("text", ">I"),
    0xDC: ("array", ">H"), 0xDD: ("array", ">I"), 0xDE: ("map", ">H"), 0xDF: ("map", ">I"),
}  # fmt: skip


def _head(length: int, short: int, few: int, *wider: tuple[int, int, str]) -> bytes:
    """The first bytes of a value that has a length. A length of at most `few` stands in the first byte."""
    if length <= few:
        return bytes([short | length])
    first, layout = next((first, layout) for most, first, layout in wider if length <= most)
    return bytes([first]) + struct.pack(layout, length)


def _packed_number(value: float) -> bytes:
    if not isinstance(value, int):
        as_float = abs(value) <= 3.4e38 and struct.unpack(">f", struct.pack(">f", value))[0] == value
        return b"\xca" + struct.pack(">f", value) if as_float else b"\xcb" + struct.pack(">d", value)
    if -32 <= value <= 127:
        return struct.pack(">b", value)
    codes = (0xCC, 0xCD, 0xCE, 0xCF) if value > 0 else (0xD0, 0xD1, 0xD2, 0xD3)
    for code in codes:
        try:
            return bytes([code]) + struct.pack(_FIXED[code], value)
        except struct.error:
            continue
    return b"\xcb" + struct.pack(">d", value)


def _packed(value: Any, depth: int = 1) -> bytes:
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, (int, float)):
        return _packed_number(value)
    if isinstance(value, bytes):
        return _head(len(value), 0xA0, 31, (255, 0xD9, ">B"), (65535, 0xDA, ">H"), (2**32, 0xDB, ">I")) + value
    if lua_type(value) != "table" or depth > _NESTED:
        return b"\xc0"
    items = dict(value.items())
    if set(items) == set(range(1, len(items) + 1)):
        head = _head(len(items), 0x90, 15, (65535, 0xDC, ">H"), (2**32, 0xDD, ">I"))
        return head + b"".join(_packed(items[at], depth + 1) for at in range(1, len(items) + 1))
    head = _head(len(items), 0x80, 15, (65535, 0xDE, ">H"), (2**32, 0xDF, ">I"))
    return head + b"".join(_packed(key, depth + 1) + _packed(item, depth + 1) for key, item in items.items())


def messages(lua: Any) -> dict[bytes, Callable[..., Any]]:
    """The functions of cmsgpack for one Lua, whose tables they make."""

    def read(data: bytes, place: int) -> tuple[Any, int]:
        """A value, and where the next one begins."""

        def take(layout: str) -> Any:
            nonlocal place
            size = struct.calcsize(layout)
            if place + size > len(data):
                raise ValueError(_MISSING)
            (value,) = struct.unpack_from(layout, data, place)
            place += size
            return value

        first = take(">B")
        if first <= 0x7F or first >= 0xE0:
            return (first if first <= 0x7F else first - 256), place
        if first in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[first], place
        if first in _FIXED:
            return float(take(_FIXED[first])), place
        if first in _LENGTHS:
            kind, layout = _LENGTHS[first]
            length = take(layout)
        elif first < 0xC0:
            kind = "map" if first < 0x90 else "array" if first < 0xA0 else "text"
            length = first & (0x1F if kind == "text" else 0x0F)
        else:
            raise ValueError(_BAD)
        if kind == "text":
            return take(f">{length}s"), place
        table = lua.table()
        for at in range(1, length + 1):
            key: Any = at
            if kind == "map":
                key, place = read(data, place)
            value, place = read(data, place)
            if key is None:
                raise ValueError("table index is nil")
            table[key] = value
        return table, place

    def pack(*values: Any) -> bytes:
        if not values:
            raise ValueError("bad argument #0 to 'pack' (MessagePack pack needs input.)")
        return b"".join(map(_packed, values))

    def several(data: bytes, limit: float, start: float) -> tuple[list[Any], int]:
        place, values = int(start), list[Any]()
        if place < 0 or limit < 0:
            raise ValueError(f"Invalid request to unpack with offset of {place} and limit of {len(data)}.")
        if place > len(data):
            raise ValueError(f"Start offset {place} greater than input length {len(data)}.")
        while place < len(data) and (not limit or len(values) < limit):
            value, place = read(data, place)
            values.append(value)
        return values, place if place < len(data) else -1

    def unpack_limit(data: bytes, limit: float, start: float = 0) -> tuple[Any, ...]:
        values, place = several(data, limit, start)
        return (place, *values)

    return {
        b"pack": pack,
        b"unpack": lambda data: tuple(several(data, 0, 0)[0]),
        b"unpack_one": lambda data, start=0: unpack_limit(data, 1, start),
        b"unpack_limit": unpack_limit,
    }
