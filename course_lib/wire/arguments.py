"""What an answer is handed, on its way to the child: values as they are; functions, errors and clients by number.

A stream of draws goes by number and by value: the child draws for itself, and tells how often.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import marshal
import pickle
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import redis.asyncio as aioredis

from course_lib.sim.draws import Draws
from course_lib.wire.json_values import known

_BASIC = (str, int, float, bytes)
_OPTIONS = ("decode_responses", "driver_info", "protocol", "retry", "socket_timeout")
_SHARED = ("course_lib.explore.", "course_lib.sim.", "course_lib.trace", "course_lib.lessons.")
"""Modules whose records the child has as well; not those of exercises, which it shall not see."""


QUICK, CALL, WHOLE = b"q", b"c", b"w"
"""How a message begins that marshal has written, a call of which it has written all but what goes by number, and one
that pickle has written. The child trusts its parent."""


def whole(message: tuple[Any, ...]) -> bytes:
    """A message, for `unpacked`, in which nothing goes by number."""
    return WHOLE + pickle.dumps(message)


class Handed:
    """What the parent has handed out in one run, by number."""

    def __init__(self) -> None:
        self._things: list[Any] = []
        self._numbers: dict[int, int] = {}
        self.nodes: dict[str, tuple[Any, Any]] = {}  # by name: the network of its world, and the node
        self._functions: set[int] = set()
        self._methods: dict[int, set[str]] = {}

    def clear(self) -> None:
        """A new run begins."""
        self._things.clear()
        self._numbers.clear()
        self.nodes.clear()
        self._functions.clear()
        self._methods.clear()

    def function(self, function: Any) -> int:
        """The number of a function that the child may call."""
        number = self.number(function)
        self._functions.add(number)
        return number

    def object(self, it: Any, methods: Iterable[str]) -> int:
        """The number of an object; the child may call these methods of it."""
        number = self.number(it)
        self._methods[number] = set(methods)
        return number

    def called(self, number: int, args: list[Any]) -> tuple[Any, list[Any]]:
        """The function that the child calls, and the arguments. For an object, the first argument names the method.
        Raises: ValueError if the child was not handed it to be called."""
        if number in self._functions:
            return self(number), args
        method, *rest = args
        if method not in self._methods.get(number, ()):
            raise ValueError(f"{method!r:.30} of {number} is nothing to be called")
        return getattr(self(number), method), rest

    def number(self, thing: Any) -> int:
        """The number that an object has, or now gets."""
        if id(thing) not in self._numbers:
            self._numbers[id(thing)] = len(self._things)
            self._things.append(thing)
        return self._numbers[id(thing)]

    def __call__(self, number: int) -> Any:
        """What has that number. Raises: ValueError for a number that was never given."""
        if not 0 <= number < len(self._things):
            raise ValueError(f"nothing was handed out under {number}")
        return self._things[number]

    def packed(self, message: tuple[Any, ...], streams: dict[int, int] | None = None) -> bytes:
        """A message, for `unpacked`. `streams` gets the state of each stream of draws in it, by number."""
        try:
            return QUICK + marshal.dumps(message)  # most hold nothing but texts and numbers
        except ValueError:
            pass
        streams = {} if streams is None else streams
        if message[0] == "call":
            try:
                return CALL + marshal.dumps(self._by_number(message, streams))
            except ValueError:
                pass
        buffer = io.BytesIO()
        buffer.write(WHOLE)
        _Pickler(buffer, self, streams).dump(message)
        return buffer.getvalue()

    def _by_number(self, message: tuple[Any, ...], streams: dict[int, int]) -> tuple[Any, ...]:
        """A call, whose last two parts are its arguments; apart, those that go by number: where, and what stands for
        them. Most calls are handed a client and a function, and pickle takes longer for these than all else does."""
        *head, args, options = message
        args, options, apart = list(args), dict(options), []
        for given, where in ((args, range(len(args))), (options, list(options))):
            for at in where:
                if (stands := reference(given[at], self, streams)) is not None:
                    given[at] = None
                    apart.append((at, stands))
        return head, args, options, apart


def reference(it: Any, handed: Handed, streams: dict[int, int]) -> Any:
    """What stands for a thing that does not go by value, for `Received.found`; None for all others."""
    kind = type(it)
    if kind in _PLAIN:
        return None
    if isinstance(it, _BASIC) and not hidden(kind):
        return None
    if isinstance(it, _BASIC):
        basic: Any = next(one for one in _BASIC if isinstance(it, one))
        return "value", basic(it)
    if isinstance(it, aioredis.Redis):
        kwargs: Any = it.connection_pool.connection_kwargs
        node = kwargs["node"]
        handed.nodes[node.name] = kwargs["network"], node
        return "redis", handed.number(it), node.name, {name: kwargs[name] for name in _OPTIONS}
    if isinstance(it, BaseException):
        bases = [base for base in kind.__mro__ if known(base)]
        return "error", handed.number(it), kind.__name__, bases, tuple(map(str, it.args)), bases[0] is kind
    if isinstance(it, type | ModuleType):
        return None
    if kind is Draws:
        streams[number := handed.number(it)] = it.state
        return "draws", number, it.state
    if callable(it):
        return "function", handed.function(it), inspect.iscoroutinefunction(it), _name(it)
    if hidden(kind):
        if dataclasses.is_dataclass(it) and not _methods(kind):
            return "record", {name: getattr(it, name) for name in _told(kind)}
        if not isinstance(it, tuple):
            return "object", handed.object(it, _methods(kind)), _methods(kind)
    return None


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, handed: Handed, streams: dict[int, int]) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self._handed, self._streams = handed, streams

    def persistent_id(self, it: Any) -> Any:
        return reference(it, self._handed, self._streams)


_PLAIN = {type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset}


def hidden(kind: type) -> bool:
    """Is it a class that the child cannot import?"""
    module = f"{kind.__module__}."
    course = module.startswith("course_lib.")
    shared = module.startswith(_SHARED) and ".exercises." not in module
    return course and not shared


def _name(function: Any) -> str:
    name = getattr(function, "__name__", "function")
    return name if isinstance(name, str) else "function"


def _methods(kind: type) -> dict[str, bool]:
    """The public methods of its objects, and whether they are awaited."""
    found = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    return {name: inspect.iscoroutinefunction(one) for name, one in found.items() if inspect.isroutine(one)}


def _told(kind: type) -> list[str]:
    """The names of a class's fields and properties."""
    computed = [name for name in dir(kind) if not name.startswith("_") and isinstance(getattr(kind, name), property)]
    return [*(one.name for one in dataclasses.fields(kind)), *computed]


Moved = list[tuple[int, int]]
"""Streams of draws: their numbers, and the states that they are in now."""
