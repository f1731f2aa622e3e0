"""What judges of locks need: what a node holds at a moment, scripts of their own, and who held a lock when."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from course_lib.explore import Play, Simulation, Violation
from course_lib.explore.invariants import one_holder
from course_lib.explore.server_state import ask
from course_lib.trace import Event, Trace

KEY = "job"
@dataclass
class Call:
    """One call of the answer: by whom and with which token; what it returned, or the error that it raised.

    `before` and `after` are the tokens that the lock held when it began and when it ended. Units: seconds.
    """

    who: str
    token: str
    began: float
    ended: float | None = None
    result: Any = None
    before: str | None = None
    after: str | None = None


async def outcome(called: Awaitable[Any]) -> Any:
    """What it returns, or the error that it raises; but no cancellation, which is how the end of a run finds it."""
    try:
        return await called
    except Exception as error:
        return error


def yes(result: object) -> bool | None:
    """True or False as an answer says it, also as 1 or 0; None for whatever is neither, however equal it seems."""
    return bool(result) if type(result) in (bool, int) else None


def held(world: Simulation, node: int = 0, key: str = KEY) -> str | None:
    """The token in the lock on a node, asked at the server itself: no client's message, no time, no trace."""
    server = world.nodes[node]
    extension, server.extension = server.extension, None  # also one that hangs is asked
    try:
        token = ask(server, b"GET", key.encode())
    finally:
        server.extension = extension
    return token.decode(errors="replace") if isinstance(token, bytes) else None


def one_at_a_time(run: Play, promise: str = "one-holder") -> Iterator[Violation]:
    """No two clients hold the lock at once; a client that dies holds it no more."""
    for found in one_holder(promise=promise)(run):
        yield replace(found, text=f"{found.text}.")


def deletes(trace: Trace, who: str) -> list[Event]:
    """Plain commands of a client that delete the lock."""
    return [event for event in trace if event.client == who and event.name in ("DEL", "UNLINK", "GETDEL")]


def scripted(events: Iterable[Event]) -> bool:
    """Is there a script among these commands?"""
    return any(event.name in ("EVAL", "EVALSHA", "FCALL") for event in events)
