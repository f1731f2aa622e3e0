"""What the processes of a judged run did, and when: one thing after another, each with what became of it.

    acts = Acts(world)
    acts.process("c1", count, [(0.0, "a"), (0.5, "b")])   # at 0 s it awaits count(act), where act.what is "a"; then "b"

A trial's `build` returns them, and its judges read `run.witness.acts`. An exercise that must remember more has a class
of its own that inherits `Acts`; what it must remember of one act, one that inherits `Act`. Times are in seconds of the
world's clock, which no patch of asyncio changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

from course_lib.explore import Play, Process, Simulation, until
from course_lib.grading.calls import awaited
from course_lib.grading.evidence import excused_error, loads, of, raised, round_trips, unheard
from course_lib.trace import Event

PATIENCE = 0.2
"""Seconds until a client gives up on a reply."""
Plan = Iterable[tuple[float, str]]
"""When a process does what. It does so later if it is still busy with the act before."""


def world(nodes: int = 1) -> Simulation:
    """A network of 1.1 ms one way on average; a lost message is noticed after PATIENCE."""
    return Simulation(nodes=nodes, socket_timeout=PATIENCE)


class Returned:
    """An error that was returned, not raised. Its caller does not notice it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"the error {self.error!r}"


@dataclass
class Act:
    """One thing that a process did. `ended` is infinite while it has neither returned nor raised."""

    who: str
    what: str
    began: float = 0.0
    ended: float = inf
    result: Any = None

    def end(self, world: Simulation) -> None:
        """The act is over. Subclasses remember here what the servers hold now."""
        self.ended = world.now()

    @property
    def over(self) -> bool:
        """Did it return or raise?"""
        return self.ended < inf

    @property
    def failed(self) -> bool:
        """Did it raise?"""
        return isinstance(self.result, BaseException)

    @property
    def done(self) -> bool:
        """Did it return?"""
        return self.over and not self.failed


@dataclass
class Acts:
    """All that the processes of one run did, in order of its beginning."""

    world: Simulation
    acts: list[Any] = field(default_factory=list)  # Act, or what inherits it

    async def do(self, act: Act, deed: Callable[[Any], Awaitable[Any]]) -> Any:
        """Do it now. Returns and raises what `deed(act)` does."""
        act.began = self.world.now()
        self.acts.append(act)
        try:
            result = await awaited(deed(act))
            act.result = Returned(result) if isinstance(result, BaseException) else result
        except Exception as error:  # not for a cancellation: by that the end of the run knows which clients still wait
            act.result = error
            act.end(self.world)
            raise
        act.end(self.world)
        return act.result

    def process(
        self, name: str, deed: Callable[[Any], Awaitable[Any]], plan: Plan, act: Callable[[str, str], Act] = Act,
        process: Process | None = None,
    ) -> Process:  # fmt: skip
        """A process that follows its plan to the end, whatever fails; then it ends with its first error, if any. With
        `process`, it becomes one more task of that process."""

        async def body() -> None:
            first: Exception | None = None
            for when, what in plan:
                await until(self.world, when)
                try:
                    await self.do(act(name, what), deed)
                except Exception as error:
                    first = first or error
            if first is not None:
                raise first

        return self.world.client(name, body, process=process)

    def did(self, what: str, who: str = "") -> list[Any]:
        """The acts of that name, by processes whose names begin with `who`."""
        return [act for act in self.acts if act.what == what and act.who.startswith(who)]


@dataclass
class ActsWithTokens(Acts):
    """Acts with tokens: an answer can ask for them, as names of leases or owners of locks."""

    made: int = 0

    def token(self) -> str:
        """A text that was never given before."""
        self.made += 1
        return f" Token-{self.made}: {int(self.world.draws(f'token {self.made}')() * 16**6):06x} "


# -- what is said of them ----------------------------------------------------------------------------------------------


def sent(run: Play, act: Act) -> list[Event]:
    """The commands that its process sent while it lasted."""
    return [event for event in of(run.trace, act.who) if act.began <= event.t_start <= min(act.ended, run.now)]


def cost(run: Play, act: Act) -> tuple[int, int]:
    """Its round trips and its loads."""
    end = min(act.ended, run.now)
    return round_trips(sent(run, act)), sum(
        load.who == act.who and act.began <= load.start <= end for load in loads(run.trace)
    )


def answered(run: Play) -> Iterator[Any]:
    """The acts that ended, without those that failed perhaps because a fault hit their process."""
    return (act for act in run.witness.acts if act.over and not excused_error(run, act.who, act.result))


def swallowed(run: Play, act: Act) -> Event | None:
    """A command of an act that returned as if nothing had happened, although that command failed and was not sent
    again with success."""
    return unheard(sent(run, act)) if act.done else None


def failure(act: Act) -> str:
    """In words, that an act ended with an error."""
    return f"{act.who} ended with {raised(act.result)}."
