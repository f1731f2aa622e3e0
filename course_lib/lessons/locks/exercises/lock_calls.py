"""What judges of locks share: calls of the answer, who changed a lock, and who held it when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from course_lib.explore import Play, Simulation, until
from course_lib.explore.invariants import one_holder
from course_lib.grading.acts import Act
from course_lib.grading.evidence import ms, of_clients
from course_lib.grading.lock_commands import SETS, value, wrongly_taken
from course_lib.grading.lock_watch import KEYS, ROUNDED, call_of, held
from course_lib.grading.rules import Found

Answer = Callable[..., Awaitable[Any]]


@dataclass
class Call(Act):
    """One call of the answer; `what` is its token, `after` the token that the lock held as it ended."""

    key: str = KEYS[0]
    ttl: float = 1.0
    after: str | None = None

    def end(self, world: Simulation) -> None:
        super().end(world)
        lock = held(world, self.key)
        self.after = lock and lock.token


async def hold(world: Simulation, who: str, end: float) -> None:
    """Hold the lock until `end`, in seconds, noted in the trace."""
    note = world.note(who, "hold")
    await until(world, end)
    note.t_end = world.now()


def yes(result: object) -> bool | None:
    """True or False as an answer says it, also as 1 or 0; None for everything else, however equal it seems."""
    return bool(result) if type(result) in (bool, int) and result in (0, 1) else None


# -- judges ------------------------------------------------------------------------------------------------------------


def one_at_a_time(run: Play) -> Iterator[Found]:
    """No two clients hold the lock at once; a client that dies no longer holds it."""
    for found in one_holder()(run):
        yield f"{found.text}.", found.who, found.t_start, found.mark, found.facts


def lives(run: Play) -> Iterator[tuple[float, Found]]:
    """The life of each lock that a call set for another time than its `ttl`, in seconds, and how to say it."""
    for change in run.witness.seen:
        call, after = call_of(run, change), change.after
        if call is not None and after is not None and after.token == call.what:
            life = after.over - change.when
            if abs(life - call.ttl) > ROUNDED:
                said = "for ever" if life == inf else ms(life)
                text = f"{call.who}'s {change.event.name} set the lock to live {said}; ttl is {call.ttl:g} s."
                yield life, (text, call.who, change.when, "wrong life")


# -- clues -------------------------------------------------------------------------------------------------------------


def ways_to_take(run: Play, ttl: float, replaced: bool) -> Iterator[str]:
    """What is wrong with the commands that set the lock: where what was sent and what became of the lock both show it.
    `replaced`: was another's token replaced in whichever run?"""
    trace, witness = of_clients(run.trace), run.witness
    taken = [event for event in trace if event.name in SETS and event.command[1] == witness.key.encode()]
    wrong = [life / ttl for life, _ in lives(run)]
    tokens = [call.what for call in witness.acts]
    shows = {
        "no-nx": replaced,
        "never-expires": inf in wrong,
        "two-steps": inf in wrong,
        "wrong-unit": any(life < 1 / 500 or 500 < life < inf for life in wrong),
        "not-our-token": any(change.after and change.after.token not in tokens for change in witness.seen),
    }
    named = wrongly_taken(taken, trace, ttl, lambda event: value(event).decode(errors="replace") in tokens)
    return (name for name in named if shows[name])
