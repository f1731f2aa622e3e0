"""Panels over one axis of time, drawn by hand: scales, ticks, marks. What a lab's picture is made of."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from course_lib.views.palette import BLUE, FAINT, GREEN, INK, ORANGE, PAPER, PURPLE, RULE, VERMILLION, WORDS
from course_lib.views.picture import UID, Picture, escape, named, scoped
from course_lib.views.room import LEAST
from course_lib.views.room import width as room

LEFT = 62.0

_RULES = f"""
text{{font:13px {WORDS};fill:{INK}}} .title{{font-size:16px;font-weight:600}} .s{{font-size:12px;fill:{FAINT}}}
.end{{text-anchor:end}} .mid{{text-anchor:middle}} .b{{font-weight:600}}
.grid{{stroke:{RULE};fill:none}} .axis{{stroke:{FAINT};fill:none}}
.limit{{stroke:{FAINT};stroke-dasharray:5 4;fill:none}}
.note{{paint-order:stroke;stroke:{PAPER};stroke-width:4px;stroke-linejoin:round}}"""

Scale = Callable[[float], float]
Place = tuple[float, float]
"""Top and bottom of a panel, in pixels."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of request looks: its color, and its mark as an SVG path from where the pen stands."""

    name: str
    color: str
    mark: str
    width: float = 0.0  # of the pen; 0 for a mark that is filled


KINDS: dict[str, Kind] = {
    "hit": Kind("served from the cache", BLUE, "h.01", 3.4),
    "stale": Kind("served a stale value", PURPLE, "m-3.4 0l3.4-3.4 3.4 3.4-3.4 3.4z"),
    "wait": Kind("waited for another's load", GREEN, "m-3.4 3h6.8l-3.4-6.4z"),
    "load": Kind("loaded it itself", ORANGE, "m-3.2-3.2h6.4v6.4h-6.4z"),
    "error": Kind("got an error", VERMILLION, "m-3.5-3.5l7 7m-7 0l7-7", 2.2),
}
"""In drawing order: the rare kinds come last, so they lie on top."""


def right() -> float:
    """The right end of panels, in pixels; the left one is LEFT."""
    return room() - 12


def framed(title: str, parts: Iterable[str], *, height: float, alt: str, uid: str | None = None) -> Picture:
    """The parts below a title as one picture, `height` pixels high, with its text alternative.

    It shrinks with its column down to LEAST, and where there is less room it scrolls. Unless `uid` names it, its name
    is new each time, so a picture that was drawn again can be told from the one before, even if it looks the same.
    """
    svg = (
        f'<svg class="{UID}" preserveAspectRatio="xMinYMin" viewBox="0 0 {room():.0f} {height:.0f}" style="width:100%;'
        f'max-width:{room():.0f}px;min-width:{LEAST:.0f}px" role="img" aria-label="{escape(alt)}" '
        'xmlns="http://www.w3.org/2000/svg">'
        f'<style>{scoped(_RULES)}</style><text class="title" x="12" y="22">{escape(title)}</text>'
        f"{''.join(parts)}</svg>"
    )
    return named(svg, alt, uid=uid or "ax" + secrets.token_hex(4))


def linear(low: float, high: float, start: float, stop: float) -> Scale:
    """A scale from `low … high` to the pixels `start … stop`."""
    unit = (stop - start) / ((high - low) or 1.0)
    return lambda value: start + (value - low) * unit


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5 × a power of ten that is at least `least`."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= least * (1 - 1e-9))


def ticks(most: float, *, whole: bool = False, about: int = 3) -> list[float]:
    """Round numbers from 0 to at most `most`."""
    step = nice_step(most / about)
    step = max(step, 1.0) if whole else step
    return [i * step for i in range(int(most / step + 1e-9) + 1)]


def panel(place: Place, name: str, numbers: Iterable[tuple[object, float]]) -> str:
    """A panel's name, its axis, and a line at each (number, y)."""
    top, bottom = place
    pairs = [(f"{n:g}" if isinstance(n, float) else n, y) for n, y in numbers]
    lines = "".join(f"M{LEFT} {y:.1f}H{right():g}" for _, y in pairs)
    words = "".join(f'<text class="s end" x="{LEFT - 6}" y="{y + 4:.1f}">{n}</text>' for n, y in pairs)
    return (
        f'<text class="b" x="12" y="{top - 8}">{name}</text><path class="grid" d="{lines}"/>{words}'
        f'<path class="axis" d="M{LEFT} {top}V{bottom}"/>'
    )


def area(path: str, base: float, color: str, *, opacity: float = 0.35, width: float = 1.6) -> str:
    """A line, and the area between it and `base` below it. Units: pixels."""
    return (
        f'<path d="{path}V{base:.1f}z" fill="{color}" fill-opacity="{f"{opacity:g}"[1:]}"/>'
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width:g}"/>'
    )


def time_axis(x: Scale, last: float, bottom: float, words: str) -> str:
    """The axis of time along `bottom`, from 0 to `last` seconds, and its title."""
    numbers = "".join(
        f'<text class="s mid" x="{x(t):.0f}" y="{bottom + 18:g}">{t:g}</text>' for t in ticks(last, about=6)
    )
    return (
        f'<path class="axis" d="M{LEFT} {bottom:g}H{right():g}"/>{numbers}'
        f'<text class="s end" x="{right():g}" y="{bottom + 36:g}">{words}</text>'
    )


def dots(points: Iterable[tuple[float, float, str]], kinds: Mapping[str, Kind] = KINDS) -> list[str]:
    """Points (x, y, kind) as one path for each kind. Marks that would coincide are drawn once."""
    places: dict[str, dict[tuple[int, int], None]] = {kind: {} for kind in kinds}
    for px, py, kind in points:
        places[kind][round(px), round(py)] = None
    return [marks(kinds[kind], found) for kind, found in places.items() if found]


def marks(kind: Kind, places: Iterable[tuple[int, int]]) -> str:
    """The kind's mark at each place, as one path."""
    path = "".join(f"M{px} {py}{kind.mark}" for px, py in places)
    if not kind.width:
        return f'<path fill="{kind.color}" d="{path}"/>'
    pen = f'stroke="{kind.color}" stroke-width="{kind.width}" stroke-linecap="round"'
    return f'<path fill="none" {pen} d="{path}"/>'


def legend(present: Iterable[str], y: float, kinds: Mapping[str, Kind] = KINDS) -> str:
    """The marks that occur, with their names, in one line."""
    parts, at, shown = [], 16.0, set(present)
    for name, kind in kinds.items():
        if name in shown:
            parts.append(f'<g transform="translate({at:.0f} {y - 4:g})">{marks(kind, [(0, 0)])}</g>')
            parts.append(f'<text class="s" x="{at + 10:.0f}" y="{y:g}">{kind.name}</text>')
            at += 30 + len(kind.name) * 6.1
    return "".join(parts)
