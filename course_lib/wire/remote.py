"""The parent's end: an answer whose code runs in children, called as if it were here.

    remote = Remote([Pipe(…), Pipe(…)])
    count = remote.coroutine_function()                    # `await count(redis, key)` in a simulated process

Each simulated process is one `RemoteProcess`: its commands go through the world's own connections, in its name, so that
faults, pauses and turns strike it as they strike any other. What a child says is checked like the word of a stranger.
Raises: Broken, if it makes no sense.

Cost: a message each way whenever code goes on; together somewhat more than the simulation itself (`make bench`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import inf
from time import monotonic
from typing import Any

from course_lib.sim.loop import SimLoop
from course_lib.sim.process import PROCESS, Process
from course_lib.wire.arguments import Handed, whole
from course_lib.wire.json_values import Decoder
from course_lib.wire.outcomes import Kept, Said
from course_lib.wire.pipe import Broken, Pipe
from course_lib.wire.remote_process import Call, RemoteProcess

_decode = json.JSONDecoder().raw_decode


class Seat:
    """One child."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe, self.run = pipe, -1

    def exchange(self, message: bytes) -> list[Any]:
        """Say something, and hear what comes of it. Raises: Broken; Silent."""
        self.pipe.send(message)
        try:
            text = self.pipe.receive().decode()
            said, end = _decode(text)
        except (ValueError, RecursionError) as error:
            raise Broken(str(error)) from error
        if end == len(text) and type(said) is list and said:
            for one in said:
                if type(one) is not list or not one:
                    break
            else:
                return said
        raise Broken("a child said what is no list of actions")


class Remote:
    """An answer in children; several, so that simulated processes share no interpreter as long as there are few.

    `seconds` is how long all of it may take. Code that draws random numbers draws the same in each run with a seed; a
    `salt` keeps it from learning that seed.
    """

    def __init__(self, pipes: Sequence[Pipe], *, seconds: float = inf, salt: str | None = None) -> None:
        for pipe in pipes:
            pipe.deadline = monotonic() + seconds
        self.handed = Handed()
        self.decode = Decoder(self.handed)
        self._salt = salt
        self.seats = [Seat(pipe) for pipe in pipes]
        self._fars: dict[Process | None, RemoteProcess] = {}
        self._loop: SimLoop | None = None
        self._run, self._runs = 0, -1

    # -- what stands for the answer ------------------------------------------------------------------------------------

    def coroutine_function(self) -> Callable[..., Any]:
        """For an answer that is one."""

        async def answer(*args: Any, **options: Any) -> Any:
            return await self.far().call((None, False, ""), args, options)

        return answer

    def function(self) -> Callable[..., Any]:
        """For an answer that is a plain function."""

        def answer(*args: Any, **options: Any) -> Any:
            return self.called((None, False, ""), args, options)

        return answer

    def maker(self, *, awaited: bool) -> Callable[..., Any]:
        """For an answer that makes objects, whose methods are awaited or are not."""

        def answer(*args: Any, **options: Any) -> Any:
            return RemoteObject(self, self.called((None, True, ""), args, options), awaited=awaited)

        return answer

    def called(self, what: Any, args: Any, options: Any) -> Any:
        """What a plain call gives, in a run or out of it. Raises what it raises."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._apart(what, args, options)
        return self.far().sync([(what, args, options)])[0]

    def _apart(self, what: Any, args: Any, options: Any) -> Any:
        self._begin(None, 0, by_order=False)
        seat = self._ready(self.seats[0])
        outcome = Kept()
        for action in seat.exchange(
            self.handed.packed(("each", None, 0.0, [], [], "outside", [(what, args, options)]))
        ):
            if action[0] == "ask":
                raise Broken("a child asked for something out of a run")
            if action[0] == "outcome":
                outcome.keep(Said.checked(action, self.decode))
        return outcome.given(1)[0]

    def extra(self, request: str, *args: Any) -> list[Any]:
        """Each child's answer to a request of the caller's own kind."""
        replies = [seat.exchange(whole(("extra", request, args))) for seat in self.seats]
        return [said[1] if said[0] == "said" and len(said) == 2 else None for *_, said in replies]

    # -- runs ----------------------------------------------------------------------------------------------------------

    def far(self) -> RemoteProcess:
        """The simulated process that runs now."""
        loop, process = asyncio.get_running_loop(), PROCESS.get()
        assert isinstance(loop, SimLoop)
        if loop is not self._loop or loop.runs != self._runs:
            self._begin(loop, loop.seed, by_order=loop.by_order)
        if process not in self._fars:
            seat = self._ready(self.seats[len(self._fars) % len(self.seats)])
            self._fars[process] = RemoteProcess(self.handed, self.decode, seat.exchange, len(self._fars), process, loop)
        return self._fars[process]

    def _begin(self, loop: SimLoop | None, seed: int, *, by_order: bool) -> None:
        self._loop, self._runs = loop, -1 if loop is None else loop.runs
        self._run += 1
        if self._salt is not None:
            seed = int.from_bytes(blake2b(f"{self._salt}/{seed}".encode(), digest_size=8).digest(), "big")
        self._started = seed, by_order
        self._fars.clear()
        self.handed.clear()

    def _ready(self, seat: Seat) -> Seat:
        """The child, once it knows of the run."""
        if seat.run != self._run:
            seat.run = self._run
            seat.pipe.send(self.handed.packed(("run", self.seats.index(seat), *self._started)))
        return seat


class RemoteObject:
    """An object that the answer has made in a child."""

    def __init__(self, remote: Remote, number: int, *, awaited: bool) -> None:
        self._remote, self._number, self._awaited = remote, number, awaited

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        remote, what = self._remote, (self._number, False, name)

        async def later(*args: Any, **options: Any) -> Any:
            return await remote.far().call(what, args, options)

        def method(*args: Any, **options: Any) -> Any:
            return remote.called(what, args, options)

        return later if self._awaited else method


TOGETHER = 200
"""How many calls go in one message: what they take together has to be as short as a message may take."""


def each(it: RemoteObject, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What plain methods of an object give in a run, one after another: a call is a method's name, and its arguments.
    Raises: what the first raises that does."""
    process = it._remote.far()
    made: list[Call] = [((it._number, False, method), args, {}) for method, *args in calls]
    parts = [made[at : at + TOGETHER] for at in range(0, len(made), TOGETHER)]
    return [given for part in parts for given in process.sync(part)]
