"""Virtual time and the seconds of a play: a flight of half a millisecond must be seen, and a TTL of a minute must end.

Between two moments the play takes a time that grows with the cube root of what passes in the run. So the order is true,
what lasts longer in the run lasts longer in the play, and nothing takes too long or is gone in a blink.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

ROOT = 0.33
EACH, SHORTEST, LONGEST = 0.8, 5.0, 24.0  # seconds of the play: for each moment, and in all
BEFORE, AFTER = 0.6, 1.6  # seconds of the play before the first moment and after the last
MOST = 3_000  # how many moments are told apart; of more, only some are taken, evenly


@dataclass(frozen=True, slots=True)
class PlayClock:
    """A rising, piecewise straight map from seconds of the run, `times`, to seconds of the play, `places`."""

    times: tuple[float, ...]
    places: tuple[float, ...]

    def __call__(self, t: float) -> float:
        """When in the play the moment `t` of the run comes; what is outside of the run is at its ends."""
        return _between(t, self.times, self.places)

    def back(self, place: float) -> float:
        """The moment of the run, in seconds, that is shown `place` seconds after the play began."""
        return _between(place, self.places, self.times)

    @property
    def end(self) -> float:
        """How long the play is, in seconds."""
        return self.places[-1] + AFTER


def clock(moments: Iterable[float]) -> PlayClock:
    """The clock of a run in which something happens at these moments, in seconds."""
    times = sorted(set(moments)) or [0.0]
    if len(times) > MOST:
        step = -(-len(times) // MOST)
        times = [*times[:-1:step], times[-1]]
    weights = [(after - before) ** ROOT for before, after in pairwise(times)]
    whole = min(max(EACH * len(weights), SHORTEST), LONGEST) / (sum(weights) or 1.0)
    return PlayClock(tuple(times), tuple(accumulate((weight * whole for weight in weights), initial=BEFORE)))


def _between(value: float, given: tuple[float, ...], sought: tuple[float, ...]) -> float:
    if value <= given[0]:
        return sought[0]
    if value >= given[-1]:
        return sought[-1]
    i = bisect_right(given, value) - 1
    share = (value - given[i]) / (given[i + 1] - given[i])
    return sought[i] + share * (sought[i + 1] - sought[i])
