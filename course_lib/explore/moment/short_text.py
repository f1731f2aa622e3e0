"""Any object as a short text, without running any of its code: a learner's `__repr__` may lie, raise or hang.

Python's own kinds are read by their own methods, as `dict.items(it)`, also where a class inherits from them; anything
else is its class's name, and the fields that it stores, read by the descriptors that Python made for them. Classes are
compared by identity, as `==`, `hash` and `issubclass` may run a metaclass's code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from types import (
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any
from uuid import UUID

ITEMS, DEPTH, LETTERS, WIDTH = 6, 3, 40, 100
"""How many items of a container are shown, how deep, how much of a text, and the most in all."""

_bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_names_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_flags_of: Callable[[type], int] = type.__dict__["__flags__"].__get__
_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
_args_of: Callable[[BaseException], tuple[Any, ...]] = BaseException.__dict__["args"].__get__
_number_of: Callable[[UUID], Any] = UUID.__dict__["int"].__get__
_hands: list[Callable[[datetime], int]] = [datetime.__dict__[name].__get__ for name in ("hour", "minute", "second")]
_SEALED = ("redis.", "asyncio.", "_asyncio.", "contextvars.", "course_lib.sim.", "course_lib.explore.",
           "course_lib.grading.", "logging.", "threading.", "_thread.")  # fmt: skip
_HEAP_TYPE = 1 << 9  # a class that Python code has made
Says = Callable[[Any, int, list[int]], str]
"""An object, how deep to go, and the identities of what it is inside of; its text."""


def shortened(it: Any) -> str:
    """What it is, in at most WIDTH characters."""
    text = _text(it, DEPTH, [])
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def is_tool(it: Any) -> bool:
    """Is it a module, a function, a class, a coroutine or a client of Redis: what code uses, and not what it knows?"""
    return _how(type(it)) in (_function, _a_module, _class, _client, _coroutine)


def error_text(error: BaseException) -> str:
    """`ValueError: no such page`, or only its class's name."""
    args = _args_of(error)
    only = len(args) == 1 and _is_a(type(args[0]), str)
    said = f": {_plain(args[0])}" if only else f"({_items(args, len(args), 1, [])})" if args else ""
    return f"{_name_of(type(error))}{said}"[:WIDTH]


def _text(it: Any, depth: int, inside: list[int]) -> str:
    return _how(type(it))(it, depth, inside)


def _how(kind: type) -> Says:
    """The function that reads objects of a class. It is found once. The class is kept alive, so that no other class
    gets its identity."""
    known = _KNOWN.get(id(kind))
    if known is None:
        if len(_KNOWN) > 1_000:
            _KNOWN.clear()
        known = _KNOWN[id(kind)] = kind, next((says for base, says in _SAYS if _is_a(kind, base)), None) or _other(kind)
    return known[1]


_KNOWN: dict[int, tuple[type, Says]] = {}


# -- what Python's own kinds hold --------------------------------------------------------------------------------------


def _plain(it: str) -> str:
    said = "".join(islice(str.__iter__(it), LETTERS + 1))
    return said if len(said) <= LETTERS else f"{said[: LETTERS - 1]}…"


def _str(it: str, depth: int, inside: list[int]) -> str:
    return repr(_plain(it))


def _int(it: int, depth: int, inside: list[int]) -> str:
    bits = int.bit_length(it)
    return int.__repr__(it) if bits <= 128 else f"a number of {bits:,} bits"


def _cut(read: Callable[[Any, Any], Any]) -> Says:
    def says(it: Any, depth: int, inside: list[int]) -> str:
        held = bytes(read(it, slice(LETTERS + 1)))
        return repr(held) if len(held) <= LETTERS else f"{held[: LETTERS - 1]!r}…"

    return says


def _written(write: Callable[[Any], str]) -> Says:
    return lambda it, depth, inside: write(it)


def _uuid(it: UUID, depth: int, inside: list[int]) -> str:
    number = _number_of(it)
    return str(UUID(int=number)) if type(number) is int else "<UUID>"


def _moment(it: datetime, depth: int, inside: list[int]) -> str:
    """Without its time zone, which can be of a learner's class."""
    return f"{date.isoformat(it)} {':'.join(f'{read(it):02}' for read in _hands)}"


def _function(it: Any, depth: int, inside: list[int]) -> str:
    return "a function"


def _a_module(it: Any, depth: int, inside: list[int]) -> str:
    return "a module"


def _coroutine(it: Any, depth: int, inside: list[int]) -> str:
    return "a coroutine"


def _class(it: type, depth: int, inside: list[int]) -> str:
    return f"the class {_name_of(it)}"


def _error(it: BaseException, depth: int, inside: list[int]) -> str:
    return f"{_name_of(type(it))}{_bracketed('()', _args_of(it), len(_args_of(it)), depth, inside)}"


def _sequence(brackets: str, iterate: Callable[[Any], Iterable[Any]], size: Callable[[Any], int]) -> Says:
    return lambda it, depth, inside: _bracketed(brackets, iterate(it), size(it), depth, [*inside, id(it)])


def _tuple(it: Any, depth: int, inside: list[int]) -> str:
    if tuple.__len__(it) == 1 and depth:
        return f"({_text(tuple.__getitem__(it, 0), depth - 1, inside)},)"
    return _bracketed("()", tuple.__iter__(it), tuple.__len__(it), depth, inside)


def _set(iterate: Callable[[Any], Iterable[Any]], size: Callable[[Any], int]) -> Says:
    """In the order of the texts: the order of a set is not the same each time."""

    def says(it: Any, depth: int, inside: list[int]) -> str:
        number = size(it)
        if not number or not depth or number > 1_000:
            return f"{{… {number:,}}}" if number else "set()"
        return f"{{{_first(sorted(_text(item, depth - 1, inside) for item in iterate(it)), number)}}}"

    return says


def _dict(it: Any, depth: int, inside: list[int]) -> str:
    size, inside = dict.__len__(it), [*inside, id(it)]
    if not size or not depth:
        return f"{{… {size:,}}}" if size else "{}"
    pairs = islice(dict.items(it), ITEMS)
    told = (f"{_inner(key, depth, inside)}: {_inner(value, depth, inside)}" for key, value in pairs)
    return f"{{{_first(told, size)}}}"


def _bracketed(brackets: str, held: Iterable[Any], size: int, depth: int, inside: list[int]) -> str:
    told = _items(held, size, depth, inside) if depth or not size else f"… {size:,}"
    return f"{brackets[0]}{told}{brackets[1]}"


def _items(held: Iterable[Any], size: int, depth: int, inside: list[int]) -> str:
    return _first((_inner(item, depth, inside) for item in islice(held, ITEMS)), size)


def _inner(it: Any, depth: int, inside: list[int]) -> str:
    return "…" if id(it) in inside else _text(it, depth - 1, inside)


def _first(texts: Iterable[str], size: int) -> str:
    first = list(islice(texts, ITEMS))
    return ", ".join(first if size <= len(first) else [*first, f"… {size - len(first):,} more"])


_SAYS: list[tuple[type, Says]] = [
    (type(None), _written(str)), (bool, _written(bool.__repr__)), (str, _str), (int, _int),
    (float, _written(float.__repr__)), (complex, _written(complex.__repr__)),
    (bytes, _cut(bytes.__getitem__)), (bytearray, _cut(bytearray.__getitem__)),
    (tuple, _tuple), (list, _sequence("[]", list.__iter__, list.__len__)), (dict, _dict),
    (deque, _sequence("[]", deque.__iter__, deque.__len__)), (range, _written(range.__repr__)),
    (Decimal, _written(Decimal.__str__)), (timedelta, _written(timedelta.__str__)), (UUID, _uuid),
    (datetime, _moment), (date, _written(date.isoformat)),
    (set, _set(set.__iter__, set.__len__)), (frozenset, _set(frozenset.__iter__, frozenset.__len__)),
    (FunctionType, _function), (BuiltinFunctionType, _function), (MethodType, _function), (ModuleType, _a_module),
    (CoroutineType, _coroutine),
    (type, _class), (BaseException, _error),
]  # fmt: skip


# -- other objects -----------------------------------------------------------------------------------------------------


def _client(it: Any, depth: int, inside: list[int]) -> str:
    return "a client of Redis"


def _other(kind: type) -> Says:
    """For a class of somebody's own: its name, and the fields of its objects, unless they belong to a library."""
    name, bases = _name_of(kind), _bases_of(kind)
    if any(_name_of(base) in ("Redis", "RedisCluster") and _module(base).startswith("redis.") for base in bases):
        return _client
    members = [pair for base in reversed(bases) if _flags_of(base) & _HEAP_TYPE for pair in _names(base)]
    slots = [(name, stored) for name, stored in members if type(stored) is MemberDescriptorType]
    dicts = [stored for name, stored in members if name == "__dict__"]
    stored = dicts[-1] if dicts and type(dicts[-1]) is GetSetDescriptorType else None
    if f"{_module(kind)}.".startswith(_SEALED):
        slots, stored = [], None
    named, chosen = f"<{name}>", _is_a(kind, Enum)

    def says(it: Any, depth: int, inside: list[int]) -> str:
        fields = list(islice(_fields(it, slots, stored), ITEMS + 1)) if depth else []
        if chosen:
            return next((f"{name}.{_plain(value)}" for key, value in _fields(it, [], stored) if key == "_name_"), named)
        told = [f"{key}={_inner(value, depth, [*inside, id(it)])}" for key, value in fields[:ITEMS]]
        told += ["…"] * (len(fields) > ITEMS)
        return f"{name}({', '.join(told)})" if told else named

    return says


def _fields(it: Any, slots: list[tuple[str, Any]], stored: Any) -> Iterator[tuple[str, Any]]:
    """What it stores under names: in its slots, and in its dict."""
    for name, slot in slots:
        with suppress(AttributeError, TypeError):  # it was never set; or it is another class's
            yield name, slot.__get__(it)
    if stored is not None:
        with suppress(TypeError):
            held = dict.items(stored.__get__(it))
            yield from [pair for pair in held if type(pair[0]) is str and pair[0][:2] != "__"]


def _is_a(kind: type, base: type) -> bool:
    return any(each is base for each in _bases_of(kind))


def _names(kind: type) -> Iterator[tuple[str, Any]]:
    """What a class's body has defined."""
    return (pair for pair in _names_of(kind).items() if type(pair[0]) is str)


def _module(kind: type) -> str:
    """The module that a class names, if what it names is a text."""
    said = next((value for name, value in _names(kind) if name == "__module__"), "")
    return said if type(said) is str else ""
