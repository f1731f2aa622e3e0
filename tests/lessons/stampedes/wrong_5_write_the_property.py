"""Wrong properties for 05.5, each with one mistake, named as the check must name it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from course_lib.trace import Note, Trace

Span = tuple[str, float, float]


def loads(trace: Trace) -> list[Note]:
    return [note for note in trace.notes if note.kind == "load"]


def paused(trace: Trace) -> set[str]:
    return {note.who for note in trace.notes if note.kind == "pause"}


def spans(trace: Trace, *, excused: set[str], crashes: bool = True) -> list[Span]:
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"} if crashes else {}
    found = [note for note in loads(trace) if note.who not in excused]
    return [(n.who, n.t_start, died.get(n.who, math.inf) if n.t_end is None else n.t_end) for n in found]


def at_once(found: list[Span]) -> str | None:
    for i, (who, start, end) in enumerate(found):
        for other, begin, until in found[i + 1 :]:
            if start < until and begin < end:
                return f"{who} and {other} load at once"
    return None


def says_nothing(trace: Trace) -> str | None:
    return None if loads(trace) else "no load"


def cries_wolf(trace: Trace) -> str | None:
    return f"{len(loads(trace))} loads"


def counts_loads(trace: Trace) -> str | None:
    return "loaded twice" if len(loads(trace)) > 1 else None


def dead_still_loading(trace: Trace) -> str | None:
    return at_once(spans(trace, excused=paused(trace), crashes=False))


def blames_the_paused(trace: Trace) -> str | None:
    return at_once(spans(trace, excused=set()))


def any_pause_excuses_all(trace: Trace) -> str | None:
    return None if paused(trace) else at_once(spans(trace, excused=set()))


def neighbors(trace: Trace) -> str | None:
    """Each with the next one in the list. (Sorted by their beginnings, that would do: see right.py.)"""
    found = spans(trace, excused=paused(trace))
    return next((f"{a[0]} and {b[0]}" for a, b in pairwise(found) if b[1] < a[2] and a[1] < b[2]), None)


def first_two(trace: Trace) -> str | None:
    return at_once(spans(trace, excused=paused(trace))[:2])


def without_end_left_out(trace: Trace) -> str | None:
    return at_once([span for span in spans(trace, excused=paused(trace)) if span[2] < math.inf])


def dead_left_out(trace: Trace) -> str | None:
    dead = {note.who for note in trace.notes if note.kind == "crash"}
    return at_once([span for span in spans(trace, excused=paused(trace)) if span[0] not in dead])


def without_end_is_over(trace: Trace) -> str | None:
    found = [note for note in loads(trace) if note.who not in paused(trace)]
    return at_once([(n.who, n.t_start, n.t_end or n.t_start) for n in found])


def anybodys_crash(trace: Trace) -> str | None:
    crash = min((note.t_start for note in trace.notes if note.kind == "crash"), default=math.inf)
    found = [note for note in loads(trace) if note.who not in paused(trace)]
    return at_once([(n.who, n.t_start, crash if n.t_end is None else n.t_end) for n in found])


def touching_counts(trace: Trace) -> str | None:
    found = spans(trace, excused=paused(trace))
    for i, (who, start, end) in enumerate(found):
        for other, begin, until in found[i + 1 :]:
            if start <= until and begin <= end:
                return f"{who} and {other}"
    return None


def in_their_order(trace: Trace) -> str | None:
    """It trusts that notes are sorted by their beginnings."""
    found = spans(trace, excused=paused(trace))
    for i, (who, _, end) in enumerate(found):
        for other, begin, _ in found[i + 1 :]:
            if begin < end:
                return f"{who} and {other}"
    return None


def pause_of_the_second_only(trace: Trace) -> str | None:
    found = sorted(spans(trace, excused=set()), key=lambda span: span[1])
    for i, (who, _, end) in enumerate(found):
        for other, begin, _ in found[i + 1 :]:
            if begin < end and other not in paused(trace):
                return f"{who} and {other}"
    return None


def pause_during_the_load(trace: Trace) -> str | None:
    """It excuses a load only if the pause falls into it."""
    stood = [note for note in trace.notes if note.kind == "pause"]
    found = [
        span for span in spans(trace, excused=set())
        if not any(p.who == span[0] and p.t_start < span[2] and (p.t_end or math.inf) > span[1] for p in stood)
    ]  # fmt: skip
    return at_once(found)


def any_notes(trace: Trace) -> str | None:
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    found = [note for note in trace.notes if note.kind not in ("crash", "pause") and note.who not in paused(trace)]
    return at_once([(n.who, n.t_start, died.get(n.who, math.inf) if n.t_end is None else n.t_end) for n in found])


def names_nobody(trace: Trace) -> str | None:
    return "two loads at once" if at_once(spans(trace, excused=paused(trace))) else None


def names_first_and_last(trace: Trace) -> str | None:
    found = spans(trace, excused=paused(trace))
    return f"{found[0][0]} and {found[-1][0]}" if at_once(found) else None


def rounds_to_ms(trace: Trace) -> str | None:
    return at_once([(who, round(start, 2), round(end, 2)) for who, start, end in spans(trace, excused=paused(trace))])


def same_beginnings_missed(trace: Trace) -> str | None:
    found = spans(trace, excused=paused(trace))
    for who, start, end in found:
        for other, begin, _ in found:
            if start < begin < end:
                return f"{who} and {other}"
    return None


WRONG = [
    ("says-nothing", says_nothing),
    ("cries-wolf", cries_wolf),
    ("counts-loads", counts_loads),
    ("dead-still-loading", dead_still_loading),
    ("blames-the-paused", blames_the_paused),
    ("any-pause-excuses-all", any_pause_excuses_all),
]


def an_end_at_zero_is_none(trace: Trace) -> str | None:
    died = {note.who: note.t_start for note in trace.notes if note.kind == "crash"}
    found = [note for note in loads(trace) if note.who not in paused(trace)]
    return at_once([(n.who, n.t_start, n.t_end or died.get(n.who) or math.inf) for n in found])


def names_everybody(trace: Trace) -> str | None:
    who = sorted({note.who for note in trace.notes})
    return at_once(spans(trace, excused=paused(trace))) and f"two of {', '.join(who)} load at once"


def by_hundredths(trace: Trace) -> str | None:
    """Sorted by beginnings that are rounded; then each is compared with all before it."""
    found = sorted(spans(trace, excused=paused(trace)), key=lambda span: round(span[1], 2))
    return next((f"{a[0]} and {b[0]}" for i, b in enumerate(found) for a in found[:i] if a[2] > b[1]), None)


def an_end_in_thirty_years(trace: Trace) -> str | None:
    found = spans(trace, excused=paused(trace))
    return at_once([(who, start, min(end, 1e9)) for who, start, end in found])


def part_of_a_name(trace: Trace) -> str | None:
    """Who is called as a part of the name of one that was paused is excused, too."""
    names = " ".join(paused(trace))
    return at_once(spans(trace, excused={note.who for note in loads(trace) if note.who in names}))


SUBTLE: list[tuple[Any, ...]] = [
    ("an end at zero is none", "spans", an_end_at_zero_is_none),
    ("everybody is named", "spans", names_everybody),
    ("in the order of hundredths", "spans", by_hundredths),
    ("each with the next", "spans", neighbors),
    ("the first two only", "spans", first_two),
    ("without an end, left out", "spans", without_end_left_out),
    ("without an end, over at once", "spans", without_end_is_over),
    ("the dead left out", "excuses", dead_left_out),
    ("anybody's crash", "excuses", anybodys_crash),
    ("touching counts", "spans", touching_counts),
    ("in the order of the notes", "spans", in_their_order),
    ("the first may be paused", "excuses", pause_of_the_second_only),
    ("a pause during the load", "excuses", pause_during_the_load),
    ("notes of any kind", "spans", any_notes),
    ("names nobody", "spans", names_nobody),
    ("names the first and the last", "spans", names_first_and_last),
    ("rounds", "spans", rounds_to_ms),
    ("the same beginnings", "spans", same_beginnings_missed),
    ("forever is thirty years", "spans", an_end_in_thirty_years),
    ("a part of a name", "excuses", part_of_a_name),
]
