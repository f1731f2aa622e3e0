"""Livelock: all clients move, and none of them gets anywhere. The sign of it is a state that comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from course_lib.errors import OutOfBudget
from course_lib.explore.invariants import Invariant
from course_lib.explore.server_state import ask, value
from course_lib.explore.trial import Play, Violation
from course_lib.sim import Move, Simulation, Turn
from course_lib.words import listed

State = tuple[object, ...]


class Circle(NamedTuple):
    """After move number `moves` everything is as it was after move `since`, and all of `who` have moved in between."""

    since: int
    moves: int
    who: tuple[str, ...]


class GoneRound(OutOfBudget):
    """A run was ended because it is where it has been before."""


@dataclass
class Watch:
    """Looks at the state of the world whenever a turn is chosen. A trial's `build` makes one, and returns it for the
    judge.

    A state is what all servers hold, who waits with which command, and who is done. It leaves out what a client
    remembers and how long keys have left to live: so it is right for a loop that begins afresh each time, and wrong for
    one that counts its attempts. A circle counts if at least two clients can move in it, all of them did, and no fault
    helped. With `cut`, a run ends as soon as any state comes back, so that endless loops have a finite number of
    schedules.
    """

    world: Simulation
    cut: bool = False
    circle: Circle | None = None
    _seen: list[State] = field(default_factory=list)
    _moved: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.world.turns is not None:
            self._choose, self.world.turns.choose = self.world.turns.choose, self

    def __call__(self, turns: Sequence[Turn]) -> int | Move:
        self._look(turns)
        move = self._choose(turns)
        self._moved.append("" if isinstance(move, Move) else turns[move].client)
        if isinstance(move, Move) and move.kind != "wait":
            self._seen = [()] * len(self._moved)  # what a fault brought about says nothing about the code
        return move

    def _look(self, turns: Sequence[Turn]) -> None:
        state = _state(self.world, turns)
        before = [at for at, seen in enumerate(self._seen) if seen == state]
        if before and self.circle is None:
            self.circle = self._fair(before, {turn.client for turn in turns})
        if before and self.cut and self._moved[-1:] != [""]:  # a moment in which nobody moved changes nothing
            raise GoneRound(f"after {len(self._moved)} moves everything is as it was after {before[-1]}")
        self._seen.append(state)

    def _fair(self, before: list[int], able: set[str]) -> Circle | None:
        """The shortest way round on which everybody moved who can."""
        for since in reversed(before):
            if len(able) > 1 and set(self._moved[since:]) - {""} == able:
                return Circle(since, len(self._moved), tuple(sorted(able)))
        return None


def no_livelock(*, promise: str = "nobody goes round in circles") -> Invariant:
    """No state comes back after everybody who could move has moved. The trial's `build` returns a `Watch`."""

    def judge(run: Play) -> Iterator[Violation]:
        circle = run.witness.circle if isinstance(run.witness, Watch) else None
        if circle is not None:
            then = f"after move {circle.since}" if circle.since else "at the start"
            moved = f"{listed(circle.who)} have {'both' if len(circle.who) == 2 else 'all'} moved"
            said = f"after {circle.moves} moves all is as it was {then}, though {moved}: it can go on for ever"
            last = max(run.trace.events, key=lambda event: event.t_end or 0.0)
            yield Violation(promise, said, last.client, last.t_end or 0.0, f"as it was {then}")

    return judge


def _state(world: Simulation, turns: Sequence[Turn]) -> State:
    held = []
    for node in world.nodes:
        keys = sorted(ask(node, b"KEYS", b"*"))
        held.append((node.name, [(key, value(node, key)) for key in keys]))
    return held, list(turns), sorted(world.results)
