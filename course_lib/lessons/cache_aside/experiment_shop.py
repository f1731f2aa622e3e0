"""Paper Moon's readers at the product pages: the questions, and the numbers that come of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from course_lib.patterns.basics import require
from course_lib.trace import percentile, under_way

SOURCES = {"database": "the database every time", "cache": "cache-aside"}
"""Where a page may come from, by name."""


@dataclass(frozen=True)
class Shop:
    """The readers, the books, and what the cache and the database can do.

    Each reader thinks for an exponentially distributed time, opens a page, waits for it, and begins again.
    The k-th most popular of the `books` is chosen with a probability in proportion to 1 / k^skew (Zipf's law).

    Units: `rate` pages a second by each reader, while it is not waiting; `load_time` seconds that the database takes
    for a page, `connections` of which it serves at once; `ttl` in seconds; `size` keys that fit into the
    cache, of which the least recently used makes room, or None for as many as come; `duration` in seconds that are
    measured, after a warm-up.
    """

    source: str = "cache"
    readers: int = 400
    rate: float = 1.0
    books: int = 1000
    skew: float = 1.0
    ttl: float = 5.0
    size: int | None = None
    load_time: float = 0.05
    connections: int = 10
    seed: int = 1
    duration: float = 6.0

    def __post_init__(self) -> None:
        require(self.source in SOURCES, "source", self.source, " or ".join(SOURCES))
        for name in ("readers", "rate", "books", "ttl", "load_time", "connections", "duration"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")

    @property
    def warm_up(self) -> float:
        """Seconds before anything is measured: the cache has filled, and its first keys have expired."""
        return max(3.0, 1.5 * self.ttl)

    @cached_property
    def shares(self) -> list[float]:
        """The part of the requests that each book gets, the most popular first; together 1."""
        weights = [rank**-self.skew for rank in range(1, self.books + 1)]
        total = sum(weights)
        return [weight / total for weight in weights]

    @cached_property
    def up_to(self) -> list[float]:
        """The part that the first k books get together."""
        return list(accumulate(self.shares))


def hit_ratio(rate: float, ttl: float) -> float:
    """Of one key that is asked for at random, `rate` times a second: λT / (1 + λT), from 0 to 1."""
    return rate * ttl / (1 + rate * ttl)


class Read(NamedTuple):
    """One page: which book, by its rank from 1, when it was asked for and shown, and whether the cache had it."""

    rank: int
    t_start: float
    t_end: float
    hit: bool

    @property
    def latency(self) -> float:
        """How long the reader waited, in seconds."""
        return self.t_end - self.t_start


@dataclass(repr=False)
class ShopResult:
    """Every page that was asked for and every load, in order. Units: seconds since the measuring began.

    A load is (asked for, begun, ended): between the first two it waited for a free connection.
    """

    shop: Shop
    reads: list[Read] = field(default_factory=list)
    loads: list[tuple[float, float, float]] = field(default_factory=list)

    def __repr__(self) -> str:
        return ", ".join(f"{name} {value:g}" for name, value in self.summary().items())

    @property
    def pages_per_second(self) -> float:
        """How many pages readers asked for."""
        return len(self.reads) / self.shop.duration

    @property
    def hit_ratio(self) -> float:
        """The part of the pages that came from the cache, from 0 to 1."""
        return sum(read.hit for read in self.reads) / len(self.reads) if self.reads else 0.0

    @property
    def derived(self) -> float:
        """What the formula says of it, at the rate that was measured, if every key fits: 0 without a cache."""
        if self.shop.source == "database":
            return 0.0
        rate = self.pages_per_second
        return sum(share * hit_ratio(rate * share, self.shop.ttl) for share in self.shop.shares)

    @cached_property
    def waits(self) -> list[float]:
        """Every reader's wait in seconds, shortest first."""
        return sorted(read.latency for read in self.reads)

    def percentile(self, percent: float) -> float:
        """The wait that `percent` of the reads did not exceed, in seconds; 0.0 if nobody read."""
        return percentile(self.waits, percent)

    @property
    def loads_per_second(self) -> float:
        """How many loads the database began."""
        return sum(0 <= begun < self.shop.duration for _, begun, _ in self.loads) / self.shop.duration

    @cached_property
    def busy(self) -> float:
        """How many connections of the database were at work, on average over the time that was measured."""
        end = self.shop.duration
        return sum(max(0.0, min(done, end) - max(begun, 0.0)) for _, begun, done in self.loads) / end

    def in_the_database(self) -> list[tuple[float, int]]:
        """(seconds, loads that run or wait from then on), a step at each change."""
        return under_way((asked, done) for asked, _, done in self.loads)

    def summary(self) -> dict[str, float]:
        """The numbers that the lesson compares."""
        return {
            "pages": len(self.reads),
            "hits (%)": round(self.hit_ratio * 100, 1),
            "derived (%)": round(self.derived * 100, 1),
            "p50 (ms)": round(self.percentile(50) * 1000, 1),
            "p99 (ms)": round(self.percentile(99) * 1000, 1),
            "loads per s": round(self.loads_per_second, 1),
            "busy connections": round(self.busy, 2),
        }
