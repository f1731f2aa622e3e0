"""Clues to well-known mistakes with limiters: from the promises that broke, and from a few requests more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from redis.exceptions import NoScriptError

from course_lib.explore import Play, Schedule, Simulation, Trial, play
from course_lib.lessons.atomicity.exercises.e3_requests import Answer, Asking, allowed, asking, well_formed
from course_lib.lessons.atomicity.exercises.e3_limiter import LIMIT, WINDOW
from course_lib.lessons.atomicity.exercises.wire import slots, world

Plan = list[tuple[float, str]]


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The first mistake that fits."""
    return next(_clues(answer, failing), None)


def _clues(answer: Answer, failing: Mapping[str, Play]) -> Iterator[str]:
    if any(isinstance(act.result, NoScriptError) for run in failing.values() for act in run.witness.acts):
        yield "trusts-the-cache"
    if "value" in failing:
        return  # what it decided, nobody was told
    if "race" in failing:
        sent = [event.client for event in failing["race"].trace]
        yield "two-steps" if any(sent.count(who) > 1 for who in sent) else "one-name-for-many"
    if "server-clock" in failing:
        yield "a-clients-clock"
    if "window" in failing:
        yield "fixed-window"
    if "admits" in failing and heard(answer, [(0.0, "a"), (0.3, "b"), (0.6, "c"), (1.35, "d")])[-1]:
        yield "counts-refusals"
    if "once" in failing:
        again = heard(answer, [(0.0, "a"), (0.1, "a"), (0.2, "b"), (0.3, "c")])
        yield "refuses-the-repeat" if again[-1] else "counts-twice"
    if "told" in failing:
        yield from _told(failing["told"])
    if "declared" in failing:
        run = failing["declared"]
        yield "two-slots" if any(len(slots(event)) > 1 for event in run.trace) else "hides-its-keys"
    if "ends" in failing:
        yield "never-ends"


def _told(run: Play) -> Iterator[str]:
    results = [act.result for act in run.witness.acts if well_formed(act.result)]
    waits = [result[2] for result in results if not result[0]]
    if results[0][1] == LIMIT:
        yield "counts-before"
    elif waits and all(wait == WINDOW for wait in waits):
        yield "waits-a-window"
    elif waits and all(wait % 1 == 0 for wait in waits):
        yield "cuts-the-fraction"


def heard(answer: Answer, plan: Plan) -> list[bool | None]:
    """What one client hears that asks so."""
    run = play(Trial("a few requests", (), partial(_build, answer, plan), lambda run: (), world=world), Schedule(1))
    return [allowed(act) for act in run.witness.acts]


def _build(answer: Answer, plan: Plan, world: Simulation, clients: int) -> Asking:
    run = asking(answer, world, limit=LIMIT, window=WINDOW)
    run.client("c1", plan)
    return run
