"""Clues to well-known mistakes with limiters: from the promises that broke, and from a few requests more."""

from __future__ import annotations

from collections.abc import Iterator

from redis.exceptions import NoScriptError

from course_lib.explore import Play, Schedule, Simulation, play
from course_lib.grading.rules import Failing, trial
from course_lib.lessons.atomicity.exercises.e3_requests import LIMIT, WINDOW, Answer, Asking, allowed, well_formed
from course_lib.lessons.atomicity.exercises.wire import slots


def clues(failing: Failing) -> Iterator[str]:
    """Where no decision was told, nothing points to a mistake in it."""
    if any(isinstance(act.result, NoScriptError) for run in failing.values() for act in run.witness.acts):
        yield "trusts-the-cache"
    if "value" in failing:
        return
    if "race" in failing:
        sent = [event.client for event in failing["race"].trace]
        yield "two-steps" if any(sent.count(who) > 1 for who in sent) else "one-name-for-many"
    if "server-clock" in failing:
        yield "a-clients-clock"
    if "window" in failing:
        yield "fixed-window"
    if "admits" in failing and heard(failing.answer, [(0.0, "a"), (0.3, "b"), (0.6, "c"), (1.35, "d")])[-1]:
        yield "counts-refusals"
    if "once" in failing:
        again = heard(failing.answer, [(0.0, "a"), (0.1, "a"), (0.2, "b"), (0.3, "c")])
        yield "refuses-the-repeat" if again[-1] else "counts-twice"
    if "told" in failing:
        yield from _told(failing["told"])
    if "declared" in failing:
        two = any(len(slots(event)) > 1 for event in failing["declared"].trace)
        yield "two-slots" if two else "hides-its-keys"
    if "ends" in failing:
        yield "never-ends"


def _told(run: Play) -> Iterator[str]:
    results = [act.result for act in run.witness.acts if well_formed(act.result)]
    waits = [wait for admitted, _, wait in results if not admitted]
    if results[0][1] == LIMIT:
        yield "counts-before"
    if waits and all(wait == WINDOW for wait in waits):
        yield "waits-a-window"
    if waits and all(wait % 1 == 0 for wait in waits):
        yield "cuts-the-fraction"


def heard(answer: Answer, plan: list[tuple[float, str]]) -> list[bool | None]:
    """What one client hears that asks so."""

    def build(world: Simulation, clients: int) -> Asking:
        run = Asking(world, answer=answer)
        run.client("c1", plan)
        return run

    return [allowed(act) for act in play(trial("a few requests", build, {}), Schedule(1)).witness.acts]
