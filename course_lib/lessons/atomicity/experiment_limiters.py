"""Lesson 03: who asks a rate limiter and when, what it lets pass, and the most that pass in any window.

`play(Traffic(algorithm="gcra"))` simulates. The limiters are those of course_lib.patterns.ratelimit, as they are; the
messages here take no time, so that a picture shows the algorithm and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns.basics import require
from course_lib.patterns.ratelimit import GCRA, FixedWindow, Limiter, SlidingCounter, SlidingLog, TokenBucket
from course_lib.sim import Draws, steady
from course_lib.sim.fake_server import EPOCH
from course_lib.worlds import Simulated

MICRO = 1_000_000
MOST_ASKED = 20_000
"""Requests; a run of that many takes some three seconds."""


class Algorithm(NamedTuple):
    """A limiter, its name, what it stores for a subject, and the most that it admits in any window.

    `most(limit, burst)` counts a window that is open at one end: what came at `t` and at `t + window` is not in one.
    """

    label: str
    make: type[Limiter]
    stores: str
    most: Callable[[int, int], int]

    @property
    def is_bucket(self) -> bool:
        """Does it take a burst?"""
        return issubclass(self.make, TokenBucket)


ALGORITHMS: dict[str, Algorithm] = {
    "fixed": Algorithm("fixed window", FixedWindow, "a count, and its window", lambda limit, burst: 2 * limit),
    "log": Algorithm("sliding log", SlidingLog, "a time for each that it admitted", lambda limit, burst: limit),
    "counter": Algorithm("sliding counter", SlidingCounter, "two counts, and the window",
                         lambda limit, burst: 2 * limit - 1),
    "bucket": Algorithm("token bucket", TokenBucket, "tokens, and when they were counted",
                        lambda limit, burst: burst + limit - 1),
    "gcra": Algorithm("GCRA", GCRA, "when the bucket will be full", lambda limit, burst: burst + limit - 1),
}  # fmt: skip

ARRIVALS: dict[str, str] = {
    "steady": "steady: one after another, evenly",
    "random": "random: a Poisson process",
    "boundary": "a burst around the end of a calendar window",
    "patient": "a burst at the end of a window, then steady",
}


@dataclass(frozen=True)
class Traffic:
    """Who asks, how fast, and which limiter answers.

    With "boundary", 2 × `limit` requests come at `rate`, half of them before the end of a calendar window; with
    "patient", `limit` come at the end of one, all at once, and the rest at `rate`.

    Units: `limit` requests in `window` seconds; `burst` tokens, for the two buckets only (0 means `limit`); `rate`
    requests a second; the run lasts `windows` windows of the calendar.
    """

    algorithm: str = "fixed"
    arrivals: str = "boundary"
    limit: int = 100
    window: float = 2.0
    rate: float = 200.0
    burst: int = 0
    seed: int = 1
    windows: int = 3

    def __post_init__(self) -> None:
        for name, known in (("algorithm", ALGORITHMS), ("arrivals", ARRIVALS)):
            require(getattr(self, name) in known, name, getattr(self, name), ", ".join(known))
        for name in ("limit", "window", "rate", "windows"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        if self.rate * self.duration + 2 * self.limit > MOST_ASKED:
            raise BadArgument(f"{self.rate * self.duration:g} requests are too many to simulate: at most {MOST_ASKED}")

    @property
    def span(self) -> int:
        """The window in µs, as the limiters count."""
        return round(self.window * 1000) * 1000

    @property
    def most_at_once(self) -> int:
        """What a bucket holds."""
        return self.burst or self.limit

    @property
    def bound(self) -> int:
        """The most that the algorithm can admit in any window, derived."""
        return ALGORITHMS[self.algorithm].most(self.limit, self.most_at_once)

    @property
    def boundaries(self) -> list[float]:
        """When the windows of the calendar end, in seconds: the server's clock was not at zero when the run began."""
        first = -EPOCH * MICRO % self.span or self.span
        return [(first + number * self.span) / MICRO for number in range(self.windows)]

    @property
    def duration(self) -> float:
        """Seconds that the run lasts."""
        return self.windows * self.window

    def times(self) -> list[int]:
        """When each request is made, in µs since the run began."""
        end, gap = round(self.boundaries[0] * MICRO), MICRO / self.rate
        last = round(self.duration * MICRO)
        if self.arrivals == "boundary":
            return [when for i in range(2 * self.limit) if 0 <= (when := end + round((i - self.limit) * gap)) < last]
        if self.arrivals == "patient":
            return [end - 1] * self.limit + [end + round(i * gap) for i in range(int((last - end) / gap))]
        if self.arrivals == "steady":
            return [round(i * gap) for i in range(int(last / gap))]
        draw, moment, times = Draws(self.seed, "arrivals"), 0.0, list[int]()
        while (moment := moment + draw.exponential(gap)) < last:
            times.append(int(moment))
        return times


class Asked(NamedTuple):
    """When a request was made, in µs since the run began, and whether it was admitted."""

    t: int
    allowed: bool


@dataclass(repr=False)
class TrafficResult:
    """What became of some traffic. `entries` is how many fields or times the limiter stores in the end."""

    traffic: Traffic
    asked: list[Asked] = field(default_factory=list)
    entries: int = 0

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {value:g}" for name, value in self.summary().items())
        return f"{ALGORITHMS[self.traffic.algorithm].label}: {numbers}"

    @cached_property
    def admitted(self) -> list[int]:
        """When each request that was admitted was made, in µs."""
        return [request.t for request in self.asked if request.allowed]

    @cached_property
    def curve(self) -> list[tuple[float, int]]:
        """How many were admitted within the last window, from each moment (in seconds) on."""
        return within_the_last(self.admitted, self.traffic.span)

    @property
    def fullest(self) -> tuple[float, int]:
        """When the fullest window ends, in seconds, and how many were admitted in it."""
        return max(self.curve, key=lambda step: step[1], default=(0.0, 0))

    def summary(self) -> dict[str, float]:
        """The numbers of the lab's table."""
        return {
            "asked": len(self.asked),
            "admitted": len(self.admitted),
            "most in any window": self.fullest[1],
            "derived: at most": self.traffic.bound,
            "entries stored": self.entries,
        }


def within_the_last(admitted: list[int], span: int) -> list[tuple[float, int]]:
    """For each change: (moment in seconds, how many of `admitted` lie in the `span` µs that end there).

    A window is open at its beginning: what was admitted exactly one `span` ago is no longer in it.
    """
    changes: dict[int, int] = {}
    for when in admitted:
        changes[when] = changes.get(when, 0) + 1
        changes[when + span] = changes.get(when + span, 0) - 1
    steps, level = [], 0
    for when, change in sorted(changes.items()):
        level += change
        steps.append((when / MICRO, level))
    return steps


def play(traffic: Traffic) -> TrafficResult:
    """Simulate the traffic. Cost: about 0.15 ms of real time a request."""
    *_, (_, result) = in_slices(traffic)
    return result


def in_slices(traffic: Traffic, *, steps: int = 2_000) -> Iterator[tuple[float, TrafficResult]]:
    """The same in slices of `steps` callbacks: yields (share of the requests that were made, result)."""
    world, result, times = Simulated(traffic.seed, latency=steady(0.0)), TrafficResult(traffic), traffic.times()
    limiter = limiter_of(traffic, world.redis())
    world.client("visitor", _ask, world, limiter, times, result)
    for _ in world.slices(steps):
        yield len(result.asked) / max(len(times), 1), result


def limiter_of(traffic: Traffic, redis: Redis) -> Limiter:
    """The limiter that answers; its request ids are numbers, so that a run repeats exactly."""
    chosen, number = ALGORITHMS[traffic.algorithm], iter(range(10**9))
    make: Callable[..., Limiter] = chosen.make
    if chosen.is_bucket:
        make = partial(make, burst=traffic.most_at_once)
    return make(redis, "hits", limit=traffic.limit, period=traffic.window, token=lambda: f"r{next(number)}")


async def _ask(world: Simulated, limiter: Limiter, times: list[int], result: TrafficResult) -> None:
    for when in times:
        if (left := when / MICRO - world.now()) > 0:
            await asyncio.sleep(left)
        result.asked.append(Asked(when, (await limiter.hit("visitor")).allowed))
    key = limiter.command("visitor")[2]
    is_log = ALGORITHMS[result.traffic.algorithm].make is SlidingLog
    result.entries = await (limiter.redis.zcard(key) if is_log else limiter.redis.hlen(key))
