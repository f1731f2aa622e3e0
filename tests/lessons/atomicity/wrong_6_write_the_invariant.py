"""Wrong invariants for 03.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from typing import Any

LIMIT, WINDOW = 2, 10


def invariant(
    *, few: bool = True, window: float = WINDOW, within: Any = None, takes: Any = None,
    sure: tuple[str, ...] = ("admitted",), before: Any = None, limit: int = LIMIT,
) -> Any:  # fmt: skip
    """An invariant with one part left out, or wrong; by default as it should be."""
    within = within or (lambda first, last: last - first < window)
    takes = takes or (lambda kind: kind != "refused")
    before = before or (lambda one, refused: one < refused)

    def of(run: Any) -> str | None:
        asked = [note for note in run.trace.notes if note.kind in ("admitted", "refused", "unknown")]
        admitted = sorted(note.t_start for note in asked if note.kind in sure)
        for first, last in zip(admitted, admitted[LIMIT:], strict=False):
            if within(first, last):
                return f"{LIMIT + 1} from {first} to {last} s"
        for note in asked:
            near = [n for n in asked if takes(n.kind) and before(n.t_start, note.t_start)]
            near = [n for n in near if n is not note and note.t_start - n.t_start < window]
            if few and note.kind == "refused" and len(near) < limit:
                return f"{note.who} was refused at {note.t_start} s"
        return None

    return of


def says_nothing(run: Any) -> str | None:
    return None if run.trace.notes else "nobody asked"


def always_violated(run: Any) -> str | None:
    return f"{len(run.trace.notes)} requests"


def says_nothing_of(run: Any) -> Any:
    yield from ()


WRONG = [
    ("says-nothing", says_nothing),
    ("says-nothing", says_nothing_of),
    ("cries-wolf", always_violated),
    ("counts-the-whole-run", invariant(within=lambda first, last: True)),
    ("calendar-windows", invariant(within=lambda first, last: first // WINDOW == last // WINDOW)),
    ("a-window-too-long", invariant(within=lambda first, last: last - first <= WINDOW)),
    ("only-too-many", invariant(few=False)),
    ("forbids-refusals", invariant(limit=99)),
    ("refusals-take-room", invariant(takes=lambda kind: True)),
    ("room-for-ever-taken", invariant(window=1e9, within=lambda first, last: last - first < WINDOW)),
    ("forgets-the-unknown", invariant(takes=lambda kind: kind == "admitted")),
    ("unknown-is-admitted", invariant(sure=("admitted", "unknown"))),
    ("looks-ahead", invariant(before=lambda one, refused: True)),
]


def reading(
    *, kinds: Any = ("admitted", "refused", "unknown"), sort: Any = sorted, near: Any = None, whole: bool = True,
    room: Any = None,
) -> Any:  # fmt: skip
    """A right invariant, with a part replaced."""
    near = near or (lambda one, note: note.t_start - WINDOW < one.t_start < note.t_start)
    room = room or (lambda kind: kind != "refused")

    def of(run: Any) -> str | None:
        asked = [note for note in run.trace.notes if kinds is None or note.kind in kinds]
        for who in {note.who for note in asked} if not whole else [None]:
            yes = sort([n.t_start for n in asked if n.kind == "admitted" and who in (None, n.who)])
            if any(0 <= last - first < WINDOW for first, last in zip(yes, yes[LIMIT:], strict=False)):
                return "too many"
        for note in asked:
            if note.kind == "refused" and sum(near(one, note) and room(one.kind) for one in asked) < LIMIT:
                return "too few"
        return None

    return of


def less_a_millisecond(run: Any) -> str | None:
    """Too many only where they lie a millisecond less than a window apart, or closer."""
    yes = sorted(note.t_start for note in run.trace.notes if note.kind == "admitted")
    if any(last - first < WINDOW - 0.001 for first, last in zip(yes, yes[LIMIT:], strict=False)):
        return "too many"
    return reading(sort=lambda yes: [])(run)


def from_the_first(run: Any) -> str | None:
    """A window begins with the first that is admitted after the last one."""
    begin, count = -99.0, 0
    for when in sorted(note.t_start for note in run.trace.notes if note.kind == "admitted"):
        begin, count = (begin, count + 1) if when - begin < WINDOW else (when, 1)
        if count > LIMIT:
            return "too many"
    return reading(sort=lambda yes: [])(run)


def as_noted(run: Any) -> str | None:
    """Before it is what was noted before it."""
    asked = [note for note in run.trace.notes if note.kind in ("admitted", "refused", "unknown")]
    place = {id(note): n for n, note in enumerate(asked)}
    return reading(
        near=lambda one, note: one.t_start > note.t_start - WINDOW and place.get(id(one), 99) < place[id(note)]
    )(run)


SUBTLE = [
    ("all notes take room", "too-few", reading(kinds=None)),
    ("as they stand", "too-many", reading(sort=list)),
    ("each client by itself", "too-many", reading(whole=False)),
    ("a window old takes room", "too-few",
     reading(near=lambda one, note: note.t_start - WINDOW <= one.t_start < note.t_start)),
    ("from the first on", "too-many", from_the_first),
    ("as noted", "not-wrong", as_noted),
    ("less than a window by a millisecond", "too-many", less_a_millisecond),
    ("others' requests", "not-wrong",
     reading(near=lambda one, note: one.who != note.who and note.t_start - WINDOW < one.t_start < note.t_start)),
    ("a window and a millisecond", "too-few",
     reading(near=lambda one, note: note.t_start - WINDOW - 0.001 < one.t_start < note.t_start)),
    ("neighbors too", "too-few",
     reading(near=lambda one, note: 0 < abs(note.t_start - one.t_start) < WINDOW), "looks-ahead"),
    ("half a window", "not-wrong", reading(near=lambda one, note: 0 < note.t_start - one.t_start < WINDOW / 2)),
    ("what comes within a second of it", "too-few",
     reading(near=lambda one, note: one is not note and note.t_start - WINDOW < one.t_start < note.t_start + 1)),
]  # fmt: skip
