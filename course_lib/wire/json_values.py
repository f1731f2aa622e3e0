"""Values as a child sends them: JSON and nothing else, because the parent does not trust the child.

A value of any other type comes as its type's name and its text: an `Opaque`, which equals nothing else.
"""

from __future__ import annotations

import asyncio
import builtins
import dataclasses
import json
import json.encoder
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import redis.exceptions

from course_lib.wire.pipe import Broken

DEEPEST, LONGEST = 30, 200_000
"""How deep a value can be nested, and how many parts or characters it can have."""

_NAMES: dict[str, type[BaseException]] = {}
_RECORDS = ("course_lib.explore.", "course_lib.sim.faults", "course_lib.trace", "course_lib.lessons.")
"""Modules with dataclasses and named tuples whose objects a child may send."""


def _writer() -> Callable[[Any], str]:
    """Writes JSON without spaces. The json module makes its encoder in C anew for each text, which takes longer than
    writing a short text, so here it is made once. It is a private part of Python: where it is missing, or is another
    one than it was in Python 3.11 to 3.14, the module writes."""
    slow = json.JSONEncoder(separators=(",", ":"), check_circular=False)
    try:
        made: Any = json.encoder.c_make_encoder  # type: ignore[attr-defined]  # not in the stubs
        fast = made(None, slow.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
        if "".join(fast(_SAMPLE, 0)) == _WRITTEN:
            return lambda plain: "".join(fast(plain, 0))
    except (AttributeError, TypeError, ValueError):
        pass
    return slow.encode


_SAMPLE = ["a \u00e9\n", 2**70, 0.5, float("inf"), None, True, [{"b": []}]]
_WRITTEN = r'["a \u00e9\n",1180591620717411303424,0.5,Infinity,null,true,[{"b":[]}]]'
_written = _writer()


def as_json(plain: Any) -> bytes:
    """A plain value, as it goes through a pipe."""
    return _written(plain).encode()


class Opaque:
    """Stands for a value that cannot be sent: its type's name, and its text."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text

    def __repr__(self) -> str:
        return self.text


@dataclasses.dataclass(frozen=True)
class SeenAt:
    """Where in an answer's code an error arose: its line, and whether that line raised it itself, or it came from
    outside of all code. Without a line, it arose elsewhere."""

    line: int | None = None
    text: str = ""
    itself: bool = False


class Encoder:
    """Makes plain values. `handle(it)` gives the number of what the other side has handed out, if it did."""

    def __init__(self, handle: Callable[[Any], int | None], seen_at: Callable[[BaseException], SeenAt]) -> None:
        self._handle, self._seen_at = handle, seen_at
        self._left = 0

    def __call__(self, it: Any) -> Any:
        """Its plain form."""
        kind = type(it)
        if it is None or kind is bool or kind is float:
            return it
        self._left = LONGEST
        return self._of(it, DEEPEST)

    def _of(self, it: Any, deeper: int) -> Any:
        self._left -= 1
        kind = type(it)
        if it is None or kind is bool or kind is float or (kind is str and len(it) <= LONGEST):
            return it
        if it is Ellipsis:
            return ["..."]
        if deeper < 0 or self._left < 0 or _size(it) > min(self._left, LONGEST):
            return ["?", _name(kind), "…"]
        if (number := self._handle(it)) is not None and not isinstance(it, BaseException):
            return ["h", number]
        try:
            return self._nested(it, kind, deeper - 1)
        except (Exception, KeyboardInterrupt):  # of its own code: what has no text either
            return ["?", _name(kind), f"<{_name(kind)}>"]

    def _nested(self, it: Any, kind: type, deeper: int) -> Any:
        if issubclass(kind, int | str | float):
            return _basic(it)
        if issubclass(kind, bytes | bytearray):
            return ["b", bytes(it).decode("latin-1")]
        if issubclass(kind, BaseException):
            return self._error(it, deeper)
        if kind.__module__.partition(".")[0] == "course_lib":
            if dataclasses.is_dataclass(kind):
                fields = {one.name: getattr(it, one.name) for one in dataclasses.fields(kind) if one.init}
                return ["D", kind.__module__, kind.__qualname__, [[n, self._of(v, deeper)] for n, v in fields.items()]]
            if issubclass(kind, tuple):
                return ["N", kind.__module__, kind.__qualname__, [self._of(one, deeper) for one in it]]
        for many, tag in _MANY.items():
            if issubclass(kind, many):
                return [tag, [self._of(one, deeper) for one in many.__iter__(it)]]
        if issubclass(kind, dict):
            return ["d", [[self._of(key, deeper), self._of(value, deeper)] for key, value in dict.items(it)]]
        if isinstance(it, Iterator):
            return ["i", [self._of(one, deeper) for one, _ in zip(it, range(1_000), strict=False)]]
        return ["?", _name(kind), without_addresses(repr(it)[:2_000])[:500]]

    def error(self, error: BaseException) -> Any:
        """An error: its class if that is known, else those of its bases that are; its arguments; where it arose."""
        self._left = LONGEST
        try:
            return self._error(error, DEEPEST)
        except (Exception, KeyboardInterrupt):  # of its own code: of one that lies about itself, only the name
            return ["e", _name(type(error)), False, ["builtins.Exception"], [], [None, "", False]]

    def _error(self, error: BaseException, deeper: int) -> Any:
        kind, seen = type(error), self._seen_at(error)
        where = [seen.line, seen.text[:300], seen.itself]
        if (number := self._handle(error)) is not None:
            return ["E", number, where]
        bases = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__ if known(base)]
        args = [self._of(arg, deeper) for arg in error.args[:10]]
        return ["e", _name(kind), bases[0] == f"{kind.__module__}.{kind.__qualname__}", bases, args, where]


_MANY: dict[Any, str] = {list: "l", tuple: "t", set: "s", frozenset: "f"}
_MADE: dict[str, Callable[[list[Any]], Any]] = {"l": list, "t": tuple, "s": set, "f": frozenset, "i": iter}


def _name(kind: type) -> str:
    """The name of a class, whatever its own class says that it is."""
    return str(vars(type)["__name__"].__get__(kind))[:100]


def _size(it: Any) -> int:
    """How many parts it has, if it is a text or a container."""
    return len(it) if type(it) in (str, bytes, bytearray, dict, *_MANY) else 0


def _basic(it: int | str | float) -> Any:
    """The plain value inside an object whose class inherits from one of these, whatever the class does with it."""
    if isinstance(it, bool):
        return it
    if isinstance(it, int):
        value = int.__index__(it)
        return value if value.bit_length() < 10_000 else ["?", "int", "a very large number"]
    return str.__str__(it) if isinstance(it, str) else float.__float__(it)


def _printable(text: str) -> str:
    """A text that can be written to a file."""
    return text.encode("utf-8", "backslashreplace").decode()


def without_addresses(text: str) -> str:
    """An object's text, without where it happens to lie in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def learn(*kinds: type[BaseException]) -> None:
    """Know these classes of errors by their names, on both sides."""
    _NAMES.update({f"{kind.__module__}.{kind.__qualname__}": kind for kind in kinds})


def known(kind: type) -> bool:
    """Is it a class of errors that both sides have?"""
    return _NAMES.get(f"{kind.__module__}.{kind.__qualname__}") is kind


class Decoder:
    """Makes values from their plain forms. `handed(number)` gives back what this side handed out."""

    def __init__(self, handed: Callable[[int], Any]) -> None:
        self._handed = handed

    def __call__(self, plain: Any) -> Any:
        """The value. Raises: Broken."""
        if type(plain) is not list:
            return plain
        try:
            return self._of(plain)
        except Exception as error:  # also of a record that does not accept such fields, or nested too deep
            raise Broken(f"{error!r:.100}") from error

    def _of(self, plain: Any) -> Any:
        if type(plain) is not list:
            return plain
        tag, *rest = plain
        if tag in _MADE:
            return _MADE[tag]([self._of(one) for one in rest[0]])
        if tag == "...":
            return Ellipsis
        if tag == "h":
            return self._handed(int(rest[0]))
        if tag == "b":
            return rest[0].encode("latin-1")
        if tag == "d":
            return {self._of(key): self._of(value) for key, value in rest[0]}
        if tag in "eE":
            error = self._error(*rest[:-1]) if tag == "e" else self._handed(int(rest[0]))
            line, text, itself = rest[-1]
            if not isinstance(error, BaseException):
                raise ValueError("what was handed out under that number is no error")
            seen: Any = error
            seen.seen_at = SeenAt(line if type(line) is int else None, _printable(str(text)[:300]), itself is True)
            return error
        if tag in "DN":
            return self._record(tag, *rest)
        if tag == "?":
            return Opaque(*map(str, rest))
        raise ValueError(f"no value is written as {tag!r:.20}")

    def _error(self, name: str, exact: bool, bases: list[str], args: list[Any]) -> BaseException:
        kinds = [_NAMES[name] for name in bases if name in _NAMES]
        if any(issubclass(kind, KeyboardInterrupt) for kind in kinds):  # it would end the grader: only its name is used
            kinds = [kind for kind in kinds if not issubclass(kind, KeyboardInterrupt)] or [BaseException]
            exact = False
        given = [_printable(arg) if type(arg) is str else self._of(arg) for arg in args[:10]]
        return an_error(_printable(str(name)[:100]), kinds, given, exact)

    def _record(self, tag: str, module: str, name: str, fields: list[Any]) -> Any:
        kind = getattr(sys.modules.get(module), name, None) if module.startswith(_RECORDS) else None
        if not isinstance(kind, type) or not (dataclasses.is_dataclass(kind) or issubclass(kind, tuple)):
            raise ValueError(f"there is no record {module}.{name}")
        if tag == "N":
            return kind(*map(self._of, fields))
        return kind(**{str(field): self._of(value) for field, value in fields})


for _module in (builtins, redis.exceptions, asyncio.exceptions):
    learn(*[one for one in vars(_module).values() if isinstance(one, type) and issubclass(one, BaseException)])


def an_error(name: str, kinds: Sequence[type[BaseException]], args: Iterable[Any], exact: bool) -> BaseException:
    """An error of that name: of the first of these classes, if it is `exact`, else of one derived from them."""
    args = tuple(args)
    try:
        return (kinds[0] if exact else _derived(name, tuple(kinds)))(*args)
    except Exception:  # one that wants other arguments than it has kept
        return _derived(name, (Exception,))(*args)


@lru_cache(1_000)
def _derived(name: str, kinds: tuple[type[BaseException], ...]) -> type[BaseException]:
    """A class of errors of that name which is derived from these, as far as one can be: the same each time."""
    try:
        return type(name, _least(kinds) or (Exception,), {})
    except (TypeError, ValueError):  # they cannot be one class, or that is not a name
        return type("Error", (Exception,), {})


def _least(kinds: tuple[type[BaseException], ...]) -> tuple[type[BaseException], ...]:
    """The classes from which none of the others is derived."""
    return tuple(kind for kind in kinds if not any(other is not kind and issubclass(other, kind) for other in kinds))
