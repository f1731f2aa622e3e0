"""A service at noon, in three kinds of weather: the questions, and what became of the visitors."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from course_lib.lessons.capstone.experiment_parts import NAIVE, assemble
from course_lib.lessons.capstone.experiment_service import Parts, Policy
from course_lib.patterns.basics import require
from course_lib.trace import Trace, most_at_once, percentile, under_way

LEVELS = {
    1: "a busy noon, and nothing breaks",
    2: "a process crashes, another pauses, messages are lost, the database is slow",
    3: "all that, and the primary dies; the next one is cut off",
}
ON_ITS_WAY = 0.02
"""Seconds for which a change can be on its way: an answer counts as stale only beyond them."""


@dataclass(frozen=True)
class Storm:
    """A service, given by its parts, and the weather.

    `visitors` ask for pages at random moments, `rate` a second in all, the popular ones more often; one of ten puts the
    product into a basket. A scraper asks in bursts, half of the time for products that do not exist. Each price
    changes `changes` times a second. A load takes between a half and one and a half of `load_time`, and while the
    database is slow `slow` times that. A primary that dies or is cut off is replaced after `failover` seconds.

    Units: seconds, and per second; `lost` is the share of commands whose request or reply is lost, from level 2 on.
    """

    keys: Any = NAIVE["keys"]
    read: Any = NAIVE["read"]
    change: Any = NAIVE["change"]
    limiter: Any = NAIVE["limiter"]
    away: Any = NAIVE["away"]
    basket: Any = NAIVE["basket"]
    topology: str = NAIVE["topology"]
    level: int = 1
    seed: int = 0
    visitors: int = 40
    rate: float = 60.0
    products: int = 6
    changes: float = 0.15
    load_time: float = 0.25
    slow: float = 2.0
    burst: int = 24
    lost: float = 0.01
    failover: float = 1.0
    warm: float = 1.0
    duration: float = 8.0
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        require(self.level in LEVELS, "level", self.level, "1, 2 or 3")

    def of(self, level: int, seed: int) -> Storm:
        """The same service in other weather."""
        return replace(self, level=level, seed=seed)

    @property
    def parts(self) -> Parts:
        """The parts of the service."""
        return assemble(**{kind: getattr(self, kind) for kind in NAIVE})

    @property
    def longest_load(self) -> float:
        """The longest time, in seconds, that a load takes in this weather if it need not wait for its turn."""
        return 1.5 * self.load_time * (self.slow if self.level > 1 else 1.0)


class Visit(NamedTuple):
    """One request for a page: `kind` as in `Shown`, or stale. Units: seconds since the run began."""

    t_start: float
    t_end: float
    visitor: str
    kind: str
    counted: bool


class Strike(NamedTuple):
    """Something went wrong: what, from when to when, in seconds."""

    what: str
    start: float
    end: float


@dataclass(repr=False)
class StormSeen:
    """What happened to a service: visits, loads, baskets, changes, and what went wrong."""

    storm: Storm
    visits: list[Visit] = field(default_factory=list)
    loads: list[tuple[float, float]] = field(default_factory=list)
    changed: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    asked: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    lost: int = 0
    strikes: list[Strike] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)

    def __repr__(self) -> str:
        return ", ".join(f"{name} {value:g}" for name, value in self.summary().items())

    def age(self, product: str, price: int, when: float) -> float:
        """For how long this price had been replaced at that moment, in seconds; 0 if it was right."""
        changed = self.changed[product]
        return max(0.0, when - changed[price]) if price < len(changed) else 0.0

    def is_stale(self, product: str, price: int, when: float) -> bool:
        """Had this price been replaced, and not only just now?"""
        return self.age(product, price, when) > ON_ITS_WAY

    @cached_property
    def pages(self) -> list[Visit]:
        """The visits that were not refused, in the order of their ends."""
        return [visit for visit in self.visits if visit.kind != "refused"]

    @property
    def p99(self) -> float:
        """The latency in seconds that 99 of 100 pages did not exceed."""
        return percentile(sorted(visit.t_end - visit.t_start for visit in self.pages), 99)

    def share(self, kind: str) -> float:
        """The share of the pages that were of that kind."""
        return sum(visit.kind == kind for visit in self.pages) / max(1, len(self.pages))

    @property
    def wrong(self) -> int:
        """How many visitors got an error page, or a page that was not of their product."""
        return sum(visit.kind == "broken" for visit in self.pages)

    @property
    def most_admitted(self) -> int:
        """The largest number of pages that one visitor was given in any window of the limiter's, less two time-outs."""
        times: dict[str, list[float]] = defaultdict(list)
        for visit in self.pages:
            if visit.counted:
                times[visit.visitor].append(visit.t_start)
        window = self.storm.policy.window - 2 * self.storm.policy.timeout
        return max((bisect(s, t + window) - i for s in map(sorted, times.values()) for i, t in enumerate(s)), default=0)

    def moment(self, seconds: float = 0.16) -> Trace:
        """The trace around the moment at which most loads were under way: what happened in the `seconds` before it."""
        last = max(under_way(self.loads), key=lambda step: step[1], default=(self.storm.warm, 0))[0]
        first = last - seconds
        events = [e for e in self.trace if first <= e.t_start <= last]
        notes = [n for n in self.trace.notes if n.kind == "load" and first <= n.t_start <= last]
        return Trace(self.trace.world, self.trace.seed, events, notes)

    @property
    def acknowledged(self) -> float:
        """The share of baskets whose visitor was told that they are kept."""
        return len(self.told) / max(1, self.asked)

    def summary(self) -> dict[str, float]:
        """The numbers that the scoreboard compares."""
        return {
            "pages": len(self.pages),
            "loads": len(self.loads),
            "at once": most_at_once(self.loads),
            "p99 (ms)": round(self.p99 * 1000),
            "stale (%)": round(self.share("stale") * 100, 2),
            "wrong": self.wrong,
            "admitted": self.most_admitted,
            "kept (%)": round(self.acknowledged * 100, 1),
            "lost": self.lost,
        }
