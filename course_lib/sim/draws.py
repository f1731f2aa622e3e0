"""Cheap, seeded randomness: a stream of numbers in [0, 1) that is the same on every machine and Python."""

from __future__ import annotations

from hashlib import blake2b
from math import log

_MASK = (1 << 64) - 1
_FACTOR, _STEP = 6364136223846793005, 1442695040888963407
_GRID = 2.0**32  # a logarithm is cut to this grid, because C libraries disagree about its last bits


class Draws:
    """A stream of uniform draws in [0, 1), named by a seed; call it for the next one.

    One for each client and each connection, so that a change in one client's behavior leaves the others' draws alone.
    A `random.Random` would do, but takes 2.5 kB and 10 µs to seed; this takes 100 bytes and 1 µs.
    Source: O'Neill, PCG, Technical Report HMC-CS-2014-0905 (a 64-bit linear congruential step, output mixed by
    xorshift). `state` is where it stands: a stream that is set to it goes on with the same numbers.
    """

    __slots__ = ("state",)

    def __init__(self, *name: object) -> None:
        self.reseed(*name)

    def reseed(self, *name: object) -> None:
        """Begin the stream of another name."""
        text = "/".join(map(str, name)).encode()
        self.state = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") | 1

    def __call__(self) -> float:
        """The next number of the stream, in [0, 1)."""
        state = self.state = (self.state * _FACTOR + _STEP) & _MASK
        return ((state ^ (state >> 29)) >> 11) * 2.0**-53

    def skip(self, count: int) -> None:
        """Go on as after that many calls. Cost: O(log count)."""
        factor, step = _FACTOR, _STEP
        while count > 0:  # twice the step of before, as often as the count has binary digits
            if count & 1:
                self.state = (self.state * factor + step) & _MASK
            factor, step, count = factor * factor & _MASK, (factor + 1) * step & _MASK, count >> 1

    def exponential(self, mean: float) -> float:
        """A draw from the exponential distribution; `mean` and the result in the same unit."""
        return mean * int(-log(1.0 - self()) * _GRID) / _GRID

    def between(self, low: float, high: float) -> float:
        """A draw that is uniform in [low, high)."""
        return low + (high - low) * self()
