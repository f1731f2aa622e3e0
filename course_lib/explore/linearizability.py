"""Linearizability: could all calls have taken effect one at a time, each at a moment between its start and its end?

The search is that of Wing and Gong, "Testing and Verifying Concurrent Objects", JPDC 17, 1993, with Lowe's memory of
configurations that were tried, "Testing for linearizability", CCPE 29(4), 2017, doi:10.1002/cpe.3928.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from course_lib.errors import CourseError
from course_lib.explore.trial import Play
from course_lib.sim import CRASHED, Simulation

State = Hashable
Model = Callable[[State, "Call"], tuple[bool, State]]
"""One call against a state: may it have had its result there, and which state does it leave?"""

UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "UNKNOWN"})()
"""The result of a call whose reply never came: it may have taken effect, at any time after its start, or never."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call by one client, from start to end. Units: seconds; `end` is infinite if it never returned."""

    client: str
    name: str
    argument: Any = None
    result: Any = UNKNOWN
    start: float = 0.0
    end: float = inf

    @property
    def text(self) -> str:
        """`bob: write(2) → OK`, for a sentence about a violation."""
        given = "" if self.argument is None else repr(self.argument)
        return f"{self.client}: {self.name}({given}) → {self.result!r}"


def linearization(calls: Iterable[Call], model: Model, initial: State) -> list[Call] | None:
    """An order in which the calls could have taken effect, one by one; None if there is none.

    Calls without a known result are left out of it where that is needed. Cost: exponential in the calls that overlap,
    so small for the histories of a few clients.
    """
    waiting = frozenset(enumerate(sorted(calls, key=lambda call: (call.start, call.end))))
    tried: set[tuple[frozenset[tuple[int, Call]], State]] = set()
    stack: list[tuple[frozenset[tuple[int, Call]], State, list[Call]]] = [(waiting, initial, [])]
    while stack:
        left, state, order = stack.pop()
        if all(call.result is UNKNOWN for _, call in left):
            return order
        first_end = min(call.end for _, call in left)
        for entry in sorted(left, key=lambda entry: -entry[0]):
            if entry[1].start <= first_end:  # nobody else had ended before it began
                fits, after = model(state, entry[1])
                reached = (left - {entry}, after)
                if fits and reached not in tried:
                    tried.add(reached)
                    stack.append((*reached, [*order, entry[1]]))
    return None


def counter(state: State, call: Call) -> tuple[bool, State]:
    """A counter, from 0: `increment` adds its argument, or 1, and returns the new value; `read` returns the value."""
    assert isinstance(state, int)
    after = state + (1 if call.argument is None else call.argument) if call.name == "increment" else state
    return call.result is UNKNOWN or call.result == after, after


def register(state: State, call: Call) -> tuple[bool, State]:
    """A register: `write` stores its argument; `read` returns the value; `swap`, given (old, new), says whether it did.

    What `write` returns is not looked at.
    """
    if call.name == "write":
        return True, call.argument
    if call.name == "read":
        return call.result is UNKNOWN or call.result == state, state
    old, new = call.argument
    return call.result is UNKNOWN or call.result == (state == old), new if state == old else state


# -- the calls of a run ------------------------------------------------------------------------------------------------

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
