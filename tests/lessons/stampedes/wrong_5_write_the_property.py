"""Wrong properties for 05.5, each with one mistake, named as the check must name it."""

from __future__ import annotations

import math

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


WRONG = [
    ("says-nothing", says_nothing),
    ("cries-wolf", cries_wolf),
    ("counts-loads", counts_loads),
    ("dead-still-loading", dead_still_loading),
    ("blames-the-paused", blames_the_paused),
    ("any-pause-excuses-all", any_pause_excuses_all),
]
