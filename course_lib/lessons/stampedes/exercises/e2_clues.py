"""Clues to well-known mistakes with early refresh: what does the answer do where they differ?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from course_lib.explore import Play, Schedule, play
from course_lib.grading.evidence import loads
from course_lib.lessons.stampedes.exercises.crowd import Answer
from course_lib.lessons.stampedes.exercises.e2_early_refresh import Probe, probing


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The misconception that the answer's behaviour points to."""
    if "value" in failing:
        errors = [r for r in failing["value"].results.values() if isinstance(r, ValueError)]
        return "log-of-zero" if errors and "math domain" in str(errors[0]) else None
    for name, has in CLUES.items():
        if has(answer):
            return name
    return None


def reloads(answer: Answer, *, left: float, delta: float = 0.1, beta: float = 1.0, u: float = 0.5) -> bool:
    """Does a reader with so much left reload?"""
    run = play(probing(answer, [Probe(delta, beta, left, (u,))]), Schedule(1))
    return any(load.who == "reader1" for load in loads(run.trace))


def _reversed(answer: Answer) -> bool:
    return reloads(answer, left=1.5) and not reloads(answer, left=0.005)


def _milliseconds(answer: Answer) -> bool:
    """Early by a thousandth of what is right, or a thousand times too early."""
    too_late = not reloads(answer, left=0.01) and reloads(answer, left=0.05, beta=1000.0)
    return too_late or (reloads(answer, left=1.5) and not reloads(answer, left=1.5, beta=0.001))


def _never(answer: Answer) -> bool:
    return not any(reloads(answer, left=0.005, u=u) for u in (0.5, 0.02, 0.98))


def _no_chance(answer: Answer) -> bool:
    return all(reloads(answer, left=left, u=0.1) == reloads(answer, left=left, u=0.9) for left in (0.02, 0.07, 0.15))


def _beta_upside_down(answer: Answer) -> bool:
    return reloads(answer, left=0.08, beta=0.5) and not reloads(answer, left=0.08, beta=2.0)


def _delta_not_measured(answer: Answer) -> bool:
    return reloads(answer, left=0.08, delta=0.05) == reloads(answer, left=0.08, delta=0.2)


CLUES: dict[str, Callable[[Answer], bool]] = {
    "reversed": _reversed, "milliseconds": _milliseconds, "sign": _never, "no-chance": _no_chance,
    "beta-upside-down": _beta_upside_down, "delta-not-measured": _delta_not_measured,
}  # fmt: skip
