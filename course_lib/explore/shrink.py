"""Make a failing order as simple as it can be: fewer clients, then fewer commands and changes from one to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from course_lib.explore.orders import Orders, clients_in_order, simplicity
from course_lib.explore.sampled import sample
from course_lib.explore.trial import Play, Schedule, Trial, play
from course_lib.sim import Choose, Turn


def shrink(trial: Trial, promise: str, failing: Play, *, most: int = 2_000) -> Play:
    """The simplest order found that breaks the same promise; at worst the run that was given.

    First with fewer clients, by sampling; then by joining what a client does in one go, until nothing more can be
    joined. Units: `most` in schedules played, about.
    """
    for clients in range(trial.least, failing.schedule.clients):
        found: Orders = sample(trial, clients, min(most // 4, 200), seed=failing.schedule.seed)
        if promise in found.failing:
            failing = found.failing[promise]
            break
    world, left, better = trial.world(), most, True
    while better and left > 0:
        better = False
        for order in _joined(clients_in_order(failing)):
            schedule = failing.schedule
            run = play(trial, Schedule(schedule.clients, schedule.seed), world, choose=following(order))
            left -= 1
            if run.violation(promise) and simplicity(run) < simplicity(failing):
                failing, better = run, True
                break
            if left <= 0:
                break
    return failing


def following(order: Sequence[str]) -> Choose:
    """Turns by name: whoever is named next and can go; else who went last, if it can; else the first."""
    names = iter(order)
    last = [""]

    def choose(turns: Sequence[Turn]) -> int:
        able = [turn.client for turn in turns]
        wanted = next(names, last[0])
        last[0] = wanted if wanted in able else last[0] if last[0] in able else able[0]
        return able.index(last[0])

    return choose


def _joined(order: list[str]) -> Iterator[list[str]]:
    """Orders with one block moved next to another of the same client, later ones to earlier and the other way round."""
    blocks = [list(group) for _, group in groupby(order)]
    for at, block in enumerate(blocks):
        others = blocks[:at] + blocks[at + 1 :]
        for to, other in enumerate(others):
            if other[0] == block[0]:
                yield [name for part in [*others[: to + 1], block, *others[to + 1 :]] for name in part]
