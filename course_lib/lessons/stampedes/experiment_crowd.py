"""A crowd that reads one key, and what became of it: the questions and the numbers of the stampede lesson."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from course_lib.patterns.basics import require
from course_lib.trace import most_at_once, percentile, under_way

WIRE_ALLOWANCE = 0.02
"""Seconds that messages may take: an answer counts as stale, or its client as waiting, only beyond this allowance."""


@dataclass(frozen=True)
class Crowd:
    """Who asks, how often, and what a load costs.

    Each client waits an exponentially distributed time, asks, and begins again. The key is written once before they
    start.

    Units: `rate` requests a second by each client; `load_time`, `ttl`, `stale`, `lock_ttl`, `wait`, `poll`,
    `absent_ttl` in seconds, as in the patterns; `duration` in seconds after the key was first written, or None for
    2 TTLs; `slots` loads that the database runs at once, or None for as many as are asked; `absent` makes the row
    not exist, and `absent_ttl` None means that naive cache-aside does not remember so.
    """

    strategy: str = "naive"
    clients: int = 300
    rate: float = 1.0
    load_time: float = 0.1
    ttl: float = 1.0
    beta: float = 1.0
    seed: int = 1
    processes: int = 4
    stale: float = 1.0
    lock_ttl: float = 2.0
    wait: float = 10.0
    poll: float = 0.02
    slots: int | None = None
    absent: bool = False
    absent_ttl: float | None = 1.0
    duration: float | None = None

    def __post_init__(self) -> None:
        for name in ("clients", "rate", "load_time", "ttl", "processes"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")

    @property
    def end(self) -> float:
        """When the last request may begin, in seconds after the key was first written."""
        return 2 * self.ttl if self.duration is None else self.duration


class Request(NamedTuple):
    """One question to the cache. Units: seconds since the key was first written.

    `kind` is hit, wait (for another's load), load (its own) or error. `age` is how long before the answer its row was
    read, in seconds; None for an error or an absent row.
    """

    t_start: float
    t_end: float
    kind: str
    age: float | None

    @property
    def latency(self) -> float:
        """How long the client waited, in seconds."""
        return self.t_end - self.t_start


@dataclass(repr=False)
class CrowdResult:
    """What happened to a crowd: every request and every load, in order, and what can be computed from them.

    Units: a load is (its start, its end), in seconds since the key was first written.
    """

    crowd: Crowd
    world: str
    requests: list[Request] = field(default_factory=list)
    loads: list[tuple[float, float]] = field(default_factory=list)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {value:g}" for name, value in self.summary().items())
        return f"{self.crowd.strategy}, {self.world}: {numbers}"

    @cached_property
    def waits(self) -> list[float]:
        """Every request's latency in seconds, shortest first."""
        return sorted(request.latency for request in self.requests)

    def percentile(self, percent: float) -> float:
        """The latency that `percent` of the requests did not exceed, in seconds; 0.0 if nobody asked."""
        return percentile(self.waits, percent)

    @property
    def worst(self) -> float:
        """The longest latency, in seconds."""
        return self.waits[-1] if self.waits else 0.0

    def is_stale(self, request: Request) -> bool:
        """Was its answer's row read longer ago than the TTL?"""
        return request.age is not None and request.age > self.crowd.ttl + WIRE_ALLOWANCE

    @cached_property
    def stale_share(self) -> float:
        """The share of requests, from 0 to 1, that got a stale answer."""
        return sum(map(self.is_stale, self.requests)) / len(self.requests) if self.requests else 0.0

    @property
    def errors(self) -> int:
        """How many requests got an error in place of an answer."""
        return sum(request.kind == "error" for request in self.requests)

    def loads_per_expiry(self) -> list[int]:
        """How many loads each renewal of the value took: those that began before the first of them had finished."""
        counts: list[int] = []
        renewed = float("-inf")
        for start, end in sorted(self.loads):
            if start > renewed:
                counts.append(0)
                renewed = end
            counts[-1] += 1
        return counts

    def loads_under_way(self) -> list[tuple[float, int]]:
        """(seconds, loads that run from then on), a step at each change."""
        return under_way(self.loads)

    @cached_property
    def most_at_once(self) -> int:
        """The largest number of loads that ran at the same moment."""
        return most_at_once(self.loads)

    def summary(self) -> dict[str, float]:
        """The numbers that the lesson compares: counts, latencies in milliseconds, the stale share in percent."""
        return {
            "requests": len(self.requests),
            "loads": len(self.loads),
            "most at once": self.most_at_once,
            "p50 (ms)": round(self.percentile(50) * 1000, 1),
            "p99 (ms)": round(self.percentile(99) * 1000, 1),
            "worst (ms)": round(self.worst * 1000, 1),
            "stale (%)": round(self.stale_share * 100, 1),
            "errors": self.errors,
        }
