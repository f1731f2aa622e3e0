"""How long messages take: what a world may be given as its `latency`."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.sim.draws import Draws

Latency = Callable[[Draws], float]
"""Draws one message's time on the wire, in seconds, from a connection's own stream of draws."""


def lan(draw: Draws) -> float:
    """One way through a local network: 0.1 ms, and 1 ms more on average, exponentially distributed."""
    return 0.0001 + draw.exponential(0.001)


def steady(seconds: float) -> Latency:
    """Every message takes the same time."""
    return lambda draw: seconds
