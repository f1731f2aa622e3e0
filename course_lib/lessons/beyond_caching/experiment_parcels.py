"""Workers that pack parcels, of whom one dies and one stands still: the setting, and what became of each parcel."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from course_lib.patterns.basics import require
from course_lib.trace import percentile

SENT_UNTIL = 0.6
"""The share of the time in which parcels are sent; in the rest the workers finish."""


@dataclass(frozen=True)
class Parcels:
    """How many parcels come, who packs them, and what goes wrong.

    Parcels are sent at random moments, `rate` a second on average, in the first part of the run. Packing takes `handle`
    seconds on average, from half of that to one and a half. Worker w1 dies at `dies`; w2 stands still for `pauses`
    seconds from STILL on; each is left out at 0. The first `poison` parcels cannot be packed: their worker meets an
    error, and begins anew.

    Units: `handle`, `claim_after`, `dies`, `pauses`, `duration` in seconds.
    """

    strategy: str = "claim"
    workers: int = 3
    rate: float = 3.0
    handle: float = 0.5
    claim_after: float = 2.0
    dies: float = 3.0
    pauses: float = 4.0
    poison: int = 0
    max_deliveries: int = 3
    seed: int = 1
    duration: float = 24.0

    def __post_init__(self) -> None:
        for name in ("workers", "rate", "handle", "claim_after", "max_deliveries", "duration"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")


STILL = 6.0
"""Seconds: when w2 begins to stand still."""


class Hold(NamedTuple):
    """An entry that was pending, in whose name, and from when to when; `end` is that of the run if it still is."""

    parcel: int
    worker: str
    start: float
    end: float


@dataclass(repr=False)
class ParcelsSeen:
    """When each parcel was sent and first packed, how often it was packed, and who held its entry."""

    parcels: Parcels
    sent: dict[int, float] = field(default_factory=dict)
    first: dict[int, float] = field(default_factory=dict)
    times: Counter[int] = field(default_factory=Counter)
    holds: list[Hold] = field(default_factory=list)
    letters: set[int] = field(default_factory=set)
    pending: list[int] = field(default_factory=list)
    died: float | None = None
    still: tuple[float, float] | None = None
    errors: list[tuple[float, int, str]] = field(default_factory=list)

    def left_alone(self, hold: Hold) -> float:
        """From when on nobody works at it: packing failed, or its worker has died or stands still."""
        ends = [at for at, parcel, who in self.errors if (parcel, who) == hold[:2] and hold.start <= at < hold.end]
        if hold.worker == "w1" and self.died is not None:
            ends.append(self.died)
        if hold.worker == "w2" and self.still is not None and hold.start < self.still[1]:
            ends.append(max(self.still[0], hold.start))
        return min([hold.end, *ends])

    def moves(self) -> list[tuple[Hold, Hold]]:
        """Where an entry went from one worker to another."""
        last: dict[int, Hold] = {}
        found = []
        for hold in sorted(self.holds, key=lambda hold: hold.start):
            before = last.get(hold.parcel)
            if before is not None and before.worker != hold.worker:
                found.append((before, hold))
            last[hold.parcel] = hold
        return found

    def became(self, parcel: int) -> str:
        """`never`, `once` or `twice` (or more often); or `letter`, if it is a dead letter."""
        if parcel in self.letters and not self.times[parcel]:
            return "letter"
        return ("never", "once", "twice")[min(self.times[parcel], 2)]

    def count(self, fate: str) -> int:
        """Of how many that came true."""
        return sum(self.became(parcel) == fate for parcel in self.sent)

    @property
    def waits(self) -> list[float]:
        """Seconds from being sent to being packed, of those that were, the shortest first."""
        return sorted(self.first[parcel] - sent for parcel, sent in self.sent.items() if parcel in self.first)

    def summary(self) -> dict[str, float]:
        """The numbers that the lab's table has."""
        return {
            "parcels": len(self.sent),
            "never": self.count("never"),
            "once": self.count("once"),
            "twice or more": self.count("twice"),
            "dead letters": self.count("letter"),
            "still pending": len(self.pending),
            "half wait more than (s)": round(percentile(self.waits, 50), 2),
            "longest wait (s)": round(self.waits[-1], 2) if self.waits else 0.0,
        }

    def __repr__(self) -> str:
        return ", ".join(f"{name} {value:g}" for name, value in self.summary().items())
