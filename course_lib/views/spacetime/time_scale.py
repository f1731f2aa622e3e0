"""Virtual time → x: straight, or with the idle stretches shortened so that the few things that happen can be read."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from course_lib.views.axes import nice_step

TOGETHER = 1e-5  # seconds: replies of one message come so close after one another, and are one moment here


@dataclass(frozen=True, slots=True)
class TimeScale:
    """A rising, piecewise straight map from seconds to pixels. `idle` holds the stretches of x that were shortened."""

    times: tuple[float, ...]
    places: tuple[float, ...]
    idle: tuple[tuple[float, float], ...] = ()

    def __call__(self, t: float) -> float:
        """Where the moment `t` lies; before the first and after the last it stays at the edge."""
        if t <= self.times[0]:
            return self.places[0]
        if t >= self.times[-1]:
            return self.places[-1]
        i = bisect_right(self.times, t) - 1
        share = (t - self.times[i]) / (self.times[i + 1] - self.times[i])
        return self.places[i] + share * (self.places[i + 1] - self.places[i])

    def ticks(self, apart: float = 64) -> list[tuple[float, float]]:
        """Moments worth a number on the axis, as (seconds, x), no two closer than `apart` pixels."""
        if self.idle:
            return _spread(((t, self(t)) for t in self.times), apart)
        step = nice_step((self.times[-1] - self.times[0]) * apart / max(self.places[-1] - self.places[0], 1))
        first, last = math.ceil(self.times[0] / step - 1e-9), math.floor(self.times[-1] / step + 1e-9)
        return [(i * step, self(i * step)) for i in range(first, last + 1)]


def straight(start: float, end: float, left: float, right: float) -> TimeScale:
    """Time to scale. Where nothing takes any time, one millisecond is shown."""
    return TimeScale((start, end if end > start else start + 0.001), (left, right))


def shortened(moments: Iterable[float], left: float, right: float) -> TimeScale:
    """A scale that shortens idle stretches: beyond four times the usual length they grow with its logarithm only.

    Where no stretch is long enough to hide the others, the scale is straight and its `idle` is empty.
    """
    times = _apart(sorted(set(moments)))
    gaps = [after - before for before, after in pairwise(times)]
    if len(gaps) < 2:
        return straight(times[0] if times else 0.0, times[-1] if times else 0.0, left, right)
    usual = max(4 * median(gaps), sum(gaps) / 200)
    if max(gaps) < 3 * usual:
        return straight(times[0], times[-1], left, right)
    widths = [max(gap, usual / 8) if gap <= usual else usual * (1 + math.log(gap / usual)) for gap in gaps]
    places, idle, unit = [left], [], (right - left) / sum(widths)
    for gap, width in zip(gaps, widths, strict=True):
        if gap > 2 * usual:
            idle.append((places[-1], places[-1] + width * unit))
        places.append(places[-1] + width * unit)
    return TimeScale(tuple(times), tuple(places), tuple(idle))


def _apart(times: list[float]) -> list[float]:
    """The moments without those that are one with the moment before; the last one stays."""
    least, kept = min(TOGETHER, (times[-1] - times[0]) / 200) if times else 0.0, times[:1]
    for t in times[1:]:
        if t - kept[-1] >= least:
            kept.append(t)
    return [*kept[:-1], times[-1]] if len(kept) > 1 else times


def _spread(candidates: Iterable[tuple[float, float]], apart: float) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for t, x in candidates:
        if not kept or x - kept[-1][1] >= apart:
            kept.append((t, x))
    return kept
