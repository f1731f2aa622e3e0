"""Wrong properties for 04.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import inf
from typing import Any

from course_lib.trace import Trace

Property = Callable[[Trace], str | None]


def two_leases(*, own: bool = False, crashes: bool = True, pauses: bool = False, latest: bool = False) -> Property:
    """A property with one thing left out, or too much; by default as it should be."""

    def property(trace: Trace) -> str | None:
        died = {note.who: note.t_start for note in trace.notes if note.kind == "crash" and crashes}
        stood = {note.who for note in trace.notes if note.kind == "pause" and pauses}
        leases: Any = [note for note in trace.notes if note.kind == "hold" and note.who not in stood]
        if latest:
            leases = list({note.who: note for note in leases}.values())
        spans = [(n.t_start, died.get(n.who, inf) if n.t_end is None else n.t_end, n.who) for n in leases]
        for (start, end, who), (since, until, other) in combinations(spans, 2):
            if (who != other or own) and start < until and since < end:
                return f"{who} and {other} have a lease at {max(start, since):.3f} s"
        return None

    return property


def says_nothing(trace: Trace) -> str | None:
    return None if trace.notes else "nothing happened"


def cries_wolf(trace: Trace) -> str | None:
    return f"{sum(note.kind == 'hold' for note in trace.notes)} leases"


WRONG = [
    ("says-nothing", says_nothing),
    ("cries-wolf", cries_wolf),
    ("blames-an-extension", two_leases(own=True)),
    ("dead-still-hold", two_leases(crashes=False)),
    ("excuses-the-paused", two_leases(pauses=True)),
    ("one-lease-each", two_leases(latest=True)),
]
