"""What a picture of holders is made of: what may be drawn, the signs for it, and the legend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from course_lib.views.axes import RIGHT
from course_lib.views.palette import ALARM, FAINT, INK, PURPLE, VERMILLION


@dataclass(frozen=True, slots=True)
class Held:
    """A node (by number) held the key of `who`."""

    node: int
    who: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Believed:
    """`who` had a lease from `start` to `end`, worked until `done`; `written` is what became of its write at `wrote`.

    `written` is taken, older, refused, or anything else, which is not drawn.
    """

    who: str
    start: float
    end: float
    done: float
    written: str = ""
    wrote: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What struck whom: `kind` is pause, crash, down, forget, jump or cut; `who` is a worker's name or a node's number.

    A `kind` that strikes at one moment has no `end`.
    """

    kind: str
    who: str | int
    start: float
    end: float | None = None


WRITES = {
    "taken": ("●", INK, "its write was taken"),
    "older": ("◆", ALARM, "an old write over a newer"),
    "refused": ("✕", ALARM, "the fence refused its write"),
}
TROUBLES = {
    "pause": "paused",
    "down": "down",
    "cut": "cut off",
    "crash": "crashed",
    "forget": "restarts without its keys",
    "jump": "clock jumps ahead",
}


def shape(kind: str, x: float, y: float) -> str:
    """What strikes at one moment, drawn at a place."""
    if kind == "crash":
        return f'<path d="M{x - 6:.1f} {y - 6}l12 12m0-12l-12 12" stroke="{VERMILLION}" stroke-width="3.4"/>'
    if kind == "jump":
        return f'<path d="M{x - 6:.1f} {y - 8}l12 8-12 8z" fill="{PURPLE}" stroke="{INK}" stroke-width="1"/>'
    return f'<path d="M{x:.1f} {y - 10}v20m-4-20h8m-8 20h8" fill="none" stroke="{VERMILLION}" stroke-width="2.6"/>'


def legend(believed: Iterable[Believed], troubles: Iterable[Trouble], y: float) -> Iterator[str]:
    """The signs that occur, with their names, in lines from `y` on."""
    seen, struck, at = {one.written for one in believed}, {t.kind for t in troubles}, 16.0
    entries: list[tuple[Callable[[float], str], str]] = []
    for name, (mark, colour, words) in WRITES.items():
        if name in seen:
            entries.append((_letter(mark, colour, y), words))
    if any(one.done > one.end + 0.005 for one in believed):
        line = f'<path d="M-4 {y - 4}h14" stroke="{FAINT}" stroke-width="3" stroke-dasharray="3 3"/>'
        entries.append((_moved(line), "works on, its lease over"))
    for kind, words in TROUBLES.items():
        if kind in struck:
            entries.append((_sign(kind, y), words))
    for draw, words in entries:
        if at + 26 + len(words) * 6.4 > RIGHT:
            at, y = 16.0, y + 20
            draw = _lower(draw)
        yield draw(at + 4)
        yield f'<text class="s" x="{at + 20:.0f}" y="{y:g}">{words}</text>'
        at += 40 + len(words) * 6.4


def _letter(mark: str, colour: str, y: float) -> Callable[[float], str]:
    return lambda at: f'<text class="b" style="fill:{colour}" x="{at - 4:.0f}" y="{y:g}">{mark}</text>'


def _moved(drawn: str) -> Callable[[float], str]:
    return lambda at: f'<g transform="translate({at:.0f} 0)">{drawn}</g>'


def _lower(draw: Callable[[float], str]) -> Callable[[float], str]:
    return lambda at: f'<g transform="translate(0 20)">{draw(at)}</g>'


def _sign(kind: str, y: float) -> Callable[[float], str]:
    if kind in ("pause", "down", "cut"):
        box = f'<rect x="-4" y="{y - 11}" width="14" height="13" fill="url(#hatch-holders)" stroke="{FAINT}"/>'
        return _moved(box)
    return lambda at: f'<g transform="translate({at:.0f} {y - 4:g}) scale(.7)">{shape(kind, 2, 0)}</g>'
