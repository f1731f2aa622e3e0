"""Typed values as text that carries its schema version: a changed shape is a miss, never a crash."""

import json
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from course_lib.errors import BadArgument
from course_lib.patterns.basics import require

T = TypeVar("T")
_hints = cache(get_type_hints)


class Miss(Enum):
    """Why a cache has no value to return; the values are the names in the metrics."""

    MISSING, CHANGED, CORRUPT, AWAY = "misses", "changed", "corrupt", "degraded"


class Typed(Generic[T]):
    """Values of one shape (a dataclass, a TypedDict or a plain type) as JSON behind the version of that shape.

    Any text decodes to a value, to CHANGED (another version), or to CORRUPT: not JSON, a field missing, unknown or of
    another type, or a value that the shape itself refuses. `encode` refuses a value that would not decode to an equal
    one (BadArgument).

    >>> stock = Typed(dict[str, int], version=2)
    >>> stock.encode({"duck": 7}), stock.decode('v2;{"duck": 7}'), stock.decode('v1;["duck"]').name
    ('v2;{"duck": 7}', {'duck': 7}, 'CHANGED')
    """

    def __init__(self, shape: type[T], *, version: int) -> None:
        require(type(version) is int and version > 0, "version", version, "an int from 1")
        self.shape, self.prefix = shape, f"v{version}"

    def encode(self, value: T) -> str:
        """Text that decodes to an equal value."""
        accepted = f"a {self.shape}, the shape of this Typed, as JSON can tell it"
        try:
            text = f"{self.prefix};{json.dumps(value, skipkeys=True, default=_plain)}"
        except (ValueError, RecursionError) as error:  # it contains itself, is too deep, or has too many digits
            raise BadArgument(f"value is a {type(value).__name__}, and {error}; accepted: {accepted}") from error
        require(self.decode(text) == value, "value", value, accepted)
        return text

    def decode(self, text: str) -> T | Miss:
        """The value, or why there is none."""
        version, _, document = text.partition(";")
        if version != self.prefix:
            return Miss.CHANGED if version[:1] == "v" and version[1:].isdecimal() else Miss.CORRUPT
        try:
            return _built(self.shape, json.loads(document))  # type: ignore[no-any-return]
        except Exception:  # ValueError, TypeError, RecursionError, and anything that a __post_init__ raises
            return Miss.CORRUPT


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else repr(value)


def _built(hint: Any, raw: Any) -> Any:
    """The parsed JSON `raw` as a value of the type `hint`. Raises: TypeError if it is not one."""
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if inner and kind is list and type(raw) is list:
        return [_built(inner[0], item) for item in raw]
    if inner and kind is dict and type(raw) is dict:
        return {name: _built(inner[1], item) for name, item in raw.items()}
    if (is_dataclass(hint) or is_typeddict(hint)) and type(raw) is dict:
        hints = _hints(hint)
        if getattr(hint, "__required_keys__", hints.keys()) <= raw.keys() <= hints.keys():
            return hint(**{name: _built(hints[name], item) for name, item in raw.items()})
    for one in inner if kind in (Union, UnionType) else ():
        with suppress(TypeError):
            return _built(one, raw)
    if type(raw) in (kind or NoneType, *[int] * (kind is float)) or (kind is Literal and raw in inner):
        return raw
    raise TypeError(f"{raw!r} is no {hint}")
