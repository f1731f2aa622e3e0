"""What stands for what in the picture of a contest: writes, troubles, and the legend of those that occur."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from course_lib.lessons.locks.experiment_contest import Tenure
from course_lib.trace import Note
from course_lib.views.axes import right
from course_lib.views.palette import ALARM, FAINT, INK, PURPLE, VERMILLION

WRITES = {
    "taken": ("●", INK, "its write was taken"),
    "older": ("◆", ALARM, "an old write over a newer"),
    "refused": ("✕", ALARM, "the fence refused its write"),
}
"""By what became of a write: its letter, the letter's color, and words for it."""
TROUBLES = {
    "pause": "paused",
    "down": "down",
    "cut off": "cut off",
    "crash": "crashed",
    "forget": "restarts without its keys",
    "skew": "clock jumps ahead",
}
"""What can strike a worker or a node, and what the picture calls it."""
LASTING = ("pause", "down", "cut off")
"""Those that are hatched for as long as they last; the others strike at a moment."""

HATCH = (
    '<defs><pattern id="hatch-holders" width="6" height="6" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><path d="M0 0V6" stroke="{FAINT}" stroke-width="2.4"/></pattern></defs>'
)


def moment(kind: str, x: float, y: float) -> str:
    """The sign of a trouble that strikes at a moment, around a point."""
    if kind == "crash":
        return f'<path d="M{x - 6:.1f} {y - 6}l12 12m0-12l-12 12" stroke="{VERMILLION}" stroke-width="3.4"/>'
    if kind == "skew":
        return f'<path d="M{x - 6:.1f} {y - 8}l12 8-12 8z" fill="{PURPLE}" stroke="{INK}" stroke-width="1"/>'
    return f'<path d="M{x:.1f} {y - 10}v20m-4-20h8m-8 20h8" fill="none" stroke="{VERMILLION}" stroke-width="2.6"/>'


def legend(tenures: Iterable[Tenure], troubles: Iterable[Note], y: float) -> Iterator[str]:
    """The signs that occur, with their words, in lines from `y` on."""
    at = 16.0
    for sign, words in _entries(list(tenures), {trouble.kind for trouble in troubles}):
        width = 40 + len(words) * 6.4
        if at + width - 14 > right():
            at, y = 16.0, y + 20
        yield f'<g transform="translate({at:.0f} {y:g})">{sign}<text class="s" x="20">{words}</text></g>'
        at += width


def _entries(tenures: list[Tenure], kinds: set[str]) -> Iterator[tuple[str, str]]:
    """Each sign that occurs, drawn from the point at which its words' line begins, and the words."""
    written = {tenure.written for tenure in tenures}
    for name, (mark, color, words) in WRITES.items():
        if name in written:
            yield f'<text class="b" style="fill:{color}">{mark}</text>', words
    if any(tenure.works_on for tenure in tenures):
        dashes = f'stroke="{FAINT}" stroke-width="3" stroke-dasharray="3 3"'
        yield f'<path d="M0 -4h14" {dashes}/>', "works on, its lease over"
    for kind, words in TROUBLES.items():
        if kind in LASTING and kind in kinds:
            yield f'<rect y="-11" width="14" height="13" fill="url(#hatch-holders)" stroke="{FAINT}"/>', words
        elif kind in kinds:
            yield f'<g transform="translate(4 -4) scale(.7)">{moment(kind, 2, 0)}</g>', words
