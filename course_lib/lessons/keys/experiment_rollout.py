"""A rolling deploy and what became of it: the questions and the numbers of lesson 02."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from course_lib.patterns.basics import require
from course_lib.trace import Event, Trace

WIRE_ALLOWANCE = 0.05
"""Seconds that a writer's delete can be under way: a read that begins later than this after a commit must see it."""


@dataclass(frozen=True)
class Rollout:
    """Which code is deployed, how fast, and who reads and writes meanwhile.

    Processes run version 1; from `begins` on, over `ramp` seconds, a `share` of them is restarted with version 2, and
    there the deploy stops. The cache is warm when it begins: profiles, whose shape differs between the versions, and
    prices, whose shape does not.

    Units: `share` from 0 to 1; `ttl`, `load_time`, `begins`, `ramp`, `duration` in seconds; `read_rate` and
    `write_rate` a second, of all processes together.
    """

    strategy: str = "shared"
    share: float = 0.5
    ttl: float = 4.0
    write_rate: float = 4.0
    ramp: float = 4.0
    seed: int = 1
    profiles: int = 40
    prices: int = 20
    read_rate: float = 90.0
    processes: int = 10
    load_time: float = 0.02
    begins: float = 2.0
    duration: float = 12.0

    def __post_init__(self) -> None:
        for name in ("ttl", "read_rate", "processes", "profiles", "duration"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        require(0 <= self.share <= 1, "share", self.share, "from 0 to 1")

    @property
    def keys(self) -> int:
        """How many things can be read."""
        return self.profiles + self.prices

    @property
    def rate(self) -> float:
        """λ: how often each thing is read, a second."""
        return self.read_rate / self.keys

    def restarts(self) -> list[float]:
        """When each process that gets version 2 is restarted, in seconds, evenly spread over the ramp."""
        chosen = round(self.share * self.processes)
        return [self.begins + self.ramp * number / max(chosen - 1, 1) for number in range(chosen)]

    def version(self, process: int, moment: float) -> int:
        """The version of the code that a process runs at a moment."""
        restarts = self.restarts()
        return 2 if process < len(restarts) and moment >= restarts[process] else 1


class Read(NamedTuple):
    """One read. `kind` is hit, stale, load (a miss) or error (a crash); `version` that of the code; `thing` which.

    Units: seconds since the run began; `behind` is for how long its answer had been out of date; 0.0 if it was fresh.
    """

    t: float
    kind: str
    version: int
    thing: int
    behind: float = 0.0


class Stored(NamedTuple):
    """What the cache holds from a moment on: bytes of keys and values by the version that can read them; 0 is both."""

    t: float
    keys: int
    both: int
    v1: int
    v2: int

    @property
    def bytes(self) -> int:
        """Keys and values together."""
        return self.both + self.v1 + self.v2


@dataclass(repr=False)
class RolloutResult:
    """What happened in a rollout: every read, and what the trace says of the keys that were stored."""

    rollout: Rollout
    trace: Trace
    reads: list[Read] = field(default_factory=list)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {value:g}" for name, value in self.summary().items())
        return f"{self.rollout.strategy}, {self.trace.world}: {numbers}"

    @cached_property
    def deployed(self) -> list[Read]:
        """The reads since the deploy began."""
        return [read for read in self.reads if read.t >= self.rollout.begins]

    def count(self, kind: str) -> int:
        """How many reads since the deploy began were of a kind."""
        return sum(read.kind == kind for read in self.deployed)

    @property
    def miss_share(self) -> float:
        """The share of the reads since the deploy began, from 0 to 1, that had to load."""
        return self.count("load") / len(self.deployed) if self.deployed else 0.0

    @cached_property
    def stored(self) -> list[Stored]:
        """What the cache held, a step at each change."""
        return list(held(self.trace.events, until=self.rollout.duration))

    @property
    def most_stored(self) -> Stored:
        """The moment since the deploy began at which the cache held most."""
        since = [step for step in self.stored if step.t >= self.rollout.begins]
        return max(since or self.stored[-1:] or [Stored(0.0, 0, 0, 0, 0)], key=lambda step: step.bytes)

    def summary(self) -> dict[str, float]:
        """The numbers that the lesson compares, since the deploy began; the most that was stored in kB."""
        return {
            "reads": len(self.deployed),
            "crashes": self.count("error"),
            "misses": self.count("load"),
            "stale": self.count("stale"),
            "longest stale (s)": round(max((read.behind for read in self.deployed), default=0.0), 1),
            "most stored (kB)": round(self.most_stored.bytes / 1000, 1),
        }


def held(events: Iterable[Event], *, until: float) -> Iterator[Stored]:
    """Follow SET and DEL in server order, and each TTL to its end: what was stored from when on."""
    sizes: dict[str, tuple[int, int, float]] = {}  # key → version that can read it, bytes, when it expires
    totals, ends = [0, 0, 0], list[tuple[float, str]]()

    def drop(key: str) -> None:
        version, size, _ = sizes.pop(key, (0, 0, 0.0))
        totals[version] -= size

    def expired(now: float) -> Iterator[Stored]:
        while ends and ends[0][0] <= now:
            moment, key = heapq.heappop(ends)
            if key in sizes and sizes[key][2] == moment:
                drop(key)
                yield Stored(moment, len(sizes), *totals)

    for event in sorted((e for e in events if e.t_server is not None), key=lambda e: e.t_server or 0.0):
        now, name = event.t_server or 0.0, event.name
        if name not in ("SET", "DEL", "UNLINK"):
            continue
        yield from expired(now)
        words = [word.decode() for word in event.command]
        for key in words[1:2] if name == "SET" else words[1:]:
            drop(key)
        if name == "SET":
            key, value = words[1:3]
            version, size, end = reader(key, value), len(event.command[1]) + len(event.command[2]), now + _px(words)
            sizes[key] = version, size, end
            totals[version] += size
            heapq.heappush(ends, (end, key))
        yield Stored(now, len(sizes), *totals)
    yield from expired(until)


def reader(key: str, value: str) -> int:
    """Which version of the code can find and read a value: 1, 2, or 0 for both. Only version 1 writes a "name"."""
    if '"cents"' in value:
        return {"v1:": 1, "v2:": 2}.get(key[:3], 0)
    return 1 if '"name"' in value else 2


def _px(words: list[str]) -> float:
    """The TTL of a SET in seconds."""
    return int(words[[word.upper() for word in words].index("PX") + 1]) / 1000
