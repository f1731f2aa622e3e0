"""What judges of locks share: calls of the answer, what a node holds at a moment, and who held a lock when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from course_lib.explore import Play, Simulation, until
from course_lib.explore.invariants import one_holder
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act
from course_lib.grading.evidence import of_clients
from course_lib.grading.lock_commands import SETS, value, wrongly_taken
from course_lib.grading.rules import Found

Answer = Callable[..., Awaitable[Any]]
KEY = "job"


@dataclass
class Call(Act):
    """One call of the answer; `what` is its token. `before` and `after` are the tokens that the lock held as it began
    and as it ended."""

    before: str | None = None
    after: str | None = None

    def end(self, world: Simulation) -> None:
        super().end(world)
        self.after = held(world)


async def hold(world: Simulation, who: str, end: float) -> None:
    """Hold the lock until `end`, in seconds, noted in the trace."""
    note = world.note(who, "hold")
    await until(world, end)
    note.t_end = world.now()


def yes(result: object) -> bool | None:
    """True or False as an answer says it, also as 1 or 0; None for everything else, however equal it seems."""
    return bool(result) if type(result) in (bool, int) else None


def held(world: Simulation, node: int = 0) -> str | None:
    """The token in the lock on a node, asked at the server itself: no client's message, no time, no trace."""
    server = world.nodes[node]
    extension, server.extension = server.extension, None  # a node that hangs is asked too
    try:
        token = ask(server, b"GET", KEY.encode())
    finally:
        server.extension = extension
    return token.decode(errors="replace") if isinstance(token, bytes) else None


def one_at_a_time(run: Play) -> Iterator[Found]:
    """No two clients hold the lock at once; a client that dies no longer holds it."""
    for found in one_holder()(run):
        yield f"{found.text}.", found.who, found.t_start, found.mark


def ways_to_take(run: Play, ttl: float) -> Iterator[str]:
    """What is wrong with the commands that set the lock, if there are any."""
    trace = of_clients(run.trace)
    taken = [event for event in trace if event.name in SETS and event.command[1] == KEY.encode()]
    return wrongly_taken(taken, trace, ttl, lambda event: event.client.encode() in value(event))
