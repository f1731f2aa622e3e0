"""The space-time diagram: clients and nodes as lanes, time to the right, messages as arrows, faults as shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from course_lib.trace import Event, Trace
from course_lib.views.labels import Box, Places
from course_lib.views.picture import Picture, escape
from course_lib.views.spacetime import marks
from course_lib.views.spacetime.captions import captions
from course_lib.views.spacetime.density import crowd
from course_lib.views.spacetime.frame import axis, cursor, definitions, legend
from course_lib.views.spacetime.messages import Message, drawn, hover, messages, px, threads
from course_lib.views.spacetime.plan import NAME_LENGTH, Plan, plan
from course_lib.views.spacetime.text import alternative, finding
from course_lib.views.style import UID, sheet
from course_lib.words import shorten


def spacetime(
    trace: Trace,
    *,
    width: float = 720,
    title: str | None = None,
    now: float | None = None,
    highlight: Callable[[Event], bool] | None = None,
    lanes: Sequence[str] | None = None,
    to_scale: bool | None = None,
    uid: str | None = None,
) -> Picture:
    """Draw a trace, in as much detail as its size allows: labels, lines only, or the density of a crowd.

    Units: `width` in pixels; `now` in seconds, veils what comes later.
    `title` says the one finding; by default it is counted from the trace. Events that `highlight` refuses are faint.
    `lanes` orders the lanes from the top and leaves out whom it does not name. `to_scale=False` shortens idle
    stretches, True never does; by default they are shortened where there are labels to read. `uid` scopes the styles.
    """
    frame = plan(trace, width=width, lanes=lanes, to_scale=to_scale)
    return draw(frame, title=title, now=now, highlight=highlight, uid=uid)


def draw(
    frame: Plan,
    *,
    title: str | None = None,
    now: float | None = None,
    highlight: Callable[[Event], bool] | None = None,
    uid: str | None = None,
) -> Picture:
    """Draw a trace that is already laid out; see `spacetime`."""
    title = title if title is not None else finding(frame.trace)
    if frame.detail == "density":
        group = crowd(frame)
        body, touch, bottom = group.svg, "", group.bottom + 12
    else:
        found = messages(frame, highlight)
        body, touch, bottom = _lanes(frame) + _figure(frame, found), hover(frame, found), frame.bottom
    meaning, height = legend(frame, bottom + (76 if frame.detail == "lines" else 56))
    alt = alternative(frame.trace, title)
    heading = f'<text class="title" x="8" y="22">{escape(shorten(title, int((frame.width - 16) / 8.6)))}</text>'
    size = f'width="{px(frame.width)}" height="{px(height)}" viewBox="0 0 {px(frame.width)} {px(height)}"'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="group" class="{UID} spacetime" {size}>'
        f"{sheet()}{definitions(frame, bottom)}"
        f'<rect class="paper" width="100%" height="100%"/><g role="img" aria-label="{escape(alt)}">'
        f"{heading}{axis(frame, bottom)}{body}{meaning}</g>{cursor(frame, bottom, now)}{touch}</svg>"
    )
    return Picture(svg.replace(UID, uid or "st" + hashlib.sha256(svg.encode()).hexdigest()[:8]), alt)


def _lanes(frame: Plan) -> str:
    lines = "".join(
        f'<path class="lane{" node" if name in frame.nodes else ""}" d="M{px(frame.left)} {px(y)}H{px(frame.right)}"/>'
        for name, y in frame.lanes.items()
    )
    every = max(1, round(14 / frame.pitch + 0.4)) if frame.pitch < 14 else 1
    names = "".join(
        f'<text class="end{" b" if name in frame.nodes else ""}" x="{px(frame.left - 8)}" y="{px(y + 4)}">'
        f"{escape(shorten(name, NAME_LENGTH))}</text>"
        for i, (name, y) in enumerate(frame.lanes.items())
        if i % every == 0 or name in frame.nodes
    )
    return lines + names


def _figure(frame: Plan, found: list[Message]) -> str:
    """Bars, then messages, then shapes and words."""
    below = marks.after_crash(frame) + marks.bars(frame, UID)
    if frame.detail == "lines":
        return threads(frame, found) + below + drawn(frame, found) + marks.shapes(frame)
    places = Places(Box(frame.left, 28, frame.width - frame.left - 2, frame.bottom - 28))
    places.lines = [line for m in found for line in m.segments]
    for x, y in (m.cross for m in found if m.cross):
        places.take(Box(x - 6, y - 6, 12, 12))
    words = marks.words(frame, places)
    return below + drawn(frame, found) + marks.shapes(frame) + words + captions(frame, found, places)
