"""One simulated process whose code runs in a child: what it does is done here, in its name."""

from __future__ import annotations

import asyncio
import inspect
import reprlib
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any

from course_lib.sim.draws import Draws
from course_lib.sim.loop import SimLoop
from course_lib.sim.process import CLIENT, Process
from course_lib.wire.arguments import Handed, Moved
from course_lib.wire.json_values import Decoder
from course_lib.wire.outcomes import Kept, Said, left
from course_lib.wire.pipe import Broken
from course_lib.wire.remote_connections import Connections, seconds

Call = tuple[Any, Any, Any]
"""What is called, as `Child` knows it, and its arguments."""


class RemoteProcess:
    """`exchange(message)` says something to the child, and returns what its code did then."""

    def __init__(
        self, handed: Handed, decode: Decoder, exchange: Callable[[bytes], list[Any]], number: int,
        process: Process | None, loop: SimLoop,
    ) -> None:  # fmt: skip
        self._handed, self._decode, self._exchange, self._number = handed, decode, exchange, number
        self._process, self._loop, self._context = process, loop, copy_context()
        self._clients: set[str] = set()
        self._connections = Connections(handed, loop, self._context, self._clients, self._have)
        self._calls: dict[int, asyncio.Future[Said]] = {}
        self._begun = 0
        self._tasks: dict[int, asyncio.Future[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._outcome = Kept()
        wire = self._connections
        self._does: dict[str, tuple[Callable[..., BaseException | None], int]] = {
            "open": (wire.open, 3), "send": (wire.send, 3), "wait": (wire.wait, 3), "close": (wire.close, 1),
            "call": (self._begin, 5), "stop": (self._stop, 1), "done": (self._done, 3), "outcome": (self._said, 2),
            "left": (self._left, 1), "failed": (self._failed, 1), "drew": (self._drew, 2),
        }  # fmt: skip  # what a child may ask for, and with how many arguments
        self._streams: dict[int, int] = {}  # of draws, by number: in which state the child has each

    # -- calls ---------------------------------------------------------------------------------------------------------

    async def call(self, what: Any, args: Any, options: Any) -> Any:
        """What a coroutine function gives. Raises what it raises. A cancellation is passed on."""
        self._begun += 1
        number, client = self._begun, CLIENT.get()
        self._clients.add(client)
        self._calls[number] = self._loop.create_future()
        try:
            self._have("call", client, number, what, args, options)
            while True:
                try:
                    return (await self._calls[number]).given()
                except asyncio.CancelledError:
                    if self._loop.ending or not self._calls[number].cancelled():
                        raise
                    self._calls[number] = self._loop.create_future()
                    self._have("cancel", number)
        finally:
            del self._calls[number]

    def sync(self, calls: Sequence[Call]) -> list[Any]:
        """What plain functions give, one after another, as long as none raises."""
        client = CLIENT.get()
        self._clients.add(client)
        outer, self._outcome = self._outcome, Kept()
        try:
            self._have("each", client, calls)
            return self._outcome.given(len(calls))
        finally:
            self._outcome = outer

    # -- what happens here, and what the code does then ----------------------------------------------------------------

    def _have(self, what: str, *rest: Any) -> None:
        """Tell the child what has happened; do what its code does, until all of that waits."""
        if self._loop.ending:
            return
        news, moved = self._connections.news(), self._moved() if self._streams else []
        message = self._handed.packed((what, self._number, self._loop.now, news, moved, *rest), self._streams)
        while True:
            *actions, last = self._exchange(message)
            if actions:
                self._do(actions)
            if last[0] != "ask":
                break
            message = self._asked(*_parts(last, 5))
        how, when, steps = last if len(last) == 3 else ("", None, None)
        if how not in ("more", "idle") or type(steps) is not int:
            raise Broken(f"nothing ends with {last!r:.100}")
        self._loop.steps += max(0, steps - 1)
        if how == "more":
            self._loop.call_soon(self._have, "go", context=self._context)
        else:
            self._wake_at(None if when is None else seconds(when))

    def _moved(self) -> Moved:
        """The streams from which others have drawn, and their states."""
        moved = [(number, now) for number, had in self._streams.items() if (now := self._handed(number).state) != had]
        self._streams.update(moved)
        return moved

    def _drew(self, number: int, count: int) -> None:
        stream = self._handed(number)
        if type(stream) is not Draws or type(count) is not int:
            raise Broken("a draw from what is no stream")
        stream.skip(count)
        if number in self._streams:  # else another of the child's processes was handed it, and hears of this later
            self._streams[number] = stream.state

    @property
    def _dead(self) -> bool:
        return self._process is not None and self._process.dead

    def _do(self, actions: list[Any]) -> None:
        """Do what the code asks for, until it is dead."""
        process = self._process
        for what, *rest in actions:
            if process is not None and process.dead:
                break
            try:
                does, parts = self._does[what]
                if len(rest) != parts:
                    raise ValueError(f"in {len(rest)} parts")
                ends = does(*rest)
            except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
                raise Broken(f"{reprlib.repr(what)}, {reprlib.repr(rest)}: {error!r:.100}") from error
            if ends is not None:  # the error that ends the run
                raise ends

    def _wake_at(self, when: float | None) -> None:
        if self._timer is not None:
            if self._timer.when() == when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = self._loop.call_at(when, self._woken, context=self._context)

    def _woken(self) -> None:
        self._timer = None
        self._have("go")

    # -- functions that it was handed ----------------------------------------------------------------------------------

    def _called(self, client: str, number: int, args: list[Any], options: list[Any]) -> Any:
        if client not in self._clients:
            raise Broken("a call of nobody")
        try:
            function, given = self._handed.called(number, list(map(self._decode, args)))
        except (TypeError, ValueError) as error:
            raise Broken(str(error)) from error
        caller = CLIENT.set(client)
        try:
            return function(*given, **{str(name): self._decode(value) for name, value in options})
        finally:
            CLIENT.reset(caller)

    def _asked(self, client: str, number: int, args: list[Any], options: list[Any]) -> bytes:
        """The answer to a question; until it comes, the child's code stands still."""
        if self._dead:
            return self._handed.packed(("raised", asyncio.CancelledError()))
        try:
            result = self._called(client, number, args, options)
        except Exception as error:
            return self._handed.packed(("raised", error))
        if inspect.isawaitable(result):
            self._begun += 1
            later = -self._begun
            self._follow(later, client, result)
            return self._handed.packed(("later", later))
        return self._handed.packed(("returned", result), self._streams)

    def _begin(self, later: int, client: str, number: int, args: list[Any], options: list[Any]) -> None:
        if type(later) is not int or later <= 0 or later in self._tasks:
            raise Broken("a call whose number is not its own")
        try:
            result = self._called(client, number, args, options)
        except Exception as error:  # such as a TypeError, for other arguments than it takes
            result = _raising(error)
        if not inspect.isawaitable(result):
            raise Broken("what it was handed cannot be awaited")
        self._follow(later, client, result)

    def _follow(self, later: int, client: str, awaitable: Any) -> None:
        caller = CLIENT.set(client)
        try:
            task = self._tasks[later] = self._loop.create_task(_whole(awaitable))
        finally:
            CLIENT.reset(caller)
        task.add_done_callback(partial(self._settled, later), context=self._context)

    def _settled(self, later: int, task: asyncio.Future[Any]) -> None:
        del self._tasks[later]
        if task.cancelled():
            self._have("settled", later, "cancelled", None)
        elif (error := task.exception()) is not None:
            self._have("settled", later, "raised", error)
        else:
            self._have("settled", later, "returned", task.result())

    def _stop(self, later: int) -> None:
        if later in self._tasks:
            self._tasks[later].cancel()

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _done(self, number: int, how: str, plain: Any) -> None:
        future = self._calls.get(number)
        if future is None:
            raise Broken("a call has ended that was not made")
        if not future.done():
            future.set_result(Said.checked([how, plain], self._decode))

    def _said(self, how: str, plain: Any) -> None:
        self._outcome.keep(Said.checked([how, plain], self._decode))

    def _left(self, plain: Any) -> BaseException:
        return left(self._decode(plain))

    def _failed(self, plain: Any) -> None:
        error = self._decode(plain)
        if not isinstance(error, BaseException):
            raise Broken("what has failed is no error")
        self._loop.failures.append(error)  # as of a callback here: the run ends by it


def _parts(action: list[Any], wanted: int) -> list[Any]:
    if len(action) != wanted:
        raise Broken(f"{action[0]!r:.30} in {len(action)} parts")
    return action[1:]


async def _raising(error: Exception) -> None:
    raise error


async def _whole(awaitable: Any) -> Any:
    return await awaitable
