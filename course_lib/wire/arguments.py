"""What an answer is handed, on its way to the child: values as they are; functions, errors and clients by number.

The child finds in their place functions that ask the parent, errors of the same name, and clients of its own. A stream
of draws goes by number and by value: the child draws for itself, and tells how often.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import marshal
import pickle
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

import redis.asyncio as aioredis

from course_lib.sim.draws import Draws
from course_lib.wire.json_values import an_error, known

_BASIC = (str, int, float, bytes)
_OPTIONS = ("decode_responses", "driver_info", "protocol", "retry", "socket_timeout")
_SHARED = ("course_lib.explore.", "course_lib.sim.", "course_lib.trace", "course_lib.lessons.")
"""Modules whose records the child has as well; not those of exercises, which it shall not see."""


_QUICK, _WHOLE = b"q", b"w"
"""How a message begins that marshal has written, and one that pickle has. The child trusts its parent."""


def whole(message: tuple[Any, ...]) -> bytes:
    """A message, for `unpacked`, in which nothing goes by number."""
    return _WHOLE + pickle.dumps(message)


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
            return _QUICK + marshal.dumps(message)  # most hold nothing but texts and numbers
        except ValueError:
            buffer = io.BytesIO()
            buffer.write(_WHOLE)
            _Pickler(buffer, self, {} if streams is None else streams).dump(message)
            return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, handed: Handed, streams: dict[int, int]) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self._handed, self._streams = handed, streams

    def persistent_id(self, it: Any) -> Any:
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
            self._handed.nodes[node.name] = kwargs["network"], node
            return "redis", self._handed.number(it), node.name, {name: kwargs[name] for name in _OPTIONS}
        if isinstance(it, BaseException):
            bases = [base for base in kind.__mro__ if known(base)]
            return "error", self._handed.number(it), kind.__name__, bases, tuple(map(str, it.args)), bases[0] is kind
        if isinstance(it, type | ModuleType):
            return None
        if kind is Draws:
            self._streams[number := self._handed.number(it)] = it.state
            return "draws", number, it.state
        if callable(it):
            return "function", self._handed.function(it), inspect.iscoroutinefunction(it), _name(it)
        if hidden(kind):
            if dataclasses.is_dataclass(it) and not _methods(kind):
                return "record", {name: getattr(it, name) for name in _told(kind)}
            if not isinstance(it, tuple):
                return "object", self._handed.object(it, _methods(kind)), _methods(kind)
        return None


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


class Receiver(Protocol):
    """What the child can do with a thing that has a number."""

    def redis(self, node: str, options: dict[str, Any]) -> Any:
        """Its client of that node."""

    def ask(self, number: int, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """What the parent's function returns."""

    def later(self, number: int, args: tuple[Any, ...], options: dict[str, Any]) -> Awaitable[Any]:
        """What the parent's coroutine function comes to."""


Moved = list[tuple[int, int]]
"""Streams of draws: their numbers, and the states that they are in now."""


class HandedDraws(Draws):
    """The child's copy of a stream: `drawn` is how often it was called since that was last told."""

    __slots__ = ("drawn",)

    def __init__(self, state: int) -> None:
        self.state, self.drawn = state, 0

    def __call__(self) -> float:
        self.drawn += 1
        return super().__call__()


class Received:
    """The child's end: all that it was handed in one run, by number and by identity."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._made: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._streams: dict[int, HandedDraws] = {}

    def clear(self) -> None:
        """A new run begins."""
        self._made.clear()
        self._numbers.clear()
        self._streams.clear()

    def drew(self) -> Iterator[tuple[str, int, int]]:
        """Of each stream that was drawn from since this was last asked, an action: its number, and how often."""
        for number, stream in self._streams.items():
            if stream.drawn:
                yield "drew", number, stream.drawn
                stream.drawn = 0

    def moved(self, streams: Moved) -> None:
        """The parent's code has drawn from these streams."""
        for number, state in streams:
            self._streams[number].state = state

    def number(self, thing: Any) -> int | None:
        """The number under which it was handed in, if it was."""
        return self._numbers.get(id(thing))

    def unpacked(self, data: bytes) -> Any:
        """The message that `packed` made."""
        return marshal.loads(data[1:]) if data[:1] == _QUICK else _Unpickler(io.BytesIO(data[1:]), self).load()

    def made(self, number: int, make: Callable[[], Any]) -> Any:
        """The object of that number, the same each time."""
        if number not in self._made:
            self._made[number] = thing = make()
            self._numbers[id(thing)] = number
        return self._made[number]

    def function(self, number: int, awaited: bool, name: str) -> Callable[..., Any]:
        """One that asks the parent."""
        receiver = self._receiver

        async def later(*args: Any, **options: Any) -> Any:
            return await receiver.later(number, args, options)

        def ask(*args: Any, **options: Any) -> Any:
            return receiver.ask(number, args, options)

        function: Callable[..., Any] = later if awaited else ask
        function.__name__ = function.__qualname__ = name
        return function

    def found(self, kind: str, *what: Any) -> Any:
        """The object that stands for it here."""
        if kind == "value":
            return what[0]
        if kind == "record":
            return SimpleNamespace(**what[0])
        number, *about = what
        if kind == "redis":
            return self.made(number, lambda: self._receiver.redis(*about))
        if kind == "draws":
            self._streams[number] = self.made(number, lambda: HandedDraws(*about))
            self.moved([(number, *about)])
            return self._streams[number]
        if kind == "function":
            return self.made(number, lambda: self.function(number, *about))
        if kind == "error":
            return self.made(number, lambda: an_error(*about))
        return self.made(number, lambda: self._object(number, about[0]))

    def _object(self, number: int, methods: dict[str, bool]) -> Any:
        """One whose methods ask the parent: the first argument says which."""
        found = SimpleNamespace()
        for name, awaited in methods.items():
            method = partial(self.function(number, awaited, name), name)
            setattr(found, name, _awaited(method) if awaited else method)
        return found


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, received: Received) -> None:
        super().__init__(buffer)
        self._received = received

    def persistent_load(self, pid: Any) -> Any:
        return self._received.found(*pid)


def _awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    async def method(*args: Any, **options: Any) -> Any:
        return await function(*args, **options)

    return method
