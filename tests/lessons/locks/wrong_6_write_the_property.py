"""Wrong properties for 04.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
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


# -- each breaks one sentence of the contract -------------------------------------------------------------------------


def compared(kind: str) -> Property:
    """A property that is wrong in one place of the contract."""

    def property(trace: Trace) -> str | None:
        died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
        notes = [note for note in trace.notes if note.kind == "hold" or (kind == "any note" and note.t_end)]
        if kind == "without the dead":
            notes = [note for note in notes if note.who not in died]
        end = {
            "paused are dead": lambda note: min(
                n.t_start for n in trace.notes if n.who == note.who and n.kind != "hold"
            ),
            "at once": lambda note: note.t_start,
            "anybody's death": lambda note: min(died.values(), default=inf),
            "for ever": lambda note: inf,
        }.get(kind, lambda note: died.get(note.who, inf))
        cut = kind == "death ends all"
        ends = [
            died.get(n.who, inf) if cut and n.who in died else end(n) if n.t_end is None else n.t_end for n in notes
        ]
        digits = {"to the millisecond": 3, "to 0.1 ms": 4}.get(kind, 9)
        spans = [(round(n.t_start, digits), round(stop, digits), n.who) for n, stop in zip(notes, ends, strict=True)]
        if kind in ("neighbors", "one end"):
            spans.sort()
        pairs = list(pairwise(spans) if kind.startswith("neighbors") else combinations(spans, 2))
        for (start, stop, who), (since, until, other) in pairs:
            late = since <= stop if kind == "touching" else since < stop or kind == "the other end"
            soon = start <= until if kind == "touching" else start < until or kind == "one end unsorted"
            same = who[:2] == other[:2] if kind == "by prefix" else who == other
            if late and soon and not same:
                return f"{who} and {other} at {max(start, since):.3f} s"
        return None

    return property


SUBTLE = [
    (kind, "reads", compared(kind), *allowed)
    for kind, *allowed in (
        ("at once",), ("anybody's death",), ("for ever", "dead-still-hold"), ("without the dead",), ("death ends all",),
        ("touching",), ("to the millisecond",), ("to 0.1 ms",),
        ("paused are dead",), ("neighbors",), ("neighbors unsorted",), ("one end unsorted",),
        ("the other end", "cries-wolf"), ("by prefix", "says-nothing"), ("any note", "excuses-the-paused"),
    )
]  # fmt: skip
