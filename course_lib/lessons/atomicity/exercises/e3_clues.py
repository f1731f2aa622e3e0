"""Clues to well-known mistakes with limiters: from the promises that broke, and from a few requests more."""

from __future__ import annotations

from collections.abc import Iterator

from redis.exceptions import NoScriptError

from course_lib.explore import Schedule, Simulation, play
from course_lib.grading.rules import Failing, named, trial
from course_lib.lessons.atomicity.exercises.e3_requests import LIMIT, WINDOW, Answer, Asking, allowed, well_formed
from course_lib.lessons.atomicity.exercises.wire import slots


def clues(failing: Failing) -> Iterator[str]:
    """Where no decision was told, nothing points to a mistake in it."""
    if any(isinstance(act.result, NoScriptError) for run in failing.values() for act in run.witness.acts):
        yield "trusts-the-cache"
    if "value" in failing:
        return
    race = [event.client for event in failing["race"].trace] if "race" in failing else []
    acts = failing["told"].witness.acts if "told" in failing else []
    results = [act.result for act in acts if well_formed(act.result)]
    waits = [wait for admitted, _, wait in results if not admitted]
    declared = failing["declared"].trace if "declared" in failing else ()
    yield from named({
        "two-steps": len(race) > len(set(race)),
        "one-name-for-many": "race" in failing,
        "a-clients-clock": "server-clock" in failing,
        "fixed-window": "window" in failing,
        "counts-refusals": "admits" in failing and heard(failing.answer, "0 a, 0.3 b, 0.6 c, 1.35 d"),
        "refuses-the-repeat": "once" in failing and heard(failing.answer, "0 a, 0.1 a, 0.2 b, 0.3 c"),
        "counts-twice": "once" in failing,
        "counts-before": results and results[0][1] == LIMIT,
        "waits-a-window": waits and all(wait == WINDOW for wait in waits),
        "cuts-the-fraction": waits and all(wait % 1 == 0 for wait in waits),
        "two-slots": any(len(slots(event)) > 1 for event in declared),
        "hides-its-keys": "declared" in failing,
        "never-ends": "ends" in failing,
    })  # fmt: skip


def heard(answer: Answer, plan: str) -> bool | None:
    """What one client that asks so hears last."""
    steps = [(float(when), request) for when, request in map(str.split, plan.split(", "))]

    def build(world: Simulation, clients: int) -> Asking:
        run = Asking(world, answer=answer)
        run.process("c1", run.ask, steps)
        return run

    return allowed(play(trial("a few requests", build, {}), Schedule(1)).witness.acts[-1])
