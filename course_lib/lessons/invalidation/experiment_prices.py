"""Readers of one price that keeps changing: the questions, and how old the answers are."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from functools import cached_property
from math import exp
from typing import NamedTuple

from course_lib.patterns.basics import require
from course_lib.trace import percentile

ON_ITS_WAY = 0.02
"""Seconds for which a change can be on its way to Redis: an answer counts as stale only beyond them."""


@dataclass(frozen=True)
class Prices:
    """Who reads the price, how often it changes, and what a load takes.

    Each reader waits an exponentially distributed time, asks, and begins again; so does the one writer. A load reads
    the row at once, and its answer takes an exponentially distributed time of `load_time` on average.

    Units: `rate` questions a second by each reader; `changes` a second; `load_time`, `ttl` in seconds; `delay` seconds
    until the second delete of a double delete; `cuts` a second of each near cache's connection, for CUT seconds;
    `duration` in seconds.
    """

    strategy: str = "after"
    readers: int = 40
    rate: float = 2.0
    changes: float = 0.2
    load_time: float = 0.05
    ttl: float = 5.0
    delay: float = 0.1
    cuts: float = 0.0
    processes: int = 4
    seed: int = 1
    duration: float = 30.0

    def __post_init__(self) -> None:
        for name in ("readers", "rate", "changes", "load_time", "ttl", "delay", "processes", "duration"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")


CUT = 0.5
"""Seconds for which a near cache is cut off."""


class Answer(NamedTuple):
    """What one reader was shown, by the number of the price. Units: seconds since the run began."""

    t_start: float
    t_end: float
    price: int


@dataclass(repr=False)
class PricesSeen:
    """Every answer, change and load. The n-th change, counted from 0, made price n + 1; price 0 was there before."""

    prices: Prices
    answers: list[Answer] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    loads: int = 0

    def __repr__(self) -> str:
        return ", ".join(f"{name} {value:g}" for name, value in self.summary().items())

    def age(self, answer: Answer) -> float:
        """For how long its price had been replaced when it was asked for, in seconds; 0 if it was right."""
        replaced = self.changed[answer.price] if answer.price < len(self.changed) else answer.t_start
        return max(0.0, answer.t_start - replaced)

    def is_stale(self, answer: Answer) -> bool:
        """Had its price been replaced, and not only just now?"""
        return self.age(answer) > ON_ITS_WAY

    @cached_property
    def ages(self) -> list[float]:
        """How old each stale answer was, the youngest first."""
        return sorted(self.age(answer) for answer in self.answers if self.is_stale(answer))

    @property
    def stale_share(self) -> float:
        """The share of answers, from 0 to 1, that were stale."""
        return len(self.ages) / len(self.answers) if self.answers else 0.0

    def older_than(self, seconds: float) -> float:
        """The share of all answers that were older than that."""
        return (len(self.ages) - bisect(self.ages, seconds)) / max(len(self.answers), 1)

    @property
    def oldest(self) -> float:
        """How old the oldest answer was, in seconds."""
        return self.ages[-1] if self.ages else 0.0

    def summary(self) -> dict[str, float]:
        """The numbers that the lesson compares."""
        return {
            "answers": len(self.answers),
            "changes": len(self.changed),
            "stale (%)": round(self.stale_share * 100, 2),
            "half older than (s)": round(percentile(self.ages, 50), 2),
            "oldest (s)": round(self.oldest, 2),
            "loads": self.loads,
        }


def stale_share(changes: float, ttl: float) -> float:
    """With a TTL alone and many readers: 1 − (1 − e^(−cT)) / cT, c changes a second and a TTL of T seconds."""
    return 1 - (1 - exp(-changes * ttl)) / (changes * ttl)


def older_than(seconds: float, changes: float, ttl: float) -> float:
    """The share of answers that have been wrong for longer than that, with a TTL alone and many readers."""
    left = max(0.0, ttl - seconds)
    return (left - (1 - exp(-changes * left)) / changes) / ttl
