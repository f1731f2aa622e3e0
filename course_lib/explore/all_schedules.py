"""Every schedule of a puzzle: all orders, all with one message lost or one crash, all in which time passes once."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from time import monotonic
from typing import Any

from course_lib.explore.findings import Findings
from course_lib.explore.livelock import Watch
from course_lib.explore.loop import UNLIMITED, Budget, play_all
from course_lib.explore.strategies.exhaustive import enumerate_all, waited_orders
from course_lib.explore.tally import Tally, simplicity
from course_lib.explore.trial import Play, Trial
from course_lib.sim import Simulation
from course_lib.sim.faults import Kind

FATES: dict[Kind, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
"""What else may become of a command, once in a schedule."""


def all_schedules(trial: Trial, clients: int, pause: float, *, seconds: float = inf) -> Findings:
    """Three stages: every order, every one with one message lost or one crash, every one in which time passes once.

    Each schedule ends where everybody has ended, or where it comes back, seen by a Watch.

    Units: `pause` in seconds of virtual time, what passes when time passes; `seconds` of real time, for all, of which
    the orders without a fault have half, and each of the others a quarter or more.
    """

    def build(world: Simulation, clients: int) -> Any:
        witness = trial.build(world, clients)
        if isinstance(witness, Watch):
            witness.cut = True
        return witness

    def left(share: float) -> Budget:
        return replace(UNLIMITED, seconds=(deadline - monotonic()) * share)

    deadline = monotonic() + seconds
    found = Findings(replace(trial, build=build, faults=FATES, fault_sizes=()))
    for faults in (0, 1):
        stage = found.begin(Tally(found.trial, clients, faults=faults))
        enumerate_all(found.trial, clients, faults=faults, budget=left(1 / 2), into=stage)
    stage, world = found.begin(Tally(found.trial, clients, waits=1)), trial.world()
    play_all(waited_orders(stage, world, pause), stage, world, left(1))
    return found


def fewest_moves(found: Findings) -> Play | None:
    """One with the fewest moves of those that break the promise."""
    failing = [run for stage in found.played for run in stage.failing.values()]
    return min(failing, key=lambda run: (len(run.schedule.turns or ()), simplicity(run)), default=None)
