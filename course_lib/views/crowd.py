"""A crowd at one key: loads under way, every request's latency, and the age of its answer, over one axis of time."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from course_lib.views.palette import BLUE, FAINT, GREEN, INK, ORANGE, PAPER, PURPLE, RULE, VERMILLION, WORDS
from course_lib.views.picture import Picture, escape
from course_lib.views.scale import nice_step

LEFT, RIGHT, WIDTH = 62.0, 748.0, 760.0
LOADS, LATENCY, AGE = (58.0, 124.0), (160.0, 296.0), (332.0, 408.0)  # top and bottom of each panel, in pixels
SHORTEST, LONGEST = 0.0005, 30.0  # ends of the latency axis, in seconds, the same for every strategy

_RULES = f"""
text{{font:13px {WORDS};fill:{INK}}} .title{{font-size:16px;font-weight:600}} .s{{font-size:12px;fill:{FAINT}}}
.end{{text-anchor:end}} .mid{{text-anchor:middle}} .b{{font-weight:600}}
.grid{{stroke:{RULE};fill:none}} .axis{{stroke:{FAINT};fill:none}}
.limit{{stroke:{FAINT};stroke-dasharray:5 4;fill:none}}
.note{{paint-order:stroke;stroke:{PAPER};stroke-width:4px;stroke-linejoin:round}}"""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of request looks: its colour, and its mark drawn from the point that the pen stands on."""

    name: str
    colour: str
    mark: str
    width: float = 0.0  # of the pen; 0 for a mark that is filled


KINDS: dict[str, Kind] = {
    "hit": Kind("served from the cache", BLUE, "h.01", 3.4),
    "stale": Kind("served a stale value", PURPLE, "m-3.4 0l3.4-3.4 3.4 3.4-3.4 3.4z"),
    "wait": Kind("waited for another's load", GREEN, "m-3.4 3h6.8l-3.4-6.4z"),
    "load": Kind("loaded it itself", ORANGE, "m-3.2-3.2h6.4v6.4h-6.4z"),
    "error": Kind("got an error", VERMILLION, "m-3.5-3.5l7 7m-7 0l7-7", 2.2),
}
"""In drawing order: what is rare comes last, and so on top."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it is drawn. Units: seconds; `age` is None where the answer has none."""

    t: float
    latency: float
    kind: str
    age: float | None


def crowd(
    asked: Sequence[Asked],
    under_way: Sequence[tuple[float, int]],
    *,
    title: str,
    ttl: float,
    end: float,
    most_loads: int,
    oldest: float,
) -> Picture:
    """Draw a run. `under_way` says from when on how many loads ran.

    Units: seconds. `most_loads` and `oldest` (seconds) are the tops of two axes, so that rivals share them; what is
    larger stretches its own axis.
    """
    uid = "cr" + secrets.token_hex(4)
    most = max([most_loads, *(count for _, count in under_way)])
    top_age = max([oldest, *(a.age for a in asked if a.age is not None)])
    last = max([end, *(t for t, _ in under_way), *(a.t for a in asked)])
    x = _straight(0.0, last, LEFT, RIGHT)
    y_loads = _straight(0.0, most, LOADS[1], LOADS[0])
    y_age = _straight(0.0, top_age, AGE[1], AGE[0])
    parts = [
        f'<text class="title" x="12" y="22">{escape(title)}</text>',
        _panel(LOADS, "loads under way", [(n, y_loads(n)) for n in _ticks(most, whole=True)]),
        _area(under_way, x, y_loads),
        _panel(LATENCY, "latency", [(_seconds(s), _log(s)) for s in (0.001, 0.01, 0.1, 1.0, 10.0)]),
        _panel(AGE, "age of the answer (s)", [(f"{s:g}", y_age(s)) for s in _ticks(top_age)]),
        f'<path class="limit" d="M{LEFT} {y_age(ttl):.0f}H{RIGHT}M{x(ttl):.0f} {LOADS[0]}V{AGE[1]}"/>',
        f'<text class="s note end" x="{RIGHT - 4}" y="{y_age(ttl) - 4:.0f}">TTL {ttl:g} s</text>',
        f'<text class="s note" x="{x(ttl) + 4:.0f}" y="{LOADS[0] + 10}">expires</text>',
        *_dots(asked, x, lambda a: _log(a.latency)),
        *_dots([a for a in asked if a.age is not None], x, lambda a: y_age(a.age or 0.0)),
        _time_axis(x, last),
        _legend({a.kind for a in asked}),
    ]
    alt = _alt(title, asked, under_way, ttl)
    style = "".join(f".{uid} {rule.strip()}}}" for rule in _RULES.replace("\n", " ").split("}")[:-1])
    svg = (
        f'<svg class="{uid}" viewBox="0 0 {WIDTH:.0f} 482" style="max-width:{WIDTH:.0f}px;width:100%" role="img" '
        f'aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg"><style>{style}</style>{"".join(parts)}</svg>'
    )
    return Picture(svg, alt)


Scale = Callable[[float], float]


def _straight(low: float, high: float, start: float, stop: float) -> Scale:
    unit = (stop - start) / ((high - low) or 1.0)
    return lambda value: start + (value - low) * unit


def _log(seconds: float) -> float:
    """Latency in seconds → y; what is off the axis lies on its edge."""
    share = math.log(min(max(seconds, SHORTEST), LONGEST) / SHORTEST) / math.log(LONGEST / SHORTEST)
    return LATENCY[1] - share * (LATENCY[1] - LATENCY[0])


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def _ticks(most: float, *, whole: bool = False, about: int = 3) -> list[float]:
    step = nice_step(most / about)
    step = max(step, 1.0) if whole else step
    return [i * step for i in range(int(most / step + 1e-9) + 1)]


def _panel(place: tuple[float, float], name: str, ticks: Iterable[tuple[object, float]]) -> str:
    top, bottom = place
    lines = "".join(f"M{LEFT} {y:.1f}H{RIGHT}" for _, y in ticks)
    numbers = "".join(
        f'<text class="s end" x="{LEFT - 6}" y="{y + 4:.1f}">{f"{n:g}" if isinstance(n, float) else n}</text>'
        for n, y in ticks
    )
    return (
        f'<text class="b" x="12" y="{top - 8}">{name}</text><path class="grid" d="{lines}"/>{numbers}'
        f'<path class="axis" d="M{LEFT} {top}V{bottom}"/>'
    )


def _area(under_way: Sequence[tuple[float, int]], x: Scale, y: Scale) -> str:
    if not under_way:
        return ""
    steps = "".join(f"H{x(t):.1f}V{y(count):.1f}" for t, count in under_way)
    path = f"M{x(under_way[0][0]):.1f} {y(0):.1f}{steps}"
    return f'<path d="{path}" fill="{ORANGE}" fill-opacity=".35" stroke="{ORANGE}" stroke-width="1.6"/>'


def _dots(asked: Iterable[Asked], x: Scale, y: Callable[[Asked], float]) -> list[str]:
    """One path for each kind. Marks that would lie on one another are drawn once."""
    places: dict[str, dict[tuple[int, int], None]] = {kind: {} for kind in KINDS}
    for one in asked:
        places[one.kind][round(x(one.t)), round(y(one))] = None
    return [_marks(KINDS[kind], found) for kind, found in places.items() if found]


def _marks(kind: Kind, places: Iterable[tuple[int, int]]) -> str:
    path = "".join(f"M{px} {py}{kind.mark}" for px, py in places)
    if not kind.width:
        return f'<path fill="{kind.colour}" d="{path}"/>'
    pen = f'stroke="{kind.colour}" stroke-width="{kind.width}" stroke-linecap="round"'
    return f'<path fill="none" {pen} d="{path}"/>'


def _time_axis(x: Scale, last: float) -> str:
    numbers = "".join(
        f'<text class="s mid" x="{x(t):.0f}" y="{AGE[1] + 18}">{t:g}</text>' for t in _ticks(last, about=6)
    )
    return (
        f'<path class="axis" d="M{LEFT} {AGE[1]}H{RIGHT}"/>{numbers}'
        f'<text class="s end" x="{RIGHT}" y="{AGE[1] + 36}">seconds since the key was written (virtual time)</text>'
    )


def _legend(present: set[str]) -> str:
    parts, at = [], 16.0
    for name, kind in KINDS.items():
        if name in present:
            parts.append(f'<g transform="translate({at:.0f} 466)">{_marks(kind, [(0, 0)])}</g>')
            parts.append(f'<text class="s" x="{at + 10:.0f}" y="470">{kind.name}</text>')
            at += 30 + len(kind.name) * 6.1
    return "".join(parts)


def _alt(title: str, asked: Sequence[Asked], under_way: Sequence[tuple[float, int]], ttl: float) -> str:
    counts = {kind.name: sum(a.kind == name for a in asked) for name, kind in KINDS.items()}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    most = max((count for _, count in under_way), default=0)
    worst = max((a.latency for a in asked), default=0.0)
    return (
        f"{title}. {len(asked)} requests: {said or 'none'}. At most {most} loads ran at once; "
        f"the longest request took {worst * 1000:.0f} ms; the key's TTL is {ttl:g} s."
    )
