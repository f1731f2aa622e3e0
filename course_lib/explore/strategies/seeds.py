"""Runs in time: messages take what the world's latency draws, and a seed says what that is."""

from __future__ import annotations

from course_lib.explore.loop import Strategy
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Schedule


def each_seed(found: Tally, sent: dict[int, int]) -> Strategy:
    """A run for each seed of the trial. `sent` learns how many commands left: up to a fault, the run with it is the
    same."""
    for seed in (*range(found.trial.seeds), *found.trial.more_seeds):
        run = yield Schedule(found.clients, seed), None
        sent[seed] = sum(event.name != "PUSH" for event in run.trace)
        found.turns = max(found.turns, sent[seed])
