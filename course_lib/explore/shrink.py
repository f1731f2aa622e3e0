"""Make a failing order as simple as it can be: fewer clients, fewer faults, fewer commands and changes between clients.

A schedule is taken apart into steps: a client's turn, with the fault that strikes it. A step that is moved takes its
fault along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import inf
from typing import NamedTuple

from course_lib.explore.loop import Budget, Progress, Strategy, play_all
from course_lib.explore.strategies.exhaustive import enumerate_all
from course_lib.explore.strategies.pct import sample
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Play, Schedule, Trial, play
from course_lib.sim import Choose, Move, Simulation, Turn


class Step(NamedTuple):
    """Whose turn it was, on which connection, and what struck it. Where time passed it has no client."""

    client: str = ""
    node: str = ""
    number: int = 0
    fate: Move | None = None


def shrink(trial: Trial, promise: str, failing: Play, *, most: int = 2_000, progress: Progress | None = None) -> Play:
    """The simplest order found that breaks the same promise; at worst the run that was given.

    First with fewer clients, by a small search; then without each of its faults and waits, and by joining what a client
    does in one go, until none of these makes it simpler. Units: `most` in schedules played, about.
    """
    failing = _with_fewer_clients(trial, promise, failing, most // 4, progress)
    found, world = Tally(trial, failing.schedule.clients, faults=None, failing={promise: failing}), trial.world()
    play_all(_neighbors(promise, found, world), found, world, Budget(most, inf), progress)
    return found.failing[promise]


def _neighbors(promise: str, found: Tally, world: Simulation) -> Strategy:
    """Candidates that could be simpler than the simplest run that is known; begins again whenever one of them was."""
    failing = None
    while failing is not found.failing[promise]:
        failing = found.failing[promise]
        schedule = Schedule(failing.schedule.clients, failing.schedule.seed)
        for steps in simpler(steps_of(found.trial, failing.schedule, world)):
            yield schedule, following(steps)
            if failing is not found.failing[promise]:
                break


def spread(trial: Trial, promise: str, run: Play) -> Play:
    """The same schedule with more time to each turn, for a picture, if it still breaks the promise.

    A turn takes 1 ms, or less where a key would expire meanwhile.
    """
    for step in (1e-3, 1e-4, 1e-5):
        drawn = play(trial, run.schedule, step=step)
        if drawn.violation(promise):
            return drawn
    return run


def steps_of(trial: Trial, schedule: Schedule, world: Simulation | None = None) -> list[Step]:
    """What a schedule lets happen, by name."""
    turns, steps = iter(schedule.turns or ()), list[Step]()

    def choose(able: Sequence[Turn]) -> int | Move:
        move = next(turns, 0)
        if isinstance(move, Move):
            who = able[move.at][:3] if move.kind != "wait" else ("", "", 0)
            steps.append(Step(*who, move))
            return move
        at = min(move, len(able) - 1)
        steps.append(Step(*able[at][:3]))
        return at

    play(trial, Schedule(schedule.clients, schedule.seed), world, choose=choose)
    return steps


def following(steps: Sequence[Step]) -> Choose:
    """Turns by name: the next named client that can go; else the one that went last, if it can; else the first.

    A step of a client that has nothing waiting is left out, and its fault with it.
    """
    left = iter(steps)
    last = [""]

    def choose(turns: Sequence[Turn]) -> int | Move:
        for step in left:
            if step.fate is not None and step.fate.kind == "wait":
                return step.fate
            if (at := _position(turns, step)) is not None:
                last[0] = step.client
                return at if step.fate is None else step.fate._replace(at=at)
        at = _position(turns, Step(last[0])) or 0
        last[0] = turns[at].client
        return at

    return choose


def simpler(steps: list[Step]) -> Iterator[list[Step]]:
    """Candidates that could be simpler: without one fault or wait; with one block of a client's steps next to another
    of its own, later ones to earlier and the other way round."""
    for at, step in enumerate(steps):
        if step.fate is not None:
            healed = [] if step.fate.kind == "wait" else [step._replace(fate=None)]
            yield steps[:at] + healed + steps[at + 1 :]
    blocks = [list(block) for _, block in groupby(steps, key=lambda step: step.client)]
    for at, block in enumerate(blocks):
        others = blocks[:at] + blocks[at + 1 :]
        for to, other in enumerate(others):
            if other[0].client == block[0].client:
                yield [step for part in [*others[: to + 1], block, *others[to + 1 :]] for step in part]


def _position(turns: Sequence[Turn], step: Step) -> int | None:
    """Where that turn waits; else the first of the same client."""
    own = [at for at, turn in enumerate(turns) if turn.client == step.client]
    exact = [at for at in own if turns[at][1:3] == (step.node, step.number)]
    return next(iter(exact or own), None)


def _with_fewer_clients(trial: Trial, promise: str, failing: Play, most: int, progress: Progress | None) -> Play:
    seed = failing.schedule.seed
    for clients in range(trial.least, failing.schedule.clients):
        for faults in range(failing.schedule.faults + 1):
            found = enumerate_all(
                trial, clients, reduce=True, faults=faults, seed=seed, budget=Budget(most, inf), progress=progress
            )
            if promise not in found.failing and not found.complete and most:
                found = sample(trial, clients, most, faults=faults, seed=seed, progress=progress)
            if promise in found.failing:
                return found.failing[promise]
    return failing
