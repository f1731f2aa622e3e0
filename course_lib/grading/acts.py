"""Processes that do one thing after another at given times, and what became of each: for 02.2 and 02.3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from course_lib.explore import Play, Simulation, Violation
from course_lib.grading.answer import awaited
from course_lib.grading.database import until
from course_lib.grading.evidence import excused_error, loads, of, round_trips

PATIENCE = 0.2
"""Seconds until a client gives up on a reply."""


@dataclass
class Act:
    """One thing that a process did. `ended` is None while it has neither returned nor raised; times in seconds."""

    who: str
    what: str
    began: float
    ended: float | None = None
    result: Any = None

    @property
    def done(self) -> bool:
        """Did it return?"""
        return self.ended is not None and not isinstance(self.result, BaseException)


@dataclass
class Acts:
    """All that the processes of one run did, in order of its beginning."""

    world: Simulation
    acts: list[Act] = field(default_factory=list)

    def process(
        self, name: str, does: dict[str, Callable[[], Awaitable[Any]]], plan: Iterable[tuple[float, str]]
    ) -> None:
        """A process that does what its plan says, when it says so, or later if it is not done with the last."""

        async def body() -> None:
            first: Exception | None = None
            for when, what in plan:
                await until(self.world, when)
                act = Act(name, what, self.world.now())
                self.acts.append(act)
                try:
                    act.result = await awaited(does[what]())
                except Exception as error:
                    act.result, first = error, first or error
                act.ended = self.world.now()
            if first is not None:
                raise first

        self.world.client(name, body)

    def did(self, what: str, who: str = "") -> list[Act]:
        """What was done under that name, by processes whose names begin so."""
        return [act for act in self.acts if act.what == what and act.who.startswith(who)]


def world() -> Simulation:
    """A network of 1.1 ms one way on average; a lost message is noticed after PATIENCE."""
    return Simulation(socket_timeout=PATIENCE)


def cost(run: Play, act: Act) -> tuple[int, int]:
    """The round trips and the loads of one act that has ended."""
    end = run.now if act.ended is None else act.ended
    trips = round_trips(event for event in of(run.trace, act.who) if act.began <= event.t_start <= end)
    return trips, sum(load.who == act.who and act.began <= load.start <= end for load in loads(run.trace))


def answered(run: Play) -> Iterator[Act]:
    """The acts that came to an end, but for those that may have failed because a fault hit their process."""
    return (act for act in run.witness.acts if act.ended is not None and not excused_error(run, act.who, act.result))


def failure(act: Act, promise: str) -> Violation:
    """That an act ended with an error."""
    text = f"{act.who} ended with {type(act.result).__name__}: {str(act.result).rstrip('.')}."
    return Violation(promise, text, act.who, act.began, "fails")


def undisturbed(run: Play) -> Iterator[Acts]:
    """The acts, if no fault struck: only then is anything said of cost."""
    if run.schedule.kind is None:
        yield run.witness
