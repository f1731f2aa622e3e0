"""The scoreboard's rules: what a service must keep to at each level, computed from the scene, and what broke it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, NamedTuple

from course_lib.lessons.capstone.experiment_parts import NAIVE
from course_lib.lessons.capstone.experiment_storm import LEVELS, Storm, StormSeen
from course_lib.lessons.capstone.experiment_storm_run import play
from course_lib.trace import most_at_once

LONGEST_PAUSE = 0.3
"""Seconds between two looks of a client that waits for another's load, at most: as `lock_and_wait` doubles them."""


class Limit(NamedTuple):
    """One thing that a level asks for: a number of a run, and the bound that it must not cross."""

    name: str
    unit: str
    measure: Callable[[StormSeen], float]
    bound: Callable[[StormSeen], float]
    at_least: bool = False

    def broken(self, seen: StormSeen) -> bool:
        """Is the run on the wrong side?"""
        value, bound = self.measure(seen), self.bound(seen)
        return value < bound if self.at_least else value > bound


def limits(level: int) -> list[Limit]:
    """What a level asks for: all that the ones before ask, and more."""
    asked = [
        Limit("loads at once", "", lambda s: most_at_once(s.loads), lambda s: s.storm.policy.slots),
        Limit("p99", "ms", lambda s: s.p99 * 1000, lambda s: longest_wait(s.storm) * 1000),
        Limit("wrong answers", "", lambda s: s.wrong, lambda s: 0),
    ]
    if level >= 2:
        asked += [
            Limit("stale", "%", lambda s: s.share("stale") * 100, lambda s: stale_share(s.storm) * 100),
            Limit("admitted in a window", "", lambda s: s.most_admitted, lambda s: most_admitted(s.storm)),
        ]
    if level == 3:
        asked += [
            Limit("baskets lost", "", lambda s: s.lost, lambda s: 0),
            Limit("baskets kept", "%", lambda s: s.acknowledged * 100, lambda s: least_kept(s) * 100, at_least=True),
        ]
    return asked


def asked(parts: Mapping[str, Any]) -> list[dict[str, object]]:
    """What each level asks of such a service, as rows of a table; of 50 baskets."""
    rows: list[dict[str, object]] = []
    for limit in limits(3):
        row: dict[str, object] = {"number": limit.name}
        for level in LEVELS:
            calm = StormSeen(Storm(**parts).of(level, 0), asked=50)
            there = limit.name in [one.name for one in limits(level)]
            row[f"level {level}"] = _bounded(limit, calm) if there else "–"
        rows.append(row)
    return rows


def _bounded(limit: Limit, seen: StormSeen) -> str:
    return f"{'≥' if limit.at_least else '≤'} {_shown(limit, limit.bound(seen))}"


def longest_wait(storm: Storm) -> float:
    """In seconds: one load, and a pause; from level 2 on, a lock whose holder is dead; or, without Redis, a round."""
    wait = storm.longest_load + LONGEST_PAUSE
    return wait + storm.policy.lock_ttl if storm.level > 1 else wait


def stale_share(storm: Storm) -> float:
    """A change that nobody has heard of for one time-out; at level 3, those that the primary took with it."""
    heard = storm.changes * storm.policy.timeout
    if storm.level < 3:
        return heard
    gone = storm.changes * 2 * storm.failover  # the chance that a page changed while the old primary was asked
    return heard + gone * storm.policy.ttl / storm.duration


def most_admitted(storm: Storm) -> int:
    """The limit; and each of two failovers can lose what was counted."""
    return storm.policy.limit * (3 if storm.level == 3 else 1)


def least_kept(seen: StormSeen) -> float:
    """The share of the time in which a replica can confirm, less three standard deviations of chance."""
    storm = seen.storm
    away = min(1.0, 3 * storm.failover / (storm.warm + storm.duration) + 2 * storm.lost)
    return max(0.0, 1 - away - 3 * sqrt(away * (1 - away) / max(1, seen.asked)))


@dataclass
class Score:
    """What one service did, by level: its runs, a seed each, up to the level that it did not pass."""

    name: str
    storm: Storm
    runs: dict[int, list[StormSeen]] = field(default_factory=dict)

    @property
    def passed(self) -> int:
        """The highest level that was passed, and all below it; 0 if none was."""
        return max((level for level in self.runs if not any(self.broken(level))), default=0)

    def broken(self, level: int) -> Iterator[tuple[Limit, StormSeen]]:
        """What was broken at a level, in which run: the run with the smallest seed first."""
        for seen in self.runs.get(level, []):
            for limit in limits(level):
                if limit.broken(seen):
                    yield limit, seen

    @property
    def failure(self) -> tuple[int, list[Limit], StormSeen] | None:
        """The level that was not passed, what was broken with the smallest seed, and that run."""
        for level in self.runs:
            if first := next(self.broken(level), None):
                return level, [limit for limit, seen in self.broken(level) if seen is first[1]], first[1]
        return None

    @property
    def says(self) -> str:
        """The verdict, in a sentence."""
        if self.failure is None:
            seeds = len(self.runs[max(self.runs)])
            return f"“{self.name}” passes level {self.passed}, with each of {seeds} seeds."
        level, broken, seen = self.failure
        what = "; ".join(f"{limit.name} {_shown(limit, limit.measure(seen))}" for limit in broken)
        return f"“{self.name}” breaks level {level}, first with seed {seen.storm.seed}: {what}."

    def rows(self) -> list[dict[str, object]]:
        """A line for each level and each thing that it asks for: the bound, and the worst run."""
        found: list[dict[str, object]] = []
        for level, runs in self.runs.items():
            for limit in limits(level):
                worst = max(runs, key=lambda s, limit=limit: _badness(limit, s))  # type: ignore[misc]
                found.append({
                    "level": level, "asked": limit.name,
                    "bound": _bounded(limit, worst),
                    "worst": _shown(limit, limit.measure(worst)),
                    "seed": worst.storm.seed, "": "✗ broken" if limit.broken(worst) else "✓",
                })  # fmt: skip
        return found

    def mean(self, measure: Callable[[StormSeen], float], level: int = 1) -> float:
        """The mean of a number over a level's runs."""
        runs = self.runs[level]
        return sum(map(measure, runs)) / len(runs)


def _badness(limit: Limit, seen: StormSeen) -> float:
    over = limit.measure(seen) - limit.bound(seen)
    return -over if limit.at_least else over


def _shown(limit: Limit, value: float) -> str:
    number = f"{value:,.0f}" if limit.unit == "ms" or value == round(value) else f"{value:.3g}"
    return f"{number} {limit.unit}".strip()


def judge(
    name: str, parts: Mapping[str, Any], *, levels: Iterable[int] = tuple(LEVELS), seeds: Iterable[int] = range(3),
    update: Callable[[], object] = lambda: None, first_failure: bool = False,
) -> Score:  # fmt: skip
    """Play a service level after level, until one is not passed. `update` is called after each run.

    With `first_failure` a level ends with the first seed that breaks it.
    """
    score, seeds = Score(name, Storm(**parts)), tuple(seeds)
    for level in levels:
        runs = score.runs[level] = []
        for seed in seeds:
            runs.append(play(score.storm.of(level, seed)))
            update()
            if first_failure and any(score.broken(level)):
                break
        if any(score.broken(level)):
            break
    return score


def without(parts: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The same service, with the naive part of that kind."""
    return {**parts, kind: NAIVE[kind]}
