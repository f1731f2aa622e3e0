"""Where an axis has its ticks, and how far it reaches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any


class Axis:
    """One of two: its limits, its scale, its ticks and their words."""

    def __init__(self) -> None:
        self.low: float | None = None
        self.high: float | None = None
        self.seen: list[float] = []
        self.zero = False
        self.log = self.inverted = False
        self.ticks: list[float] | None = None
        self.words: list[str] | None = None
        self.label = ""
        self._formatter: Callable[[float, int], str] | None = None

    def set_major_formatter(self, formatter: str | Callable[[float, int], str]) -> None:
        """Words for a tick: a function of it and its place, or a format with {x}."""
        self._formatter = (lambda x, _: formatter.format(x=x)) if isinstance(formatter, str) else formatter

    def limits(self) -> tuple[float, float]:
        """From the lowest to the highest value: what was set, else what is shown, with a margin of 5 %."""
        shown = [value for value in self.seen if math.isfinite(value) and (not self.log or value > 0)]
        low, high = min(shown, default=0.0), max(shown, default=1.0)
        if self.log:
            ratio = (high / low) ** 0.05 if high > low else 2.0
            low, high = low / ratio, high * ratio
        else:
            margin = (high - low) * 0.05 or 0.5
            low, high = (low if self.zero and low == 0 else low - margin), high + margin
        return (low if self.low is None else self.low), (high if self.high is None else self.high)

    def scale(self, start: float, end: float) -> Callable[[float], float]:
        """A function from values to places between `start` and `end`."""
        low, high = self.limits()
        if self.inverted:
            low, high = high, low
        change: Callable[[float], float] = math.log10 if self.log else float
        first, span = change(low), (change(high) - change(low)) or 1.0
        return lambda value: start + (end - start) * (change(value) - first) / span

    def marks(self, about: int) -> list[tuple[float, str]]:
        """Ticks within the limits, with their words."""
        low, high = sorted(self.limits())
        if self.ticks is not None:
            named = self.words or [self._said(value, at) for at, value in enumerate(self.ticks)]
            return [(value, word) for value, word in zip(self.ticks, named, strict=True) if low <= value <= high]
        found = powers(low, high) if self.log else steps(low, high, about)
        return [(value, self._said(value, at)) for at, value in enumerate(found)]

    def _said(self, value: float, at: int) -> str:
        return self._formatter(value, at) if self._formatter else f"{value:.10g}".replace("-", "−")


def steps(low: float, high: float, about: int) -> list[float]:
    """Round numbers from `low` to `high`, `about` as many."""
    rough = (high - low) / max(about, 1)
    unit = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(unit * n for n in (1, 2, 2.5, 5, 10) if unit * n >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * n, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def powers(low: float, high: float) -> list[float]:
    """The powers of ten between two numbers."""
    return [10.0**n for n in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]


def floats(values: Any) -> list[float]:
    """Numbers as a list of floats."""
    return [float(value) for value in values]


def counts(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many values lie between each two edges; the last one is inside, too."""
    found = [0] * (len(edges) - 1)
    for value in values:
        for at in range(len(found)):
            if edges[at] <= value < edges[at + 1] or value == edges[-1] == edges[at + 1]:
                found[at] += 1
    return found
