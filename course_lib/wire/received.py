"""What an answer was handed, as the child has it: for what went by number, functions that ask the parent, errors of the
same name, and clients of its own."""

from __future__ import annotations

import io
import marshal
import pickle
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol

from course_lib.sim.draws import Draws
from course_lib.wire.arguments import QUICK, WHOLE, Moved
from course_lib.wire.json_values import an_error


class Receiver(Protocol):
    """What the child can do with a thing that has a number."""

    def redis(self, node: str, options: dict[str, Any]) -> Any:
        """Its client of that node."""

    def ask(self, number: int, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """What the parent's function returns."""

    def later(self, number: int, args: tuple[Any, ...], options: dict[str, Any]) -> Awaitable[Any]:
        """What the parent's coroutine function comes to."""


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
        how = data[:1]
        if how == QUICK:
            return marshal.loads(data[1:])
        if how == WHOLE:
            return _Unpickler(io.BytesIO(data[1:]), self).load()
        head, args, options, apart = marshal.loads(data[1:])
        for at, stands in apart:
            (args if type(at) is int else options)[at] = self.found(*stands)
        return *head, args, options

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
