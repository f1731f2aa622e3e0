"""The limiters' definitions in plain Python, and the five behind one face, so that one suite can test all.

A model keeps every admission, and decides by the definition alone: integers, no clock, no clever state. What is left
is the largest cost that would be admitted now, and how long to wait is the least time after which the cost would be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from course_lib.patterns.ratelimit import GCRA, FixedWindow, Limiter, SlidingCounter, SlidingLog, TokenBucket
from course_lib.sim.fake_server import EPOCH

Answer = tuple[bool, int, int]  # allowed, remaining, µs to wait


@dataclass
class Model:
    """`most` per `span` µs. `admitted` is what was let through: when, in µs, and at which cost."""

    most: int
    span: int
    admitted: list[tuple[int, int]] = field(default_factory=list)

    def admits(self, now: int, cost: int) -> bool:
        raise NotImplementedError

    def hit(self, now: int, cost: int = 1) -> Answer:
        """What the limiter must answer, to the µs."""
        wait = 0
        if self.admits(now, cost):
            self.admitted.append((now, cost))
        else:
            longest = range(1, max(3, self.most + 1) * self.span + 1)  # after that, nothing that was counted counts
            wait = longest[bisect_left(longest, True, key=lambda later: self.admits(now + later, cost))]
        costs = range(1, self.most + 1)
        return wait == 0, bisect_left(costs, True, key=lambda more: not self.admits(now, more)), wait

    def total(self, since: int) -> int:
        """The cost of what was admitted at or after `since`."""
        return sum(cost for when, cost in self.admitted if when >= since)


class Fixed(Model):
    """At most `most` in each window of the calendar."""

    def admits(self, now: int, cost: int) -> bool:
        return self.total(now - now % self.span) + cost <= self.most


class Log(Model):
    """At most `most` in any half-open window (t - span, t]."""

    def admits(self, now: int, cost: int) -> bool:
        return self.total(now - self.span + 1) + cost <= self.most


class Counter(Model):
    """At most `most` by the estimate: this window's, and the last one's as far as it still overlaps the last `span`."""

    def admits(self, now: int, cost: int) -> bool:
        start = now - now % self.span
        used = self.total(start)
        before = self.total(start - self.span) - used
        return before * (start + self.span - now) + (used + cost) * self.span <= self.most * self.span


class Bucket(Model):
    """In any interval of any length t: at most `most`, and one more for each `span` in t."""

    def admits(self, now: int, cost: int) -> bool:
        for when, earlier in reversed(self.admitted):
            cost += earlier
            if (cost - self.most) * self.span > now - when:
                return False
        return True


@dataclass(frozen=True)
class Family:
    """A limiter and its model."""

    limiter: type[Limiter]
    model: type[Model]

    def __str__(self) -> str:
        return self.limiter.__name__

    @property
    def is_bucket(self) -> bool:
        return issubclass(self.limiter, TokenBucket)

    def make(self, redis: Redis, most: int, period: float, **policy: Any) -> Limiter:
        """Admits `most` at once, and `most` a period. It waits for a machine that is busy with other things."""
        burst = {"burst": most} if self.is_bucket else {}
        return self.limiter(redis, "hits", limit=most, period=period, **burst, **({"timeout": 30.0} | policy))

    def model_of(self, limiter: Limiter) -> Model:
        return self.model(limiter.most, limiter.span)


FAMILIES = [
    Family(FixedWindow, Fixed),
    Family(SlidingLog, Log),
    Family(SlidingCounter, Counter),
    Family(TokenBucket, Bucket),
    Family(GCRA, Bucket),
]


def server_time(seconds: float, skew: float = 0.0) -> int:
    """What a simulated server's TIME says, in µs, after that many seconds."""
    return round((EPOCH + seconds + skew) * 1_000_000)


def numbered(name: str = "id") -> Callable[[], str]:
    """A source of request ids that are the same in each run."""
    count = iter(range(10**9))
    return lambda: f"{name}{next(count)}"
