"""Parcels and workers: who holds which entry, over time, and how often each parcel was packed in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from course_lib.lessons.beyond_caching.experiment_parcels import ParcelsSeen
from course_lib.lessons.beyond_caching.experiment_strategies import STRATEGIES
from course_lib.views.axes import LEFT, Kind, Scale, framed, legend, linear, marks, panel, right, time_axis
from course_lib.views.palette import BLUE, FAINT, ORANGE, PURPLE, VERMILLION
from course_lib.views.picture import Picture
from course_lib.words import capital, counted, listed

TOP, LANE, BAR = 62.0, 40.0, 11.0
"""Pixels: where the lanes begin, how high a lane is, and a bar in it. Above its line is who works, below it what waits.
"""
BARS: dict[str, Kind] = {
    "work": Kind("being packed", BLUE, "m-4-4h9v8h-9z"),
    "wait": Kind("pending, and nobody is at it", VERMILLION, "m-4-4h9v8h-9z", 1.6),
    "claim": Kind("claimed by another worker", PURPLE, "m-4.5-4h9l-4.5 8z"),
}
FATES: dict[str, Kind] = {
    "once": Kind("packed once", BLUE, "h.01", 7),
    "twice": Kind("packed twice or more often", PURPLE, "m-5 0l5-5 5 5-5 5z"),
    "never": Kind("never packed", VERMILLION, "m-4-4l8 8m-8 0l8-8", 2.6),
    "letter": Kind("a dead letter", ORANGE, "m-5-4h10v8h-10z"),
}
"""What became of a parcel. In drawing order."""
ROWS = {"twice": "2+", "once": "1", "never": "0", "letter": "dead"}


def parcels_picture(seen: ParcelsSeen, *, uid: str | None = None) -> Picture:
    """Draw a run, on axes that depend on its setting and not on its strategy."""
    title, given = finding(seen), seen.parcels
    x = linear(0.0, given.duration, LEFT, right())
    bottom = TOP + LANE * given.workers
    fates = bottom + 108.0
    end = fates + 22 * len(ROWS)
    parts = [
        f'<text class="b" x="12" y="{TOP - 8}">pending entries, and in whose name they are</text>',
        *_lanes(seen, x),
        time_axis(x, given.duration, bottom, "seconds (virtual time)"),
        legend(BARS, bottom + 58, BARS),
        panel((fates, end), "how often each parcel was packed, by when it was sent", []),
        *_fates(seen, x, fates),
        time_axis(x, given.duration, end, "the parcel was sent (s)"),
        legend({seen.became(parcel) for parcel in seen.sent}, end + 58, FATES),
    ]
    return framed(title, parts, height=end + 70, alt=f"{title}. {described(seen)}", uid=uid)


def _lanes(seen: ParcelsSeen, x: Scale) -> Iterable[str]:
    """A lane for each worker, its entries as bars, and an arrow where an entry goes to another worker."""
    given = seen.parcels
    middle = {f"w{number}": TOP + LANE * (number - 0.5) for number in range(1, given.workers + 1)}
    for name, y in middle.items():
        yield f'<text class="s end" x="{LEFT - 6}" y="{y + 4:.0f}">{name}</text>'
        yield f'<path class="grid" d="M{LEFT} {y:.0f}H{right():g}"/>'
    for hold in seen.holds:
        since = seen.left_alone(hold)
        yield _bar("work", hold.start, since, x, middle[hold.worker] - BAR - 2)
        yield _bar("wait", since, hold.end, x, middle[hold.worker] + 2)
        if hold.end - since > given.duration / 18:
            at, y = (x(since) + x(hold.end)) / 2, middle[hold.worker] + BAR + 1
            yield f'<text class="s mid" x="{at:.0f}" y="{y:.0f}">parcel {hold.parcel}</text>'
    for before, after in seen.moves():
        at, down = x(after.start), middle[after.worker] > middle[before.worker]
        begin = middle[before.worker] + (BAR + 2 if down else 2)
        tip = middle[after.worker] - (BAR + 3 if down else 1)
        yield f'<path d="M{at:.1f} {begin:.0f}V{tip:.0f}" stroke="{PURPLE}" stroke-width="2.4"/>'
        yield f'<path d="M{at - 4.5:.1f} {tip + (-6 if down else 6):.0f}h9L{at:.1f} {tip:.0f}z" fill="{PURPLE}"/>'
    if seen.died is not None:
        y = middle["w1"] - BAR / 2 - 2
        yield f'<path class="limit" d="M{x(seen.died):.1f} {y:.0f}H{right():g}"/>'
        yield marks(Kind("", VERMILLION, "m-5-5l10 10m-10 0l10-10", 2.6), [(round(x(seen.died)), round(y))])
        yield f'<text class="s note" x="{x(seen.died) + 10:.0f}" y="{y + 4:.0f}">dies</text>'
    if seen.still is not None and seen.still[0] < given.duration:
        begin, over = (x(min(t, given.duration)) for t in seen.still)
        y = middle["w2"] - BAR / 2 - 2
        half = (begin + over) / 2
        line = f"M{begin:.1f} {y:.1f}H{max(begin, half - 38):.1f}M{half + 38:.1f} {y:.1f}H{max(over, half + 38):.1f}"
        yield f'<path d="{line}" stroke="{FAINT}" stroke-width="3" stroke-dasharray="3 2"/>'
        yield f'<text class="s note mid" x="{half:.0f}" y="{y + 4:.0f}">stands still</text>'


def _bar(kind: str, begin: float, end: float, x: Scale, y: float) -> str:
    if end <= begin:
        return ""
    color, wide = BARS[kind].color, max(x(end) - x(begin) - 1, 1.5)
    look = f'fill="{color}" fill-opacity="{".85" if kind == "work" else ".2"}" stroke="{color}"'
    return f'<rect x="{x(begin):.1f}" y="{y:.1f}" width="{wide:.1f}" height="{BAR}" {look}/>'


def _fates(seen: ParcelsSeen, x: Scale, top: float) -> Iterable[str]:
    """A row for each fate, and in it a mark for each parcel, at the moment when it was sent."""
    for row, fate in enumerate(ROWS):
        y = top + 12 + 22 * row
        yield f'<text class="s end" x="{LEFT - 6}" y="{y + 4:.0f}">{ROWS[fate]}</text>'
        yield f'<path class="grid" d="M{LEFT} {y:.0f}H{right():g}"/>'
        places = [(round(x(sent)), round(y)) for parcel, sent in seen.sent.items() if seen.became(parcel) == fate]
        if places:
            yield marks(FATES[fate], places)


def finding(seen: ParcelsSeen) -> str:
    """The title: what became of the parcels."""
    label, number = capital(STRATEGIES[seen.parcels.strategy].label), counted(len(seen.sent), "parcel")
    if seen.count("once") == len(seen.sent):
        return f"{label}: {number}, each packed once"
    odd = {"never": "never packed", "twice": "packed twice or more often", "letter": "put aside"}
    found = [f"{seen.count(fate)} {said}" for fate, said in odd.items() if seen.count(fate)]
    return f"{label}: of {number}, {listed(found)}"


def described(seen: ParcelsSeen) -> str:
    """The numbers behind the picture."""
    given, numbers = seen.parcels, seen.summary()
    what = [f"{given.workers} workers"]
    what += [f"w1 dies at {seen.died:g} s"] if seen.died is not None else []
    what += [f"w2 stands still from {seen.still[0]:g} to {seen.still[1]:g} s"] if seen.still is not None else []
    moved = len(seen.moves())
    return (
        f"{', '.join(what)}. {counted(moved, 'entry is', 'entries are')} claimed by another worker; "
        f"{numbers['still pending']:g} still pending at the end. "
        f"The longest wait was {numbers['longest wait (s)']:g} s."
    )


def times_packed(runs: Mapping[str, Mapping[str, int]]) -> Picture:
    """Runs of one scene, a row each: for each parcel, how often it was packed."""
    parcels = list(next(iter(runs.values())))
    left, top, wide = 190.0, 70.0, 48.0
    parts = [f'<text class="s" x="12" y="{top - 18:.0f}">parcel</text>']
    parts += [
        f'<text class="s mid" x="{left + wide * i:.0f}" y="{top - 18:.0f}">{parcel}</text>'
        for i, parcel in enumerate(parcels)
    ]
    present = set()
    for row, (name, packed) in enumerate(runs.items()):
        y = top + 14 + 34 * row
        parts.append(f'<text x="12" y="{y + 4:.0f}">{name}</text>')
        parts.append(f'<path class="grid" d="M{left - 20} {y:.0f}H{left + wide * len(parcels) - 28:.0f}"/>')
        for i, parcel in enumerate(parcels):
            fate = ("never", "once", "twice")[min(packed[parcel], 2)]
            present.add(fate)
            parts.append(marks(FATES[fate], [(round(left + wide * i), round(y))]))
            if fate == "twice":
                parts.append(
                    f'<text class="s note" x="{left + wide * i + 9:.0f}" y="{y + 4:.0f}">× {packed[parcel]}</text>'
                )
    bottom = top + 34 * len(runs) + 22
    parts.append(legend(present, bottom, FATES))
    return framed(
        _said(runs, ""),
        parts,
        height=bottom + 14,
        alt=f"How often each parcel was packed, in {len(runs)} runs of one scene. {_said(runs)}.",
    )


def _said(runs: Mapping[str, Mapping[str, int]], noun: str = "parcel ") -> str:
    """What differs. Without the noun, three runs fit into a title."""
    said = []
    for name, packed in runs.items():
        times = {parcel: {0: "never", 2: "twice"}.get(n, f"{n} times") for parcel, n in packed.items() if n != 1}
        odd = [f"{noun}{parcel} {often}" for parcel, often in times.items()]
        said.append(f"{name}: {listed(odd) if odd else 'each once'}")
    return capital("; ".join(said))
