"""The calls of a run, with when each began, ended and what it returned: what linearizability and staleness judge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from math import inf
from typing import Any

from course_lib.errors import CourseError
from course_lib.explore.linearizable import UNKNOWN, Call
from course_lib.explore.trial import Play
from course_lib.sim import CRASHED, Simulation

Calls = Callable[[Play], Iterable[Call]]
"""Where a judge gets a run's calls from."""


class History:
    """Records calls as clients make them. A trial's `build` returns it, or something that has it as `history`.

        async def body() -> None:
            await history.call("alice", "increment", None, naive_increment(redis))

    Each call's beginning and end are noted in the trace too, so that a reduced enumeration keeps their order.
    """

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self.calls: list[Call] = []

    async def call(self, who: str, name: str, argument: Any, work: Awaitable[Any]) -> Any:
        """Await `work` and return its result. A call that raises, or never returns, may or may not have counted."""
        place, begun = len(self.calls), Call(who, name, argument, start=self._world.now())
        self.calls.append(begun)
        self._world.note(who, "call", name)
        result = await work
        self.calls[place] = replace(begun, result=result, end=self._world.now())
        self._world.note(who, "return", f"{name}: {result!r}")
        return result


def recorded(run: Play) -> Iterable[Call]:
    """The calls of the history that the trial's `build` returned."""
    history = run.witness if isinstance(run.witness, History) else getattr(run.witness, "history", None)
    if not isinstance(history, History):
        raise CourseError(
            "There is no history to judge: let the trial's build return a History (or something that has one as "
            "`history`), or give `calls=by_client(...)`."
        )
    return history.calls


def by_client(name: str, argument: Any = None) -> Calls:
    """Each client is one call of that name: from its first command to its last reply, with what the client returned."""

    def calls(run: Play) -> Iterator[Call]:
        for who in run.trace.clients:
            events = [event for event in run.trace if event.client == who]
            start, result = min(event.t_start for event in events), run.results.get(who, UNKNOWN)
            if result is UNKNOWN or result is CRASHED or isinstance(result, BaseException):
                yield Call(who, name, argument, start=start)
            else:
                yield Call(who, name, argument, result, start, max(event.t_end or event.t_start for event in events))

    return calls


def cut(calls: Iterable[Call], moment: float) -> list[Call]:
    """What somebody knows at that moment: calls that have begun, without the results that are still to come."""
    begun = [call for call in calls if call.start <= moment]
    return [call if call.end <= moment else replace(call, result=UNKNOWN, end=inf) for call in begun]
